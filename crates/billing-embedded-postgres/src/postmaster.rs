use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::pid_file::PidFile;
use crate::supervisor::Stop;

const STEP: Duration = Duration::from_millis(10);
/// Recovering after a hard kill reads up to `max_wal_size` of log, from a slow disk perhaps.
const LONGEST_START: Duration = Duration::from_secs(300);
const FAST_SHUTDOWN: Duration = Duration::from_secs(20);
const IMMEDIATE_SHUTDOWN: Duration = Duration::from_secs(5);

/// One run of PostgreSQL.
pub(crate) struct Postmaster {
    child: Child,
}

impl Postmaster {
    pub(crate) fn spawn(mut command: Command) -> anyhow::Result<Self> {
        let child = command.spawn().context("cannot start the process of PostgreSQL")?;
        Ok(Self { child })
    }

    /// Waits until it accepts connections. Returns false when it was asked to stop before.
    pub(crate) fn wait_until_ready(&mut self, data: &Path, stop: &Stop) -> anyhow::Result<bool> {
        let deadline = Instant::now() + LONGEST_START;
        while !stop.asked_within(STEP) {
            let ready = |file: &PidFile| file.pid == self.pid() && file.answers();
            if PidFile::read(data).as_ref().is_some_and(ready) {
                return Ok(true);
            }
            if let Some(status) = self.ended()? {
                bail!("PostgreSQL ended while starting: {status}");
            }
            if Instant::now() > deadline {
                bail!("PostgreSQL is not ready after {} s", LONGEST_START.as_secs());
            }
        }
        Ok(false)
    }

    /// Its process id, which the stage before it had as well.
    pub(crate) fn pid(&self) -> i32 {
        Pid::from_child(&self.child).as_raw_pid()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child.try_wait().context("cannot ask after PostgreSQL")
    }

    /// Ends it, politely first, and returns when it is gone.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        for (signal, patience) in [(Signal::INT, FAST_SHUTDOWN), (Signal::QUIT, IMMEDIATE_SHUTDOWN)]
        {
            self.send(signal)?;
            if self.ends_within(patience)? {
                return Ok(());
            }
        }
        self.child.kill().context("cannot kill PostgreSQL")?;
        self.child.wait().map(drop).context("cannot wait for PostgreSQL")
    }

    /// The child has not been waited for, so its number cannot have passed to another process.
    fn send(&mut self, signal: Signal) -> anyhow::Result<()> {
        if self.ended()?.is_none() {
            kill_process(Pid::from_child(&self.child), signal)
                .context("cannot send PostgreSQL a signal")?;
        }
        Ok(())
    }

    fn ends_within(&mut self, time: Duration) -> anyhow::Result<bool> {
        let deadline = Instant::now() + time;
        while self.ended()?.is_none() {
            if Instant::now() > deadline {
                return Ok(false);
            }
            thread::sleep(STEP);
        }
        Ok(true)
    }
}

/// However we leave, it does not stay. Its backends end when they see it gone.
impl Drop for Postmaster {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}
