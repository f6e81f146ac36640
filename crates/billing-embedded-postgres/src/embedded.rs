use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use anyhow::{Context, anyhow, ensure};

use crate::options::Options;
use crate::pid_file::PidFile;
use crate::supervisor::{Stop, Supervisor};
use crate::{stage, url};

/// A PostgreSQL that lives as long as this value: dropped, it is stopped.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    facts: Facts,
    pid: Arc<AtomicI32>,
    /// Dropping it is how the supervisor is asked to stop.
    stop: Option<Sender<Infallible>>,
    supervisor: Option<JoinHandle<anyhow::Result<()>>>,
}

/// What is known once it runs, and does not change when it is started again.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) data: PathBuf,
    pub(crate) sockets: PathBuf,
    pub(crate) version: String,
}

impl EmbeddedPostgres {
    /// Starts PostgreSQL, making its data directory if there is none, and returns when it accepts
    /// connections. Blocks meanwhile.
    ///
    /// Afterwards it is started again whenever it ends by itself. Fails at once when another
    /// process holds the same base directory.
    pub fn start(options: Options) -> anyhow::Result<Self> {
        ensure!(
            stage::is_hooked(),
            "main must call become_postgres_if_asked before it starts PostgreSQL"
        );
        let pid = Arc::new(AtomicI32::new(0));
        let (stop, asked_to_stop) = mpsc::channel();
        let (started, facts) = mpsc::sync_channel(1);

        // A thread of its own: the kernel ends PostgreSQL when the thread that spawned it ends,
        // and a runtime's blocking threads end when they are idle.
        let supervisor = Supervisor { pid: Arc::clone(&pid), stop: Stop::new(asked_to_stop) };
        let supervisor = thread::Builder::new()
            .name("embedded-postgres".into())
            .spawn(move || supervisor.run(options, &started))
            .context("cannot start the supervisor's thread")?;

        match facts.recv() {
            Ok(facts) => Ok(Self { facts, pid, stop: Some(stop), supervisor: Some(supervisor) }),
            Err(_) => Err(join(supervisor)
                .err()
                .unwrap_or_else(|| anyhow!("the supervisor ended before PostgreSQL was ready"))),
        }
    }

    /// The URL of the server that another process keeps in this base directory, if one answers.
    pub fn running(base: &Path, database: &str, user: &str) -> Option<String> {
        let kept = PidFile::read(&base.join("data")).filter(PidFile::answers)?;
        Some(url::through_socket(&kept.sockets, database, user))
    }

    /// The directory of the unix socket.
    pub fn socket_dir(&self) -> &Path {
        &self.facts.sockets
    }

    /// A libpq URL for `user` in `database`, through the socket and without a password.
    pub fn url(&self, database: &str, user: &str) -> String {
        url::through_socket(&self.facts.sockets, database, user)
    }

    /// The version in PostgreSQL's words, such as `15.14`.
    pub fn version(&self) -> &str {
        &self.facts.version
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        &self.facts.data
    }

    /// PostgreSQL's first process, or `None` while it is down and about to be started again.
    pub fn pid(&self) -> Option<i32> {
        Some(self.pid.load(Ordering::Relaxed)).filter(|&pid| pid != 0)
    }

    /// Stops PostgreSQL: open transactions are rolled back, everything committed is kept.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.shut_down()
    }

    fn shut_down(&mut self) -> anyhow::Result<()> {
        drop(self.stop.take());
        self.supervisor.take().map_or(Ok(()), join)
    }
}

impl Drop for EmbeddedPostgres {
    fn drop(&mut self) {
        drop(self.shut_down());
    }
}

fn join(thread: JoinHandle<anyhow::Result<()>>) -> anyhow::Result<()> {
    thread.join().unwrap_or_else(|_| Err(anyhow!("the supervisor panicked")))
}
