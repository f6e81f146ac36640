//! Taking back what was given: the report says how much in all.

use super::*;
use EntryKind::{
    Adjusted, Consumed as Used, Earned, Expired, Purchased as Bought, Refunded as Back,
};
use GrantKind::{Promotional, Purchased};

const fn revoked(more: i64) -> CreditOutcome {
    CreditOutcome::Revoked(Some(more))
}

/// Ten purchased credits (1), of which some are used.
fn ten(used: i64) -> CreditAccount {
    let mut account = an_account();
    account.give(a_grant(1, Purchased, 10), NOON);
    if used > 0 {
        consumed(account.spend(used, NOON));
    }
    account.take_pending();
    account
}

#[test]
fn what_is_left_is_taken_and_what_is_used_is_owed() {
    // used, taken back, then left and owed
    for (used, total, left, owed) in
        [(0, 10, 0, 0), (0, 4, 6, 0), (7, 3, 0, 0), (7, 5, 0, 2), (10, 10, 0, 10), (10, 99, 0, 10)]
    {
        let mut account = ten(used);
        let taken = total.min(10);
        assert_eq!(account.take_back(1, total, 1), revoked(taken));
        assert_eq!((account.left_of(1), account.overdrawn), (left, owed), "{used}, {total}");
        let row = account.last_row();
        assert_eq!((row.kind, row.amount, row.overdrawn_change), (Back, -taken, owed));
        assert_eq!(row.balance_after, 10 - used - taken);
        assert_eq!(row.origin, Origin::Revoke(a_grant(1, Purchased, 1).source));
    }
}

#[test]
fn said_again_it_changes_nothing_and_said_otherwise_only_the_difference_counts() {
    let mut account = ten(7);
    // all in all, the difference, then left and owed
    for (total, more, left, owed) in [
        (2, 2, 1, 0),
        (2, 0, 1, 0),
        (6, 4, 0, 3),
        (6, 0, 0, 3),
        (4, -2, 0, 1),
        (1, -3, 2, 0),
        (0, -1, 3, 0),
        (-5, 0, 3, 0),
    ] {
        assert_eq!(account.take_back(1, total, 1), revoked(more), "{total}");
        assert_eq!((account.left_of(1), account.overdrawn), (left, owed), "{total}");
        let rows = account.take_pending().entries;
        let amounts: Vec<_> = rows.iter().map(|row| row.amount).collect();
        assert_eq!(amounts, if more == 0 { vec![] } else { vec![-more] });
    }
}

#[test]
fn a_source_that_never_gave_has_nothing_to_take_back() {
    let mut account = ten(0);
    let before = account.clone();
    assert_eq!(account.take_back(2, 5, 0), CreditOutcome::Revoked(None));
    assert_eq!(account, before);
}

#[test]
fn what_was_not_paid_for_is_put_right() {
    let mut account = an_account();
    account.give(a_grant(1, Promotional, 10), NOON);
    account.take_back(1, 4, 1);
    assert_eq!(account.rows(), [(Earned, 0, 10, 10), (Adjusted, 1, -4, 6)]);
}

#[test]
fn a_debt_beyond_the_overdraft_denies_all_that_costs_until_it_is_repaid() {
    let mut account = ten(10);
    account.settings.overdraft_limit = 3;
    account.take_back(1, 10, 1);
    assert_eq!((account.balance(), account.available()), (-10, 0));
    assert_eq!(denied(account.spend(1, at(2))).available, 0);
    assert_eq!(denied(account.reserve_as(1, 1, 60, 2)).available, 0);
    assert_eq!(denied(account.give_away("g", 1, 2)).available, 0);
    consumed(account.spend(0, at(2)));
    account.give(a_grant(2, Purchased, 8), at(3));
    assert_eq!((account.left_of(2), account.overdrawn, account.available()), (0, 2, 1));
    account.give(a_grant(3, Purchased, 8), at(4));
    assert_eq!((account.left_of(3), account.overdrawn, account.available()), (6, 0, 9));
}

#[test]
fn what_is_held_is_not_taken_but_owed() {
    let mut account = ten(0);
    held(account.reserve_as(1, 6, 60, 0));
    assert_eq!(account.take_back(1, 10, 1), revoked(10));
    assert_eq!((account.left_of(1), account.held_of(1), account.overdrawn), (6, 6, 6));
    assert_eq!((account.balance(), account.available()), (0, 0));
    assert_eq!(settled(account.settle_as(1, Some(2), 2)).balance_after, -2);
    assert_eq!(denied(account.spend(1, at(2))).available, 0, "what returned is owed");
}

