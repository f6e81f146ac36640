use std::fs::{self, File};
use std::io::{Write, stderr};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio, id};
use std::{env, thread};

use rustix::process::{Pid, geteuid};

use crate::processes::{kill, until, working_in};
use crate::query::query;

const KEEPER: &str = env!("CARGO_BIN_EXE_billing-postgres-keeper");
const NOBODY: u32 = 65534;

/// Who runs the keeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    Ourselves,
    /// Somebody without privileges, though we are root.
    Nobody,
}

impl User {
    /// All that this machine lets us try; says so when that is not all.
    pub(crate) fn all() -> Vec<Self> {
        let nobody = Self::Nobody.command().stderr(Stdio::null()).stdout(Stdio::null()).status();
        // Without arguments the keeper tells its usage and fails with 1.
        if geteuid().is_root() && nobody.is_ok_and(|status| status.code() == Some(1)) {
            return vec![Self::Ourselves, Self::Nobody];
        }
        say("not tried as another user: that takes root, setpriv, and a readable target directory");
        vec![Self::Ourselves]
    }

    /// A keeper without arguments.
    pub(crate) fn command(self) -> Command {
        match self {
            Self::Ourselves => Command::new(KEEPER),
            Self::Nobody => {
                let mut setpriv = Command::new("setpriv");
                setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups", KEEPER]);
                setpriv
            }
        }
    }
}

/// A line that is seen although the test passes.
pub(crate) fn say(line: &str) {
    let thread = thread::current();
    drop(writeln!(stderr(), "{}: {line}", thread.name().unwrap_or_default()));
}

/// A base directory that is used until it is dropped.
pub(crate) struct Place {
    pub(crate) base: PathBuf,
    user: User,
    used: Option<File>,
}

impl Place {
    pub(crate) fn new(name: &str, user: User) -> Self {
        let base = env::temp_dir().join(format!("billing-it-{name}-{user:?}-{}", id()));
        fs::create_dir(&base).unwrap();
        let mut place = Self { base: fs::canonicalize(base).unwrap(), user, used: None };
        place.claim();
        if user == User::Nobody {
            for path in [&place.base, &place.base.join("users.lock")] {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        place
    }

    fn claim(&mut self) {
        let used = File::create(self.base.join("users.lock")).unwrap();
        used.lock_shared().unwrap();
        self.used = Some(used);
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.base.join("data")
    }

    /// A keeper which has not been started yet.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.user.command();
        command.arg(&self.base).stdin(Stdio::null()).env_remove("BILLING_PG_BIN");
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn start(&self) -> Keeper {
        let log = File::options().create(true).append(true).open(self.base.join("keeper.log"));
        Keeper { child: self.command().stderr(log.unwrap()).spawn().unwrap() }
    }

    /// The socket's directory, once PostgreSQL answers.
    #[track_caller]
    pub(crate) fn answering(&self) -> PathBuf {
        until("PostgreSQL answers", || {
            let file = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
            let sockets = PathBuf::from(file.lines().nth(4)?);
            query(&sockets, "SELECT 1").map(|_| sockets)
        })
    }

    pub(crate) fn query(&self, sql: &str) -> Vec<String> {
        query(&self.answering(), sql).unwrap()
    }

    /// PostgreSQL's first process.
    #[track_caller]
    pub(crate) fn postmaster(&self) -> Pid {
        self.answering();
        let file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        Pid::from_raw(file.lines().next().unwrap().parse().unwrap()).unwrap()
    }

    #[track_caller]
    pub(crate) fn is_deserted(&self) {
        until("no process is left", || working_in(&self.data()).is_empty().then_some(()));
    }

    /// Lets the keeper end, which stops PostgreSQL.
    #[track_caller]
    pub(crate) fn stop(&mut self, mut keeper: Keeper) -> ExitStatus {
        self.used = None;
        let status = keeper.child.wait().unwrap();
        assert_eq!(working_in(&self.data()), [], "left behind");
        self.claim();
        status
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // PostgreSQL may be ending still, and write while we remove.
        self.used = None;
        let removed = || working_in(&self.data()).is_empty().then(|| remove(&self.base));
        if !thread::panicking() {
            until("everything is gone", removed);
        }
    }
}

fn remove(base: &Path) {
    fs::remove_dir_all(base).unwrap();
}

/// The parent of PostgreSQL. Killed when dropped.
pub(crate) struct Keeper {
    pub(crate) child: Child,
}

impl Keeper {
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        kill(self.pid());
        self.child.wait().unwrap();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
