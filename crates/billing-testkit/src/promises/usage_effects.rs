//! The usage ledger: meters that do not sum up, what is taken away, batches, and counting anew.

use std::sync::Arc;

use billing_app::{
    Error, Missing,
    ports::{Correction, Page, Scope},
};
use billing_domain::{
    catalogue::{Aggregation, Rolling, Window},
    id::OrganizationId,
    quota::Quota,
    usage::{
        Bonus, Counter, CounterKey, Effect, Grace, Recorded, Tallies, UsageCommand, UsageOperation,
        UsageOutcome, UsageRule, Use,
    },
};
use time::{Duration, OffsetDateTime};

use super::{
    Promise,
    stage::{all, at_once},
};
use crate::{
    NOON, Subject,
    builders::{a_bonus, a_fresh_id, a_usage_rule, a_use},
};

fn tracked(key: &str, effect: Effect, quantity: u64) -> Use {
    Use { effect, quantity, operation: UsageOperation::Track, ..a_use(key, 10) }
}

async fn apply(
    subject: &Subject,
    organization: OrganizationId,
    usage: Use,
) -> anyhow::Result<Recorded> {
    let outcome = subject.usage.apply(organization, usage.into(), NOON).await?;
    let UsageOutcome::Recorded(facts) = outcome else { panic!("{outcome:?}") };
    Ok(facts)
}

async fn quota(
    subject: &Subject,
    organization: OrganizationId,
    (rule, now): (UsageRule, OffsetDateTime),
) -> anyhow::Result<Quota> {
    let rules = [("api_calls".to_owned(), rule)];
    let mut quotas = subject.quotas(organization, &rules, now).await?;
    Ok(quotas.pop().expect("each rule is answered"))
}

/// Many at once of few values: each value counts once.
pub async fn distinct_values_count_once_at_the_same_time(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let tasks = (0..40).map(|n| {
        let ledger = Arc::clone(&subject.usage);
        let usage = tracked(&format!("key {n}"), Effect::See(format!("user {}", n % 7)), 1);
        async move { ledger.apply(organization, usage.into(), NOON).await }
    });
    for outcome in at_once(tasks).await {
        assert!(matches!(outcome?, UsageOutcome::Recorded(_)));
    }
    assert_eq!(quota(subject, organization, (a_usage_rule(10), NOON)).await?.used, 7);
    Ok(())
}

/// The latest by the time of use is the count, whenever it comes.
pub async fn the_latest_use_is_the_count(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    for (key, minutes, quantity, used) in [("a", 3, 30, 30), ("b", 1, 10, 30), ("c", 4, 5, 5)] {
        let at = NOON + Duration::minutes(minutes);
        let facts =
            apply(subject, organization, Use { at, ..tracked(key, Effect::Set, quantity) }).await?;
        assert_eq!(facts.used, used, "{key}");
    }
    Ok(())
}

/// What ceases to exist frees the limit, and before it the bonuses that were drawn on.
pub async fn what_ceases_to_exist_is_given_back(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let bonus = UsageCommand::Bonus(a_bonus());
    let given = subject.usage.apply(organization, bonus, NOON).await?;
    assert_eq!(given, UsageOutcome::Given { already: false });
    apply(subject, organization, tracked("all", Effect::Add, 15)).await?;
    let now = async || quota(subject, organization, (a_usage_rule(10), NOON)).await;
    assert_eq!((now().await?.used, now().await?.bonus), (15, 0), "the bonus is used up");
    let facts = apply(subject, organization, tracked("less", Effect::Remove, 2)).await?;
    assert_eq!((facts.used, facts.bonus), (13, 2));
    assert_eq!((now().await?.used, now().await?.bonus), (13, 2));
    apply(subject, organization, tracked("none", Effect::Remove, 99)).await?;
    assert_eq!((now().await?.used, now().await?.bonus), (0, 5), "and no more than there was");
    Ok(())
}

/// Use leaves a rolling window with its bucket.
pub async fn a_rolling_window_is_counted_in_buckets(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let rule = |at| {
        let window = Window::Rolling(Rolling::Hours(3));
        UsageRule { window, period: window.around(at, None), ..a_usage_rule(10) }
    };
    for hours in 0..4 {
        let at = NOON + Duration::hours(hours);
        let usage = Use { at, rule: rule(at), ..tracked(&format!("key {hours}"), Effect::Add, 2) };
        subject.usage.apply(organization, usage.into(), at).await?;
    }
    for (hours, used) in [(3, 6), (4, 4), (5, 2), (6, 0)] {
        let now = NOON + Duration::hours(hours);
        assert_eq!(quota(subject, organization, (rule(now), now)).await?.used, used, "{hours} h");
    }
    Ok(())
}

