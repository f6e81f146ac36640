use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// What PostgreSQL says, in a file that is kept short.
#[derive(Debug, Clone)]
pub(crate) struct ServerLog {
    path: PathBuf,
}

impl ServerLog {
    const LONGEST: u64 = 8 * 1024 * 1024;
    const QUOTED_LINES: usize = 12;

    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Opens it to be written at its end.
    pub(crate) fn open(&self) -> io::Result<File> {
        // Readable by us alone: it quotes failed statements.
        File::options().create(true).append(true).mode(0o600).open(&self.path)
    }

    /// How long it is now.
    pub(crate) fn length(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |file| file.len())
    }

    /// Its last lines, but nothing before `start`.
    pub(crate) fn tail_since(&self, start: u64) -> String {
        let text = self.read_since(start).unwrap_or_default();
        let mut lines: Vec<_> = text.lines().rev().take(Self::QUOTED_LINES).collect();
        lines.reverse();
        lines.join("\n")
    }

    fn read_since(&self, start: u64) -> io::Result<String> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(start))?;
        let mut text = Vec::new();
        file.take(Self::LONGEST).read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Moves it aside once it is long, over the one moved before.
    ///
    /// It is copied and cut, not renamed: PostgreSQL goes on writing to the file it was given.
    /// Failing is harmless, and tried again.
    pub(crate) fn keep_short(&self) {
        if self.length() > Self::LONGEST {
            drop(self.move_aside());
        }
    }

    fn move_aside(&self) -> io::Result<()> {
        fs::copy(&self.path, self.path.with_extension("log.1"))?;
        File::options().write(true).open(&self.path)?.set_len(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::{env, process};

    use super::*;

    #[test]
    fn a_long_log_moves_aside_under_its_writer() {
        let path = env::temp_dir().join(format!("billing-log-test-{}.log", process::id()));
        let log = ServerLog::new(path.clone());
        let mut writer = log.open().unwrap();
        writer.write_all(&vec![b'x'; 9 * 1024 * 1024]).unwrap();

        log.keep_short();
        writer.write_all(b"first\nsecond\n").unwrap();

        assert_eq!(log.tail_since(0), "first\nsecond");
        for file in [path.clone(), path.with_extension("log.1")] {
            fs::remove_file(file).unwrap();
        }
    }
}
