use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::embedded::Facts;
use crate::home::Home;
use crate::options::Options;
use crate::pid_file::PidFile;
use crate::postmaster::Postmaster;
use crate::server_log::ServerLog;
use crate::sockets::{self, SOCKET};
use crate::source::{self, Binaries};
use crate::supervisor::Stop;
use crate::{leftovers, settings, stage};

/// A data directory and the binaries that can run it.
pub(crate) struct Cluster {
    home: Home,
    binaries: Binaries,
    sync: bool,
}

impl Cluster {
    /// Takes hold of the base directory, finds binaries, and makes the data if there is none.
    pub(crate) fn prepare(options: &Options) -> anyhow::Result<Self> {
        let home = Home::open(&options.base)?;
        home.log().keep_short();
        leftovers::wait_for_none_in(&home.data())?;
        if options.fresh {
            remove(&home.data())?;
        }
        let binaries = source::find(&options.source, &home)?;
        let cluster = Self { home, binaries, sync: options.sync };
        if !cluster.home.data().exists() {
            cluster.create()?;
        }
        Ok(cluster)
    }

    /// Makes the data beside its place and renames it, so that what is half-made is never taken
    /// for whole.
    fn create(&self) -> anyhow::Result<()> {
        let half = self.home.base.join("data.half");
        leftovers::wait_for_none_in(&half)?;
        remove(&half)?;
        sockets::make_private(&half, self.home.account.as_ref())?;

        let mut initdb = self.command("initdb", &half)?;
        initdb.arg("-D").arg(&half).args(["--username=postgres", "--auth=trust"]);
        initdb.args(["--encoding=UTF8", "--no-instructions"]).args(self.binaries.locale());
        initdb.arg(if self.sync { "--data-checksums" } else { "--no-sync" });
        let start = self.log().length();
        let status = initdb.status().context("cannot start initdb")?;
        ensure!(status.success(), "initdb failed: {status}\n{}", self.log().tail_since(start));

        let mut config = File::options().append(true).open(half.join("postgresql.conf"))?;
        config.write_all(settings::TUNED.as_bytes())?;
        config.sync_all()?;
        fs::rename(&half, self.home.data()).context("cannot put the new data in its place")?;
        File::open(&self.home.base)?.sync_all().context("cannot sync the base directory")
    }

    /// Runs PostgreSQL. Returns `None` when it was asked to stop before it was ready.
    pub(crate) fn launch(&self, stop: &Stop) -> anyhow::Result<Option<Postmaster>> {
        let (data, sockets) = (self.home.data(), &self.home.sockets);
        leftovers::wait_for_none_in(&data)?;
        // Nobody runs, but PostgreSQL may think so: a killed postmaster whose parent does not
        // wait for it stays a zombie, which answers to its number.
        for stale in
            [data.join(PidFile::NAME), sockets.join(SOCKET), sockets.join(format!("{SOCKET}.lock"))]
        {
            remove_file(&stale)
                .with_context(|| format!("cannot remove the stale {}", stale.display()))?;
        }
        // A temporary directory may have been swept while we were down.
        sockets::make_private(sockets, self.home.account.as_ref())?;

        let mut command = self.command("postgres", &data)?;
        command.args(settings::arguments(&data, sockets, self.sync));
        let start = self.log().length();
        let mut postmaster = Postmaster::spawn(command)?;
        match postmaster.wait_until_ready(&data, stop) {
            Ok(true) => Ok(Some(postmaster)),
            Ok(false) => postmaster.stop().map(|()| None),
            Err(error) => {
                bail!("{error:#}; it said:\n{}", self.log().tail_since(start))
            }
        }
    }

    pub(crate) fn log(&self) -> ServerLog {
        self.home.log()
    }

    pub(crate) fn facts(&self) -> Facts {
        Facts {
            data: self.home.data(),
            sockets: self.home.sockets.clone(),
            version: self.binaries.version.to_string(),
        }
    }

    /// Works in `directory`, by which it is found again should we be killed.
    fn command(&self, program: &str, directory: &Path) -> anyhow::Result<Command> {
        let program = self.binaries.directory.join(program);
        let log = self.log().open().context("cannot open PostgreSQL's log")?;
        let mut command = stage::tied(&program, self.home.account.as_ref(), directory);
        command.stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }
}

fn remove(directory: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", directory.display()))
        }
        _ => Ok(()),
    }
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
