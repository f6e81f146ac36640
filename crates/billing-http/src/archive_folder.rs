//! A directory in which archives are kept.

use std::{
    io,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{ArchiveFolder, Lines, NewFile},
};
use tokio::{
    fs::{self, File},
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
};

use crate::system;

/// A directory in which archives are kept.
pub(crate) struct Directory(pub(crate) PathBuf);

#[async_trait]
impl ArchiveFolder for Directory {
    async fn begin(&self) -> Result<Box<dyn NewFile>, Error> {
        fs::create_dir_all(&self.0).await.map_err(|error| failed(&self.0, &error))?;
        // Its own for each attempt: two processes may be at the same month.
        let part = self.0.join(format!("{}.part", system::unguessable().simple()));
        let file = File::create(&part).await.map_err(|error| failed(&part, &error))?;
        Ok(Box::new(Part { folder: self.0.clone(), part, file }))
    }

    async fn read(&self, name: &str, line: &mut Lines<'_>) -> Result<(), Error> {
        let path = self.0.join(name);
        let file = File::open(&path).await.map_err(|error| failed(&path, &error))?;
        let mut lines = BufReader::new(file).lines();
        while let Some(text) = lines.next_line().await.map_err(|error| failed(&path, &error))? {
            line(&text)?;
        }
        Ok(())
    }
}

/// A file that is being written, under a name that nobody looks for.
struct Part {
    folder: PathBuf,
    part: PathBuf,
    file: File,
}

#[async_trait]
impl NewFile for Part {
    async fn write(&mut self, text: &str) -> Result<(), Error> {
        let written = self.file.write_all(text.as_bytes()).await;
        written.map_err(|error| failed(&self.part, &error))
    }

    async fn keep(self: Box<Self>, name: &str) -> Result<(), Error> {
        let Self { folder, part, mut file } = *self;
        let path = folder.join(name);
        let kept = async {
            file.flush().await?;
            file.sync_all().await?;
            fs::rename(&part, &path).await?;
            // A name is durable when its directory is.
            File::open(&folder).await?.sync_all().await
        };
        kept.await.map_err(|error: io::Error| failed(&path, &error))
    }
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::Internal(anyhow::anyhow!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(folder: &Directory, name: &str) -> Result<Vec<String>, Error> {
        let mut lines = Vec::new();
        let mut add = |line: &str| {
            lines.push(line.to_owned());
            Ok(())
        };
        folder.read(name, &mut add).await?;
        Ok(lines)
    }

    #[tokio::test]
    async fn a_file_is_there_when_it_is_kept_and_replaces_a_former_one() {
        let path = std::env::temp_dir().join(format!("archive-{}", system::unguessable()));
        let folder = Directory(path.join("deep"));
        for text in ["one\ntwo\n", "three\n"] {
            let mut file = folder.begin().await.unwrap();
            for part in text.split_inclusive('\n') {
                file.write(part).await.unwrap();
            }
            let before = lines(&folder, "march.jsonl").await;
            assert_eq!(before.is_ok(), text == "three\n", "{before:?}");
            file.keep("march.jsonl").await.unwrap();
            let expected: Vec<_> = text.lines().map(str::to_owned).collect();
            assert_eq!(lines(&folder, "march.jsonl").await.unwrap(), expected);
        }
        fs::remove_dir_all(path).await.unwrap();
    }
}
