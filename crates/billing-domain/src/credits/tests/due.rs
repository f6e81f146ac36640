//! What time does by itself: starts and expiries.

use super::*;
use EntryKind::{Adjusted, Consumed as Used, Earned, Expired, Purchased as Bought};
use GrantKind::{Adjustment, Promotional, Purchased, Subscription};

#[test]
fn a_grant_is_usable_from_its_start_and_strictly_before_its_expiry() {
    for (seconds, usable) in [(0, false), (9, false), (10, true), (19, true), (20, false)] {
        let mut account = an_account();
        account.give(between(1, 10, 20, 5), NOON);
        let outcome = account.spend(5, at(seconds));
        assert_eq!(matches!(outcome, CreditOutcome::Consumed(_)), usable, "after {seconds} s");
    }
    let mut account = an_account();
    account.give(between(1, 10, 20, 5), NOON);
    let just_before = at(20) - Duration::NANOSECOND;
    assert_eq!(consumed(account.spend(5, just_before)).balance_after, 0);
}

#[test]
fn a_grant_is_part_of_the_balance_only_once_it_has_started() {
    let mut account = an_account();
    account.give(between(1, 10, 20, 5), NOON);
    assert_eq!((account.balance(), account.rows()), (0, vec![]));
    assert_eq!(account.next_due_at(), Some(at(10)));
    account.book(at(10));
    assert_eq!((account.balance(), account.next_due_at()), (5, Some(at(20))));
    account.book(at(20));
    assert_eq!((account.balance(), account.next_due_at()), (0, None));
}

#[test]
fn what_is_due_is_dated_when_it_was_due_and_decided_before_what_comes_later() {
    let mut account = an_account();
    account.give(between(1, 0, 10, 5), NOON);
    account.give(between(2, 30, 40, 7), NOON);
    account.give(between(3, 20, 90, 9), NOON);
    consumed(account.spend(1, at(50)));
    assert_eq!(
        account.rows(),
        [
            (Earned, 0, 5, 5),
            (Expired, 10, -5, 0),
            (Earned, 20, 9, 9),
            (Earned, 30, 7, 16),
            (Expired, 40, -7, 9),
            (Used, 50, -1, 8),
        ]
    );
}

#[test]
fn what_ends_at_an_instant_goes_before_what_starts() {
    let mut account = an_account();
    // The later period has the smaller id, so that the id does not decide.
    account.give(between(2, 0, 10, 5), NOON);
    account.give(between(1, 10, 20, 5), NOON);
    assert_eq!(consumed(account.spend(5, at(10))).balance_after, 0);
    assert_eq!(
        account.rows(),
        [(Earned, 0, 5, 5), (Expired, 10, -5, 0), (Earned, 10, 5, 5), (Used, 10, -5, 0)]
    );
}

#[test]
fn only_what_is_left_expires() {
    let mut account = an_account();
    account.give(between(1, 0, 10, 5), NOON);
    account.give(between(2, 0, 10, 5), NOON);
    consumed(account.spend(7, at(9)));
    account.book(at(99));
    account.book(at(99));
    assert_eq!(account.rows()[3..], [(Expired, 10, -3, 0)], "once, and only of the second");
}

#[test]
fn a_start_repays_what_is_overdrawn_by_then() {
    let mut account = with_overdraft(10);
    account.give(between(1, 10, 20, 5), NOON);
    consumed(account.spend(3, NOON));
    account.book(at(20));
    assert_eq!(account.rows(), [(Used, 0, -3, -3), (Earned, 10, 5, 2), (Expired, 20, -2, 0)]);
    assert_eq!(account.overdrawn, 0);
}

#[test]
fn a_grant_that_comes_after_its_own_expiry_earns_and_expires_at_once() {
    let mut account = an_account();
    account.give(between(1, 10, 20, 5), at(30));
    assert_eq!(account.rows(), [(Earned, 30, 5, 5), (Expired, 30, -5, 0)]);
    assert_eq!((account.left_of(1), account.next_due_at()), (0, None));
}

#[test]
fn a_grant_that_should_have_started_before_starts_when_it_is_given() {
    let mut account = an_account();
    account.give(between(1, -50, 20, 5), at(10));
    assert_eq!(account.rows(), [(Earned, 10, 5, 5)]);
    assert_eq!(account.grants()[0].starts_at, at(10));
}

#[test]
fn dates_do_not_go_backwards_when_the_clock_does() {
    let mut account = an_account();
    account.give(between(1, 0, 100, 5), at(50));
    consumed(account.spend(1, at(20)));
    account.give(a_grant(2, Purchased, 3), at(30));
    assert_eq!(account.rows(), [(Earned, 50, 5, 5), (Used, 50, -1, 4), (Bought, 50, 3, 7)]);
    assert_eq!(denied(account.spend(9, at(20))).at, at(50));
}

#[test]
fn rows_say_where_credits_come_from() {
    let mut account = an_account();
    for (n, kind) in [(1, Purchased), (2, Subscription), (3, Promotional), (4, Adjustment)] {
        account.give(a_grant(n, kind, 1), NOON);
    }
    let kinds: Vec<_> = account.rows().into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, [Bought, Earned, Earned, Adjusted]);
}

#[test]
fn a_denied_consume_still_books_what_was_due() {
    let mut account = an_account();
    account.give(between(1, 0, 10, 5), NOON);
    assert_eq!(denied(account.spend(1, at(10))).available, 0);
    assert_eq!(account.rows()[1..], [(Expired, 10, -5, 0)]);
}

#[test]
fn at_one_instant_holds_time_out_then_grants_end_then_grants_start() {
    let mut account = an_account();
    // The ids are in none of these orders.
    account.give(between(9, 0, 10, 5), NOON);
    account.give(between(8, 0, 10, 4), NOON);
    account.give(between(1, 10, 30, 7), NOON);
    account.reserve_as(6, 6, 10, 0);
    account.reserve_as(3, 1, 10, 0);
    account.book(at(10));
    let origins: Vec<_> =
        account.pending.entries[4..].iter().map(|row| row.origin.clone()).collect();
    let source = |n| a_grant(n, Promotional, 1).source;
    assert_eq!(
        origins,
        [
            Origin::TimeOut(hold_id(3)),
            Origin::TimeOut(hold_id(6)),
            Origin::Expiry(source(8)),
            Origin::Expiry(source(9)),
            Origin::Grant(source(1)),
        ]
    );
    assert_eq!(
        account.rows()[6..],
        [(Expired, 10, -4, 5), (Expired, 10, -5, 0), (Earned, 10, 7, 7)]
    );
}
