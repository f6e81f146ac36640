//! Holds under many commands at once: each of them resolves once.

use std::sync::Arc;

use billing_domain::{
    credits::{CreditCommand, CreditOutcome, DrawRef, HoldRefusal, Settle},
    id::{HoldId, OrganizationId},
};
use time::Duration;

use super::{Promise, credit_races::race, credits::taken, stage::at_once};
use crate::{
    NOON, Subject,
    builders::{a_consume, a_hold, a_refund},
};

fn settle(hold: HoldId, amount: i64) -> CreditCommand {
    CreditCommand::Settle(Settle::new(hold, Some(amount)).expect("it can be settled"))
}

/// An organization with a hold of 70 of its 100 credits.
async fn with_a_hold(subject: &Subject) -> anyhow::Result<(OrganizationId, HoldId)> {
    let organization = subject.with_credits(100).await?;
    Ok((organization, subject.held(organization, a_hold("it", 70), NOON).await?.hold))
}

fn settled(outcome: &CreditOutcome) -> Option<(i64, bool)> {
    let CreditOutcome::Settled(settled) = outcome else { return None };
    Some((settled.settled, settled.replayed))
}

/// Of many that settle for different amounts one does, and the others are told of it.
pub async fn a_hold_is_settled_once_at_the_same_time(subject: &Subject) -> Promise {
    for _ in 0..3 {
        let (organization, hold) = with_a_hold(subject).await?;
        let commands = [10, 20, 10, 30, 20, 10].map(|amount| settle(hold, amount));
        let outcomes = race(subject, organization, commands.to_vec()).await?;
        let done: Vec<_> = outcomes.iter().filter_map(settled).collect();
        let fresh: Vec<_> = done.iter().filter(|(_, replayed)| !replayed).collect();
        let [(amount, _)] = fresh[..] else { panic!("settled {} times", fresh.len()) };
        assert!(done.iter().all(|(of, _)| of == amount), "{done:?}");
        let refused = CreditOutcome::HoldRefused(HoldRefusal::Settled(*amount));
        let others = outcomes.iter().filter(|outcome| settled(outcome).is_none());
        assert!(others.clone().all(|outcome| *outcome == refused), "{outcomes:?}");
        let summary = subject.summary(organization).await?;
        assert_eq!((summary.balance, summary.held), (100 - amount, 0));
        assert_eq!(subject.entries(organization).await?.len(), 3);
    }
    subject.all_holds().await
}

/// A hold is settled or released, never both.
pub async fn a_hold_is_settled_or_released(subject: &Subject) -> Promise {
    for _ in 0..3 {
        let (organization, hold) = with_a_hold(subject).await?;
        let commands = vec![settle(hold, 10), CreditCommand::Release(hold)];
        let outcomes = race(subject, organization, commands).await?;
        let [used, returned] = &outcomes[..] else { panic!("two are answered") };
        let balance = match (used, returned) {
            (CreditOutcome::Settled(_), CreditOutcome::HoldRefused(HoldRefusal::Settled(10))) => 90,
            (CreditOutcome::HoldRefused(HoldRefusal::Released), CreditOutcome::Released(_)) => 100,
            _ => panic!("{outcomes:?}"),
        };
        let summary = subject.summary(organization).await?;
        assert_eq!((summary.balance, summary.held), (balance, 0));
        assert_eq!(subject.entries(organization).await?.len(), 3);
    }
    subject.all_holds().await
}

/// A hold that is settled at its time is used or has timed out, never both.
pub async fn a_hold_is_settled_or_times_out(subject: &Subject) -> Promise {
    let until = NOON + Duration::HOUR;
    for _ in 0..3 {
        let (organization, hold) = with_a_hold(subject).await?;
        let commands = [
            (settle(hold, 10), until - Duration::MICROSECOND),
            (CreditCommand::BookDue, until),
            (settle(hold, 10), until - Duration::MICROSECOND),
        ];
        let tasks = commands.map(|(command, now)| {
            let ledger = Arc::clone(&subject.credits);
            async move { ledger.apply(organization, command, now).await }
        });
        let mut outcomes = Vec::new();
        for outcome in at_once(tasks).await {
            outcomes.push(outcome?);
        }
        let used = outcomes.iter().filter(|it| settled(it).is_some_and(|(_, again)| !again));
        let (used, summary) = (used.count(), subject.summary(organization).await?);
        let late = CreditOutcome::HoldRefused(HoldRefusal::TimedOut(until));
        let refused = outcomes.iter().filter(|outcome| **outcome == late).count();
        let balance = match (used, refused) {
            (1, 0) => 90,
            (0, 2) => 100,
            _ => panic!("{outcomes:?}"),
        };
        assert_eq!((summary.balance, summary.held), (balance, 0));
        assert_eq!(subject.entries(organization).await?.len(), 3);
    }
    subject.all_holds().await
}

