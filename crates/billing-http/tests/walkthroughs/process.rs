//! The binary as a process: started as a user starts it, read from its standard output, ended by a
//! signal to the process that we started and to no other.

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::{api::Api, output::tell, scratch::Scratch};

/// Generous, because builds may run beside the tests.
const LONGEST_START: Duration = Duration::from_secs(60);
/// What the product promises is 30 s for requests under way.
const LONGEST_STOP: Duration = Duration::from_secs(35);

/// How to start a server, any number of times.
#[derive(Clone)]
pub(crate) struct Setup {
    data: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Setup {
    /// On an embedded database, on free ports.
    pub(crate) fn embedded(data: &Path) -> Self {
        Self { data: data.to_owned(), arguments: Vec::new(), environment: Vec::new() }
            .with("BILLING_DATA_DIR", data.to_str().unwrap())
            .with("BILLING_LISTEN", "127.0.0.1:0")
            .with("BILLING_SANDBOX_LISTEN", "127.0.0.1:0")
    }

    /// On a database of an operator's, in sandbox mode.
    pub(crate) fn on(scratch: &Scratch, data: &Path) -> Self {
        Self::embedded(data).with("DATABASE_URL", &scratch.url).argument("--sandbox")
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// The same on another gateway, whose webhooks are signed with this secret.
    pub(crate) fn paying_at(self, url: &str, secret: &str) -> Self {
        self.with("STRIPE_BASE_URL", url)
            .with("STRIPE_SECRET_KEY", "sk_test_sandbox")
            .with("STRIPE_WEBHOOK_SECRET", secret)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_billing"));
        for (name, _) in std::env::vars() {
            if ["BILLING_", "STRIPE_", "DATABASE_", "RUST_"].iter().any(|it| name.starts_with(it)) {
                command.env_remove(name);
            }
        }
        command.args(&self.arguments).envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs it to its end, which must come by itself.
    pub(crate) async fn run(&self) -> Output {
        let ended = timeout(LONGEST_START, self.command().output());
        ended.await.expect("it ends by itself").unwrap()
    }

    /// Runs it; it must refuse. Gives what it says.
    pub(crate) async fn refused(&self) -> String {
        let Output { status, stdout, stderr } = self.run().await;
        let said = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(stdout.is_empty(), "{}", String::from_utf8_lossy(&stdout));
        said.lines().last().unwrap_or_default().to_owned()
    }

    /// Starts it, and returns when it says that it is ready.
    pub(crate) async fn start(&self) -> Server {
        let begun = Instant::now();
        let log = self.data.join("billing.log");
        let file = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut child = self.command().stdout(Stdio::piped()).stderr(file).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let welcome = timeout(LONGEST_START, welcome(&mut output)).await;
        let took = begun.elapsed();
        let Ok(Some(welcome)) = welcome else {
            panic!("it is not ready: {}", fs::read_to_string(log).unwrap_or_default())
        };
        // Nobody reads on, and yet it must not stall on a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = output.next_line().await {} });
        let named = |name: &str| {
            let value = welcome.iter().find_map(|line| line.trim().strip_prefix(name));
            value.map(|value| value.trim().to_owned())
        };
        let curls: Vec<_> =
            welcome.iter().filter(|line| line.starts_with("curl ")).cloned().collect();
        let (_, path) = curls[0].split_once("/api/billing/summary/").unwrap();
        let organization = path.split_whitespace().next().unwrap().to_owned();
        let api = Api::new(&named("API  ").unwrap(), &named("API key").unwrap());
        Server { child, api, sandbox: named("Sandbox"), organization, curls, took, log }
    }
}

/// All that it prints until it has said how to try it.
async fn welcome(output: &mut Lines<BufReader<ChildStdout>>) -> Option<Vec<String>> {
    let mut lines: Vec<String> = Vec::new();
    while lines.iter().filter(|line| line.starts_with("curl ")).count() < 3 {
        lines.push(output.next_line().await.ok()??);
    }
    Some(lines)
}

/// A server that runs. Dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    /// The way in, with the key that it printed.
    pub(crate) api: Api,
    /// Where its sandbox is.
    pub(crate) sandbox: Option<String>,
    /// The organization that it printed.
    pub(crate) organization: String,
    /// The lines to try that it printed.
    pub(crate) curls: Vec<String>,
    /// How long it took to be ready.
    pub(crate) took: Duration,
    log: PathBuf,
}

impl Server {
    /// Where its sandbox is; it must have one.
    pub(crate) fn sandbox(&self) -> &str {
        self.sandbox.as_deref().unwrap()
    }

    /// All that it has logged, earlier runs in the same folder included.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        kill_process(self.pid(), Signal::TERM).unwrap();
    }

    /// Waits for its end, which must come in time.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = timeout(LONGEST_STOP, self.child.wait()).await;
        ended.unwrap_or_else(|_| panic!("it does not stop: {}", self.log())).unwrap()
    }

    /// Stops it in order.
    pub(crate) async fn stop(mut self) {
        self.terminate();
        let status = self.ended().await;
        assert!(status.success(), "{status}: {}", self.log());
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    fn pid(&self) -> Pid {
        let pid = self.child.id().expect("it runs");
        Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let bad = log.lines().filter(|line| !line.contains(r#""level":"INFO""#));
            let bad: Vec<_> = bad.collect();
            let last = bad.iter().rev().take(8).rev();
            tell(&format!("its log: {}", last.fold(String::new(), |all, line| all + "\n" + line)));
        }
    }
}
