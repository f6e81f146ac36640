//! Credits that are reserved, and what becomes of them.

use billing_app::ports::Clock;
use billing_domain::{
    credits::{
        CreditOutcome, Denied, EntryKind, Held, HoldRefusal, NewGrant, Origin, Released, Settled,
    },
    id::HoldId,
};
use time::Duration;

use super::{Promise, credits::taken};
use crate::{
    NOON, Stopped, Subject,
    builders::{a_consume, a_fresh_id, a_grant, a_hold},
};

/// What is held is still owned, and nobody else can use it.
pub async fn a_hold_reserves_credits(subject: &Subject) -> Promise {
    let organization = subject.with_credits(100).await?;
    let asked = a_hold("first", 70);
    let held = subject.held(organization, asked.clone(), NOON).await?;
    assert_eq!((held.hold, held.seq, held.amount), (asked.id, 2, 70));
    assert_eq!((held.until, held.replayed), (asked.until, false));
    let summary = subject.summary(organization).await?;
    assert_eq!((summary.balance, summary.held, summary.available()), (100, 70, 30));
    assert_eq!(summary.next_due_at, Some(asked.until));
    let grant = summary.grants.first().expect("it has something left");
    assert_eq!((grant.remaining, grant.held), (100, 70));

    let outcome = subject.consume(organization, a_consume("much", 31), NOON).await?;
    let denied = matches!(&outcome, CreditOutcome::Denied(denied) if denied.available == 30);
    assert!(denied, "{outcome:?}");
    let outcome = subject.hold(organization, a_hold("more", 31), NOON).await?;
    let denied = matches!(&outcome, CreditOutcome::Denied(denied) if denied.available == 30);
    assert!(denied, "{outcome:?}");
    let outcome = subject.consume(organization, a_consume("rest", 30), NOON).await?;
    assert!(taken(&outcome).is_some_and(|it| it.balance_after == 70), "{outcome:?}");
    let rows = subject.entries(organization).await?;
    let row = rows.get(1).expect("the hold is a row");
    assert_eq!((row.kind, row.amount, row.balance_after), (EntryKind::Held, 0, 100));
    assert_eq!((row.held_change, &row.touched), (70, &held.touched));
    subject.all_holds().await
}

/// What is settled is used, and the rest returns; once, and again with the same answer.
pub async fn a_hold_is_settled_for_a_part_of_it(subject: &Subject) -> Promise {
    let organization = subject.with_credits(100).await?;
    let hold = subject.held(organization, a_hold("it", 70), NOON).await?.hold;
    let outcome = subject.settle(organization, (hold, Some(20)), NOON).await?;
    let settled =
        Settled { hold, seq: 3, settled: 20, returned: 50, balance_after: 80, replayed: false };
    assert_eq!(outcome, CreditOutcome::Settled(settled));
    let summary = subject.summary(organization).await?;
    assert_eq!((summary.balance, summary.held, summary.next_due_at), (80, 0, None));
    subject.consume(organization, a_consume("between", 1), NOON).await?;

    let again = subject.settle(organization, (hold, Some(20)), NOON).await?;
    assert_eq!(again, CreditOutcome::Settled(Settled { replayed: true, ..settled }));
    let other = HoldRefusal::Settled(20);
    for amount in [Some(21), Some(70), None] {
        let outcome = subject.settle(organization, (hold, amount), NOON).await?;
        assert_eq!(outcome, CreditOutcome::HoldRefused(other));
    }
    let outcome = subject.release(organization, hold, NOON).await?;
    assert_eq!(outcome, CreditOutcome::HoldRefused(other));
    assert_eq!(subject.summary(organization).await?.balance, 79);
    assert_eq!(subject.entries(organization).await?.len(), 4);
    subject.all_holds().await
}

/// All of it by default, and never more than all of it.
pub async fn no_more_is_settled_than_is_held(subject: &Subject) -> Promise {
    let organization = subject.with_credits(100).await?;
    let hold = subject.held(organization, a_hold("it", 70), NOON).await?.hold;
    let outcome = subject.settle(organization, (hold, Some(71)), NOON).await?;
    assert_eq!(outcome, CreditOutcome::HoldRefused(HoldRefusal::TooMuch(70)));
    assert_eq!(subject.summary(organization).await?.held, 70);
    let settled =
        Settled { hold, seq: 3, settled: 70, returned: 0, balance_after: 30, replayed: false };
    let outcome = subject.settle(organization, (hold, None), NOON).await?;
    assert_eq!(outcome, CreditOutcome::Settled(settled));
    let outcome = subject.settle(organization, (hold, Some(70)), NOON).await?;
    assert_eq!(outcome, CreditOutcome::Settled(Settled { replayed: true, ..settled }));
    subject.all_holds().await
}

