//! The usage ledger: exact limits.

use std::sync::Arc;

use billing_app::{
    Error, Missing,
    ports::{Clock, Scope},
};
use billing_domain::{
    id::{DecisionId, OrganizationId},
    quota::Quota,
    usage::{Bonus, Recorded, UsageCommand, UsageOperation, UsageOutcome, UsageRule, Use},
};
use time::Duration;

use super::{Promise, stage::at_once};
use crate::{
    NOON, Stopped, Subject,
    builders::{a_bonus, a_fresh_id, a_usage_rule, a_use},
};

async fn quota(
    subject: &Subject,
    organization: OrganizationId,
    rule: UsageRule,
) -> anyhow::Result<Quota> {
    let rules = [("api_calls".to_owned(), rule)];
    let mut quotas = subject.quotas(organization, &rules, NOON).await?;
    Ok(quotas.pop().expect("each rule is answered"))
}

async fn give(subject: &Subject, organization: OrganizationId, bonus: &Bonus) -> Promise {
    let mut work = subject.store.begin(Scope::Operator).await?;
    work.usage().apply(organization, &UsageCommand::Bonus(bonus.clone()), NOON).await?;
    work.commit().await?;
    Ok(())
}

/// Sends commands at once; how many were counted.
async fn race(
    subject: &Subject,
    organization: OrganizationId,
    commands: impl Iterator<Item = Use>,
) -> Result<(usize, Vec<UsageOutcome>), Error> {
    let tasks = commands.map(|command| {
        let ledger = Arc::clone(&subject.usage);
        async move { ledger.apply(organization, command.into(), NOON).await }
    });
    let outcomes = at_once(tasks).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let counted = outcomes.iter().filter(|outcome| matches!(outcome, UsageOutcome::Recorded(_)));
    Ok((counted.count(), outcomes))
}

/// What is counted is counted once, and quotas read what was counted.
pub async fn use_is_counted(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.registered().await?);
    let rule = a_usage_rule(10);
    for n in 0..3 {
        let command = Use {
            quantity: 2,
            properties: Some(r#"{"model":"large"}"#.to_owned()),
            ..a_use(&format!("key {n}"), 10)
        };
        let quota_before = Quota {
            limit: rule.limit,
            overage: rule.overage,
            used: 2 * n,
            bonus: 0,
            resets_at: rule.resets_at(),
        };
        let expected = Recorded::checked(command.id.0.into(), quota_before, 2);
        let outcome = subject.usage.apply(organization, command.into(), clock.now()).await?;
        assert_eq!(outcome, UsageOutcome::Recorded(expected));
        assert_eq!(quota(subject, organization, rule).await?.used, 2 * (n + 1));
    }
    Ok(())
}

/// Fifty at once for a limit of twenty: twenty are counted.
pub async fn a_limit_is_exact_at_the_same_time(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let commands = (0..50).map(|n| a_use(&format!("key {n}"), 20));
    let (counted, _) = race(subject, organization, commands).await?;
    assert_eq!(counted, 20);
    assert_eq!(quota(subject, organization, a_usage_rule(20)).await?.used, 20);
    Ok(())
}

/// What is denied leaves no count, and stays denied under its key.
pub async fn denied_use_is_not_counted(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let command = Use { quantity: 11, ..a_use("much", 10) };
    let denied = subject.usage.apply(organization, command.clone().into(), NOON).await?;
    let UsageOutcome::Denied(facts) = denied else { panic!("{denied:?}") };
    assert_eq!(quota(subject, organization, a_usage_rule(10)).await?.used, 0);
    let id = a_fresh_id();
    let again = Use { id, rule: a_usage_rule(100), ..command };
    let again = subject.usage.apply(organization, again.into(), NOON).await?;
    assert_eq!(again, UsageOutcome::Denied(Recorded { replayed: true, ..facts }));
    Ok(())
}

/// A checked use is found by its decision, counted or denied, and comes out the same.
pub async fn a_checked_use_is_found_by_its_decision(subject: &Subject) -> Promise {
    let (own, other) = (subject.registered().await?, subject.registered().await?);
    for (key, allowed) in [("fits", true), ("does not", false)] {
        let asked = Use { quantity: 3, ..a_use(key, 5) };
        subject.usage.apply(own, asked.clone().into(), NOON).await?;
        let id = DecisionId(asked.id.0);
        let found = subject.ledger_queries.usage_decision(id, Some(own)).await?;
        let found = found.expect("it was decided");
        assert_eq!((found.organization_id, found.key.as_str(), found.at), (own, key, NOON));
        assert_eq!((found.allowed, found.recomputed().allowed), (allowed, allowed));
        assert_eq!((found.quantity, found.quota.used), (3, if allowed { 0 } else { 3 }));
        assert_eq!(found.plan_version_id, Some(asked.plan_version_id));
        assert_eq!(subject.ledger_queries.usage_decision(id, None).await?, Some(found));
        assert_eq!(subject.ledger_queries.usage_decision(id, Some(other)).await?, None);
    }
    Ok(())
}

/// Use that has happened is counted, whatever the limit.
pub async fn use_that_happened_is_counted_above_the_limit(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let command = Use { quantity: 11, operation: UsageOperation::Track, ..a_use("much", 10) };
    let outcome = subject.usage.apply(organization, command.into(), NOON).await?;
    assert!(matches!(outcome, UsageOutcome::Recorded(_)), "{outcome:?}");
    assert_eq!(quota(subject, organization, a_usage_rule(10)).await?.used, 11);
    Ok(())
}

