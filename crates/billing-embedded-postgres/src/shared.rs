mod keeper;

use std::fs::{self, DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use std::{env, io, thread};

use anyhow::{Context, anyhow, bail, ensure};
use rustix::process::geteuid;

use crate::account::Account;
use crate::embedded::EmbeddedPostgres;
use crate::home;
use crate::options::Options;
use crate::pid_file::PidFile;
use crate::{sockets, url};

/// Held shared by every process that uses the cluster, and exclusively while it is stopped.
const USERS: &str = "users.lock";
/// Held by the one process that looks whether the cluster runs and starts it if not.
const START: &str = "start.lock";

const STEP: Duration = Duration::from_millis(20);
const LONGEST_START: Duration = Duration::from_secs(120);

/// The cluster that the tests of this workspace share, without durability. Who connects makes a
/// database of their own in it, and drops it again.
#[derive(Debug)]
pub struct SharedCluster {
    sockets: PathBuf,
    /// Ends with the process, and with it our claim.
    _users: File,
}

impl SharedCluster {
    /// A libpq URL for `user` in `database`, through the socket and without a password.
    pub fn url(&self, database: &str, user: &str) -> String {
        url::through_socket(&self.sockets, database, user)
    }

    /// The directory of the unix socket.
    pub fn socket_dir(&self) -> &Path {
        &self.sockets
    }
}

/// The shared cluster, started if it does not run. It stays at least as long as this process, and
/// serves any number of processes at a time. Blocks until it accepts connections.
pub fn shared_cluster() -> anyhow::Result<&'static SharedCluster> {
    static CLUSTER: OnceLock<Result<SharedCluster, String>> = OnceLock::new();
    let joined = CLUSTER.get_or_init(|| join().map_err(|error| format!("{error:#}")));
    joined.as_ref().map_err(|error| anyhow!("no PostgreSQL for the tests: {error}"))
}

fn join() -> anyhow::Result<SharedCluster> {
    let base = base_beside(&env::current_exe()?)?;
    let users = lock_file(&base, USERS)?;
    // Waits while the last keeper stops; from then on the next one stays.
    users.lock_shared()?;
    let start = lock_file(&base, START)?;
    start.lock()?;
    let sockets = match running(&base) {
        Some(sockets) => sockets,
        None => start_keeper(&base)?,
    };
    Ok(SharedCluster { sockets, _users: users })
}

/// Starts a keeper and waits for its cluster. One may be there already which is starting
/// PostgreSQL again: then ours is not started.
fn start_keeper(base: &Path) -> anyhow::Result<PathBuf> {
    let mut keeper = None;
    let deadline = Instant::now() + LONGEST_START;
    while Instant::now() < deadline {
        if let Some(sockets) = running(base) {
            return Ok(sockets);
        }
        match &mut keeper {
            None if home::is_held(base) => {}
            None => keeper = Some(keeper::start(base)?),
            Some(keeper) => {
                if let Some(status) = keeper.try_wait()? {
                    bail!("the keeper ended: {status}\n{}", keeper::log(base).tail_since(0));
                }
            }
        }
        thread::sleep(STEP);
    }
    bail!("not ready after {} s, see {}", LONGEST_START.as_secs(), base.display())
}

/// The socket's directory of the cluster in `base`, if it accepts connections.
fn running(base: &Path) -> Option<PathBuf> {
    PidFile::read(&home::data_in(base)).filter(PidFile::answers).map(|file| file.sockets)
}

/// Keeps PostgreSQL as long as any process holds a shared lock on `users.lock` in the base
/// directory, and `idle` longer. This is all that `billing-postgres-keeper` does.
pub fn keep_while_used(options: Options, idle: Duration) -> anyhow::Result<()> {
    fs::create_dir_all(&options.base).context("cannot make the base directory")?;
    let users = lock_file(&options.base, USERS)?;
    let postgres = EmbeddedPostgres::start(options)?;
    let mut used = Instant::now();
    loop {
        match users.try_lock() {
            // Kept while we stop, so that whoever comes now waits and then starts anew.
            Ok(()) if used.elapsed() > idle => return postgres.stop(),
            Ok(()) => users.unlock()?,
            Err(TryLockError::WouldBlock) => used = Instant::now(),
            Err(TryLockError::Error(error)) => return Err(error).context("cannot lock"),
        }
        thread::sleep(STEP);
    }
}

fn lock_file(base: &Path, name: &str) -> anyhow::Result<File> {
    let path = base.join(name);
    let open = |path| File::options().write(true).create(true).truncate(false).open(path);
    open(&path).with_context(|| format!("cannot open {}", path.display()))
}

/// In the target directory, or, if PostgreSQL's user cannot enter that, in the temporary one.
fn base_beside(test: &Path) -> anyhow::Result<PathBuf> {
    let target = target_directory(test);
    let near = target.join("test-postgres");
    let account = Account::for_postgres(&home::data_in(&near));
    let shut = account.is_some_and(|account| account.shut_out_by(target).is_some());
    let base = if shut { sockets::short_for(target, "billing-test-postgres") } else { near };
    make_ours(&base).with_context(|| format!("cannot use {}", base.display()))?;
    Ok(base)
}

/// The directory that cargo has marked as its own, around the test.
fn target_directory(test: &Path) -> &Path {
    let marked = test.ancestors().find(|directory| directory.join("CACHEDIR.TAG").exists());
    marked.or(test.parent()).unwrap_or(test)
}

/// The temporary directory is open to all, so a directory that somebody else put there is refused.
fn make_ours(base: &Path) -> anyhow::Result<()> {
    if let Err(error) = DirBuilder::new().mode(0o755).create(base)
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(error.into());
    }
    let owner = fs::symlink_metadata(base)?.uid();
    ensure!(owner == geteuid().as_raw(), "it belongs to user {owner}");
    Ok(())
}