/// What is released returns; once, and again with the same answer.
pub async fn a_hold_is_released_once(subject: &Subject) -> Promise {
    let organization = subject.with_credits(100).await?;
    let hold = subject.held(organization, a_hold("it", 70), NOON).await?.hold;
    let released = Released { hold, seq: 3, returned: 70, replayed: false };
    let outcome = subject.release(organization, hold, NOON).await?;
    assert_eq!(outcome, CreditOutcome::Released(released));
    let outcome = subject.release(organization, hold, NOON).await?;
    assert_eq!(outcome, CreditOutcome::Released(Released { replayed: true, ..released }));
    let outcome = subject.settle(organization, (hold, Some(1)), NOON).await?;
    assert_eq!(outcome, CreditOutcome::HoldRefused(HoldRefusal::Released));
    let summary = subject.summary(organization).await?;
    assert_eq!((summary.balance, summary.held, summary.available()), (100, 0, 100));
    assert_eq!(subject.entries(organization).await?.len(), 3);
    subject.all_holds().await
}

/// A hold that nobody resolves returns at its time, whoever looks first and however late.
pub async fn a_hold_times_out(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.with_credits(100).await?);
    let asked = a_hold("it", 70);
    let hold = subject.held(organization, asked.clone(), NOON).await?.hold;
    clock.advance(Duration::HOUR - Duration::MICROSECOND);
    assert_eq!(subject.credits.due(clock.now(), 10).await?, []);
    clock.advance(Duration::MICROSECOND);
    assert_eq!(subject.credits.due(clock.now(), 10).await?, [organization]);
    clock.advance(Duration::DAY);
    let outcome = subject.consume(organization, a_consume("late", 100), clock.now()).await?;
    assert!(taken(&outcome).is_some(), "it has returned: {outcome:?}");
    let rows = subject.entries(organization).await?;
    let row = rows.get(2).expect("the time-out is a row");
    assert_eq!((row.kind, row.at, row.held_change), (EntryKind::Released, asked.until, -70));
    assert_eq!(row.origin, Origin::TimeOut(hold));
    for outcome in [
        subject.settle(organization, (hold, None), clock.now()).await?,
        subject.release(organization, hold, clock.now()).await?,
    ] {
        assert_eq!(outcome, CreditOutcome::HoldRefused(HoldRefusal::TimedOut(asked.until)));
    }
    assert_eq!(subject.credits.due(clock.now(), 10).await?, []);
    subject.all_holds().await
}

/// Of several holds the next to time out is known, whatever becomes of the others.
pub async fn the_next_hold_to_time_out_is_known(subject: &Subject) -> Promise {
    let organization = subject.with_credits(1_000).await?;
    let until = |minutes| NOON + Duration::minutes(minutes);
    let mut holds = Vec::new();
    for minutes in [30, 10, 50, 20, 40] {
        let key = format!("for {minutes} minutes");
        let mut asked = a_hold(&key, 10);
        asked.until = until(minutes);
        holds.push(subject.held(organization, asked, NOON).await?.hold);
    }
    let [third, first, _, second, fourth] = holds[..] else { panic!("five are held") };
    let due = async || subject.summary(organization).await.map(|summary| summary.next_due_at);
    assert_eq!(due().await?, Some(until(10)));
    subject.settle(organization, (first, Some(1)), NOON).await?;
    assert_eq!(due().await?, Some(until(20)));
    subject.release(organization, third, NOON).await?;
    assert_eq!(due().await?, Some(until(20)));
    subject.book(organization, until(20)).await?;
    assert_eq!(due().await?, Some(until(40)), "the third is released, the second timed out");
    let outcome = subject.release(organization, second, until(20)).await?;
    assert_eq!(outcome, CreditOutcome::HoldRefused(HoldRefusal::TimedOut(until(20))));
    // Two at once, in one unit.
    let mut work = subject.on_behalf_of(organization).await?;
    let release = billing_domain::credits::CreditCommand::Release(fourth);
    work.credits().apply(organization, &release, until(20)).await?;
    work.commit().await?;
    assert_eq!(due().await?, Some(until(50)));
    subject.book(organization, until(60)).await?;
    assert_eq!(due().await?, None);
    let summary = subject.summary(organization).await?;
    assert_eq!((summary.balance, summary.held), (999, 0));
    subject.all_holds().await
}

