//! Credits that one organization gives to another.

use std::sync::Arc;

use billing_app::{
    Error, Missing,
    ports::{Clock, Scope},
};
use billing_domain::{
    credits::{
        CreditCommand, CreditOutcome, Denied, EntryKind, GrantKind, NewGrant, Origin, Sent, Source,
    },
    id::{GrantId, OrganizationId},
};
use time::Duration;

use super::{Promise, credits::taken, stage::at_once};
use crate::{
    NOON, Stopped, Subject,
    builders::{a_consume, a_fresh_id, a_grant, a_hold, a_transfer},
};

fn given(outcome: CreditOutcome) -> Sent {
    let CreditOutcome::Sent(sent) = outcome else { panic!("not given: {outcome:?}") };
    sent
}

/// Both accounts change, and what is given keeps its kind and its end.
pub async fn credits_change_hands(subject: &Subject) -> Promise {
    let (from, to) = (subject.with_credits(60).await?, subject.with_credits(5).await?);
    let end = NOON + Duration::DAY;
    let ending =
        NewGrant { kind: GrantKind::Promotional, amount: 40, expires_at: Some(end), ..a_grant() };
    subject.grant(from, ending, NOON).await?;
    let asked = a_transfer("gift", to, 80);
    let sent = given(subject.transfer(from, asked.clone(), NOON).await?);
    assert_eq!((sent.decision, sent.seq, sent.amount), (asked.decision, 3, 80));
    assert_eq!((sent.balance_after, sent.replayed), (20, false));

    let rows = subject.entries(from).await?;
    let row = rows.last().expect("there are rows");
    assert_eq!((row.kind, row.amount, row.balance_after), (EntryKind::Transferred, -80, 20));
    let decision = asked.decision;
    assert_eq!(row.origin, Origin::Transfer { decision, key: asked.key, to });

    let rows = subject.entries(to).await?;
    let rows: Vec<_> = rows.iter().skip(1).map(|row| (row.kind, row.amount, &row.origin)).collect();
    let source = |n: u8| Origin::Grant(Source::new(Source::TRANSFER, format!("{decision}:{n}")));
    let (one, two) = (source(1), source(2));
    let mut expected = [(EntryKind::Transferred, 60, &one), (EntryKind::Transferred, 20, &two)];
    if rows.first().is_some_and(|(_, amount, _)| *amount == 20) {
        // Both start at the same instant, in the order of their ids.
        expected.reverse();
    }
    assert_eq!(rows, expected);
    let summary = subject.summary(to).await?;
    let mut grants: Vec<_> =
        summary.grants.iter().map(|it| (it.kind, it.amount, it.expires_at)).collect();
    grants.sort();
    let (bought, gift) = (GrantKind::Purchased, GrantKind::Promotional);
    assert_eq!(grants, [(bought, 5, None), (bought, 60, None), (gift, 20, Some(end))]);
    assert_eq!(summary.balance, 85);
    subject.all_holds().await
}

/// Nobody gives away what is held or owed, or more than there is; a denial stays.
pub async fn only_what_is_ones_own_is_given(subject: &Subject) -> Promise {
    let (clock, from) = (Stopped::default(), subject.with_credits(100).await?);
    let to = subject.registered().await?;
    subject.allow(from, 1_000).await?;
    subject.held(from, a_hold("it", 30), NOON).await?;
    let asked = a_transfer("gift", to, 71);
    let decision = asked.decision;
    let (required, available, at) = (71, 70, NOON);
    let denied = Denied { decision, required, available, at, replayed: false };
    let outcome = subject.transfer(from, asked, NOON).await?;
    assert_eq!(outcome, CreditOutcome::Denied(denied.clone()));
    subject.grant(from, a_grant(), NOON).await?;
    clock.advance(Duration::MINUTE);
    let again = subject.transfer(from, a_transfer("gift", to, 71), clock.now()).await?;
    assert_eq!(again, CreditOutcome::Denied(Denied { replayed: true, ..denied }));
    assert_eq!(subject.entries(to).await?, []);
    let all = given(subject.transfer(from, a_transfer("all", to, 1_070), clock.now()).await?);
    assert_eq!(all.balance_after, 30);
    subject.all_holds().await
}

