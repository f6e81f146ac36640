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

use crate::cluster::Cluster;

/// How long it may take to start: the database is made anew.
const START: Duration = Duration::from_secs(60);
/// How long it may take to stop; it lets requests finish first.
const STOP: Duration = Duration::from_secs(40);

/// What webhooks are signed with.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_load";

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
    /// What belongs to the run: the folders of servers, and their logs.
    pub(crate) folder: PathBuf,
    /// Held as long as this run lasts.
    lock: File,
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
        let (lock, folder) = empty_folder(&target)?;
        Self::run(binary, folder, "first", (lock, None)).await
    }

    /// Starts another one on the same database.
    pub(crate) async fn start_beside(&self, cluster: &Cluster) -> anyhow::Result<Self> {
        let (binary, folder) = (self.binary.clone(), self.folder.clone());
        Self::run(binary, folder, "second", (self.lock.try_clone()?, Some(cluster.url()))).await
    }

    async fn run(
        binary: PathBuf,
        folder: PathBuf,
        name: &str,
        (lock, database): (File, Option<String>),
    ) -> anyhow::Result<Self> {
        let log = folder.join(name).with_extension("log");
        let mut command = command(&binary, &folder.join(name));
        if let Some(url) = database {
            command.arg("--sandbox").env("DATABASE_URL", url);
        }
        let mut child = command
            .arg("serve")
            // The lock is held as long as the server lives, even if we are killed.
            .stdin(Stdio::from(lock.try_clone()?))
            .stdout(Stdio::piped())
            .stderr(Stdio::from(File::create(&log)?))
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let welcome = timeout(START, welcome(&mut lines)).await;
        let welcome = welcome.context("the server did not start in time").flatten();
        let (url, key) = welcome.with_context(|| format!("see {}", log.display()))?;
        let pid = child.id().context("the server has ended")?;
        Ok(Self { url, key, binary, pid, folder, lock, child, _printed: lines })
    }

    /// The database under the first server.
    pub(crate) fn cluster(&self) -> anyhow::Result<Cluster> {
        Cluster::under(&self.folder.join("first"))
    }

    /// Looks whether all holds that must hold, while the first server runs; an error says what
    /// does not. Returns how many invariants hold.
    pub(crate) async fn doctor(&self) -> anyhow::Result<usize> {
        let output = command(&self.binary, &self.folder.join("first")).arg("doctor").output();
        let output = output.await?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            bail!("the doctor says:\n{said}{complaint}");
        }
        Ok(said.lines().filter(|line| line.starts_with("holds")).count())
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

/// The binary with an environment of ours. Webhooks come from us only, so that there is no
/// sandbox, and the gateway is where nobody answers.
fn command(binary: &Path, data: &Path) -> Command {
    let mut command = Command::new(binary);
    command
        .env_remove("DATABASE_URL")
        .env("BILLING_DATA_DIR", data)
        .env("BILLING_LISTEN", "127.0.0.1:0")
        .env("STRIPE_SECRET_KEY", "sk_test_load")
        .env("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
        .env("STRIPE_BASE_URL", "http://127.0.0.1:9");
    command
}

/// Where cargo builds: this program is in `<target>/<profile>/`.
fn target_folder() -> anyhow::Result<PathBuf> {
    let own = env::current_exe()?;
    Ok(own.ancestors().nth(2).context("this program is in no target folder")?.to_owned())
}

/// Empties the folder of the last run; the file is locked by nobody else.
fn empty_folder(target: &Path) -> anyhow::Result<(File, PathBuf)> {
    let folder = target.join("bench-data");
    let lock = File::create(target.join("bench-data.lock"))?;
    lock.try_lock().with_context(|| format!("another run uses {}", folder.display()))?;
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir(&folder)?;
    Ok((lock, folder))
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
