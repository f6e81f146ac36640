//! What is asked twice is decided once.

use super::*;
use GrantKind::{Promotional, Purchased};

fn ask(account: &mut CreditAccount, consume: &Consume, now: OffsetDateTime) -> CreditOutcome {
    account.apply(&CreditCommand::Consume(consume.clone()), now)
}

#[test]
fn a_repeated_consume_takes_once_and_answers_the_same() {
    let mut account = an_account();
    account.give(a_grant(1, Purchased, 10), NOON);
    let first = consumed(ask(&mut account, &a_consume("k", 2, 3), NOON));
    assert!(!first.replayed);
    let before = account.clone();
    for later in [-5, 0, 5] {
        // A retry gets a new decision id on its way; the first one stands.
        let mut retry = a_consume("k", 2, 3);
        retry.decision = DecisionId(Uuid::max());
        let again = consumed(ask(&mut account, &retry, at(later)));
        assert_eq!(again, Consumed { replayed: true, ..first.clone() });
    }
    assert_eq!(account, before, "nothing changed, nothing to record");
}

#[test]
fn a_key_that_was_used_for_something_else_is_refused() {
    let mut account = an_account();
    account.give(a_grant(1, Purchased, 10), NOON);
    consumed(ask(&mut account, &a_consume("k", 2, 3), NOON));
    let before = account.clone();
    let mut other_event = a_consume("k", 2, 3);
    other_event.event = "data_export".to_owned();
    for other in [other_event, a_consume("k", 1, 3), a_consume("k", 3, 3)] {
        assert_eq!(ask(&mut account, &other, NOON), CreditOutcome::KeyReused);
    }
    assert_eq!(account, before);
    assert!(
        consumed(ask(&mut account, &a_consume("k", 2, 4), NOON)).replayed,
        "a price that changed in between is not another request"
    );
}

#[test]
fn a_denial_is_replayed_even_when_credits_have_arrived() {
    let mut account = an_account();
    let first = denied(ask(&mut account, &a_consume("k", 1, 5), NOON));
    account.give(a_grant(1, Purchased, 10), at(1));
    let again = denied(ask(&mut account, &a_consume("k", 1, 5), at(2)));
    assert_eq!(again, Denied { replayed: true, ..first });
    assert_eq!(account.balance(), 10);
    assert!(!consumed(ask(&mut account, &a_consume("k2", 1, 5), at(2))).replayed);
}

#[test]
fn a_source_gives_once_whatever_else_is_different() {
    let mut account = an_account();
    let first = account.give(a_grant(1, Purchased, 10), NOON);
    assert_eq!(first, CreditOutcome::Granted { id: grant_id(1), already: false });
    let before = account.clone();
    let source = a_grant(1, Purchased, 10).source;
    let again = account.give(NewGrant { source, ..a_grant(2, Promotional, 99) }, at(5));
    assert_eq!(again, CreditOutcome::Granted { id: grant_id(1), already: true });
    assert_eq!(account, before);
}

#[test]
fn a_grant_that_is_known_already_stays_as_it_is() {
    let mut account = an_account();
    account.give(a_grant(1, Purchased, 10), NOON);
    let recorded = account.find(1).clone();
    account.spend(4, NOON);
    account.know_grant(recorded);
    assert_eq!((account.left_of(1), account.grants().len()), (6, 1));
}

#[test]
fn a_decision_is_known_without_being_made_again() {
    let mut account = an_account();
    let made = Denied {
        decision: DecisionId(Uuid::max()),
        required: 5,
        available: 0,
        at: NOON,
        replayed: false,
    };
    let consume = a_consume("k", 1, 5);
    let asked = Asked { what: consume.event.clone(), quantity: 1 };
    let outcome = CreditOutcome::Denied(made.clone());
    account.know_decision(Operation::Consume, consume.key.clone(), asked, outcome);
    account.give(a_grant(1, Purchased, 10), NOON);
    let again = denied(ask(&mut account, &consume, at(9)));
    assert_eq!(again, Denied { replayed: true, ..made });
}

#[test]
fn what_is_decided_is_recorded_with_its_verdict() {
    let mut account = an_account();
    account.give(a_grant(1, Purchased, 10), NOON);
    account.refund_row("none", 1, None, 1);
    ask(&mut account, &a_consume("k", 2, 3), at(1));
    account.reserve_as(2, 5, 90, 2);
    account.reserve_as(3, 4, 90, 3);
    account.refund_row("some", 2, None, 4);
    account.give_away("g", 3, 5);
    let decided: Vec<_> = account
        .take_pending()
        .decided
        .into_iter()
        .map(|it| (it.operation, it.asked.what, it.asked.quantity, it.required, it.verdict))
        .collect();
    let event = || "ai_inference".to_owned();
    let allowed = |seq| Verdict::Allowed { seq };
    assert_eq!(
        decided,
        [
            (Operation::Consume, event(), 2, 6, allowed(2)),
            (Operation::Hold, event(), 5, 5, Verdict::Denied { seq: 2, available: 4 }),
            (Operation::Hold, event(), 4, 4, allowed(3)),
            (Operation::Refund, "2".to_owned(), 0, 6, allowed(4)),
            (Operation::Transfer, a_friend().to_string(), 3, 3, allowed(5)),
        ]
    );
}

