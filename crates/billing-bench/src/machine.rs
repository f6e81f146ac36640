//! Where a measurement was made, and what of.

use std::{fs, path::Path, process::Command, thread};

/// Processor and cores.
pub(crate) fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = value_of(&info, "model name").unwrap_or("unknown processor");
    let cores = thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} cores, {model}")
}

/// The commit, marked where the sources differ from it.
pub(crate) fn commit() -> String {
    let git = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
    let said = git.ok().filter(|it| it.status.success()).map(|it| it.stdout);
    let said = said.and_then(|bytes| String::from_utf8(bytes).ok());
    said.map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// How many kilobytes of a process are in memory.
pub(crate) fn resident_kb(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    value_of(&status, "VmRSS")?.split(' ').next()?.parse().ok()
}

/// How many bytes a file has.
pub(crate) fn size(file: &Path) -> Option<u64> {
    Some(fs::metadata(file).ok()?.len())
}

/// The value in the first line `name: value`.
fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name() {
        let text = "VmPeak:\t  900 kB\nVmRSS:\t  812 kB\n";
        assert_eq!(value_of(text, "VmRSS"), Some("812 kB"));
        assert_eq!(value_of(text, "Vm"), None);
    }
}
