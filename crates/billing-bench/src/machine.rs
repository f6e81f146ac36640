//! Where a measurement was made, and what of.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, SystemTime, SystemTimeError, UNIX_EPOCH},
};

use rustix::param::clock_ticks_per_second;

/// The time of processors that a process has used, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Used {
    /// Itself.
    pub(crate) own_us: u64,
    /// Itself and those of its children that have ended.
    pub(crate) with_ended_us: u64,
}

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

/// For how long processors were busy since the machine started, and for how long they could have
/// been, all of them together, in microseconds.
pub(crate) fn busy() -> Option<(u64, u64)> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let (busy, all) = busy_ticks(&stat)?;
    let micros = |ticks: u64| (ticks * 1_000_000).checked_div(clock_ticks_per_second());
    Some((micros(busy)?, micros(all)?))
}

/// What a process has used.
pub(crate) fn used(pid: u32) -> Option<Used> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let [own, system, ended, ended_system] = ticks(&stat)?;
    let micros = |ticks: u64| (ticks * 1_000_000).checked_div(clock_ticks_per_second());
    let own = own + system;
    Some(Used { own_us: micros(own)?, with_ended_us: micros(own + ended + ended_system)? })
}

/// The processes that a process has started and that run.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|it| it.file_name().to_str()?.parse().ok());
    let is_child = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        after_name(&stat).nth(1).and_then(|it| it.parse().ok()) == Some(parent)
    };
    numbers.filter(is_child).collect()
}

/// The time by which webhooks are signed.
#[expect(clippy::disallowed_methods, reason = "a load generator has no clock port")]
pub(crate) fn since_1970() -> Result<Duration, SystemTimeError> {
    SystemTime::now().duration_since(UNIX_EPOCH)
}

/// How many bytes a file has.
pub(crate) fn size(file: &Path) -> Option<u64> {
    Some(fs::metadata(file).ok()?.len())
}

/// All ticks but those of idleness and of waiting for disks; and all.
fn busy_ticks(stat: &str) -> Option<(u64, u64)> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    // What guests used, after the first eight, is in the sum of others already.
    let ticks = line.split_ascii_whitespace().take(8).map(|it| it.parse::<u64>());
    let ticks = ticks.collect::<Result<Vec<_>, _>>().ok()?;
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    let all: u64 = ticks.iter().sum();
    Some((all - idle, all))
}

/// Own, own in the system, of ended children, theirs in the system.
fn ticks(stat: &str) -> Option<[u64; 4]> {
    let mut ticks = after_name(stat).skip(11).map_while(|it| it.parse().ok());
    Some([ticks.next()?, ticks.next()?, ticks.next()?, ticks.next()?])
}

/// The fields after the name, which is in brackets and may have brackets and spaces itself.
fn after_name(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace()
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

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "42 (a) b) S 7 42 42 0 -1 4194560 1 2 3 4 50 60 70 80 20 0 1 0 100 0\n";
        assert_eq!(ticks(stat), Some([50, 60, 70, 80]));
        assert_eq!(after_name(stat).nth(1), Some("7"));
        assert!(ticks("42 (a").is_none());
    }

    #[test]
    fn idle_processors_are_not_busy() {
        let stat = "cpu  10 1 5 70 9 2 1 2 4 0\ncpu0 1 1 1 1 1 1 1 1 1 0\n";
        assert_eq!(busy_ticks(stat), Some((21, 100)));
        assert_eq!(busy_ticks("intr 1"), None);
    }
}
