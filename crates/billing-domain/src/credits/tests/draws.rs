//! From which grants a consume takes, and when it is denied.

use super::*;
use GrantKind::{Adjustment, Promotional, Purchased, Subscription};

/// One grant of each kind, given in an order that is none of the orders of draw.
fn one_of_each() -> CreditAccount {
    let mut account = an_account();
    for (n, kind) in [(1, Promotional), (2, Adjustment), (3, Purchased), (4, Subscription)] {
        account.give(a_grant(n, kind, 10), NOON);
    }
    account
}

#[test]
fn purchased_is_drawn_first_then_subscription_promotional_and_adjustment() {
    let mut account = one_of_each();
    let all = consumed(account.spend(40, NOON));
    assert_eq!(touches(&all.touched), [(3, -10), (4, -10), (1, -10), (2, -10)]);
    assert_eq!((all.balance_after, account.balance()), (0, 0));
}

#[test]
fn another_order_of_kinds_is_followed() {
    let mut account = one_of_each();
    account.settings.order =
        DrawOrder::try_from([Adjustment, Promotional, Subscription, Purchased]).unwrap();
    let most = consumed(account.spend(35, NOON));
    assert_eq!(touches(&most.touched), [(2, -10), (1, -10), (4, -10), (3, -5)]);
}

#[test]
fn inside_a_kind_the_soonest_to_expire_goes_first_then_the_oldest() {
    let mut account = an_account();
    // number, expires after, given at
    for (n, expires, given) in [
        (2, Some(90), 0),
        (4, None, 0),
        (6, None, 1),
        (1, None, 1),
        (5, Some(60), 1),
        (3, Some(60), 2),
    ] {
        let grant = NewGrant { expires_at: expires.map(at), ..a_grant(n, Promotional, 1) };
        account.give(grant, at(given));
    }
    let order: Vec<_> =
        touches(&consumed(account.spend(6, at(3))).touched).into_iter().map(|(n, _)| n).collect();
    assert_eq!(order, [5, 3, 2, 4, 1, 6], "given at one instant, the smaller id goes first");
}

#[test]
fn a_draw_stops_where_it_has_enough() {
    let mut account = one_of_each();
    let some = consumed(account.spend(13, NOON));
    assert_eq!(touches(&some.touched), [(3, -10), (4, -3)]);
    assert_eq!((account.left_of(3), account.left_of(4), account.left_of(1)), (0, 7, 10));
    assert_eq!((some.cost, some.balance_after, some.seq), (13, 27, 5));
}

#[test]
fn exactly_what_there_is_may_be_used_and_more_takes_nothing() {
    let mut account = one_of_each();
    let before = account.clone();
    let refused = denied(account.spend(41, NOON));
    assert_eq!((refused.required, refused.available, refused.at), (41, 40, NOON));
    assert_eq!(account.grants(), before.grants());
    assert_eq!((account.last_seq, account.balance()), (4, 40));
    assert_eq!(consumed(account.spend(40, NOON)).balance_after, 0);
}

#[test]
fn what_costs_nothing_is_never_denied_and_still_recorded() {
    let mut account = an_account();
    let free = consumed(account.spend(0, NOON));
    assert_eq!((free.cost, free.balance_after, free.touched), (0, 0, vec![]));
    assert_eq!(account.rows(), [(EntryKind::Consumed, 0, 0, 0)]);
}

#[test]
fn an_overdraft_may_be_used_up_to_its_limit() {
    let mut account = with_overdraft(5);
    account.give(a_grant(1, Purchased, 10), NOON);
    assert_eq!(denied(account.spend(16, NOON)).available, 15);

    let beyond = consumed(account.spend(12, NOON));
    assert_eq!((touches(&beyond.touched), beyond.balance_after), (vec![(1, -10)], -2));
    assert_eq!((account.overdrawn, account.available()), (2, 3));
    assert_eq!(consumed(account.spend(3, NOON)).balance_after, -5);
    assert_eq!(denied(account.spend(1, NOON)).available, 0);
}

#[test]
fn a_lowered_overdraft_limit_leaves_nothing_to_use_and_owes_no_more() {
    let mut account = with_overdraft(5);
    consumed(account.spend(5, NOON));
    account.settings.overdraft_limit = 1;
    assert_eq!((account.balance(), account.available()), (-5, 0));
    assert_eq!(denied(account.spend(1, NOON)).available, 0);
    assert_eq!(consumed(account.spend(0, NOON)).balance_after, -5);
}

#[test]
fn what_is_overdrawn_is_repaid_by_the_next_grants_first() {
    let mut account = with_overdraft(10);
    consumed(account.spend(10, NOON));
    account.take_pending();

    account.give(a_grant(1, Promotional, 4), NOON);
    assert_eq!((account.overdrawn, account.left_of(1), account.balance()), (6, 0, -6));
    account.give(a_grant(2, Purchased, 10), NOON);
    assert_eq!((account.overdrawn, account.left_of(2), account.balance()), (0, 4, 4));

    let entries = account.take_pending().entries;
    let parts: Vec<_> = entries
        .iter()
        .map(|entry| (entry.amount, entry.overdrawn_change, touches(&entry.touched)))
        .collect();
    assert_eq!(parts, [(4, -4, vec![(1, 0)]), (10, -6, vec![(2, 4)])]);
}

#[test]
fn a_grant_is_recorded_as_new_or_as_changed_but_not_as_both() {
    let mut account = an_account();
    account.give(a_grant(1, Purchased, 10), NOON);
    account.spend(1, NOON);
    let first = account.take_pending();
    assert_eq!((first.granted.len(), first.changed.len()), (1, 0));

    account.spend(1, at(1));
    let second = account.take_pending();
    assert_eq!((second.granted.len(), second.changed.len()), (0, 1));
    assert_eq!(account.take_pending(), Pending::default());
}

#[test]
fn more_credits_than_can_be_counted_do_not_wrap() {
    let mut account = with_overdraft(i64::MAX);
    let most = (1 << 53) - 1;
    for n in 1..=1_030 {
        let grant = a_grant(n, Purchased, most).validated().unwrap();
        account.give(grant, NOON);
    }
    assert_eq!((account.balance(), account.available()), (i64::MAX, i64::MAX));
    consumed(account.spend(most, NOON));
    assert_eq!(account.left_of(1), 0);
}
