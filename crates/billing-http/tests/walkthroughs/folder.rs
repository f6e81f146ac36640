//! A folder of its own for each test.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

/// A folder that goes when it is dropped, unless the test failed.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = base().join(format!("billing-{name}-{}-{count}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(fs::canonicalize(path).unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !thread::panicking() {
            drop(fs::remove_dir_all(&self.0));
        }
    }
}

/// In the target directory, or where root is told that PostgreSQL's user cannot enter that, in the
/// temporary one.
fn base() -> PathBuf {
    use std::os::unix::fs::MetadataExt;

    let near = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let open = near.ancestors().all(|it| fs::metadata(it).is_ok_and(|it| it.mode() & 0o001 != 0));
    let root = fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0);
    if open || !root { near.to_owned() } else { env::temp_dir() }
}
