//! Reserving credits, and what becomes of it.

use super::*;
use EntryKind::{Consumed as Used, Earned, Expired, Held as Reserved, Released as Returned};
use GrantKind::{Promotional, Purchased, Subscription};

/// Ten purchased credits (1), ten of a subscription (2) and ten promotional ones (3).
fn thirty() -> CreditAccount {
    let mut account = an_account();
    for (n, kind) in [(1, Purchased), (2, Subscription), (3, Promotional)] {
        account.give(a_grant(n, kind, 10), NOON);
    }
    account
}

#[test]
fn a_hold_reserves_from_named_grants_in_the_order_of_draw() {
    let mut account = thirty();
    let reserved = held(account.reserve_as(1, 25, 60, 0));
    assert_eq!(holdings(&reserved.touched), [(1, 10), (2, 10), (3, 5)]);
    assert_eq!(touches(&reserved.touched), [(1, 0), (2, 0), (3, 0)], "nothing is taken yet");
    assert_eq!((reserved.hold, reserved.seq, reserved.amount), (hold_id(1), 4, 25));
    assert_eq!((reserved.until, reserved.replayed), (at(60), false));
    assert_eq!((account.balance(), account.held, account.available()), (30, 25, 5));
    let row = account.last_row();
    assert_eq!((row.kind, row.amount, row.balance_after, row.held_change), (Reserved, 0, 30, 25));
    assert_eq!(account.next_due_at(), Some(at(60)));
}

#[test]
fn what_is_held_cannot_be_drawn_held_or_given_away_by_others() {
    let mut account = thirty();
    held(account.reserve_as(1, 25, 60, 0));
    assert_eq!(denied(account.spend(6, at(1))).available, 5);
    assert_eq!(denied(account.reserve_as(2, 6, 60, 1)).available, 5);
    assert_eq!(denied(account.give_away("g", 6, 1)).available, 5);
    assert_eq!(touches(&consumed(account.spend(5, at(1))).touched), [(3, -5)]);
    assert_eq!(denied(account.spend(1, at(1))).available, 0);
    assert_eq!(settled(account.settle_as(1, None, 2)).balance_after, 0);
}

#[test]
fn all_or_a_part_is_settled_and_the_rest_returns() {
    // settled, of each grant what is left
    for (amount, left) in [(None, [0, 0, 5]), (Some(25), [0, 0, 5]), (Some(12), [0, 8, 10])] {
        let mut account = thirty();
        account.reserve_as(1, 25, 60, 0);
        let used = settled(account.settle_as(1, amount, 9));
        let wanted = amount.unwrap_or(25);
        assert_eq!((used.settled, used.returned), (wanted, 25 - wanted));
        assert_eq!((used.hold, used.seq, used.replayed), (hold_id(1), 5, false));
        assert_eq!(used.balance_after, 30 - wanted);
        assert_eq!([1, 2, 3].map(|n| account.left_of(n)), left);
        assert_eq!([1, 2, 3].map(|n| account.held_of(n)), [0; 3]);
        assert_eq!((account.held, account.available()), (0, 30 - wanted));
        let row = account.last_row();
        assert_eq!((row.kind, row.amount, row.held_change), (Used, -wanted, -25));
        assert_eq!(account.next_due_at(), None);
    }
}

#[test]
fn more_than_is_held_is_refused_and_the_hold_stays() {
    let mut account = thirty();
    account.reserve_as(1, 25, 60, 0);
    let before = account.clone();
    let refused = account.settle_as(1, Some(26), 9);
    assert_eq!(refused, CreditOutcome::HoldRefused(HoldRefusal::TooMuch(25)));
    assert_eq!(account, before);
}

#[test]
fn a_hold_that_nobody_made_is_refused() {
    let mut account = thirty();
    let before = account.clone();
    let unknown = CreditOutcome::HoldRefused(HoldRefusal::Unknown);
    assert_eq!((account.settle_as(1, None, 0), account.let_go(1, 0)), (unknown.clone(), unknown));
    assert_eq!(account, before);
}

