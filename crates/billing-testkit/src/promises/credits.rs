//! The credit ledger, one command after the other.

use billing_app::{
    Error, Missing,
    ports::{Clock, Page},
};
use billing_domain::{
    credits::{
        Consumed, CreditCommand, CreditOutcome, Denied, EntryKind, GrantKind, NewGrant, Origin,
    },
    id::OrganizationId,
};
use time::Duration;

use super::Promise;
use crate::{
    Stopped, Subject,
    builders::{a_consume, a_fresh_id, a_grant},
};

/// What was used, if it was.
pub(super) fn taken(outcome: &CreditOutcome) -> Option<&Consumed> {
    let CreditOutcome::Consumed(consumed) = outcome else { return None };
    Some(consumed)
}

/// What is there is used, and recorded.
pub async fn credits_are_consumed(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.with_credits(100).await?);
    clock.advance(Duration::MINUTE);
    let asked = a_consume("first", 30);
    let outcome = subject.consume(organization, asked.clone(), clock.now()).await?;
    let consumed = taken(&outcome).expect("there is enough");
    assert_eq!((consumed.cost, consumed.balance_after, consumed.seq), (30, 70, 2));
    assert_eq!((consumed.decision, consumed.replayed), (asked.decision, false));
    let entries = subject.entries(organization).await?;
    let last = entries.last().expect("there are rows");
    assert_eq!((last.seq, last.at, last.kind), (2, clock.now(), EntryKind::Consumed));
    assert_eq!((last.amount, last.balance_after), (-30, 70));
    assert_eq!(last.touched, consumed.touched);
    let origin = Origin::Consume {
        decision: asked.decision,
        key: asked.key,
        event: asked.event,
        quantity: 30,
        unit_cost: 1,
    };
    assert_eq!(last.origin, origin);
    assert_eq!(subject.summary(organization).await?.balance, 70);
    Ok(())
}

/// All or nothing: what is not enough stays as it is.
pub async fn too_few_credits_are_denied(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.with_credits(100).await?);
    let asked = a_consume("much", 101);
    let denied = Denied {
        decision: asked.decision,
        required: 101,
        available: 100,
        at: clock.now(),
        replayed: false,
    };
    let outcome = subject.consume(organization, asked, clock.now()).await?;
    assert_eq!(outcome, CreditOutcome::Denied(denied.clone()));
    assert_eq!(subject.summary(organization).await?.balance, 100);
    assert_eq!(subject.entries(organization).await?.len(), 1);

    // The same key stays denied, though there would be enough now.
    subject.grant(organization, a_grant(), clock.now()).await?;
    clock.advance(Duration::DAY);
    let again = subject.consume(organization, a_consume("much", 101), clock.now()).await?;
    assert_eq!(again, CreditOutcome::Denied(Denied { replayed: true, ..denied }));
    Ok(())
}

/// The same key gets the same answer, and takes nothing again.
pub async fn a_key_is_decided_once(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.with_credits(100).await?);
    let outcome = subject.consume(organization, a_consume("once", 30), clock.now()).await?;
    let first = taken(&outcome).expect("there is enough").clone();
    subject.consume(organization, a_consume("between", 5), clock.now()).await?;
    clock.advance(Duration::days(20));
    for _ in 0..2 {
        let again = subject.consume(organization, a_consume("once", 30), clock.now()).await?;
        let expected = CreditOutcome::Consumed(Consumed { replayed: true, ..first.clone() });
        assert_eq!(again, expected);
    }
    assert_eq!(subject.summary(organization).await?.balance, 65);
    assert_eq!(subject.entries(organization).await?.len(), 3);
    Ok(())
}

/// The same key for something else is refused, and takes nothing.
pub async fn a_key_is_for_one_request(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.with_credits(100).await?);
    subject.consume(organization, a_consume("once", 30), clock.now()).await?;
    subject.consume(organization, a_consume("denied", 300), clock.now()).await?;
    for other in [a_consume("once", 31), a_consume("denied", 1)] {
        let reused = subject.consume(organization, other, clock.now()).await?;
        assert_eq!(reused, CreditOutcome::KeyReused);
    }
    assert_eq!(subject.summary(organization).await?.balance, 70);
    let other = subject.with_credits(100).await?;
    let elsewhere = subject.consume(other, a_consume("once", 31), clock.now()).await?;
    assert!(
        taken(&elsewhere).is_some_and(|consumed| !consumed.replayed),
        "keys are per organization"
    );
    Ok(())
}

/// A source gives once in an organization, whatever it would give the second time.
pub async fn a_source_gives_once(subject: &Subject) -> Promise {
    let (clock, own) = (Stopped::default(), subject.registered().await?);
    let other = subject.registered().await?;
    let first = a_grant();
    let granted = |already| CreditOutcome::Granted { id: first.id, already };
    assert_eq!(subject.grant(own, first.clone(), clock.now()).await?, granted(false));
    subject.consume(own, a_consume("all", 1_000), clock.now()).await?;
    clock.advance(Duration::days(400));
    let second = NewGrant { id: a_fresh_id(), amount: 7, ..first.clone() };
    assert_eq!(subject.grant(own, second.clone(), clock.now()).await?, granted(true));
    assert_eq!(subject.summary(own).await?.balance, 0);
    let elsewhere = subject.grant(other, second.clone(), clock.now()).await?;
    let expected = CreditOutcome::Granted { id: second.id, already: false };
    assert_eq!(elsewhere, expected, "sources are per organization");
    Ok(())
}

