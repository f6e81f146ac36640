//! Checkpoints, as the columns of the statements that write them.

use billing_app::Error;
use billing_domain::usage::{CounterKey, Tally};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::{
    narrow,
    statements::{PutCheckpointValues, PutCheckpoints},
};
use crate::usage::stored;

#[derive(Default)]
pub(super) struct TallyColumns<'a> {
    meters: Vec<&'a str>,
    windows: Vec<&'a str>,
    starts: Vec<OffsetDateTime>,
    events: Vec<i64>,
    totals: Vec<i64>,
    largest: Vec<i64>,
    latest: Vec<i64>,
    latest_at: Vec<OffsetDateTime>,
    latest_seqs: Vec<i64>,
}

impl<'a> TallyColumns<'a> {
    pub(super) fn push(&mut self, key: &'a CounterKey, tally: &Tally) -> Result<(), Error> {
        let (at, seq, latest) = tally.latest;
        self.meters.push(&key.meter);
        self.windows.push(key.window.name());
        self.starts.push(key.start);
        self.events.push(stored(tally.events)?);
        self.totals.push(narrow(tally.total)?);
        self.largest.push(tally.largest);
        self.latest.push(latest);
        self.latest_at.push(at);
        self.latest_seqs.push(seq);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.meters.is_empty()
    }

    pub(super) fn statement(&self, organization: Uuid, month: Date) -> PutCheckpoints<'_> {
        PutCheckpoints {
            organization,
            month,
            meters: &self.meters,
            windows: &self.windows,
            starts: &self.starts,
            events: &self.events,
            totals: &self.totals,
            largest: &self.largest,
            latest: &self.latest,
            latest_at: &self.latest_at,
            latest_seqs: &self.latest_seqs,
        }
    }
}

#[derive(Default)]
pub(super) struct TallyValues<'a> {
    meters: Vec<&'a str>,
    windows: Vec<&'a str>,
    starts: Vec<OffsetDateTime>,
    values: Vec<&'a str>,
}

impl<'a> FromIterator<&'a (CounterKey, String)> for TallyValues<'a> {
    fn from_iter<T: IntoIterator<Item = &'a (CounterKey, String)>>(values: T) -> Self {
        let mut columns = Self::default();
        for (key, value) in values {
            columns.meters.push(&key.meter);
            columns.windows.push(key.window.name());
            columns.starts.push(key.start);
            columns.values.push(value);
        }
        columns
    }
}

impl TallyValues<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(super) fn statement(&self, organization: Uuid, month: Date) -> PutCheckpointValues<'_> {
        let Self { meters, windows, starts, values } = self;
        PutCheckpointValues { organization, month, meters, windows, starts, values }
    }
}