#[test]
fn a_hold_resolves_once() {
    type Resolve = fn(&mut CreditAccount) -> CreditOutcome;
    let settle_12: Resolve = |account| account.settle_as(1, Some(12), 5);
    let settle_all: Resolve = |account| account.settle_as(1, None, 5);
    let let_go: Resolve = |account| account.let_go(1, 5);
    let time_out: Resolve = |account| {
        account.book(at(60));
        account.let_go(1, 60)
    };
    let timed_out = HoldRefusal::TimedOut(at(60));
    // First this, then that, and then that is refused; nothing where it is the same again.
    for (first, then, refusal) in [
        (settle_12, settle_12, None),
        (settle_12, settle_all, Some(HoldRefusal::Settled(12))),
        (settle_12, let_go, Some(HoldRefusal::Settled(12))),
        (settle_all, settle_all, None),
        (settle_all, settle_12, Some(HoldRefusal::Settled(25))),
        (let_go, let_go, None),
        (let_go, settle_all, Some(HoldRefusal::Released)),
        (time_out, settle_12, Some(timed_out)),
        (time_out, let_go, Some(timed_out)),
    ] {
        let mut account = thirty();
        account.reserve_as(1, 25, 60, 0);
        let resolved = first(&mut account);
        let before = account.clone();
        let again = then(&mut account);
        assert_eq!(account, before, "nothing changed");
        match refusal {
            Some(refusal) => assert_eq!(again, CreditOutcome::HoldRefused(refusal)),
            None => assert_eq!(again, replayed(resolved)),
        }
    }
}

/// The same answer, as it is given again.
fn replayed(outcome: CreditOutcome) -> CreditOutcome {
    if let CreditOutcome::Settled(first) = outcome {
        return CreditOutcome::Settled(Settled { replayed: true, ..first });
    }
    CreditOutcome::Released(Released { replayed: true, ..released(outcome) })
}

#[test]
fn what_is_settled_twice_has_the_balance_of_the_first_time() {
    let mut account = thirty();
    account.reserve_as(1, 25, 60, 0);
    let first = settled(account.settle_as(1, None, 1));
    account.spend(3, at(2));
    let again = settled(account.settle_as(1, Some(25), 3));
    assert_eq!(again, Settled { replayed: true, ..first });
}

#[test]
fn what_is_released_is_free_again() {
    let mut account = thirty();
    account.reserve_as(1, 25, 60, 0);
    let back = released(account.let_go(1, 9));
    assert_eq!((back.hold, back.seq, back.returned), (hold_id(1), 5, 25));
    let row = account.last_row();
    assert_eq!((row.kind, row.amount, row.held_change), (Returned, 0, -25));
    assert_eq!(holdings(&row.touched), [(1, -10), (2, -10), (3, -5)]);
    assert_eq!(row.origin, Origin::Release(hold_id(1)));
    assert_eq!(consumed(account.spend(30, at(9))).balance_after, 0);
}

#[test]
fn a_hold_times_out_when_it_was_due_however_late_someone_comes() {
    let mut account = thirty();
    account.reserve_as(1, 25, 60, 0);
    consumed(account.spend(30, at(99)));
    assert_eq!(account.rows()[4..], [(Returned, 60, 0, 30), (Used, 99, -30, 0)]);
    assert_eq!(account.pending.entries[4].origin, Origin::TimeOut(hold_id(1)));
    let state = account.holds().next().unwrap().state;
    let resolved =
        HoldState::Resolved { how: Resolution::TimedOut, settled: 0, seq: 5, balance_after: 30 };
    assert_eq!(state, resolved);
}

#[test]
fn a_hold_is_settled_strictly_before_its_end() {
    for (now, in_time) in [(at(60) - Duration::NANOSECOND, true), (at(60), false)] {
        let mut account = thirty();
        account.reserve_as(1, 25, 60, 0);
        let settle = CreditCommand::Settle(Settle::new(hold_id(1), None).unwrap());
        let outcome = account.apply(&settle, now);
        assert_eq!(matches!(outcome, CreditOutcome::Settled(_)), in_time);
        assert_eq!(outcome == CreditOutcome::HoldRefused(HoldRefusal::TimedOut(at(60))), !in_time);
    }
}

#[test]
fn what_is_held_can_be_settled_after_its_grant_expired() {
    let mut account = an_account();
    account.give(between(1, 0, 10, 8), NOON);
    account.reserve_as(1, 5, 60, 0);
    account.book(at(20));
    assert_eq!((account.left_of(1), account.held_of(1)), (5, 5), "only what was free is lost");
    assert_eq!(
        (account.balance(), account.available(), account.next_due_at()),
        (5, 0, Some(at(60)))
    );
    assert_eq!(settled(account.settle_as(1, None, 30)).balance_after, 0);
    assert_eq!(
        account.rows(),
        [(Earned, 0, 8, 8), (Reserved, 0, 0, 8), (Expired, 10, -3, 5), (Used, 30, -5, 0)]
    );
}

