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
fn a_source_is_known_without_its_grant() {
    let mut account = an_account();
    account.know_source(a_grant(1, Purchased, 10).source, grant_id(1));
    let outcome = account.give(a_grant(1, Purchased, 10), NOON);
    assert_eq!(outcome, CreditOutcome::Granted { id: grant_id(1), already: true });
    assert_eq!((account.balance(), account.take_pending()), (0, Pending::default()));
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
    let asked = a_consume("k", 1, 5);
    let (key, event) = (asked.key.clone(), asked.event.clone());
    account.know_decision(key, event, 1, CreditOutcome::Denied(made.clone()));
    account.give(a_grant(1, Purchased, 10), NOON);
    let again = denied(ask(&mut account, &asked, at(9)));
    assert_eq!(again, Denied { replayed: true, ..made });
}

#[test]
fn what_cannot_be_consumed_is_refused() {
    let consume = |quantity, unit_cost| {
        let key = IdempotencyKey::parse("k").unwrap();
        Consume::new(DecisionId(Uuid::nil()), key, "e", quantity, unit_cost).map(|c| c.cost())
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
        assert_eq!(given(Promotional, amount, None), Err(InvalidGrant::Amount));
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
    assert_eq!("gift".parse::<GrantKind>(), Err(UnknownGrantKind("gift".to_owned())));
    assert_eq!("gift".parse::<EntryKind>(), Err(UnknownEntryKind("gift".to_owned())));
}
