//! The published facts that lie beside the project, if they do.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder `shared/specs`, here or further up.
pub(crate) fn specs() -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared/specs"))
        .find(|folder| folder.join("SOURCES.md").is_file());
    if found.is_none() {
        skipped("shared/specs is not here");
    }
    found
}

#[expect(clippy::print_stderr, reason = "a test that does nothing says so")]
pub(crate) fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

pub(crate) fn text(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

pub(crate) fn json(file: &Path) -> Value {
    serde_json::from_str(&text(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
