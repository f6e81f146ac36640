//! Numbers without gaps.

use std::collections::BTreeSet;

use billing_app::ports::{Scope, Store};
use billing_domain::invoice::Series;

use super::{
    Promise,
    stage::{at_once, dawdle},
};
use crate::Subject;

/// Each series and year counts for itself, from one.
pub async fn numbers_follow_each_other(subject: &Subject) -> Promise {
    let mut work = subject.engine().await?;
    let mut taken = Vec::new();
    for (series, year) in [
        (Series::Invoice, 2026),
        (Series::Invoice, 2026),
        (Series::CreditNote, 2026),
        (Series::Invoice, 2027),
        (Series::Invoice, 2026),
    ] {
        taken.push(work.invoices().next_number(series, year).await?.to_string());
    }
    work.commit().await?;
    let expected = ["2026-000001", "2026-000002", "CN-2026-000001", "2027-000001", "2026-000003"];
    assert_eq!(taken, expected);
    Ok(())
}

/// Who does not commit has taken no number.
pub async fn an_abandoned_unit_leaves_no_gap(subject: &Subject) -> Promise {
    for (expected, commits) in [(1, true), (2, false), (2, true), (3, true)] {
        let mut work = subject.engine().await?;
        let number = work.invoices().next_number(Series::CreditNote, 2026).await?;
        assert_eq!(number.sequence, expected);
        if commits {
            work.commit().await?;
        }
    }
    Ok(())
}

/// Whoever wants a number at the same time gets the next one, though some fail.
pub async fn numbers_have_no_gaps_at_the_same_time(subject: &Subject) -> Promise {
    let tasks = (0..24).map(|nth| {
        let store = subject.store.clone();
        async move { taken(&*store, nth % 3 == 0).await }
    });
    let mut kept = BTreeSet::new();
    for taken in at_once(tasks).await {
        if let Some(sequence) = taken? {
            assert!(kept.insert(sequence), "{sequence} was taken twice");
        }
    }
    assert_eq!(kept, (1..=16).collect());
    Ok(())
}

/// Takes a number, and keeps it or not.
async fn taken(store: &dyn Store, fails: bool) -> anyhow::Result<Option<i64>> {
    let mut work = store.begin(Scope::Engine).await?;
    let number = work.invoices().next_number(Series::Invoice, 2026).await?;
    dawdle(&mut *work).await?;
    if fails {
        return Ok(None);
    }
    work.commit().await?;
    Ok(Some(number.sequence))
}
