//! The credit ledger under many commands at once.

use std::{collections::BTreeMap, sync::Arc};

use billing_app::{Error, ports::Clock};
use billing_domain::{
    credits::{Consume, CreditCommand, CreditOutcome, NewGrant},
    id::OrganizationId,
};

use super::{
    Promise,
    credits::taken,
    stage::{at_once, dawdle},
};
use crate::{
    NOON, Stopped, Subject,
    builders::{a_consume, a_fresh_id, a_grant},
};

/// Sends commands at once, all at the same instant.
pub(super) async fn race(
    subject: &Subject,
    organization: OrganizationId,
    commands: Vec<CreditCommand>,
) -> Result<Vec<CreditOutcome>, Error> {
    let now = Stopped::default().now();
    let tasks = commands.into_iter().map(|command| {
        let ledger = Arc::clone(&subject.credits);
        async move { ledger.apply(organization, command, now).await }
    });
    at_once(tasks).await.into_iter().collect()
}

fn consumes(asked: impl Iterator<Item = Consume>) -> Vec<CreditCommand> {
    asked.map(CreditCommand::Consume).collect()
}

/// Numbered from 1 without gaps; each balance is the one before plus the change.
async fn the_ledger_adds_up(subject: &Subject, organization: OrganizationId) -> Promise {
    let mut balance = 0;
    for (seq, entry) in (1..).zip(subject.entries(organization).await?) {
        balance += entry.amount;
        assert_eq!((entry.seq, entry.balance_after), (seq, balance));
        let touched: i64 = entry.touched.iter().map(|touch| touch.amount).sum();
        assert_eq!(touched - entry.overdrawn_change, entry.amount);
    }
    let summary = subject.summary(organization).await?;
    assert_eq!(summary.balance, balance);
    let left: i64 = summary.grants.iter().map(|grant| grant.remaining).sum();
    assert_eq!(left, balance);
    Ok(())
}

/// Of two that want the last credit, exactly one gets it.
pub async fn the_last_credit_is_taken_once(subject: &Subject) -> Promise {
    for round in 0..5 {
        let organization = subject.with_credits(1).await?;
        let asked = (0..2).map(|n| a_consume(&format!("round {round}, {n}"), 1));
        let outcomes = race(subject, organization, consumes(asked)).await?;
        let taken = outcomes.iter().filter_map(taken).count();
        assert_eq!(taken, 1, "{outcomes:?}");
        assert_eq!(subject.summary(organization).await?.balance, 0);
    }
    Ok(())
}

/// Fifty at once under eight keys: each key takes once, and all its answers are the same one.
pub async fn each_key_takes_once_at_the_same_time(subject: &Subject) -> Promise {
    let organization = subject.with_credits(1_000).await?;
    let asked: Vec<_> = (0..50).map(|n| a_consume(&format!("key {}", n % 8), 10)).collect();
    let outcomes = race(subject, organization, consumes(asked.iter().cloned())).await?;
    let mut by_key = BTreeMap::<_, Vec<_>>::new();
    for (asked, outcome) in asked.iter().zip(&outcomes) {
        by_key.entry(&asked.key).or_default().push(taken(outcome).expect("there is enough"));
    }
    for (key, answers) in by_key {
        let fresh: Vec<_> = answers.iter().filter(|answer| !answer.replayed).collect();
        let [first] = fresh.as_slice() else { panic!("{key} was taken {} times", fresh.len()) };
        for answer in &answers {
            assert_eq!((answer.decision, answer.seq), (first.decision, first.seq));
            assert_eq!(answer.balance_after, first.balance_after);
        }
    }
    assert_eq!(subject.summary(organization).await?.balance, 920);
    assert_eq!(subject.entries(organization).await?.len(), 9);
    the_ledger_adds_up(subject, organization).await
}

/// A hundred at once for what is enough for thirty: thirty get it, and the ledger adds up.
pub async fn no_more_than_there_is_can_be_taken(subject: &Subject) -> Promise {
    let organization = subject.with_credits(200).await?;
    let grant = NewGrant { amount: 100, ..a_grant() };
    subject.grant(organization, grant, NOON).await?;
    let asked = (0..100).map(|n| a_consume(&format!("key {n}"), 10));
    let outcomes = race(subject, organization, consumes(asked)).await?;
    let (mut seqs, mut denied) = (Vec::new(), 0);
    for outcome in &outcomes {
        match taken(outcome) {
            Some(consumed) => seqs.push(consumed.seq),
            None => denied += 1,
        }
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (3..33).collect::<Vec<_>>());
    assert_eq!(denied, 70);
    the_ledger_adds_up(subject, organization).await
}

