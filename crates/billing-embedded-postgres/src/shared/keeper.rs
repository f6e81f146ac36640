use std::env;
use std::fs;
use std::io::{Write, stderr};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

use crate::server_log::ServerLog;

const KEEPER: &str = "billing-postgres-keeper";
/// Far more than one start says.
const LONGEST_LOG: u64 = 64 * 1024;

/// Starts the keeper of a test cluster in `base`. It does not end with us.
pub(super) fn start(base: &Path) -> anyhow::Result<Child> {
    let program = find()?;
    let log = log(base);
    if log.length() > LONGEST_LOG {
        log.open()?.set_len(0)?;
    }
    let output = log.open()?;
    // Our output is a pipe to cargo, which waits until nobody holds it; and a Ctrl-C at the
    // tests must not reach the keeper, which would end without stopping PostgreSQL in order.
    Command::new(&program)
        .arg(base)
        .arg("--disposable")
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .current_dir(base)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))
}

/// What keepers say.
pub(super) fn log(base: &Path) -> ServerLog {
    ServerLog::new(base.join("keeper.log"))
}

/// Cargo puts it one directory above the tests.
fn find() -> anyhow::Result<PathBuf> {
    let test = env::current_exe()?;
    let mut above = test.ancestors().skip(1).take(3);
    if let Some(found) = above.clone().map(|dir| dir.join(KEEPER)).find(|path| path.is_file()) {
        return Ok(found);
    }
    let profile = above.find(|directory| directory.ends_with("deps")).and_then(Path::parent);
    let profile = profile.context("the test does not lie in a directory of cargo")?;
    build(profile)?;
    let built = profile.join(KEEPER);
    ensure!(fs::exists(&built)?, "cargo did not build {}", built.display());
    Ok(built)
}

/// A test of one other package does not build it.
fn build(profile_directory: &Path) -> anyhow::Result<()> {
    drop(writeln!(stderr(), "building {KEEPER}, which `cargo build --workspace` does beforehand"));
    let target = profile_directory.parent().context("no target directory")?;
    let profile = match profile_directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", env!("CARGO_PKG_NAME"), "--bin", KEEPER])
        .args(["--profile", profile, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "cannot build {KEEPER}: {status}");
    Ok(())
}