#[test]
fn a_key_is_unique_within_its_operation_only() {
    let mut account = an_account();
    account.give(a_grant(1, Purchased, 20), NOON);
    let drawn = consumed(ask(&mut account, &a_consume("k", 1, 5), NOON));
    let mut hold = a_hold(1, 3, 9);
    hold.key = key("k");
    held(account.apply(&CreditCommand::Hold(hold), NOON));
    refunded(account.refund_row("k", drawn.seq, None, 0));
    sent(account.give_away("k", 2, 0));
    assert_eq!((account.balance(), account.held), (18, 3));
}

#[test]
fn what_cannot_be_consumed_is_refused() {
    let consume = |quantity, unit_cost| {
        let consume = Consume::new(decision_id(0), key("k"), "e", quantity, unit_cost);
        consume.map(|consume| consume.cost())
    };
    assert_eq!(consume(3, 25), Ok(75));
    assert_eq!(consume(i64::MAX, 0), Ok(0));
    assert_eq!(consume(1, (1 << 53) - 1), Ok((1 << 53) - 1));
    assert_eq!(consume(0, 1), Err(InvalidConsume::Quantity));
    assert_eq!(consume(-1, 1), Err(InvalidConsume::Quantity));
    assert_eq!(consume(1, 1 << 53), Err(InvalidConsume::TooLarge));
    assert_eq!(consume(i64::MAX, 2), Err(InvalidConsume::TooLarge));
}

#[test]
fn what_cannot_be_given_is_refused() {
    let given = |kind, amount, expires: Option<i64>| {
        let grant = NewGrant { expires_at: expires.map(at), ..a_grant(1, kind, amount) };
        grant.validated().map(|grant| grant.amount)
    };
    assert_eq!(given(Promotional, 1, Some(1)), Ok(1));
    assert_eq!(given(Purchased, (1 << 53) - 1, None), Ok((1 << 53) - 1));
    for amount in [0, -1, 1 << 53] {
        assert_eq!(given(Promotional, amount, None), Err(InvalidGrant::Amount(InvalidCredits)));
    }
    assert_eq!(given(Promotional, 1, Some(0)), Err(InvalidGrant::Expiry));
    assert_eq!(given(Purchased, 1, Some(1)), Err(InvalidGrant::Purchased));
}

#[test]
fn a_key_is_short_and_printable() {
    for good in ["k", "order 7", "~", &"x".repeat(255)] {
        assert_eq!(IdempotencyKey::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", " ", "a\nb", "é", "\u{7f}", &"x".repeat(256)] {
        assert_eq!(IdempotencyKey::parse(bad), Err(InvalidKey), "{bad:?}");
    }
}

#[test]
fn kinds_come_back_from_their_names() {
    for kind in GrantKind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    for kind in EntryKind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    for operation in Operation::ALL {
        assert_eq!(operation.name().parse(), Ok(operation));
    }
    for resolution in Resolution::ALL {
        assert_eq!(resolution.name().parse(), Ok(resolution));
    }
    assert_eq!("gift".parse::<GrantKind>(), Err(UnknownGrantKind("gift".to_owned())));
    assert_eq!("gift".parse::<EntryKind>(), Err(UnknownEntryKind("gift".to_owned())));
    assert_eq!("gift".parse::<Operation>(), Err(UnknownOperation("gift".to_owned())));
    assert_eq!("gift".parse::<Resolution>(), Err(UnknownResolution("gift".to_owned())));
}

#[test]
fn no_credits_or_too_many_cannot_be_held_settled_given_back_or_given_away() {
    for amount in [0, -1, MOST_CREDITS + 1] {
        let hold = NewHold::new(hold_id(1), key("k"), "e", amount, NOON);
        assert_eq!(hold, Err(InvalidCredits));
        assert_eq!(Settle::new(hold_id(1), Some(amount)), Err(InvalidCredits));
        let refund =
            Refund::new(decision_id(1), key("k"), DrawRef::Row(1), Some(amount), grant_id(1));
        assert_eq!(refund, Err(InvalidCredits));
        assert_eq!(Send::new(decision_id(1), key("k"), a_friend(), amount), Err(InvalidCredits));
    }
    assert_eq!(NewHold::cost_of(3, 25), Ok(75));
    assert_eq!(NewHold::cost_of(0, 25), Err(InvalidConsume::Quantity));
    assert_eq!(Settle::new(hold_id(1), None).map(|all| all.amount()), Ok(None));
}
