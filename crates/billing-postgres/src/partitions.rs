//! Monthly partitions, made ahead of time.

use anyhow::Context;
use async_trait::async_trait;
use billing_app::{Error, ports::Partitions};
use billing_domain::period::{Anchor, Interval, Period};
use diesel_async::SimpleAsyncConnection;
use time::{Duration, OffsetDateTime};

use crate::{Database, error::unreachable};

/// The tables that are partitioned by month.
const PARTITIONED: [&str; 3] = ["credit_keys", "usage_keys", "usage_events"];

/// Whoever makes or removes a partition waits here for the others.
pub(crate) const LOCKED: &str = "SELECT pg_advisory_xact_lock(hashtext('billing partitions'))";

/// Late events reach back more than a month.
const MONTHS_BACK: i32 = -2;
/// Nobody needs to notice when the job does not run for a while.
const MONTHS_AHEAD: i32 = 3;

/// How far clocks may have been set back without a key being decided twice.
const AHEAD: Duration = Duration::days(30);

/// When the keys were decided that are still known to commands of these instants. A lookup between
/// the two leaves all other partitions alone, the default one among them.
pub(crate) fn known_keys(
    kept: Duration,
    commands: impl Iterator<Item = OffsetDateTime>,
) -> [OffsetDateTime; 2] {
    let all = commands.map(|now| (now, now)).reduce(|one, other| {
        let ((first, last), (now, _)) = (one, other);
        (first.min(now), last.max(now))
    });
    let (first, last) = all.unwrap_or((OffsetDateTime::UNIX_EPOCH, OffsetDateTime::UNIX_EPOCH));
    [first.saturating_sub(kept), last.saturating_add(AHEAD)]
}

impl Database {
    /// Makes the partitions around an instant that are missing. Rows for which there is none go
    /// into the default partition: they are kept and found, only not as easy to drop.
    pub async fn ensure_partitions(&self, now: OffsetDateTime) -> anyhow::Result<()> {
        let mut connection = self.own_connection().await?;
        connection.batch_execute("SET ROLE billing_owner").await?;
        let this_month = Anchor(Period::calendar_month(now).start);
        for month in (MONTHS_BACK..=MONTHS_AHEAD).map(|n| this_month.period(Interval::Month, n)) {
            for table in PARTITIONED {
                let sql = create(table, month);
                let made = connection.batch_execute(&sql).await;
                made.with_context(|| format!("cannot make a partition of {table}"))?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Partitions for Database {
    async fn ensure(&self, now: OffsetDateTime) -> Result<(), Error> {
        self.ensure_partitions(now).await.map_err(unreachable)
    }
}

/// Servers that start together may make the same one: the lock of the schema is theirs in turn.
fn create(table: &str, month: Period) -> String {
    let (start, end) = (month.start.date(), month.end.date());
    let name = format!("{table}_{}_{:02}", start.year(), u8::from(start.month()));
    format!(
        "BEGIN; {LOCKED}; \
         DO $$ BEGIN IF to_regclass('{name}') IS NULL THEN \
         CREATE TABLE {name} PARTITION OF {table} \
         FOR VALUES FROM ('{start} 00:00+00') TO ('{end} 00:00+00'); \
         PERFORM protect('{name}'); END IF; END $$; COMMIT"
    )
}
