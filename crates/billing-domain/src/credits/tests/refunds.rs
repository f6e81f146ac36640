//! Giving back what was used.

use super::*;
use EntryKind::{Consumed as Used, Earned, Expired, Purchased as Bought, Refunded as GivenBack};
use GrantKind::{Promotional, Purchased, Subscription};

/// Of ten purchased (1), ten of a subscription (2) and ten promotional credits (3), the fourth row
/// uses 25.
fn used() -> CreditAccount {
    let mut account = an_account();
    for (n, kind) in [(1, Purchased), (2, Subscription), (3, Promotional)] {
        account.give(a_grant(n, kind, 10), NOON);
    }
    assert_eq!(consumed(account.spend(25, NOON)).seq, 4);
    account
}

fn left(account: &CreditAccount) -> [i64; 3] {
    [1, 2, 3].map(|n| account.left_of(n))
}

#[test]
fn all_of_it_returns_to_the_grants_from_which_it_came() {
    let mut account = used();
    let back = refunded(account.refund_row("r", 4, None, 1));
    assert_eq!(touches(&back.touched), [(3, 5), (2, 10), (1, 10)]);
    assert_eq!((back.draw, back.amount, back.balance_after), (4, 25, 30));
    assert_eq!((back.decision, back.seq, back.replayed), (decision_id(8), 5, false));
    assert_eq!(left(&account), [10, 10, 10]);
    assert_eq!(account.rows()[4..], [(GivenBack, 1, 25, 30)]);
    let origin = Origin::Refund { decision: decision_id(8), key: key("r"), draw: 4 };
    assert_eq!(account.last_row().origin, origin);
}

#[test]
fn a_part_returns_last_taken_first_and_later_parts_go_on_from_there() {
    let mut account = used();
    for (name, amount, after) in
        [("a", 2, [0, 0, 7]), ("b", 4, [0, 1, 10]), ("c", 12, [3, 10, 10]), ("d", 7, [10, 10, 10])]
    {
        assert_eq!(refunded(account.refund_row(name, 4, Some(amount), 1)).amount, amount);
        assert_eq!(left(&account), after);
    }
    let none = CreditOutcome::RefundRefused(RefundRefusal::TooMuch(0));
    assert_eq!(account.refund_row("e", 4, Some(1), 2), none);
    assert_eq!(account.refund_row("e", 4, None, 2), none);
}

#[test]
fn several_keys_give_back_no_more_than_was_used() {
    let mut account = used();
    refunded(account.refund_row("a", 4, Some(20), 1));
    let before = account.clone();
    let refused = CreditOutcome::RefundRefused(RefundRefusal::TooMuch(5));
    assert_eq!(account.refund_row("b", 4, Some(6), 1), refused);
    assert_eq!(account, before, "and the key may be used again");
    assert_eq!(refunded(account.refund_row("b", 4, None, 1)).amount, 5);
    assert_eq!(account.balance(), 30);
}

#[test]
fn what_is_no_use_cannot_be_given_back() {
    let mut account = used();
    account.give_away("g", 1, 1);
    let refunded = refunded(account.refund_row("r", 4, Some(1), 1)).seq;
    let before = account.clone();
    // A grant, a transfer, a refund and nothing at all.
    for row in [1, 5, refunded, 99] {
        let refused = CreditOutcome::RefundRefused(RefundRefusal::Unknown);
        assert_eq!(account.refund_row("x", row, None, 2), refused);
    }
    assert_eq!(account, before);
}

#[test]
fn what_cost_nothing_has_nothing_to_give_back() {
    let mut account = used();
    let free = consumed(account.spend(0, NOON)).seq;
    let none = CreditOutcome::RefundRefused(RefundRefusal::TooMuch(0));
    assert_eq!(account.refund_row("r", free, None, 1), none);
}

#[test]
fn a_repeated_refund_gives_back_once_and_answers_the_same() {
    let mut account = used();
    let first = refunded(account.refund_row("r", 4, Some(3), 1));
    let before = account.clone();
    let again = refunded(account.refund_row("r", 4, Some(3), 9));
    assert_eq!(again, Refunded { replayed: true, ..first });
    for other in [a_refund("r", 4, Some(4)), a_refund("r", 4, None), a_refund("r", 3, Some(3))] {
        let outcome = account.apply(&CreditCommand::Refund(other), at(9));
        assert_eq!(outcome, CreditOutcome::KeyReused);
    }
    assert_eq!(account, before);
}

