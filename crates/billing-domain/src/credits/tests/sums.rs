//! What must agree between rows, grants, holds and the account.

use std::collections::BTreeMap;

use super::*;

/// All that must agree between rows, grants, holds and the account.
pub(super) fn sums_agree(account: &CreditAccount, first: Settings) {
    let entries = &account.pending.entries;
    let (mut seq, mut balance, mut date) = (0, 0, OffsetDateTime::UNIX_EPOCH);
    for entry in entries {
        assert_eq!(entry.seq, seq + 1, "no gaps");
        assert!(entry.at >= date, "dates do not go backwards");
        assert_eq!(entry.balance_after, balance + entry.amount);
        let moved: i64 = entry.touched.iter().map(|touch| touch.amount).sum();
        assert_eq!(entry.amount, moved - entry.overdrawn_change);
        (seq, date, balance) = (entry.seq, entry.at, entry.balance_after);
    }
    assert_eq!((account.last_seq, account.balance()), (seq, balance));
    assert_eq!(account.last_at, date);
    let overdrawn: i64 = entries.iter().map(|entry| entry.overdrawn_change).sum();
    assert_eq!(account.overdrawn, overdrawn);
    let held: i64 = entries.iter().map(|entry| entry.held_change).sum();
    let open = account.holds().filter(|hold| hold.is_open());
    assert_eq!((account.held, held), (held, open.map(|hold| hold.amount).sum()));
    grants_agree(account);
    holds_resolve_once(account);
    refunds_stay_within(entries);
    overdraft_stays_within(entries, first);
}

fn grants_agree(account: &CreditAccount) {
    let mut touched: BTreeMap<GrantId, (i64, i64)> = BTreeMap::new();
    for touch in account.pending.entries.iter().flat_map(|entry| &entry.touched) {
        let (left, held) = touched.entry(touch.grant_id).or_default();
        *left += touch.amount;
        *held += touch.held;
    }
    let mut left = 0;
    for grant in account.grants() {
        assert!((0..=grant.amount).contains(&grant.remaining), "{grant:?}");
        assert!((0..=grant.remaining).contains(&grant.held), "{grant:?}");
        assert!((0..=grant.amount).contains(&grant.revoked), "{grant:?}");
        if grant.started {
            assert_eq!((grant.remaining, grant.held), touched[&grant.id], "{grant:?}");
            left += grant.remaining;
        } else {
            assert_eq!(touched.get(&grant.id), None);
            assert_eq!((grant.remaining, grant.held), (grant.amount - grant.revoked, 0));
        }
    }
    assert_eq!(account.balance(), left - account.overdrawn);
    assert!(account.overdrawn >= 0);
}

/// What was used and what returned of a hold is all of it, in one row.
fn holds_resolve_once(account: &CreditAccount) {
    for hold in account.holds() {
        let rows: Vec<_> = account
            .pending
            .entries
            .iter()
            .filter(|entry| match &entry.origin {
                Origin::Settle { hold: id, .. } | Origin::Release(id) | Origin::TimeOut(id) => {
                    *id == hold.id
                }
                Origin::Grant(_)
                | Origin::Expiry(_)
                | Origin::Consume { .. }
                | Origin::Hold { .. }
                | Origin::Revoke(_)
                | Origin::Refund { .. }
                | Origin::Transfer { .. }
                | Origin::Settings(_) => false,
            })
            .collect();
        match hold.state {
            HoldState::Open => assert_eq!(rows, Vec::<&Entry>::new()),
            HoldState::Resolved { how, settled, seq, balance_after } => {
                let [row] = rows.as_slice() else { panic!("{hold:?}: {rows:?}") };
                assert_eq!(
                    (row.seq, row.balance_after, row.amount),
                    (seq, balance_after, -settled)
                );
                assert_eq!(row.held_change, -hold.amount);
                assert!((0..=hold.amount).contains(&settled));
                assert_eq!(how == Resolution::Settled, settled > 0);
            }
        }
    }
}

fn refunds_stay_within(entries: &[Entry]) {
    let mut returned: BTreeMap<i64, i64> = BTreeMap::new();
    for entry in entries {
        if let Origin::Refund { draw, .. } = &entry.origin {
            *returned.entry(*draw).or_default() += entry.amount;
        }
    }
    for (draw, amount) in returned {
        let used = entries.iter().find(|entry| entry.seq == draw).unwrap();
        assert!((1..=-used.amount).contains(&amount), "{amount} of {used:?}");
    }
}

/// Nobody gets beyond the highest limit there was, but by what is taken back after it was used.
fn overdraft_stays_within(entries: &[Entry], first: Settings) {
    let (mut overdrawn, mut held, mut bound) = (0, 0, first.overdraft_limit);
    for entry in entries {
        overdrawn += entry.overdrawn_change;
        held += entry.held_change - entry.touched.iter().map(|touch| touch.held).sum::<i64>();
        match &entry.origin {
            Origin::Revoke(_) => bound += entry.overdrawn_change.max(0),
            Origin::Settings(settings) => bound = bound.max(settings.overdraft_limit),
            Origin::Grant(_)
            | Origin::Expiry(_)
            | Origin::Consume { .. }
            | Origin::Hold { .. }
            | Origin::Settle { .. }
            | Origin::Release(_)
            | Origin::TimeOut(_)
            | Origin::Refund { .. }
            | Origin::Transfer { .. } => {}
        }
        assert!(held >= 0, "no more than was held of the overdraft returns to it");
        assert!(overdrawn + held <= bound, "{overdrawn} + {held} within {bound} at {entry:?}");
    }
}
