//! A server of our own: the release binary, in a folder of its own, on free ports.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// How long it may take to start: the database is made anew.
const START: Duration = Duration::from_secs(60);
/// How long it may take to stop; it lets requests finish first.
const STOP: Duration = Duration::from_secs(40);

/// A server that answers.
pub(crate) struct Server {
    /// Where it is.
    pub(crate) url: String,
    /// A key that may do everything.
    pub(crate) key: String,
    /// Its binary.
    pub(crate) binary: PathBuf,
    /// Its process.
    pub(crate) pid: u32,
    child: Child,
    /// Kept, so that it can always print.
    _printed: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts it over an empty database.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let target = target_folder()?;
        let binary = target.join("release/billing");
        if !binary.exists() {
            bail!("there is no {}: cargo build --release -p billing-http", binary.display());
        }
        let (lock, log, data) = empty_folder(&target)?;
        let mut child = Command::new(&binary)
            .env("BILLING_DATA_DIR", data)
            .env("BILLING_LISTEN", "127.0.0.1:0")
            .env("BILLING_SANDBOX_LISTEN", "127.0.0.1:0")
            .env_remove("DATABASE_URL")
            .env_remove("STRIPE_SECRET_KEY")
            // The lock is held as long as the server lives, even if we are killed.
            .stdin(Stdio::from(lock))
            .stdout(Stdio::piped())
            .stderr(Stdio::from(File::create(&log)?))
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let welcome = timeout(START, welcome(&mut lines)).await;
        let welcome = welcome.context("the server did not start in time").flatten();
        let (url, key) = welcome.with_context(|| format!("see {}", log.display()))?;
        let pid = child.id().context("the server has ended")?;
        Ok(Self { url, key, binary, pid, child, _printed: lines })
    }

    /// Stops it, and its database with it.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let pid =
            i32::try_from(self.pid).ok().and_then(Pid::from_raw).context("no such process")?;
        kill_process(pid, Signal::TERM)?;
        let status =
            timeout(STOP, self.child.wait()).await.context("the server does not stop")??;
        if !status.success() {
            bail!("the server ended with {status}");
        }
        Ok(())
    }
}

/// Where cargo builds: this program is in `<target>/<profile>/`.
fn target_folder() -> anyhow::Result<PathBuf> {
    let own = env::current_exe()?;
    Ok(own.ancestors().nth(2).context("this program is in no target folder")?.to_owned())
}

/// Empties the folder of the last run; the file is locked by nobody else.
fn empty_folder(target: &Path) -> anyhow::Result<(File, PathBuf, PathBuf)> {
    let folder = target.join("bench-data");
    let lock = File::create(target.join("bench-data.lock"))?;
    lock.try_lock().with_context(|| format!("another run uses {}", folder.display()))?;
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir(&folder)?;
    Ok((lock, folder.join("server.log"), folder.join("data")))
}

/// Address and key, as the server prints them for people.
async fn welcome(lines: &mut Lines<BufReader<ChildStdout>>) -> anyhow::Result<(String, String)> {
    let mut url = None;
    while let Some(line) = lines.next_line().await? {
        let line = line.trim();
        if let Some(printed) = line.strip_prefix("API key ") {
            let url = url.context("the server did not print its address")?;
            return Ok((url, printed.trim().to_owned()));
        }
        if let Some(printed) = line.strip_prefix("API ") {
            url = Some(printed.trim().to_owned());
        }
    }
    bail!("the server ended before it was ready")
}