/// Of many grants from one source, one gives.
pub async fn a_source_gives_once_at_the_same_time(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let first = a_grant();
    let grants = (0..20).map(|_| NewGrant { id: a_fresh_id(), ..first.clone() });
    let commands = grants.map(CreditCommand::Grant).collect();
    let outcomes = race(subject, organization, commands).await?;
    let mut given = Vec::new();
    for outcome in &outcomes {
        let CreditOutcome::Granted { id, already } = outcome else { panic!("{outcome:?}") };
        given.push((*already, *id));
    }
    given.sort();
    let news = given.iter().filter(|(already, _)| !already).count();
    assert_eq!(news, 1);
    let winner = given.first().map(|(_, id)| *id);
    assert!(given.iter().all(|(_, id)| Some(*id) == winner), "{given:?}");
    assert_eq!(subject.summary(organization).await?.balance, 1_000);
    the_ledger_adds_up(subject, organization).await
}

/// Organizations are served at once, and none gets another's credits.
pub async fn organizations_do_not_mix(subject: &Subject) -> Promise {
    let mut organizations = Vec::new();
    for _ in 0..5 {
        organizations.push(subject.with_credits(100).await?);
    }
    let tasks = (0..60).zip(organizations.iter().copied().cycle()).map(|(n, organization)| {
        let ledger = Arc::clone(&subject.credits);
        let command = CreditCommand::Consume(a_consume(&format!("key {n}"), 1));
        async move { ledger.apply(organization, command, NOON).await }
    });
    for outcome in at_once(tasks).await {
        assert!(taken(&outcome?).is_some());
    }
    for organization in organizations {
        assert_eq!(subject.summary(organization).await?.balance, 88);
        the_ledger_adds_up(subject, organization).await?;
    }
    Ok(())
}

/// What a unit did to the credits is undone with it, its keys and sources included.
pub async fn credits_in_an_abandoned_unit_were_never_touched(subject: &Subject) -> Promise {
    let organization = subject.with_credits(100).await?;
    let (consume, grant) = (a_consume("in the unit", 40), a_grant());
    let mut work = subject.on_behalf_of(organization).await?;
    for command in [CreditCommand::Consume(consume), CreditCommand::Grant(grant.clone())] {
        work.credits().apply(organization, &command, NOON).await?;
    }
    drop(work);
    assert_eq!(subject.summary(organization).await?.balance, 100);
    assert_eq!(subject.entries(organization).await?.len(), 1);
    let outcome = subject.consume(organization, a_consume("in the unit", 7), NOON).await?;
    assert!(taken(&outcome).is_some_and(|consumed| !consumed.replayed), "{outcome:?}");
    let outcome = subject.grant(organization, grant, NOON).await?;
    assert!(matches!(outcome, CreditOutcome::Granted { already: false, .. }), "{outcome:?}");
    the_ledger_adds_up(subject, organization).await
}

/// A command of its own waits for the unit that holds the account, and sees what it did.
pub async fn a_command_waits_for_the_unit_that_holds_the_account(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let mut work = subject.on_behalf_of(organization).await?;
    work.credits().apply(organization, &CreditCommand::Grant(a_grant()), NOON).await?;
    let inside = CreditCommand::Consume(a_consume("in the unit", 400));
    let outcome = work.credits().apply(organization, &inside, NOON).await?;
    assert!(taken(&outcome).is_some_and(|consumed| consumed.balance_after == 600), "{outcome:?}");
    let ledger = Arc::clone(&subject.credits);
    let command = CreditCommand::Consume(a_consume("outside", 500));
    let outside = tokio::spawn(async move { ledger.apply(organization, command, NOON).await });
    dawdle(&mut *work).await?;
    work.commit().await?;
    let outcome = outside.await??;
    assert!(taken(&outcome).is_some_and(|consumed| consumed.balance_after == 100), "{outcome:?}");
    the_ledger_adds_up(subject, organization).await
}
