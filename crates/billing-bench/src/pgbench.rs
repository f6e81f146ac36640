//! The SQL side: the same consumption by pgbench, without an engine.

use std::{
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};

use crate::{
    cluster::{Cluster, PRODUCT, said},
    measured::Measured,
};

const SCHEMA: &str = include_str!("sql/schema.sql");
const CLASSIC: &str = include_str!("sql/classic.sql");
const CALL: &str = include_str!("sql/call.sql");
/// More than a load can use.
const CREDITS: i64 = 1_000_000_000;

/// How the SQL side consumes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Script {
    /// A transaction with a round trip for each statement.
    Classic,
    /// A function in the database.
    Call,
}

/// The SQL side, with organizations of its own: number 0 is the hot one.
pub(crate) struct Pgbench {
    folder: PathBuf,
    organizations: u32,
    /// The transactions that were reported.
    done: usize,
}

impl Pgbench {
    /// Prepares tables and organizations; nothing where pgbench or psql is not installed.
    pub(crate) async fn prepare(
        cluster: &Cluster,
        folder: &Path,
        organizations: u32,
    ) -> anyhow::Result<Option<Self>> {
        if cluster.program("psql").is_none() {
            return Ok(None);
        }
        cluster.sql(SCHEMA).await.context("cannot prepare the SQL side")?;
        if cluster.program("pgbench").is_none() {
            return Ok(None);
        }
        fill(cluster, 0, 0..=organizations, 0).await?;
        let folder = folder.join("pgbench");
        fs::create_dir(&folder)?;
        Ok(Some(Self { folder, organizations, done: 0 }))
    }

    /// Runs a script, on the hot organization alone or on all others.
    pub(crate) async fn run(
        &mut self,
        cluster: &Cluster,
        (script, hot): (Script, bool),
        (clients, time): (usize, Duration),
    ) -> anyhow::Result<Measured> {
        let text = match script {
            Script::Classic => CLASSIC,
            Script::Call => CALL,
        };
        let file = self.folder.join("script.sql");
        fs::write(&file, text)?;
        let logs = self.folder.join("logs");
        fs::create_dir(&logs)?;
        let (first, last) = if hot { (0, 0) } else { (1, self.organizations) };
        let mut command = cluster.client("pgbench", PRODUCT)?;
        command.args(["--no-vacuum", "--protocol=prepared", "--log"]);
        command.arg(format!("--log-prefix={}", logs.join("log").display()));
        command.arg(format!("--client={clients}")).arg(format!("--jobs={}", clients.min(2)));
        command.arg(format!("--time={}", time.as_secs().max(1)));
        command.arg(format!("--define=first={first}")).arg(format!("--define=last={last}"));
        command.arg("--file").arg(&file);
        said(command.spawn()?, "pgbench").await?;
        let mut latencies_us = Vec::new();
        for log in fs::read_dir(&logs)? {
            latencies_us.extend(fs::read_to_string(log?.path())?.lines().filter_map(latency));
        }
        fs::remove_dir_all(&logs)?;
        ensure!(!latencies_us.is_empty(), "pgbench did nothing");
        latencies_us.sort_unstable();
        self.done += latencies_us.len();
        let elapsed = Duration::from_secs(time.as_secs().max(1));
        Ok(Measured { elapsed, latencies_us, per_unit: 1, errors: 0 })
    }

    /// Compares what was reported with the balances and the ledger.
    pub(crate) async fn check(&self, cluster: &Cluster) -> anyhow::Result<usize> {
        let ids = format!(
            "SELECT bench.organization(0, nth) FROM generate_series(0, {}) nth",
            self.organizations
        );
        let taken: usize = cluster
            .number(&format!(
                "SELECT sum({CREDITS} - balance) FROM credit_accounts \
                 WHERE organization_id IN ({ids})"
            ))
            .await?;
        let written: usize = cluster
            .number(&format!(
                "SELECT count(*) FROM credit_transactions WHERE origin = 'consume' \
                 AND organization_id IN ({ids})"
            ))
            .await?;
        let done = self.done;
        ensure!(
            (taken, written) == (done, done),
            "pgbench reports {done} transactions; {taken} credits were taken, by {written} rows"
        );
        Ok(done)
    }
}

/// Makes organizations of a family with credits, which they have used so many times.
pub(crate) async fn fill(
    cluster: &Cluster,
    family: u8,
    numbers: RangeInclusive<u32>,
    uses: u32,
) -> anyhow::Result<()> {
    let (first, last) = (numbers.start(), numbers.end());
    // The rows lead to one another as foreign keys would see; looking costs more than writing.
    let script = format!(
        "SET session_replication_role = replica; SET synchronous_commit = off; \
         CALL bench.fill({family}, {first}, {last}, {CREDITS}, {uses}); ANALYZE; CHECKPOINT;"
    );
    cluster.sql(&script).await.context("cannot fill the tables").map(drop)
}

/// The id of an organization of a family, as `bench.organization` makes it, and its credits.
pub(crate) fn filled(family: u8, nth: u32, uses: u32) -> (String, i64) {
    (format!("b{family}000000-0000-4000-8000-{nth:012x}"), CREDITS - i64::from(uses))
}

/// The time in a line of a log: client, number, microseconds, and more.
fn latency(line: &str) -> Option<u32> {
    line.split(' ').nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_read_from_logs() {
        assert_eq!(latency("0 199 2241 0 1175850568 995598"), Some(2_241));
        assert_eq!(latency("0 199 skipped 0 1175850568 995598"), None);
    }

    #[test]
    fn ids_are_those_of_the_database() {
        let (id, left) = filled(1, 255, 9);
        assert_eq!(id, "b1000000-0000-4000-8000-0000000000ff");
        assert_eq!(left, CREDITS - 9);
    }
}
