//! What happened, for others to be told: written in the transaction in which it happened, and handed
//! on in the order of commits by `relay`.

mod relay;

use core::hash::{Hash as _, Hasher as _};
use std::hash::DefaultHasher;

use billing_app::Error;
use billing_domain::{
    event::{Event, What},
    id::{EventId, OrganizationId},
};
use diesel::sql_types::{Array, BigInt, Jsonb, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::statement::statement;

statement! {
    /// Writes down what happened.
    InsertEvents<'a> {
        organizations: &'a [Uuid], ids: &'a [Uuid], dates: &'a [OffsetDateTime],
        kinds: &'a [String], data: &'a [Value],
    } -> BigInt;
    "INSERT INTO outbox (organization_id, event_id, at, type, data) SELECT * FROM unnest("
    [organizations: Array<SqlUuid>] ", " [ids: Array<SqlUuid>] ", " [dates: Array<Timestamptz>]
    ", " [kinds: Array<Text>] ", " [data: Array<Jsonb>] ")"
}

/// Events, as the columns of the statement that writes them.
#[derive(Default)]
pub(crate) struct EventColumns {
    organizations: Vec<Uuid>,
    ids: Vec<Uuid>,
    dates: Vec<OffsetDateTime>,
    kinds: Vec<String>,
    data: Vec<Value>,
}

impl EventColumns {
    /// Adds events.
    pub(crate) fn add(&mut self, events: &[Event]) -> Result<(), Error> {
        for event in events {
            let mut told = serde_json::to_value(&event.what).map_err(anyhow::Error::from)?;
            let kind = told.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
            self.organizations.push(event.organization_id.0);
            self.ids.push(event.id.0);
            self.dates.push(event.at);
            self.kinds.push(kind);
            self.data.push(told.get_mut("data").map(Value::take).unwrap_or_default());
        }
        Ok(())
    }

    /// Adds what was decided at a ledger's door, where its rows have come to `seq`. The rules give it
    /// no ids: it gets them by its place and content.
    pub(crate) fn decided(
        &mut self,
        organization_id: OrganizationId,
        seq: i64,
        told: &[(OffsetDateTime, What)],
    ) -> Result<(), Error> {
        for (nth, (at, what)) in (0_u64..).zip(told) {
            let content = serde_json::to_string(what).map_err(anyhow::Error::from)?;
            let id = by_place(*at, (seq, nth), (organization_id, &content));
            self.add(&[Event { id, organization_id, at: *at, what: what.clone() }])?;
        }
        Ok(())
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Writes them.
    pub(crate) fn statement(&self) -> InsertEvents<'_> {
        let Self { organizations, ids, dates, kinds, data } = self;
        InsertEvents { organizations, ids, dates, kinds, data }
    }
}

/// An id that grows with time, then with the row and the place beside it; the same for the same
/// content. Of rows of one instant the order holds, until their numbers pass a multiple of 65 536.
fn by_place(
    at: OffsetDateTime,
    (seq, nth): (i64, u64),
    content: (OrganizationId, &str),
) -> EventId {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let place = (seq.unsigned_abs() & 0xFFFF) << 46 | (nth & 0x3F) << 40 | hasher.finish() >> 24;
    let micros = at.unix_timestamp_nanos() / 1_000;
    let millis = u64::try_from(micros / 1_000).unwrap_or_default();
    let below = u16::try_from(micros % 1_000).unwrap_or_default();
    let mut rest = [0; 10];
    // What does not fit beside version and variant is cut off by them.
    rest[..2].copy_from_slice(&below.to_be_bytes());
    rest[2..].copy_from_slice(&(place & (u64::MAX >> 2)).to_be_bytes());
    EventId(uuid::Builder::from_unix_timestamp_millis(millis, &rest).into_uuid())
}