/// Of many that give back parts of one use, so many do as it has parts.
pub async fn no_more_is_given_back_at_the_same_time(subject: &Subject) -> Promise {
    let organization = subject.with_credits(100).await?;
    let outcome = subject.consume(organization, a_consume("it", 50), NOON).await?;
    let draw = DrawRef::Row(taken(&outcome).expect("there is enough").seq);
    let commands =
        (0..12).map(|n| CreditCommand::Refund(a_refund(&format!("part {n}"), draw, Some(10))));
    let outcomes = race(subject, organization, commands.collect()).await?;
    let back = outcomes.iter().filter(|it| matches!(it, CreditOutcome::Refunded(_))).count();
    assert_eq!(back, 5, "{outcomes:?}");
    assert_eq!(subject.summary(organization).await?.balance, 100);
    subject.all_holds().await
}

/// Holds, settlements, releases and uses at once, of one organization and of many, add up.
pub async fn holds_and_uses_at_once_add_up(subject: &Subject) -> Promise {
    let mut organizations = vec![subject.with_credits(10_000).await?];
    for _ in 0..8 {
        organizations.push(subject.with_credits(1_000).await?);
    }
    let one = *organizations.first().expect("it is there");
    let mut asked = Vec::new();
    for n in 0..64 {
        let organization = if n % 2 == 0 { one } else { dealt(&organizations, n) };
        let hold = subject.held(organization, a_hold(&format!("open {n}"), 10), NOON).await?.hold;
        let amount = 1 + i64::try_from(n)? % 10;
        asked.push((organization, settle(hold, amount), -amount, -10));
        if n % 4 == 0 {
            let hold = subject.held(organization, a_hold(&format!("idle {n}"), 5), NOON).await?;
            asked.push((organization, CreditCommand::Release(hold.hold), 0, -5));
        }
        let consume = CreditCommand::Consume(a_consume(&format!("use {n}"), 7));
        asked.push((organization, consume, -7, 0));
        let hold = CreditCommand::Hold(a_hold(&format!("hold {n}"), 3));
        asked.push((organization, hold, 0, 3));
    }
    let tasks = asked.clone().into_iter().map(|(organization, command, _, _)| {
        let ledger = Arc::clone(&subject.credits);
        async move { ledger.apply(organization, command, NOON).await }
    });
    let before = totals(subject, &organizations).await?;
    for outcome in at_once(tasks).await {
        let outcome = outcome?;
        let refused = matches!(outcome, CreditOutcome::Denied(_) | CreditOutcome::HoldRefused(_));
        assert!(!refused, "{outcome:?}");
    }
    let after = totals(subject, &organizations).await?;
    for ((organization, before), after) in organizations.iter().zip(before).zip(after) {
        let of_it = asked.iter().filter(|(of, ..)| of == organization);
        let (used, held) = of_it
            .fold((0, 0), |(used, held), (_, _, credits, change)| (used + credits, held + change));
        assert_eq!(after, (before.0 + used, before.1 + held));
    }
    subject.all_holds().await
}

fn dealt(organizations: &[OrganizationId], n: usize) -> OrganizationId {
    *organizations.iter().cycle().nth(n).expect("there are some")
}

/// Balance and what is held, of each.
async fn totals(
    subject: &Subject,
    organizations: &[OrganizationId],
) -> anyhow::Result<Vec<(i64, i64)>> {
    let mut totals = Vec::new();
    for organization in organizations {
        let summary = subject.summary(*organization).await?;
        totals.push((summary.balance, summary.held));
    }
    Ok(totals)
}
