use std::fs;
use std::path::PathBuf;

use super::{Binaries, search_path};
use crate::account::Account;

/// Where packagers put a directory for each version, the programs in its `bin`: the parent, and
/// how the directory's name begins.
const PACKAGED: [(&str, &str); 5] = [
    ("/usr/lib/postgresql", ""),
    ("/opt/homebrew/opt", "postgresql"),
    ("/usr/local/opt", "postgresql"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql"),
    ("/Applications/Postgres.app/Contents/Versions", ""),
];

/// The newest PostgreSQL on this machine, of the version `major` if data demands it.
pub(super) fn newest(major: Option<u32>, account: Option<&Account>) -> Option<Binaries> {
    packaged()
        .chain(search_path())
        .filter_map(|directory| Binaries::in_directory(&directory, account).ok())
        .filter(|binaries| major.is_none_or(|major| binaries.version.major == major))
        .max_by(|one, other| one.version.cmp(&other.version))
}

fn packaged() -> impl Iterator<Item = PathBuf> {
    PACKAGED.into_iter().flat_map(|(parent, beginning)| {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        let named = entries.filter(move |entry| {
            entry.file_name().as_encoded_bytes().starts_with(beginning.as_bytes())
        });
        named.map(|entry| entry.path().join("bin"))
    })
}
