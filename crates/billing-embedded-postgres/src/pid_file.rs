use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::sockets::SOCKET;

/// What PostgreSQL writes about itself into `postmaster.pid`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PidFile {
    pub(crate) pid: i32,
    pub(crate) sockets: PathBuf,
    ready: bool,
}

impl PidFile {
    pub(crate) const NAME: &str = "postmaster.pid";

    /// `None` while there is no file, or only the beginning of one.
    pub(crate) fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(data.join(Self::NAME)).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        let sockets = lines.nth(3)?.into();
        let ready = lines.nth(2).is_some_and(|status| status.trim() == "ready");
        Some(Self { pid, sockets, ready })
    }

    /// Whether PostgreSQL accepts connections now.
    pub(crate) fn answers(&self) -> bool {
        self.ready && UnixStream::connect(self.sockets.join(SOCKET)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eighth_line_says_whether_it_is_ready() {
        let starting = "42\n/data\n1790000000\n5432\n/socket\n\n  5432001   32768\n";
        let parsed = |ready| PidFile { pid: 42, sockets: "/socket".into(), ready };

        assert_eq!(PidFile::parse(starting), Some(parsed(false)));
        assert_eq!(PidFile::parse(&format!("{starting}starting\n")), Some(parsed(false)));
        assert_eq!(PidFile::parse(&format!("{starting}ready   \n")), Some(parsed(true)));
        assert_eq!(PidFile::parse("42\n/data\n"), None);
    }
}
