//! The processes of an embedded PostgreSQL: those that work in the data of a test of ours.

use std::{fs, path::Path};

use rustix::process::{Pid, Signal, kill_process};

/// All living processes whose working directory this is: that of PostgreSQL is its data.
pub(crate) fn working_in(data: &Path) -> Vec<Pid> {
    let there = |process: fs::DirEntry| {
        let there = fs::read_link(process.path().join("cwd")).ok()? == data;
        let pid = process.file_name().to_str()?.parse().ok().filter(|_| there)?;
        Pid::from_raw(pid)
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(there).collect()
}

/// `kill -9` of the first one, which the pid file names.
pub(crate) fn kill_postmaster(data: &Path) {
    let file = fs::read_to_string(data.join("postmaster.pid")).unwrap();
    let pid = file.lines().next().unwrap().parse().unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

/// All of them, stopped until this is dropped.
pub(crate) struct Frozen(Vec<Pid>);

impl Frozen {
    pub(crate) fn all_in(data: &Path) -> Self {
        let all = Self(working_in(data));
        for pid in &all.0 {
            // One that has just ended is no loss.
            let _ = kill_process(*pid, Signal::STOP);
        }
        all
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _ = kill_process(*pid, Signal::CONT);
        }
    }
}
