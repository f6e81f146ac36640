//! A process that ends while it writes files.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{ArchiveFolder, Lines, NewFile},
};
use billing_testkit::MemoryStore;

/// A folder that ends the process, so to say, after so many calls.
pub(super) struct Mortal {
    pub(super) folder: MemoryStore,
    pub(super) calls: Arc<AtomicU32>,
}

fn live(calls: &AtomicU32) -> Result<(), Error> {
    let left = calls.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    left.map(drop).map_err(|_| Error::Internal(anyhow::anyhow!("killed")))
}

#[async_trait]
impl ArchiveFolder for Mortal {
    async fn begin(&self) -> Result<Box<dyn NewFile>, Error> {
        live(&self.calls)?;
        let file = ArchiveFolder::begin(&self.folder).await?;
        Ok(Box::new(MortalFile { file, calls: self.calls.clone() }))
    }

    async fn read(&self, name: &str, line: &mut Lines<'_>) -> Result<(), Error> {
        self.folder.read(name, line).await?;
        live(&self.calls)
    }
}

struct MortalFile {
    file: Box<dyn NewFile>,
    calls: Arc<AtomicU32>,
}

#[async_trait]
impl NewFile for MortalFile {
    async fn write(&mut self, text: &str) -> Result<(), Error> {
        live(&self.calls)?;
        self.file.write(text).await
    }

    async fn keep(self: Box<Self>, name: &str) -> Result<(), Error> {
        self.file.keep(name).await?;
        live(&self.calls)
    }
}
