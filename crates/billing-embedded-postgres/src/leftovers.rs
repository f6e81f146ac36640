use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use rustix::process::{Pid, Signal, kill_process};

const PATIENCE: Duration = Duration::from_secs(10);
const LAST_PATIENCE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(10);

/// Returns when no process of PostgreSQL works in `directory` any more.
///
/// Whoever calls this holds the base directory, so those that do are orphans of a killed server
/// and are about to end. To start beside one would ruin the data, and PostgreSQL's own guard does
/// not see backends that outlive their postmaster once its pid file is removed.
pub(crate) fn wait_for_none_in(directory: &Path) -> anyhow::Result<()> {
    // The kernel knows a process by the true path, and an operator may have put a link here.
    let Ok(directory) = fs::canonicalize(directory) else { return Ok(()) };
    let directory = directory.as_path();
    if none_within(directory, PATIENCE) {
        return Ok(());
    }
    // An immediate shutdown loses nothing that was committed.
    for pid in working_in(directory) {
        let _ = kill_process(pid, Signal::QUIT);
    }
    if none_within(directory, LAST_PATIENCE) {
        return Ok(());
    }
    let pids: Vec<_> = working_in(directory).iter().map(Pid::to_string).collect();
    bail!(
        "processes of an earlier PostgreSQL still work in {} and do not end: {}",
        directory.display(),
        pids.join(", ")
    );
}

fn none_within(directory: &Path, time: Duration) -> bool {
    let deadline = Instant::now() + time;
    while !working_in(directory).is_empty() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(STEP);
    }
    true
}

/// A zombie has no working directory, so it is not among them.
#[cfg(target_os = "linux")]
fn working_in(directory: &Path) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let working = processes.filter_map(|process| {
        let pid = Pid::from_raw(process.file_name().to_str()?.parse().ok()?)?;
        // A shell that an operator left in the directory is none of ours.
        let name = fs::read_to_string(process.path().join("comm")).ok()?;
        let ours = ["postgres", "initdb"].contains(&name.trim());
        let there = fs::read_link(process.path().join("cwd")).ok()? == directory;
        (ours && there).then_some(pid)
    });
    working.collect()
}

/// Without `/proc` only the postmaster is found, through its pid file. Nobody tied it to the
/// parent that was killed, so it is asked to end here.
#[cfg(not(target_os = "linux"))]
fn working_in(directory: &Path) -> Vec<Pid> {
    use std::process::Command;

    let pid = crate::pid_file::PidFile::read(directory).and_then(|file| Pid::from_raw(file.pid));
    let orphan = pid.filter(|pid| {
        Command::new("ps")
            .args(["-o", "command=", "-p", &pid.to_string()])
            .output()
            .is_ok_and(|ps| String::from_utf8_lossy(&ps.stdout).contains("postgres"))
    });
    if let Some(pid) = orphan {
        let _ = kill_process(pid, Signal::INT);
    }
    orphan.into_iter().collect()
}