/// Whoever comes too early changes nothing.
pub async fn who_comes_too_early_books_nothing(subject: &Subject) -> Promise {
    let organization = subject.with_credits(100).await?;
    let asked = a_hold("it", 70);
    subject.held(organization, asked.clone(), NOON).await?;
    let before = subject.summary(organization).await?;
    for _ in 0..2 {
        subject.book(organization, asked.until - Duration::MICROSECOND).await?;
    }
    assert_eq!(subject.summary(organization).await?, before);
    assert_eq!(before.next_due_at, Some(asked.until));
    assert_eq!(subject.entries(organization).await?.len(), 2);
    subject.all_holds().await
}

/// A key of a hold is decided once, a denial included; the same key of a use is another.
pub async fn a_key_of_a_hold_is_decided_once(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.with_credits(100).await?);
    let first = subject.held(organization, a_hold("once", 70), NOON).await?;
    let asked = a_hold("denied", 31);
    let outcome = subject.hold(organization, asked.clone(), NOON).await?;
    let (required, available, at) = (31, 30, NOON);
    let decision = asked.id.0.into();
    let denied = Denied { decision, required, available, at, replayed: false };
    assert_eq!(outcome, CreditOutcome::Denied(denied.clone()));
    subject.settle(organization, (first.hold, Some(1)), NOON).await?;
    clock.advance(Duration::days(20));
    for _ in 0..2 {
        let again = subject.hold(organization, a_hold("once", 70), clock.now()).await?;
        assert_eq!(again, CreditOutcome::Held(Held { replayed: true, ..first.clone() }));
        let again = subject.hold(organization, a_hold("denied", 31), clock.now()).await?;
        assert_eq!(again, CreditOutcome::Denied(Denied { replayed: true, ..denied.clone() }));
    }
    let mut other = a_hold("once", 70);
    "ai_inference".clone_into(&mut other.event);
    for other in [a_hold("once", 69), a_hold("denied", 30), other] {
        let outcome = subject.hold(organization, other, clock.now()).await?;
        assert_eq!(outcome, CreditOutcome::KeyReused);
    }
    let outcome = subject.consume(organization, a_consume("once", 5), clock.now()).await?;
    assert!(taken(&outcome).is_some_and(|it| !it.replayed), "another operation: {outcome:?}");
    assert_eq!(subject.summary(organization).await?.balance, 94);
    assert_eq!(subject.entries(organization).await?.len(), 4);
    subject.all_holds().await
}

/// A hold is known to the one whose it is, and to nobody else.
pub async fn a_hold_is_nobody_elses(subject: &Subject) -> Promise {
    let (own, other) = (subject.with_credits(100).await?, subject.with_credits(100).await?);
    let hold = subject.held(own, a_hold("it", 70), NOON).await?.hold;
    for (organization, hold) in [(other, hold), (own, a_fresh_id::<HoldId>())] {
        for outcome in [
            subject.settle(organization, (hold, None), NOON).await?,
            subject.release(organization, hold, NOON).await?,
        ] {
            assert_eq!(outcome, CreditOutcome::HoldRefused(HoldRefusal::Unknown));
        }
    }
    assert_eq!(subject.summary(own).await?.held, 70);
    assert_eq!(subject.summary(other).await?.balance, 100);
    subject.all_holds().await
}

/// What is held outlives the end of its grant, and what returns then is lost.
pub async fn what_is_held_can_be_settled_after_its_grant_has_ended(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.registered().await?);
    let kind = billing_domain::credits::GrantKind::Promotional;
    let end = NOON + Duration::minutes(10);
    let grant = NewGrant { kind, amount: 100, expires_at: Some(end), ..a_grant() };
    subject.grant(organization, grant, NOON).await?;
    let hold = subject.held(organization, a_hold("it", 70), NOON).await?.hold;
    clock.advance(Duration::minutes(20));
    let outcome = subject.settle(organization, (hold, Some(60)), clock.now()).await?;
    let CreditOutcome::Settled(settled) = outcome else { panic!("{outcome:?}") };
    assert_eq!((settled.settled, settled.returned), (60, 10));
    let rows = subject.entries(organization).await?;
    let rows: Vec<_> = rows.iter().skip(2).map(|row| (row.kind, row.at, row.amount)).collect();
    let now = clock.now();
    let [lost, used, rest] = [
        (EntryKind::Expired, end, -30),
        (EntryKind::Consumed, now, -60),
        (EntryKind::Expired, now, -10),
    ];
    assert_eq!(rows, [lost, used, rest]);
    let summary = subject.summary(organization).await?;
    assert_eq!((summary.balance, summary.held, summary.next_due_at), (0, 0, None));
    subject.all_holds().await
}