#[test]
fn what_returns_to_a_grant_that_expired_is_lost_at_once() {
    type Resolve = fn(&mut CreditAccount);
    // How it returns, when, and how much of the five.
    let settle: Resolve =
        |account| assert_eq!(settled(account.settle_as(1, Some(2), 30)).returned, 3);
    let let_go: Resolve = |account| assert_eq!(released(account.let_go(1, 30)).returned, 5);
    let time_out: Resolve = |account| account.book(at(99));
    for (resolve, date, lost) in [(settle, 30, 3), (let_go, 30, 5), (time_out, 60, 5)] {
        let mut account = an_account();
        account.give(between(1, 0, 10, 8), NOON);
        account.reserve_as(1, 5, 60, 0);
        resolve(&mut account);
        let rows = account.rows();
        assert_eq!(rows[rows.len() - 1], (Expired, date, -lost, 0));
        assert_eq!((account.left_of(1), account.next_due_at()), (0, None));
    }
}

#[test]
fn a_hold_may_use_the_overdraft_up_to_its_limit() {
    let mut account = with_overdraft(5);
    account.give(a_grant(1, Purchased, 10), NOON);
    assert_eq!(denied(account.reserve_as(1, 16, 60, 0)).available, 15);
    let reserved = held(account.reserve_as(2, 13, 60, 0));
    assert_eq!(holdings(&reserved.touched), [(1, 10)], "three are of the overdraft");
    assert_eq!((account.balance(), account.held, account.available()), (10, 13, 2));
    let used = settled(account.settle_as(2, Some(11), 1));
    assert_eq!((used.balance_after, account.overdrawn, account.available()), (-1, 1, 4));
}

#[test]
fn what_is_held_of_the_overdraft_is_taken_from_free_grants_first() {
    let mut account = with_overdraft(9);
    account.give(a_grant(1, Purchased, 4), NOON);
    account.reserve_as(1, 10, 60, 0);
    account.give(a_grant(2, Promotional, 5), at(1));
    let used = settled(account.settle_as(1, None, 2));
    let row = account.last_row();
    assert_eq!(touches(&row.touched), [(1, -4), (2, -5)]);
    assert_eq!(holdings(&row.touched), [(1, -4), (2, 0)]);
    assert_eq!((row.amount, row.overdrawn_change, row.held_change), (-10, 1, -10));
    assert_eq!((used.balance_after, account.overdrawn), (-1, 1));
}

#[test]
fn what_is_held_of_the_overdraft_returns_to_nobody() {
    let mut account = with_overdraft(9);
    account.reserve_as(1, 7, 60, 0);
    assert_eq!((account.held, account.available()), (7, 2));
    released(account.let_go(1, 1));
    assert_eq!((account.held, account.available(), account.balance()), (0, 9, 0));
}

#[test]
fn a_repeated_hold_reserves_once_and_answers_the_same() {
    let mut account = thirty();
    let first = held(account.reserve_as(1, 25, 60, 0));
    let before = account.clone();
    let mut retry = a_hold(1, 25, 70);
    retry.id = hold_id(99);
    let again = held(account.apply(&CreditCommand::Hold(retry.clone()), at(5)));
    assert_eq!(again, Held { replayed: true, ..first.clone() });
    assert_eq!(account, before);
    account.let_go(1, 6);
    let again = held(account.apply(&CreditCommand::Hold(retry), at(7)));
    assert_eq!(again, Held { replayed: true, ..first }, "also when it is resolved");
}

#[test]
fn a_key_of_another_hold_is_refused() {
    let mut account = thirty();
    account.reserve_as(1, 25, 60, 0);
    let before = account.clone();
    let mut other_event = a_hold(1, 25, 60);
    other_event.event = "data_export".to_owned();
    for other in [other_event, a_hold(1, 24, 60)] {
        let outcome = account.apply(&CreditCommand::Hold(other), NOON);
        assert_eq!(outcome, CreditOutcome::KeyReused);
    }
    assert_eq!(account, before);
}

#[test]
fn a_denied_hold_is_replayed_even_when_credits_have_arrived() {
    let mut account = an_account();
    let first = denied(account.reserve_as(1, 5, 60, 0));
    assert_eq!((first.decision, first.required, first.available), (decision_id(1), 5, 0));
    account.give(a_grant(1, Purchased, 10), at(1));
    let again = denied(account.reserve_as(1, 5, 60, 2));
    assert_eq!(again, Denied { replayed: true, ..first });
    assert_eq!((account.held, account.holds().count()), (0, 0));
}

#[test]
fn a_hold_is_recorded_as_new_or_as_resolved_but_not_as_both() {
    let mut account = thirty();
    account.reserve_as(1, 5, 60, 0);
    account.reserve_as(2, 5, 60, 0);
    account.let_go(1, 1);
    let first = account.take_pending();
    assert_eq!((first.held.len(), first.resolved.len()), (2, 0));
    account.settle_as(2, None, 2);
    let second = account.take_pending();
    assert_eq!((second.held.len(), second.resolved.len(), second.changed.len()), (0, 1, 1));
}