/// A batch is one step: each of it counts once, whatever way it comes again.
pub async fn a_batch_counts_each_key_once(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    apply(subject, organization, tracked("key 3", Effect::Add, 1)).await?;
    let batch = || (0..100).map(|n| tracked(&format!("key {}", n % 50), Effect::Add, 1).into());
    let fresh = |outcomes: Vec<UsageOutcome>| {
        let is_fresh = |outcome: &&UsageOutcome| matches!(outcome, UsageOutcome::Recorded(facts) if !facts.replayed);
        outcomes.iter().filter(is_fresh).count()
    };
    let first = all(&subject.usage, organization, (batch().collect(), NOON)).await?;
    assert_eq!((first.len(), fresh(first)), (100, 49));
    let again = all(&subject.usage, organization, (batch().collect(), NOON)).await?;
    assert_eq!(fresh(again), 0);
    assert!(apply(subject, organization, tracked("key 7", Effect::Add, 1)).await?.replayed);
    assert_eq!(quota(subject, organization, (a_usage_rule(10), NOON)).await?.used, 50);
    let none = all(&subject.usage, organization, (Vec::new(), NOON)).await?;
    assert_eq!(none, []);
    let nobody = all(&subject.usage, a_fresh_id(), (batch().collect(), NOON)).await;
    assert!(matches!(nobody, Err(Error::NotFound(Missing::Organization))), "{nobody:?}");
    Ok(())
}

/// Batches of many organizations: each is told its own, in the order in which they were named, and
/// an unknown one holds up nobody.
pub async fn a_batch_of_many_organizations_tells_each_its_own(subject: &Subject) -> Promise {
    let mut named = Vec::new();
    for count in 1..=20_usize {
        let id = if count == 7 { a_fresh_id() } else { subject.registered().await? };
        named.push((id, count));
    }
    let uses = |(id, count): &(OrganizationId, usize)| {
        let usage = |n| tracked(&format!("key {n}"), Effect::Add, 1).into();
        (*id, (0..*count).map(usage).collect())
    };
    let outcomes = subject.usage.apply_all(named.iter().map(uses).collect(), NOON).await;
    assert_eq!(outcomes.len(), named.len());
    for ((id, count), outcomes) in named.into_iter().zip(outcomes) {
        if count == 7 {
            let unknown = matches!(outcomes, Err(Error::NotFound(Missing::Organization)));
            assert!(unknown, "{outcomes:?}");
            continue;
        }
        assert_eq!(outcomes?.len(), count);
        let used = quota(subject, id, (a_usage_rule(100), NOON)).await?.used;
        assert_eq!(used, u64::try_from(count)?);
    }
    Ok(())
}

/// Batches and single uses at once, with the same keys: each counts once.
pub async fn batches_at_the_same_time_count_each_key_once(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let tasks = (0..12).map(|task| {
        let ledger = Arc::clone(&subject.usage);
        let usage = |n| tracked(&format!("key {n}"), Effect::Add, 1).into();
        async move {
            if task % 3 == 0 {
                ledger.apply(organization, usage(task), NOON).await.map(drop)
            } else {
                all(&ledger, organization, ((0..30).map(usage).collect(), NOON)).await.map(drop)
            }
        }
    });
    for done in at_once(tasks).await {
        done?;
    }
    assert_eq!(quota(subject, organization, (a_usage_rule(10), NOON)).await?.used, 30);
    Ok(())
}

/// After a lower limit nothing new fits, and what is freed may be used again.
pub async fn a_grace_lets_an_excess_stay(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    apply(subject, organization, tracked("much", Effect::Add, 30)).await?;
    let grace = UsageCommand::Grace(Grace {
        id: a_fresh_id(),
        meter: "api_calls".into(),
        rule: a_usage_rule(10),
        expires_at: NOON + Duration::days(7),
    });
    for already in [false, true] {
        let outcome = subject.usage.apply(organization, grace.clone(), NOON).await?;
        assert_eq!(outcome, UsageOutcome::Given { already });
    }
    let fits = async |n| {
        anyhow::Ok(quota(subject, organization, (a_usage_rule(10), NOON)).await?.check(n).allowed)
    };
    assert!(!fits(1).await?);
    apply(subject, organization, tracked("less", Effect::Remove, 2)).await?;
    assert!(fits(2).await? && !fits(3).await?);
    Ok(())
}

