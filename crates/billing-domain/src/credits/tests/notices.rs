//! What is told before credits are lost.

use super::*;
use GrantKind::Purchased;

const DAY: i64 = 24 * 3_600;

/// Five credits that end after so many days.
fn ends_after(days: i64) -> CreditAccount {
    let mut account = an_account();
    account.give(between(1, 0, days * DAY, 5), NOON);
    account.take_pending();
    account
}

/// On which day it is told, how many are left, and how many days before the end.
fn notices(account: &CreditAccount) -> Vec<(i64, i64, u8)> {
    let told = account.pending.told.iter().map(|(date, what)| {
        let What::CreditsExpiring { remaining, days, .. } = what else { panic!("{what:?}") };
        ((*date - NOON).whole_days(), *remaining, *days)
    });
    told.collect()
}

#[test]
fn it_is_told_seven_days_and_one_day_before_once_each() {
    let mut account = ends_after(30);
    // after so many days, what was told by then, and when something happens next
    for (day, told, next) in [
        (22, vec![], Some(23)),
        (23, vec![(23, 5, 7)], Some(29)),
        (24, vec![(23, 5, 7)], Some(29)),
        (29, vec![(23, 5, 7), (29, 5, 1)], Some(30)),
        (30, vec![(23, 5, 7), (29, 5, 1)], None),
    ] {
        account.book(at(day * DAY));
        account.book(at(day * DAY));
        assert_eq!(notices(&account), told, "day {day}");
        assert_eq!(account.next_due_at(), next.map(|day| at(day * DAY)), "day {day}");
    }
}

#[test]
fn it_says_of_which_grant_and_is_to_be_recorded() {
    let mut account = ends_after(30);
    account.book(at(23 * DAY));
    let expires_at = at(30 * DAY);
    let told = What::CreditsExpiring { grant_id: grant_id(1), remaining: 5, expires_at, days: 7 };
    assert_eq!(account.told(), [told]);
    let pending = account.take_pending();
    assert!(pending.moved && pending.changed.contains(&grant_id(1)) && pending.entries.is_empty());
}

#[test]
fn it_is_dated_when_it_was_due_however_late_someone_comes() {
    let mut account = ends_after(30);
    account.book(at(99 * DAY));
    assert_eq!(notices(&account), [(23, 5, 7), (29, 5, 1)]);
}

#[test]
fn a_grant_that_is_no_longer_than_a_notice_has_none() {
    for (days, told) in [(8, vec![(1, 5, 7), (7, 5, 1)]), (7, vec![(6, 5, 1)]), (1, vec![])] {
        let mut account = ends_after(days);
        account.book(at(99 * DAY));
        assert_eq!(notices(&account), told, "{days} days");
    }
}

#[test]
fn it_is_not_told_of_what_never_ends_or_has_nothing_left() {
    let mut account = ends_after(30);
    account.give(a_grant(2, Purchased, 3), NOON);
    consumed(account.spend(3, at(1)));
    consumed(account.spend(2, at(22 * DAY)));
    assert_eq!(account.left_of(1), 3);
    account.book(at(23 * DAY));
    assert_eq!(notices(&account), [(23, 3, 7)], "only what is left");
    consumed(account.spend(3, at(24 * DAY)));
    account.book(at(99 * DAY));
    assert_eq!(notices(&account), [(23, 3, 7)]);
}

#[test]
fn what_is_held_is_not_about_to_be_lost() {
    let mut account = ends_after(30);
    account.reserve_as(1, 3, 99 * DAY, 0);
    account.book(at(23 * DAY));
    assert_eq!(notices(&account), [(23, 2, 7)]);
    account.reserve_as(2, 2, 99 * DAY, 24 * DAY);
    account.book(at(29 * DAY));
    assert_eq!(notices(&account).len(), 1);
}

#[test]
fn what_returns_late_is_told_of_once_by_the_notice_that_is_next_to_the_end() {
    let mut account = ends_after(30);
    account.reserve_as(1, 5, 99 * DAY, 0);
    released(account.let_go(1, 29 * DAY + 3_600));
    assert_eq!(notices(&account), [(29, 5, 1)]);
    assert_eq!(account.next_due_at(), Some(at(30 * DAY)));
}

#[test]
fn it_is_not_told_of_what_is_lost_already() {
    let mut account = ends_after(30);
    account.reserve_as(1, 5, 99 * DAY, 0);
    released(account.let_go(1, 40 * DAY));
    assert_eq!((account.balance(), notices(&account)), (0, vec![]));
}
