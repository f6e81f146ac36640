//! Processes hear of each other.

use std::collections::BTreeSet;

use billing_app::ports::{Change, Changes, Heard};

use super::Promise;
use crate::{Subject, builders::a_fresh_id};

/// Everything that is heard until this has been.
async fn heard_until(changes: &dyn Changes, last: Change) -> BTreeSet<Change> {
    let mut all = BTreeSet::new();
    while !all.contains(&last) {
        match changes.heard().await {
            Heard::Changes(more) => all.extend(more),
            Heard::Everything => panic!("there was no gap"),
        }
    }
    all
}

/// Who begins to listen has everything to learn; from then on nothing is missed.
pub async fn others_are_told_what_changed(subject: &Subject) -> Promise {
    let [one, other] = &subject.changes;
    for process in [one, other] {
        assert_eq!(process.heard().await, Heard::Everything);
    }
    let told: BTreeSet<_> = (0..700)
        .map(|_| Change::Usage(a_fresh_id()))
        .chain([Change::Organization(a_fresh_id()), Change::ApiKeys, Change::Clock])
        .collect();
    for change in told.iter().chain(&told) {
        one.tell(*change);
    }
    let last = Change::Organization(a_fresh_id());
    one.tell(last);
    let mut heard = heard_until(&**other, last).await;
    while heard.len() <= told.len() {
        let Heard::Changes(more) = other.heard().await else { panic!("there was no gap") };
        heard.extend(more);
    }
    assert!(heard.remove(&last));
    assert_eq!(heard, told);
    Ok(())
}

/// What a process tells it knows already.
pub async fn nobody_is_told_his_own_changes(subject: &Subject) -> Promise {
    let [one, other] = &subject.changes;
    for process in [one, other] {
        assert_eq!(process.heard().await, Heard::Everything);
    }
    let (own, answer) = (Change::Usage(a_fresh_id()), Change::Usage(a_fresh_id()));
    one.tell(own);
    heard_until(&**other, own).await;
    other.tell(answer);
    assert_eq!(heard_until(&**one, answer).await, BTreeSet::from([answer]));
    Ok(())
}
