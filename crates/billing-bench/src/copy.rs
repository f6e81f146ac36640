//! The fastest that PostgreSQL takes rows of usage: binary COPY into tables with the same columns,
//! indexes and partitions.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use tokio::try_join;

use crate::{cluster::Cluster, measured::Measured};

const COPIES: &str = include_str!("sql/copies.sql");
/// As many events as are copied at once.
const ROWS: u64 = 500_000;
/// Fewer events say nothing.
const FEW: u64 = 10_000;

/// Tables beside the product's, and files with rows that loads have written.
pub(crate) struct Copies {
    events: String,
    keys: String,
    rows: u64,
}

impl Copies {
    /// Takes the rows; nothing where there are too few.
    pub(crate) async fn prepare(cluster: &Cluster) -> anyhow::Result<Option<Self>> {
        let there: u64 = cluster.number("SELECT count(*) FROM usage_events").await?;
        if there < FEW {
            return Ok(None);
        }
        let file = |name: &str| cluster.data.join(name).display().to_string();
        let copies =
            Self { events: file("bench_events"), keys: file("bench_keys"), rows: there.min(ROWS) };
        let rows = copies.rows.to_string();
        let values = [("rows", &*rows), ("events", &*copies.events), ("keys", &*copies.keys)];
        cluster.sql_with(COPIES, &values).await.context("cannot copy usage")?;
        Ok(Some(copies))
    }

    /// Copies both files at the same time, again and again, into tables that were emptied.
    pub(crate) async fn run(&self, cluster: &Cluster, time: Duration) -> anyhow::Result<Measured> {
        let (mut elapsed, mut latencies_us) = (Duration::ZERO, Vec::new());
        while elapsed < time {
            cluster.sql("TRUNCATE bench.usage_events, bench.usage_keys").await?;
            let (events, keys) =
                (into("usage_events", &self.events), into("usage_keys", &self.keys));
            let began = Instant::now();
            try_join!(cluster.sql(&events), cluster.sql(&keys))?;
            let round = began.elapsed();
            latencies_us.push(u32::try_from(round.as_micros()).unwrap_or(u32::MAX));
            elapsed += round;
        }
        latencies_us.sort_unstable();
        Ok(Measured { elapsed, latencies_us, per_unit: self.rows, errors: 0 })
    }

    /// Looks whether all is there, and removes the files.
    pub(crate) async fn finish(self, cluster: &Cluster) -> anyhow::Result<()> {
        for table in ["usage_events", "usage_keys"] {
            let there: u64 = cluster.number(&format!("SELECT count(*) FROM bench.{table}")).await?;
            ensure!(there == self.rows, "{there} of {} rows were copied to {table}", self.rows);
        }
        cluster.sql("TRUNCATE bench.usage_events, bench.usage_keys").await?;
        fs::remove_file(self.events)?;
        Ok(fs::remove_file(self.keys)?)
    }
}

fn into(table: &str, file: &str) -> String {
    format!("COPY bench.{table} FROM '{}' (FORMAT binary)", file.replace('\'', "''"))
}