#[test]
fn what_has_not_started_is_taken_without_a_row() {
    let mut account = an_account();
    account.give(between(1, 10, 20, 5), NOON);
    account.take_pending();
    assert_eq!(account.take_back(1, 3, 1), revoked(3));
    assert_eq!((account.left_of(1), account.balance(), account.rows()), (2, 0, vec![]));
    let pending = account.take_pending();
    assert!(pending.moved && pending.changed.contains(&grant_id(1)), "it is to be recorded");
    assert_eq!(account.take_back(1, 1, 2), revoked(-2));
    account.book(at(10));
    assert_eq!(account.rows(), [(Earned, 10, 4, 4)]);
}

#[test]
fn what_expired_unused_is_not_owed() {
    let mut account = an_account();
    account.give(between(1, 0, 10, 5), NOON);
    account.take_back(1, 5, 30);
    assert_eq!((account.balance(), account.overdrawn), (0, 0));
    assert_eq!(account.rows()[..2], [(Earned, 0, 5, 5), (Expired, 10, -5, 0)]);
}

#[test]
fn what_comes_back_to_an_expired_grant_expires_at_once() {
    let mut account = an_account();
    account.give(between(1, 0, 10, 5), NOON);
    account.take_back(1, 3, 1);
    account.take_back(1, 0, 30);
    assert_eq!(
        account.rows()[1..],
        [(Adjusted, 1, -3, 2), (Expired, 10, -2, 0), (Adjusted, 30, 3, 3), (Expired, 30, -3, 0)]
    );
}

#[test]
fn a_debt_is_let_off_also_when_the_grant_has_expired_since() {
    let mut account = an_account();
    account.give(between(1, 0, 10, 5), NOON);
    account.spend(5, NOON);
    account.take_back(1, 5, 1);
    assert_eq!(account.balance(), -5);
    account.take_back(1, 0, 30);
    assert_eq!((account.balance(), account.overdrawn), (0, 0));
}

#[test]
fn a_debt_is_made_once_and_repaid_once() {
    let mut account = ten(10);
    account.take_back(1, 10, 1);
    account.give(a_grant(2, Purchased, 10), at(2));
    account.take_back(1, 0, 3);
    assert_eq!((account.left_of(1), account.left_of(2), account.overdrawn), (10, 0, 0));
    assert_eq!(account.rows(), [(Back, 1, -10, -10), (Bought, 2, 10, 0), (Back, 3, 10, 10)]);
    assert_eq!(consumed(account.spend(10, at(4))).balance_after, 0);
    assert_eq!(account.rows()[3..], [(Used, 4, -10, 0)]);
}

#[test]
fn what_expired_unused_repays_no_debt_when_it_is_given_again() {
    let mut account = with_overdraft(5);
    account.give(between(1, 0, 10, 5), NOON);
    consumed(account.spend(5, at(20)));
    assert_eq!(account.balance(), -5);
    account.take_back(1, 5, 21);
    account.take_back(1, 0, 22);
    assert_eq!((account.balance(), account.overdrawn), (-5, 5), "nothing was taken before");
}

#[test]
fn a_grant_never_has_more_left_than_it_gave() {
    // Its use becomes a debt, another grant repays it, the use is given back, the debt is let off.
    let mut account = an_account();
    account.give(a_grant(1, Purchased, 10), NOON);
    let row = consumed(account.spend(10, NOON)).seq;
    account.take_back(1, 10, 1);
    account.give(a_grant(2, Purchased, 10), at(2));
    account.refund_row("r", row, None, 3);
    account.take_back(1, 0, 4);
    assert!(account.left_of(1) <= 10, "{} of 10", account.left_of(1));
    assert_eq!(account.balance(), 20, "given twice ten, used nothing");
}

#[test]
fn a_grant_has_no_more_left_than_it_gave_when_a_hold_returns() {
    let mut account = an_account();
    account.give(a_grant(1, Purchased, 10), NOON);
    account.reserve_as(1, 10, 60, 0);
    account.take_back(1, 10, 1);
    account.give(a_grant(2, Purchased, 10), at(2));
    account.let_go(1, 3);
    account.take_back(1, 0, 4);
    assert!(account.left_of(1) <= 10, "{} of 10", account.left_of(1));
}
