//! An append-only file of JSON lines; one line is one committed unit of work.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::{
    outbox::{Attempt, Parcel, State},
    record::{Kept, Record},
};

/// One change of state.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// A new object, or a new version of one.
    Put(Record),
    /// The whole of a parcel: when it is made, sent again by hand, or compacted.
    Parcel(Parcel),
    /// One try to deliver a parcel, and where that leaves it.
    Tried { event: String, attempt: Attempt, state: State },
    /// An answer kept for its idempotency key.
    Kept(Kept),
}

/// The file of a sandbox, or nothing when its state is not kept.
pub(crate) struct Journal {
    file: Option<File>,
    /// Where the last whole line ends. A failed write is cut back to here.
    end: u64,
    /// Whether something was appended since the last sync.
    dirty: bool,
    /// Whether writing has failed for good.
    broken: bool,
    /// Held as long as the journal is open, so that two processes never write one file.
    lock: Option<File>,
}

impl Journal {
    /// Opens or makes the file and hands over every change in it, oldest first.
    ///
    /// A last line that was torn by a kill is cut off; damage anywhere else is an error.
    pub(crate) fn open(path: Option<&Path>, apply: impl FnMut(Change)) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::of(None, 0, None)) };
        let lock = lock(path)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .with_context(|| format!("opening the journal {}", path.display()))?;
        let end = read(&file, apply)
            .with_context(|| format!("reading the journal {}", path.display()))?;
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        Ok(Self::of(Some(file), end, Some(lock)))
    }

    /// A journal that takes nothing yet.
    pub(crate) fn closed() -> Self {
        Self { broken: true, ..Self::of(None, 0, None) }
    }

    fn of(file: Option<File>, end: u64, lock: Option<File>) -> Self {
        Self { file, end, dirty: false, broken: false, lock }
    }

    /// Writes one line. It survives a kill of the process; `sync` makes it survive the machine.
    /// On an error nothing of it remains.
    pub(crate) fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        let Some(file) = &mut self.file else { return self.check() };
        let mut line = serde_json::to_vec(changes)?;
        line.push(b'\n');
        if let Err(error) = file.write_all(&line) {
            self.cut();
            return Err(error);
        }
        self.end = file.stream_position()?;
        self.dirty = true;
        Ok(())
    }

    /// Waits until all that was appended is on the disk.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else { return self.check() };
        if self.dirty {
            if let Err(error) = file.sync_data() {
                // What of it reached the disk is unknown, and asking again would lie.
                self.broken = true;
                self.file = None;
                return Err(error);
            }
            self.dirty = false;
        }
        Ok(())
    }

    /// Lets go of the file, whole and on the disk; nothing can be written after.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        let synced = self.sync();
        self.broken = true;
        self.file = None;
        self.lock = None;
        synced
    }

    /// Takes half a line away. If even that fails, nothing more is written: a good line behind a
    /// bad one would make the file unreadable.
    fn cut(&mut self) {
        let Some(file) = &mut self.file else { return };
        if file.set_len(self.end).and_then(|()| file.seek(SeekFrom::Start(self.end))).is_err() {
            self.broken = true;
            self.file = None;
        }
    }

    fn check(&self) -> io::Result<()> {
        if self.broken { Err(io::Error::other("the journal is closed")) } else { Ok(()) }
    }

    /// Replaces the file by one that holds exactly these changes.
    pub(crate) fn compact(
        &mut self,
        path: &Path,
        changes: impl Iterator<Item = Change>,
    ) -> anyhow::Result<()> {
        let fresh = beside(path, "new");
        let mut writer = BufWriter::new(File::create(&fresh).context("compacting the journal")?);
        for change in changes {
            serde_json::to_writer(&mut writer, &[change])?;
            writer.write_all(b"\n")?;
        }
        let mut file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        std::fs::rename(&fresh, path).context("putting the compacted journal in place")?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        self.end = file.stream_position()?;
        self.file = Some(file);
        Ok(())
    }
}

/// A file of its own is locked, because compaction replaces the journal itself.
fn lock(path: &Path) -> anyhow::Result<File> {
    let place = beside(path, "lock");
    let file = File::create(&place)
        .with_context(|| format!("making the journal's lock {}", place.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another sandbox is using the journal {}", path.display())
        }
        Err(TryLockError::Error(error)) => Err(error).context("locking the journal"),
    }
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

/// Hands over every change and says where the last whole line ends.
fn read(file: &File, mut apply: impl FnMut(Change)) -> anyhow::Result<u64> {
    let mut reader = BufReader::new(file);
    let (mut end, mut line) = (0_u64, Vec::new());
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if length == 0 || line.last() != Some(&b'\n') {
            return Ok(end);
        }
        let parsed: Result<Vec<Change>, _> = serde_json::from_slice(&line);
        match parsed {
            Ok(changes) => changes.into_iter().for_each(&mut apply),
            Err(_) if reader.fill_buf()?.is_empty() => return Ok(end),
            Err(error) => bail!("damaged after byte {end}: {error}"),
        }
        end += u64::try_from(length)?;
    }
}