#[test]
fn a_use_is_named_by_its_decision_too() {
    let mut account = used();
    let mut refund = a_refund("r", 0, None);
    refund.draw = DrawRef::Decision(decision_id(7));
    let back = refunded(account.apply(&CreditCommand::Refund(refund), at(1)));
    assert_eq!((back.draw, back.amount), (4, 25));
    let none = CreditOutcome::RefundRefused(RefundRefusal::TooMuch(0));
    assert_eq!(account.refund_row("s", 4, None, 1), none, "either way it is the same use");
}

#[test]
fn a_settled_hold_is_given_back_by_the_hold_and_only_what_was_used() {
    let mut account = an_account();
    account.give(a_grant(1, Purchased, 10), NOON);
    account.give(a_grant(2, Promotional, 10), NOON);
    account.reserve_as(5, 18, 60, 0);
    settled(account.settle_as(5, Some(13), 1));
    let mut refund = a_refund("r", 0, None);
    refund.draw = DrawRef::Decision(decision_id(5));
    let back = refunded(account.apply(&CreditCommand::Refund(refund), at(2)));
    assert_eq!((back.amount, touches(&back.touched)), (13, vec![(2, 3), (1, 10)]));
    assert_eq!((account.balance(), account.held), (20, 0));
}

#[test]
fn a_use_that_is_recorded_is_made_known_to_be_given_back() {
    let mut account = used();
    let row = account.take_pending().entries.pop().unwrap();
    let unknown = CreditOutcome::RefundRefused(RefundRefusal::Unknown);
    assert_eq!(account.refund_row("r", 4, None, 1), unknown);
    account.know_draw(Draw::of(&row, 22).unwrap());
    let back = refunded(account.refund_row("r", 4, None, 1));
    assert_eq!((back.amount, touches(&back.touched)), (3, vec![(1, 3)]));
    account.know_draw(Draw::of(&row, 25).unwrap());
    let none = CreditOutcome::RefundRefused(RefundRefusal::TooMuch(0));
    assert_eq!(account.refund_row("s", 4, None, 1), none);
}

#[test]
fn what_returns_to_an_expired_grant_expires_at_once() {
    let mut account = an_account();
    account.give(between(1, 0, 10, 8), NOON);
    account.spend(5, NOON);
    let back = refunded(account.refund_row("r", 2, None, 30));
    assert_eq!((back.amount, back.balance_after), (5, 5));
    assert_eq!(
        account.rows(),
        [
            (Earned, 0, 8, 8),
            (Used, 0, -5, 3),
            (Expired, 10, -3, 0),
            (GivenBack, 30, 5, 5),
            (Expired, 30, -5, 0)
        ]
    );
    assert_eq!((account.left_of(1), account.next_due_at()), (0, None));
}

#[test]
fn what_was_overdrawn_is_owed_no_more() {
    let mut account = with_overdraft(10);
    account.give(a_grant(1, Purchased, 4), NOON);
    account.spend(10, NOON);
    let back = refunded(account.refund_row("a", 2, Some(5), 1));
    assert_eq!((touches(&back.touched), account.overdrawn, back.balance_after), (vec![], 1, -1));
    let back = refunded(account.refund_row("b", 2, None, 1));
    assert_eq!(
        (touches(&back.touched), account.overdrawn, back.balance_after),
        (vec![(1, 4)], 0, 4)
    );
}

#[test]
fn what_was_overdrawn_and_is_repaid_comes_back_as_a_grant() {
    let mut account = with_overdraft(10);
    account.spend(6, NOON);
    account.give(a_grant(1, Purchased, 4), at(1));
    assert_eq!((account.overdrawn, account.left_of(1)), (2, 0));
    let back = refunded(account.refund_row("r", 1, None, 2));
    assert_eq!((touches(&back.touched), back.balance_after), (vec![(900, 4)], 4));
    assert_eq!(account.overdrawn, 0);
    let grant = account.find(900);
    assert_eq!((grant.kind, grant.amount, grant.remaining), (GrantKind::Adjustment, 4, 4));
    assert_eq!((grant.started, grant.expires_at, grant.starts_at), (true, None, at(2)));
    assert_eq!(grant.source, Source::new(Source::REFUND, decision_id(8).to_string()));
    assert_eq!(account.rows(), [(Used, 0, -6, -6), (Bought, 1, 4, -2), (GivenBack, 2, 6, 4)]);
    assert!(account.take_pending().granted.contains(&grant_id(900)));
}

#[test]
fn what_is_used_and_given_back_at_once_leaves_nothing_behind() {
    let mut account = with_overdraft(3);
    account.give(a_grant(1, Purchased, 4), NOON);
    for round in 0..3 {
        let row = consumed(account.spend(7, NOON)).seq;
        refunded(account.refund_row(&round.to_string(), row, None, 0));
        assert_eq!((account.balance(), account.left_of(1), account.overdrawn), (4, 4, 0));
    }
}
