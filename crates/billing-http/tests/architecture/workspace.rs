//! The workspace as it is on disk, and how to complain about it.

use std::{
    collections::BTreeSet,
    fmt::Display,
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The crates of the workspace.
pub(crate) fn packages() -> Vec<Package> {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).no_deps();
    command.other_options(["--offline".to_owned()]).exec().unwrap().packages
}

/// What a crate declares to use, for itself, for its tests or for its build script.
pub(crate) fn uses(package: &Package, kind: DependencyKind) -> BTreeSet<String> {
    let declared = package.dependencies.iter().filter(|it| it.kind == kind);
    declared.map(|it| it.name.clone()).collect()
}

/// A file of a crate.
pub(crate) struct Source {
    /// From the folder of the workspace.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
}

impl Source {
    /// The words of its code; comments and signs are left out.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        let code = self.text.lines().filter_map(|line| line.split("//").next());
        code.flat_map(|line| line.split(|sign: char| !sign.is_alphanumeric() && sign != '_'))
            .filter(|word| !word.is_empty())
    }

    /// Whether its code has a word.
    pub(crate) fn says(&self, word: &str) -> bool {
        self.words().any(|said| said == word)
    }

    pub(crate) fn lines(&self) -> usize {
        self.text.lines().count()
    }
}

/// The sources and tests of every crate.
pub(crate) fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for package in packages() {
        let folder = package.manifest_path.parent().unwrap();
        for part in ["src", "tests"] {
            collect(folder.join(part).as_std_path(), &mut found);
        }
    }
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root()).unwrap().display().to_string();
            found.push(Source { path, text });
        }
    }
}

/// What is there without standing in a table, and what stands there without being there.
pub(crate) fn differences(whose: &str, there: &BTreeSet<String>, table: &[&str]) -> Vec<String> {
    let table = table.iter().map(|name| (*name).to_owned()).collect();
    let new = there.difference(&table).map(|name| format!("{whose}: {name} is new"));
    let gone = table.difference(there).map(|name| format!("{whose}: {name} is gone"));
    new.chain(gone).collect()
}

/// Fails with everything found, and what to do about it.
#[track_caller]
pub(crate) fn none(found: &[impl Display], advice: &str) {
    let lines: Vec<_> = found.iter().map(|it| format!("  {it}\n")).collect();
    assert!(found.is_empty(), "\n{}What to do: {advice}.\n", lines.concat());
}
