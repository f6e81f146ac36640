//! Months of raw events are put away, and counting anew comes to the same numbers.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and so do its helpers"
)]

mod installation;
mod mortal;

use std::sync::{Arc, atomic::AtomicU32};

use billing_app::{Error, ports::ArchiveFolder};
use billing_postgres::INVARIANTS;
use diesel::sql_query;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use self::{
    installation::{Installation, Number},
    mortal::Mortal,
};
use crate::seeds;

const HERE: &str = "SELECT count(*) AS number FROM usage_events";
const DAYS: &str = "SELECT coalesce(sum(events), 0)::bigint AS number FROM usage_days";

#[tokio::test(flavor = "multi_thread")]
async fn counting_anew_comes_to_the_same_numbers_after_archiving() {
    let seed = seeds::seed();
    seeds::tell(&format!("archives of use: BILLING_SOAK_SEED={seed}"));
    let there = Installation::with_use(seed).await;
    let billing = there.archiving();
    there.is_as_it_was(&billing, 24 * 12).await;
    assert_eq!(there.billing(None).archive_old_usage().await.unwrap(), [], "nowhere to put it");
    let (before, days) = (there.number(HERE).await, 24 * 12 * 3);
    let archived = billing.archive_old_usage().await.unwrap();
    let months: Vec<_> = archived.iter().map(|it| u8::from(it.month.month())).collect();
    assert_eq!(months, [1, 2, 3, 4, 5], "January has a partition, and nothing in it");
    let put_away: i64 = archived.iter().map(|it| i64::try_from(it.events).unwrap()).sum();
    assert_eq!((there.number(HERE).await, before), (before - put_away, days));
    assert!(put_away > 100 && put_away < before, "{put_away} of {before}");
    assert_eq!(there.number(DAYS).await, days, "days stay");
    there.is_as_it_was(&billing, 24 * 12).await;
    assert_eq!(billing.archive_old_usage().await.unwrap(), [], "once");

    // A file has every column, and numbers as they were.
    let mut lines = 0;
    let mut line = |line: &str| {
        lines += 1;
        assert!(line.contains("123456789012345678901234567890"), "{line}");
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(event.as_object().unwrap().len(), 11, "{line}");
        Ok(())
    };
    there.folder.read(&archived[2].file, &mut line).await.unwrap();
    assert_eq!(lines, archived[2].events);

    let mut admin = there.admin().await;
    let damage =
        "UPDATE usage_counters SET used = used + 7 WHERE used > 0; DELETE FROM usage_values";
    let sums = "SELECT sum(used)::bigint AS number FROM usage_counters";
    let right = there.number(sums).await;
    admin.batch_execute(damage).await.unwrap();
    for organization in &there.organizations {
        assert!(!billing.rebuild_usage(*organization).await.unwrap().is_as_before());
    }
    assert_eq!(there.number(sums).await, right);
    there.is_as_it_was(&billing, 24 * 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_archive_once() {
    let there = Installation::with_use(7).await;
    let (one, other) = (there.archiving(), there.archiving());
    let (one, other) = tokio::join!(one.archive_old_usage(), other.archive_old_usage());
    let mut archived = Vec::new();
    for result in [one, other] {
        match result {
            Ok(months) => archived.extend(months),
            Err(error) => assert!(
                matches!(error, Error::Conflict(_) | Error::Unavailable { .. }),
                "{error:?}"
            ),
        }
    }
    archived.extend(there.archiving().archive_old_usage().await.unwrap());
    assert_eq!(archived.len(), 5, "{archived:?}");
    let events = "SELECT sum(events)::bigint AS number FROM usage_archives";
    for month in &archived {
        let mut lines = 0;
        let mut count = |_: &str| {
            lines += 1;
            Ok(())
        };
        there.folder.read(&month.file, &mut count).await.unwrap();
        assert_eq!(lines, month.events);
    }
    let total: u64 = archived.iter().map(|month| month.events).sum();
    assert_eq!(u64::try_from(there.number(events).await), Ok(total));
    there.is_as_it_was(&there.archiving(), 24 * 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_killed_loses_nothing() {
    let there = Installation::with_use(11).await;
    let mut archived = 0;
    for calls in 0..5 {
        let calls = Arc::new(AtomicU32::new(calls));
        let mortal = Mortal { folder: there.folder.clone(), calls };
        let billing = there.billing(Some(Arc::new(mortal)));
        assert!(billing.archive_old_usage().await.is_err(), "it is killed");
        there.is_as_it_was(&billing, 24 * 12).await;
        archived = there.number("SELECT count(*) AS number FROM usage_archives").await;
    }
    let rest = there.archiving().archive_old_usage().await.unwrap();
    assert_eq!(archived + i64::try_from(rest.len()).unwrap(), 5);
    there.is_as_it_was(&there.archiving(), 24 * 12).await;
}

/// How invariants of use can be broken once months are archived.
const TAMPERING: &[(&str, &str)] = &[
    ("U1 a counter", "UPDATE usage_checkpoints SET total = total + 1, largest = 99"),
    ("U1 a counter", "DELETE FROM usage_checkpoint_values"),
    ("U2", "UPDATE usage_checkpoints SET events = events + 1"),
    ("U3", "DELETE FROM usage_keys WHERE recorded"),
    ("U5", "UPDATE usage_days SET used = used + 1"),
    ("U5", "UPDATE usage_days SET events = events + 1"),
    ("U5", "DELETE FROM usage_days WHERE day > '2026-06-01'"),
    ("U6", "UPDATE usage_archives SET total = total + 1"),
    ("U6", "DELETE FROM usage_checkpoints WHERE month = '2026-03-01'"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_invariants_of_use_see_what_they_are_there_for() {
    let there = Installation::with_use(13).await;
    there.archiving().archive_old_usage().await.unwrap();
    assert_eq!(there.database.violations().await.unwrap(), []);
    let mut admin = there.admin().await;
    for (begins, tampering) in TAMPERING {
        let found = INVARIANTS.iter().find(|(name, _)| name.starts_with(begins));
        let (name, query) = found.unwrap();
        admin.batch_execute(&format!("BEGIN; {tampering}")).await.unwrap();
        let count = sql_query(format!("SELECT count(*) AS number FROM ({query}) broken"));
        let found: Number = count.get_result(&mut admin).await.unwrap();
        assert!(found.number > 0, "{name} does not see: {tampering}");
        admin.batch_execute("ROLLBACK").await.unwrap();
    }
}
