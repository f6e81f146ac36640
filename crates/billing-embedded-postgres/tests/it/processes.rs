use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const STEP: Duration = Duration::from_millis(5);
/// Generous, because builds may run beside the tests.
const DEADLINE: Duration = Duration::from_secs(90);

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "still not: {what}");
        thread::sleep(STEP);
    }
}

/// All living processes that work in `directory`.
pub(crate) fn working_in(directory: &Path) -> Vec<Pid> {
    let pid = |process: fs::DirEntry| {
        let there = fs::read_link(process.path().join("cwd")).ok()? == directory;
        let pid = process.file_name().to_str()?.parse().ok()?;
        there.then(|| Pid::from_raw(pid)).flatten()
    };
    fs::read_dir("/proc").unwrap().flatten().filter_map(pid).collect()
}

/// `kill -9`. One that has just ended is as well.
pub(crate) fn kill(pid: Pid) {
    let _ = kill_process(pid, Signal::KILL);
}