/// What is due is booked, dated when it was due, before anything later is decided.
pub async fn what_is_due_is_booked_first(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.registered().await?);
    let end = clock.now() + Duration::hours(10) + Duration::MICROSECOND;
    let ending =
        NewGrant { kind: GrantKind::Promotional, amount: 50, expires_at: Some(end), ..a_grant() };
    let start = clock.now() + Duration::hours(20);
    let starting = NewGrant { amount: 40, starts_at: start, ..a_grant() };
    subject.grant(organization, ending, clock.now()).await?;
    subject.grant(organization, starting, clock.now()).await?;
    assert_eq!(subject.summary(organization).await?.balance, 50, "the second has not started");
    assert_eq!(subject.summary(organization).await?.next_due_at, Some(end));
    clock.advance(Duration::DAY);

    let outcome = subject.consume(organization, a_consume("late", 41), clock.now()).await?;
    let denied = matches!(&outcome, CreditOutcome::Denied(denied) if denied.available == 40);
    assert!(denied, "{outcome:?}");
    let rows: Vec<_> = subject
        .entries(organization)
        .await?
        .into_iter()
        .map(|entry| (entry.kind, entry.at, entry.amount, entry.balance_after))
        .skip(1)
        .collect();
    let expired = (EntryKind::Expired, end, -50, 0);
    let started = (EntryKind::Purchased, start, 40, 40);
    assert_eq!(rows, [expired, started], "booked though the command was denied");
    assert_eq!(subject.summary(organization).await?.next_due_at, None);
    Ok(())
}

/// Whoever has something due is named, until it is booked.
pub async fn the_due_are_named_until_they_are_booked(subject: &Subject) -> Promise {
    let clock = Stopped::default();
    let (now, end) = (clock.now(), clock.now() + Duration::HOUR);
    let mut due: Vec<OrganizationId> = Vec::new();
    for expires_at in [None, Some(end), Some(end), Some(end), Some(end + Duration::hours(2))] {
        let organization = subject.registered().await?;
        let grant = NewGrant { kind: GrantKind::Promotional, expires_at, ..a_grant() };
        subject.grant(organization, grant, now).await?;
        if expires_at == Some(end) {
            due.push(organization);
        }
    }
    assert_eq!(subject.credits.due(end - Duration::MICROSECOND, 10).await?, []);
    clock.advance(Duration::HOUR);
    let mut named = subject.credits.due(clock.now(), 10).await?;
    named.sort();
    assert_eq!(named, due);
    assert_eq!(subject.credits.due(clock.now(), 2).await?.len(), 2);
    for organization in due {
        let booked =
            subject.credits.apply(organization, CreditCommand::BookDue, clock.now()).await?;
        assert_eq!(booked, CreditOutcome::Booked);
        assert_eq!(subject.summary(organization).await?.balance, 0);
    }
    assert_eq!(subject.credits.due(clock.now(), 10).await?, []);
    Ok(())
}

/// Whatever is asked for nobody is not found.
pub async fn nobody_has_no_credits(subject: &Subject) -> Promise {
    let (clock, nobody) = (Stopped::default(), a_fresh_id());
    subject.sell().await?;
    for command in [
        CreditCommand::Consume(a_consume("nobody", 1)),
        CreditCommand::Grant(a_grant()),
        CreditCommand::BookDue,
    ] {
        let alone = subject.credits.apply(nobody, command.clone(), clock.now()).await;
        assert!(matches!(alone, Err(Error::NotFound(Missing::Organization))), "{alone:?}");
        let mut work = subject.engine().await?;
        let inside = work.credits().apply(nobody, &command, clock.now()).await;
        assert!(matches!(inside, Err(Error::NotFound(Missing::Organization))), "{inside:?}");
    }
    Ok(())
}

/// The newest first, after a row's number, of one organization.
pub async fn entries_are_listed_in_pages(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.with_credits(100).await?);
    subject.with_credits(5).await?;
    for n in 0..6 {
        let consume = a_consume(&format!("key {n}"), 1);
        subject.consume(organization, consume, clock.now()).await?;
    }
    let mut listed = Vec::new();
    let mut after = None;
    for _ in 0..10 {
        let page = Page { after, limit: 3 };
        let page = subject.ledger_queries.credit_entries(organization, page).await?;
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(last.seq);
        listed.extend(page.into_iter().map(|entry| (entry.seq, entry.balance_after)));
    }
    assert_eq!(listed, [(7, 94), (6, 95), (5, 96), (4, 97), (3, 98), (2, 99), (1, 100)]);
    Ok(())
}