/// The same key gets the same answer, though much has happened since.
pub async fn use_is_counted_once_under_a_key(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.registered().await?);
    let command = a_use("once", 10);
    let first = subject.usage.apply(organization, command.clone().into(), clock.now()).await?;
    let UsageOutcome::Recorded(facts) = first else { panic!("{first:?}") };
    subject.usage.apply(organization, a_use("between", 10).into(), clock.now()).await?;
    clock.advance(Duration::days(39));
    let again = Use { id: a_fresh_id(), ..command };
    let again = subject.usage.apply(organization, again.into(), clock.now()).await?;
    assert_eq!(again, UsageOutcome::Recorded(Recorded { replayed: true, ..facts }));
    assert_eq!(quota(subject, organization, a_usage_rule(10)).await?.used, 2);
    Ok(())
}

/// Many at once under one key: counted once, and all answers are the same one.
pub async fn use_is_counted_once_under_a_key_at_the_same_time(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let commands = (0..40).map(|n| a_use(&format!("key {}", n % 4), 100));
    let (_, outcomes) = race(subject, organization, commands).await?;
    let mut fresh = 0;
    for outcome in outcomes {
        let UsageOutcome::Recorded(facts) = outcome else { panic!("{outcome:?}") };
        fresh += usize::from(!facts.replayed);
    }
    assert_eq!(fresh, 4);
    assert_eq!(quota(subject, organization, a_usage_rule(100)).await?.used, 4);
    Ok(())
}

/// The same key for something else is refused, and counts nothing.
pub async fn a_usage_key_is_for_one_request(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let command = a_use("once", 10);
    subject.usage.apply(organization, command.clone().into(), NOON).await?;
    for other in [
        Use { id: a_fresh_id(), quantity: 2, ..command.clone() },
        Use { id: a_fresh_id(), meter: "exports".into(), ..command },
    ] {
        let reused = subject.usage.apply(organization, other.into(), NOON).await?;
        assert_eq!(reused, UsageOutcome::KeyReused);
    }
    assert_eq!(quota(subject, organization, a_usage_rule(10)).await?.used, 1);
    Ok(())
}

/// Tracking under a key that was checked before is another request.
pub async fn a_usage_key_is_for_one_operation(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    for operation in UsageOperation::ALL {
        let command = Use { operation, ..a_use("once", 10) };
        let outcome = subject.usage.apply(organization, command.into(), NOON).await?;
        let fresh = matches!(&outcome, UsageOutcome::Recorded(facts) if !facts.replayed);
        assert!(fresh, "{outcome:?}");
    }
    assert_eq!(quota(subject, organization, a_usage_rule(10)).await?.used, 2);
    Ok(())
}

/// The limit is used first, then bonuses, exactly as far as they reach; one id gives once.
pub async fn bonuses_are_used_after_the_limit(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let bonus = a_bonus();
    for _ in 0..2 {
        give(subject, organization, &bonus).await?;
    }
    let later = Bonus { expires_at: NOON + Duration::days(9), ..a_bonus() };
    give(subject, organization, &later).await?;
    let over = Bonus { expires_at: NOON, created_at: NOON - Duration::HOUR, ..a_bonus() };
    give(subject, organization, &over).await?;
    give(subject, organization, &Bonus { meter: "exports".to_owned(), ..a_bonus() }).await?;
    assert_eq!(quota(subject, organization, a_usage_rule(10)).await?.bonus, 10);

    let commands = (0..50).map(|n| a_use(&format!("key {n}"), 12));
    let (counted, _) = race(subject, organization, commands).await?;
    assert_eq!(counted, 22, "twelve and two bonuses of five");
    let quota = quota(subject, organization, a_usage_rule(12)).await?;
    assert_eq!((quota.used, quota.bonus), (22, 0));
    Ok(())
}

/// Whatever is asked for nobody is not found.
pub async fn nobody_uses_nothing(subject: &Subject) -> Promise {
    subject.sell().await?;
    let outcome = subject.usage.apply(a_fresh_id(), a_use("nobody", 1).into(), NOON).await;
    assert!(matches!(outcome, Err(Error::NotFound(Missing::Organization))), "{outcome:?}");
    Ok(())
}

/// Windows, meters and organizations are counted apart; quotas come in the given order.
pub async fn quotas_are_counted_apart(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let this = a_usage_rule(10);
    let next = UsageRule {
        period: billing_domain::period::Period::calendar_month(this.period.end),
        ..this
    };
    let rules = [("exports", this), ("api_calls", next), ("api_calls", this), ("storage_mb", this)];
    for (n, (meter, rule)) in (1..).zip(rules).take(3) {
        let meter = meter.into();
        let command = a_use(&format!("key {n}"), 10);
        let command = Use { meter, rule, quantity: n, ..command };
        subject.usage.apply(own, command.into(), NOON).await?;
    }
    let rules = rules.map(|(meter, rule)| (meter.to_owned(), rule));
    let used = |quotas: Vec<Quota>| quotas.iter().map(|quota| quota.used).collect::<Vec<_>>();
    let own = subject.quotas(own, &rules, NOON).await?;
    assert_eq!(used(own), [1, 2, 3, 0]);
    let other = subject.quotas(other, &rules, NOON).await?;
    assert_eq!(used(other), [0; 4]);
    Ok(())
}
