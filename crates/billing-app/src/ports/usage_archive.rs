//! Raw events of old months, which are put away in files.

use async_trait::async_trait;
use billing_domain::{
    id::{OrganizationId, UsageEventId},
    usage::{RawUse, Tallies},
};
use time::{Date, OffsetDateTime};

use crate::Error;

/// Raw events by month (UTC) of their use. Of a month that is put away nothing comes any more.
#[async_trait]
pub trait UsageArchive: Send + Sync {
    /// Months of which raw events may be here, that ended before an instant or at it and were not
    /// put away: their first days, the oldest first.
    async fn months_until(&self, end: OffsetDateTime) -> Result<Vec<Date>, Error>;
    /// Raw events of a month after one of them, by organization and number: some of them, none at
    /// the end.
    async fn raw_events(
        &self,
        month: Date,
        after: Option<(OrganizationId, i64)>,
    ) -> Result<Vec<RawEvent>, Error>;
    /// Writes what the events of a month come to for an organization. It counts for nothing until
    /// the month is put away, and may be written again until then; afterwards it stays as it is.
    async fn checkpoint(
        &self,
        month: Date,
        organization: OrganizationId,
        tallies: &Tallies,
    ) -> Result<(), Error>;
    /// Removes the raw events of a month; in the same step what they come to begins to count.
    /// `Conflict`, and nothing happens, where the events are not those that were written and
    /// checkpointed, or are not yet in the days of use. Whether it was done now: false where
    /// somebody else has done it before.
    async fn put_away(&self, month: &ArchivedMonth, now: OffsetDateTime) -> Result<bool, Error>;
}

/// A raw event, with all that is kept of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RawEvent {
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Its id.
    pub id: UsageEventId,
    /// What it counts.
    pub raw: RawUse,
    /// The key under which it was counted.
    pub key: String,
    /// When it was recorded.
    pub recorded_at: OffsetDateTime,
}

/// A month that is in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArchivedMonth {
    /// Its first day.
    pub month: Date,
    /// The name of the file.
    pub file: String,
    /// How many events.
    pub events: u64,
    /// The sum of their quantities.
    pub total: i128,
}

/// What is done with each line of a file.
pub type Lines<'a> = dyn FnMut(&str) -> Result<(), Error> + Send + 'a;

/// A place for files, which outlives the database.
#[async_trait]
pub trait ArchiveFolder: Send + Sync {
    /// Begins a file, of which nothing is seen before it is kept.
    async fn begin(&self) -> Result<Box<dyn NewFile>, Error>;
    /// Reads the lines of a file, one after the other.
    async fn read(&self, name: &str, line: &mut Lines<'_>) -> Result<(), Error>;
}

/// A file that is being written.
#[async_trait]
pub trait NewFile: Send {
    /// Adds text.
    async fn write(&mut self, text: &str) -> Result<(), Error>;
    /// Makes it durable under a name, in place of a former one.
    async fn keep(self: Box<Self>, name: &str) -> Result<(), Error>;
}
