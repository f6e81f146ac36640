//! The installation's own keys, of which secrets are made that must be known again: none of these is
//! kept anywhere.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use billing_app::ports::Secrets as _;
use billing_postgres::Mode;

use crate::{
    config::{Config, secret_key},
    system::RingSecrets,
};

/// The keys of a configuration. A sandbox that has none makes one, in a file that only its owner can
/// read; where money is real, what needs a key is refused.
pub(crate) fn of(config: &Config) -> anyhow::Result<Vec<[u8; 32]>> {
    match config.mode {
        Mode::Sandbox if config.secret_keys.is_empty() => {
            Ok(vec![kept(&config.data_dir.join("sandbox-secret-key"))?])
        }
        Mode::Sandbox | Mode::Live => Ok(config.secret_keys.clone()),
    }
}

fn kept(file: &Path) -> anyhow::Result<[u8; 32]> {
    if let Some(key) = read(file) {
        return Ok(key);
    }
    let folder = file.parent().context("the key has no folder")?;
    fs::create_dir_all(folder)?;
    let new = RingSecrets::with_keys(&[]).random();
    let mut options = OpenOptions::new();
    // Another command may make it at this moment: then that one counts.
    match options.write(true).create_new(true).mode(0o600).open(file) {
        Ok(mut open) => writeln!(open, "{}", STANDARD.encode(new))?,
        Err(_) => return read(file).with_context(|| format!("cannot read {}", file.display())),
    }
    Ok(new)
}

fn read(file: &Path) -> Option<[u8; 32]> {
    secret_key(fs::read_to_string(file).ok()?.trim())
}