/// What was checked and denied is told, the newest first, with what it was decided on.
pub async fn denials_are_listed_in_pages(subject: &Subject) -> Promise {
    let (organization, other) = subject.two_registered().await?;
    apply(subject, organization, tracked("some", Effect::Add, 4)).await?;
    let mut denied = Vec::new();
    for n in 0..5 {
        let now = NOON + Duration::seconds(n);
        let usage = Use { quantity: 7, ..a_use(&format!("key {n}"), 10) };
        denied.insert(0, usage.id.0);
        let outcome = subject.usage.apply(organization, usage.into(), now).await?;
        assert!(matches!(outcome, UsageOutcome::Denied(_)), "{outcome:?}");
    }
    let mut listed = Vec::new();
    let mut page = Page { after: None, limit: 2 };
    loop {
        let found = subject.ledger_queries.denials(organization, page).await?;
        let Some(last) = found.last() else { break };
        page.after = Some(last.decision);
        listed.extend(found);
    }
    assert_eq!(listed.iter().map(|one| one.decision.0).collect::<Vec<_>>(), denied);
    let newest = listed.first().expect("there are some");
    assert_eq!(
        (newest.quantity, newest.quota.used, newest.at),
        (7, 4, NOON + Duration::seconds(4))
    );
    assert!(newest.plan_version_id.is_some());
    let page = Page { after: None, limit: 2 };
    assert_eq!(subject.ledger_queries.denials(other, page).await?, []);
    Ok(())
}

/// Raw events lead to the counters that are kept, and a correction is what is kept afterwards.
pub async fn counters_are_counted_anew(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let meter = |meter: &str, usage: Use| Use { meter: meter.into(), ..usage };
    for usage in [
        tracked("a", Effect::Add, 5),
        tracked("b", Effect::Remove, 9),
        tracked("c", Effect::Add, 4),
        meter("people", tracked("d", Effect::See("ann".to_owned()), 1)),
        meter("people", tracked("e", Effect::See("bob".to_owned()), 1)),
    ] {
        apply(subject, organization, usage).await?;
    }
    let mut work = subject.store.begin(Scope::Engine).await?;
    let kept = work.usage().counts(organization).await?;
    let raw = work.usage().raw_uses(organization, 0).await?;
    assert_eq!(work.usage().raw_uses(organization, 5).await?, []);
    assert_eq!(raw.iter().map(|one| one.applied).collect::<Vec<_>>(), [5, -5, 4, 1, 1]);
    let mut tallies = Tallies::default();
    for (one, value) in raw.iter().zip([None, None, None, Some("ann"), Some("bob")]) {
        tallies.add(one, value.map(str::to_owned));
    }
    let unique = Aggregation::Unique("user".to_owned());
    let aggregation = |meter: &str| if meter == "people" { &unique } else { &Aggregation::Sum };
    assert_eq!(tallies.recount(aggregation), kept);

    let key = CounterKey::of("api_calls".into(), &a_usage_rule(10));
    let people = CounterKey { meter: "people".into(), ..key.clone() };
    let counter = Counter { used: 40, ..Counter::default() };
    let correction = Correction {
        counters: vec![(key.clone(), counter)],
        missing_values: vec![(people.clone(), "cem".to_owned())],
        wrong_values: vec![(people.clone(), "ann".to_owned())],
    };
    work.usage().correct(organization, &correction).await?;
    work.commit().await?;
    let mut work = subject.store.begin(Scope::Engine).await?;
    let kept = work.usage().counts(organization).await?;
    assert_eq!(kept.counters.get(&key), Some(&counter));
    let values = ["bob", "cem"].map(|value| (people.clone(), value.to_owned()));
    assert_eq!(kept.values, values.into());
    Ok(())
}

/// A bonus of an id that has expired is not given again.
pub async fn a_bonus_is_given_once_for_ever(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let bonus = Bonus { expires_at: NOON + Duration::HOUR, ..a_bonus() };
    for (hours, already) in [(0, false), (2, true)] {
        let command = UsageCommand::Bonus(bonus.clone());
        let now = NOON + Duration::hours(hours);
        let given = subject.usage.apply(organization, command, now).await?;
        assert_eq!(given, UsageOutcome::Given { already });
    }
    Ok(())
}
