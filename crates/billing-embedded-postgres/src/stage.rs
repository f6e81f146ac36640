use std::env;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail, ensure};
use rustix::process::getppid;

use crate::account::Account;

const STAGE: &str = "__postgres";
static HOOKED: AtomicBool = AtomicBool::new(false);

/// Returns at once, unless this process was started as
/// `__postgres <parent pid> <program> <arguments>`: then it ties itself to that parent, becomes
/// the program, and returns only an error.
///
/// A `main` calls it first. Without it PostgreSQL cannot be started.
pub fn become_postgres_if_asked() -> anyhow::Result<()> {
    HOOKED.store(true, Ordering::Relaxed);
    let mut args = env::args_os().skip(1);
    if args.next().is_none_or(|first| first != STAGE) {
        return Ok(());
    }
    let parent = args.next().and_then(|pid| pid.to_str()?.parse().ok());
    let parent = parent.context("no parent's pid after __postgres")?;
    let program = args.next().context("no program after __postgres")?;
    tie_to(parent)?;
    let error = Command::new(&program).args(args).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}

/// Whether [`become_postgres_if_asked`] was called. If not, the stage would run the whole of our
/// own program instead of PostgreSQL.
pub(crate) fn is_hooked() -> bool {
    HOOKED.load(Ordering::Relaxed)
}

/// A command that runs `program` in `directory`, and that ends when the calling *thread* does.
pub(crate) fn tied(program: &Path, account: Option<&Account>, directory: &Path) -> Command {
    let mut command = Command::new(own_executable());
    command.arg(STAGE).arg(process::id().to_string()).arg(program);
    // In a group of its own, Ctrl-C in a terminal reaches only us, and we decide the order.
    command.stdin(Stdio::null()).current_dir(directory).process_group(0);
    for (name, _) in env::vars_os().filter(|(name, _)| is_postgres_setting(name)) {
        command.env_remove(name);
    }
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// `PGDATA`, `PGPORT` and their like would override what we say.
fn is_postgres_setting(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"PG")
}

/// The link, and not the path behind it: the path may lead through a directory which PostgreSQL's
/// user cannot enter.
fn own_executable() -> PathBuf {
    if cfg!(target_os = "linux") {
        return "/proc/self/exe".into();
    }
    env::current_exe().unwrap_or_default()
}

/// Called after the change of user, which would clear the signal.
fn tie_to(parent: i32) -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::INT))
        .context("cannot tie this process to its parent")?;

    // The parent may have died before the signal was set.
    ensure_parent(parent)
}

fn ensure_parent(parent: i32) -> anyhow::Result<()> {
    let Some(now) = getppid() else { bail!("the parent is out of sight") };
    ensure!(now.as_raw_pid() == parent, "the parent is gone");
    Ok(())
}