/// The same key gives once, and is for one request.
pub async fn a_key_gives_to_another_once(subject: &Subject) -> Promise {
    let (clock, from) = (Stopped::default(), subject.with_credits(100).await?);
    let (to, other) = subject.two_registered().await?;
    let sent = given(subject.transfer(from, a_transfer("gift", to, 30), NOON).await?);
    clock.advance(Duration::days(20));
    for _ in 0..2 {
        let again = subject.transfer(from, a_transfer("gift", to, 30), clock.now()).await?;
        let again = given(again);
        assert!(again.taken.is_empty(), "nothing is given again");
        assert_eq!(again, Sent { replayed: true, taken: Vec::new(), ..sent.clone() });
    }
    for asked in [a_transfer("gift", to, 31), a_transfer("gift", other, 30)] {
        let outcome = subject.transfer(from, asked, clock.now()).await?;
        assert_eq!(outcome, CreditOutcome::KeyReused);
    }
    let back = given(subject.transfer(to, a_transfer("gift", from, 30), clock.now()).await?);
    assert!(!back.replayed, "keys are of the one who gives");
    assert_eq!(subject.summary(from).await?.balance, 100);
    assert_eq!((subject.summary(to).await?.balance, subject.entries(to).await?.len()), (0, 2));
    assert_eq!(subject.entries(other).await?, []);
    subject.all_holds().await
}

/// Where one of the two is unknown nothing happens.
pub async fn nobody_gives_and_nobody_receives(subject: &Subject) -> Promise {
    let (from, nobody) = (subject.with_credits(100).await?, a_fresh_id::<OrganizationId>());
    for (giver, receiver) in [(from, nobody), (nobody, from)] {
        let outcome = subject.transfer(giver, a_transfer("gift", receiver, 30), NOON).await;
        assert!(matches!(outcome, Err(Error::NotFound(Missing::Organization))), "{outcome:?}");
    }
    assert_eq!(subject.entries(from).await?.len(), 1);
    let to = subject.registered().await?;
    let sent = given(subject.transfer(from, a_transfer("gift", to, 30), NOON).await?);
    assert!(!sent.replayed, "the key is still free");
    subject.all_holds().await
}

/// A unit that is dropped has given nothing, and its key is free.
pub async fn an_abandoned_unit_gives_nothing(subject: &Subject) -> Promise {
    let (from, to) = (subject.with_credits(100).await?, subject.registered().await?);
    let new_grant = || a_fresh_id::<GrantId>();
    let mut work = subject.engine().await?;
    let asked = a_transfer("gift", to, 30);
    given(work.credits().transfer(from, &asked, &new_grant, NOON).await?);
    let outcome =
        work.credits().apply(to, &CreditCommand::Consume(a_consume("it", 30)), NOON).await?;
    assert!(taken(&outcome).is_some(), "the unit sees what it did: {outcome:?}");
    drop(work);
    assert_eq!(subject.summary(from).await?.balance, 100);
    assert_eq!(subject.entries(to).await?, []);
    let sent = given(subject.transfer(from, a_transfer("gift", to, 40), NOON).await?);
    assert_eq!((sent.replayed, subject.summary(to).await?.balance), (false, 40));
    subject.all_holds().await
}

/// What is given to one who owes repays the debt first.
pub async fn what_is_given_repays_what_is_owed(subject: &Subject) -> Promise {
    let (from, to) = (subject.with_credits(100).await?, subject.registered().await?);
    subject.allow(to, 50).await?;
    subject.consume(to, a_consume("it", 50), NOON).await?;
    given(subject.transfer(from, a_transfer("gift", to, 60), NOON).await?);
    let summary = subject.summary(to).await?;
    assert_eq!((summary.balance, summary.overdrawn), (10, 0));
    subject.all_holds().await
}

/// Transfers that cross each other all come to an end, and nothing is lost on the way.
pub async fn transfers_cross_each_other(subject: &Subject) -> Promise {
    let (a, b) = (subject.with_credits(1_000).await?, subject.with_credits(1_000).await?);
    let tasks = (0..24).map(|n| {
        let (from, to) = if n % 2 == 0 { (a, b) } else { (b, a) };
        let store = Arc::clone(&subject.store);
        async move {
            let mut work = store.begin(Scope::Engine).await?;
            let asked = a_transfer(&format!("gift {n}"), to, 10 + n / 2);
            let new_grant = || a_fresh_id::<GrantId>();
            let outcome = work.credits().transfer(from, &asked, &new_grant, NOON).await?;
            work.commit().await?;
            Ok::<_, Error>(outcome)
        }
    });
    for outcome in at_once(tasks).await {
        assert!(!given(outcome?).replayed);
    }
    for organization in [a, b] {
        assert_eq!(subject.summary(organization).await?.balance, 1_000);
    }
    subject.all_holds().await
}
