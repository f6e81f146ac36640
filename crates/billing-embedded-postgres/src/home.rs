use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io::{Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, path, process};

use anyhow::{Context, bail};
use rustix::process::geteuid;

use crate::account::Account;
use crate::server_log::ServerLog;
use crate::sockets;

/// A process that was killed a moment ago may still hold the lock, so "in use" is said after this.
const GRACE: Duration = Duration::from_millis(500);

/// Where the data lives unless the operator says otherwise: `/var/lib/billing` for root, whose own
/// home PostgreSQL's user cannot enter, else `billing` in the user's data directory.
pub fn default_base() -> anyhow::Result<PathBuf> {
    if geteuid().is_root() {
        return Ok("/var/lib/billing".into());
    }
    let set = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set("XDG_DATA_HOME")
        .or_else(|| Some(set("HOME")?.join(".local/share")))
        .map(|data| data.join("billing"))
        .context("no home directory: set BILLING_DATA_DIR or DATABASE_URL")
}

/// The base directory, held against every other process for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) base: PathBuf,
    pub(crate) sockets: PathBuf,
    /// Who PostgreSQL runs as; `None` for ourselves.
    pub(crate) account: Option<Account>,
    _lock: File,
}

impl Home {
    /// Makes the directory if need be and takes hold of it.
    pub(crate) fn open(base: &Path) -> anyhow::Result<Self> {
        let base = make(base).with_context(|| format!("cannot use {}", base.display()))?;
        let lock = hold(&base)?;
        let account = Account::for_postgres(&data_in(&base));
        if let Some(account) = &account
            && let Some(closed) = account.shut_out_by(&base)
        {
            bail!(
                "PostgreSQL does not run as root, and {} cannot enter {}: open that directory, or \
                 set BILLING_DATA_DIR to another",
                account.name,
                closed.display()
            );
        }
        let sockets = sockets::directory(&base);
        sockets::make_private(&sockets, account.as_ref())?;
        Ok(Self { base, sockets, account, _lock: lock })
    }

    /// The data directory; it exists only when it is whole.
    pub(crate) fn data(&self) -> PathBuf {
        data_in(&self.base)
    }

    pub(crate) fn log(&self) -> ServerLog {
        ServerLog::new(self.base.join("postgres.log"))
    }

    /// The major version that made the data, if there is any.
    pub(crate) fn major_of_data(&self) -> Option<u32> {
        fs::read_to_string(self.data().join("PG_VERSION")).ok()?.trim().parse().ok()
    }
}

pub(crate) fn data_in(base: &Path) -> PathBuf {
    base.join("data")
}

/// Whether some process holds `base` just now.
pub(crate) fn is_held(base: &Path) -> bool {
    File::open(lock_in(base))
        .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn lock_in(base: &Path) -> PathBuf {
    base.join("lock")
}

fn make(base: &Path) -> anyhow::Result<PathBuf> {
    let base = path::absolute(base)?;
    let root = geteuid().is_root();
    let mode = if root { 0o755 } else { 0o700 };
    DirBuilder::new().recursive(true).mode(mode).create(&base)?;
    let mode = fs::metadata(&base)?.mode();
    if root && mode & 0o001 == 0 {
        // PostgreSQL's user passes through. What lies in it is closed by itself.
        fs::set_permissions(&base, Permissions::from_mode(mode | 0o011))?;
    }
    // As the kernel will name it: leftover processes are found by comparing paths.
    Ok(fs::canonicalize(base)?)
}

fn hold(base: &Path) -> anyhow::Result<File> {
    let path = lock_in(base);
    let mut lock = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;

    let deadline = Instant::now() + GRACE;
    while let Err(error) = lock.try_lock() {
        if let TryLockError::Error(error) = error {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
        if Instant::now() > deadline {
            let holder = fs::read_to_string(&path).unwrap_or_default();
            bail!(
                "{} is in use by another server (process {}): stop that one, or give this one its \
                 own BILLING_DATA_DIR or a DATABASE_URL",
                base.display(),
                holder.trim()
            );
        }
        thread::sleep(Duration::from_millis(20));
    }
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", process::id())?;
    Ok(lock)
}
