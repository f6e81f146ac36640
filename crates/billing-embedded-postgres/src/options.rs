use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What a caller may choose.
pub struct Options {
    /// Everything is kept below this directory, which belongs to one running server at a time.
    pub base: PathBuf,
    /// Where the binaries come from.
    pub source: Source,
    /// Whether a commit survives a power failure. Only tests may say no.
    pub sync: bool,
    /// Whether data from an earlier run is thrown away first.
    pub fresh: bool,
    /// Told what happens, on the supervisor's thread.
    pub on_event: Box<dyn Fn(&Event) + Send>,
}

impl Options {
    /// A durable server below `base` that says nothing.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self {
            base: base.into(),
            source: Source::Automatic,
            sync: true,
            fresh: false,
            on_event: Box::new(|_| ()),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { base, source, sync, fresh, on_event: _ } = self;
        f.debug_struct("Options")
            .field("base", base)
            .field("source", source)
            .field("sync", sync)
            .field("fresh", fresh)
            .finish_non_exhaustive()
    }
}

/// Where the binaries of PostgreSQL come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Source {
    /// The newest on this machine that can read the data, else the pinned npm package.
    #[default]
    Automatic,
    /// This directory and no other.
    Directory(PathBuf),
    /// The pinned npm package, even where PostgreSQL is installed.
    Npm,
}

/// Reads the setting `BILLING_PG_BIN`, which may be absent.
impl From<Option<PathBuf>> for Source {
    fn from(bin: Option<PathBuf>) -> Self {
        bin.map_or(Self::Automatic, Self::Directory)
    }
}

/// What happened to PostgreSQL. Its `Display` is a line for the log.
#[derive(Debug)]
pub enum Event {
    /// It accepts connections.
    Ready {
        /// The process id of its first process.
        pid: i32,
        /// How long that took.
        took: Duration,
    },
    /// It is not there, unasked; it is started again after `wait`.
    Down {
        /// Why.
        cause: anyhow::Error,
        /// How long until the next attempt.
        wait: Duration,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { pid, took } => {
                write!(f, "PostgreSQL is ready after {} ms as process {pid}", took.as_millis())
            }
            Self::Down { cause, wait } => {
                write!(f, "PostgreSQL is down, next try in {} ms: {cause:#}", wait.as_millis())
            }
        }
    }
}
