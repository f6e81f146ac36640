//! A server of our own, and what can be measured and checked with its database at hand.

use std::{ops::RangeInclusive, time::Duration};

use anyhow::ensure;

use crate::{
    accounts::{Account, Accounts},
    billing::EVENTS,
    cluster::Cluster,
    measured::Measured,
    pgbench::{self, Pgbench, Script},
    schedule::Who,
    server::Server,
};

/// As many clients as the SQL side has where it is not alone.
const CLIENTS: usize = 32;
/// Organizations of a product that has grown.
const GROWN: RangeInclusive<u32> = 1..=1_000_000;
/// How often each of them has used its credits: with the row of the grant, 10 rows each.
const USES: u32 = 9;
/// The family of their ids.
const FAMILY: u8 = 1;

/// A server of our own.
pub(crate) struct Own {
    /// It.
    pub(crate) server: Server,
    /// The database under it.
    pub(crate) cluster: Cluster,
    /// Whether SQL can be run on it.
    pub(crate) has_psql: bool,
    /// The SQL side, where there is one.
    pub(crate) pgbench: Option<Pgbench>,
}

impl Own {
    /// Takes a server, and prepares the SQL side.
    pub(crate) async fn prepare(server: Server, organizations: u32) -> anyhow::Result<Self> {
        let cluster = server.cluster()?;
        let has_psql = cluster.program("psql").is_some();
        let pgbench = Pgbench::prepare(&cluster, &server.folder, organizations).await?;
        Ok(Self { server, cluster, has_psql, pgbench })
    }

    /// Runs a script of the SQL side, where there is one.
    pub(crate) async fn sql(
        &mut self,
        (script, who): (Script, Who),
        time: Duration,
    ) -> anyhow::Result<Option<Measured>> {
        let Some(pgbench) = &mut self.pgbench else { return Ok(None) };
        let clients = if who == Who::Alone { 1 } else { CLIENTS };
        let hot = who == Who::Hot;
        pgbench.run(&self.cluster, (script, hot), (clients, time)).await.map(Some)
    }

    /// Fills the tables like those of a product that has grown.
    pub(crate) async fn grow(&self) -> anyhow::Result<Accounts> {
        pgbench::fill(&self.cluster, FAMILY, GROWN, USES).await?;
        let account = |nth| {
            let (id, left) = pgbench::filled(FAMILY, nth, USES);
            Account::new(id, left)
        };
        Ok(GROWN.map(account).collect())
    }

    /// How many of our webhooks are kept.
    pub(crate) async fn webhooks(&self) -> anyhow::Result<u64> {
        let like = EVENTS.replace('_', "\\_");
        let query = format!("SELECT count(*) FROM webhooks WHERE event_id LIKE '{like}%'");
        self.cluster.number(&query).await
    }

    /// Looks whether what was acknowledged, and nothing else, was added to what was kept before.
    pub(crate) async fn check_webhooks(
        &self,
        before: u64,
        (acknowledged, unknown): (u64, u64),
    ) -> anyhow::Result<()> {
        let kept = self.webhooks().await? - before;
        ensure!(
            (acknowledged..=acknowledged + unknown).contains(&kept),
            "{acknowledged} webhooks were acknowledged, {unknown} not answered, {kept} are kept"
        );
        Ok(())
    }
}
