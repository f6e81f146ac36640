use std::env;
use std::fs::{self, DirBuilder, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use rustix::process::geteuid;

use crate::account::Account;

/// The name PostgreSQL gives its socket on the port we let it believe in.
pub(crate) const SOCKET: &str = ".s.PGSQL.5432";

/// What the narrowest system allows for the path of a socket; Linux has 107.
const LONGEST: usize = 103;

/// Where the socket of the cluster in `base` lies: below it, or, when its path would be too long,
/// in a short directory below the system's temporary one.
pub(crate) fn directory(base: &Path) -> PathBuf {
    let near = base.join("socket");
    if near.join(SOCKET).as_os_str().len() <= LONGEST {
        return near;
    }
    short_for(base, "billing-pg")
}

/// A short directory which belongs to `path` alone. It is not made.
pub(crate) fn short_for(path: &Path, prefix: &str) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    env::temp_dir().join(format!("{prefix}-{:016x}", hasher.finish()))
}

/// Makes `directory`, or takes it as it is, so that only `owner` (or else ourselves) can enter.
/// Refuses one that somebody else has put there: a temporary directory is open to all.
pub(crate) fn make_private(directory: &Path, owner: Option<&Account>) -> anyhow::Result<()> {
    make_own(directory, owner).with_context(|| format!("cannot use {}", directory.display()))
}

fn make_own(directory: &Path, owner: Option<&Account>) -> anyhow::Result<()> {
    if let Err(error) = DirBuilder::new().mode(0o700).create(directory)
        && error.kind() != ErrorKind::AlreadyExists
    {
        return Err(error.into());
    }
    let ours = geteuid().as_raw();
    let found = fs::symlink_metadata(directory)?;
    ensure!(found.is_dir(), "it is not a directory");
    let wanted = owner.map_or(ours, |owner| owner.uid);
    ensure!([ours, wanted].contains(&found.uid()), "it belongs to user {}", found.uid());

    if let Some(owner) = owner {
        chown(directory, Some(owner.uid), Some(owner.gid))?;
    }
    Ok(fs::set_permissions(directory, Permissions::from_mode(0o700))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_gets_a_short_socket() {
        let short = Path::new("/var/lib/billing");
        let long = Path::new("/").join("deep".repeat(30));

        assert_eq!(directory(short), short.join("socket"));
        assert!(directory(&long).starts_with(env::temp_dir()));
        assert!(directory(&long).join(SOCKET).as_os_str().len() <= LONGEST);
    }
}
