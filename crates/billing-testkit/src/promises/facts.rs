//! What decisions rest on.

use std::sync::Arc;

use billing_app::ports::{QuotaQuestion, Subscriber};
use billing_domain::{
    id::OrganizationId,
    subscription::{Status, Subscription},
    usage::Use,
};
use time::Duration;

use super::{Promise, stage::at_once};
use crate::{
    NOON, Subject,
    builders::{a_fresh_id, a_usage_rule, a_use, an_active_subscription},
};

/// Each group shows one subscription, and each organization its own.
pub async fn subscribers_come_in_the_order_of_the_question(subject: &Subject) -> Promise {
    let (one, other) = subject.two_registered().await?;
    let of = |owner, group: &str, status| Subscription {
        product_group: group.to_owned(),
        status,
        organization_id: owner,
        ..an_active_subscription()
    };
    let ended = Status::Cancelled { at: NOON + Duration::days(300) };
    let (main, extra) = (of(one, "main", Status::Active), of(one, "extra", ended));
    let shown = of(other, "main", ended);
    for subscription in [&of(one, "main", ended), &main, &extra, &shown] {
        subject.save_subscription(subscription).await?;
    }
    let asked = [other, a_fresh_id(), one, other];
    let found = subject.facts.subscribers(&asked).await?;
    let ids: Vec<_> = found.iter().map(|it| it.as_ref().map(|it| it.organization.id)).collect();
    assert_eq!(ids, [Some(other), None, Some(one), Some(other)]);
    let group = |nth: usize, group| {
        let subscriber: Option<&Subscriber> = found.get(nth).and_then(Option::as_ref);
        subscriber.and_then(|it| it.subscription(group).cloned())
    };
    assert_eq!((group(2, "main"), group(2, "extra")), (Some(main), Some(extra)));
    assert_eq!((group(0, "main"), group(0, "extra")), (Some(shown), None));
    assert!(subject.facts.subscribers(&[]).await?.is_empty());
    Ok(())
}

/// Many at once, some of whom stop waiting: each of the others gets his own answer.
pub async fn many_askers_get_their_own_answers(subject: &Subject) -> Promise {
    let mut organizations = Vec::new();
    for used in 1..=8 {
        let organization = subject.registered().await?;
        let command = Use { quantity: used, ..a_use("use", 100) };
        subject.usage.apply(organization, command.into(), NOON).await?;
        organizations.push((organization, used));
    }
    let asking = (0..200_usize).map(|nth| {
        let (facts, organizations) = (Arc::clone(&subject.facts), organizations.clone());
        async move {
            let nth_of = |nth: usize| *organizations.get(nth % 8).expect("there are eight");
            let ((own, used), (next, _)) = (nth_of(nth), nth_of(nth + 1));
            let asked = [question(own, "api_calls"), question(next, "exports")];
            let asking = facts.quotas(&asked, NOON);
            if nth % 3 == 0 {
                // It has asked, if it was polled once, and is gone.
                drop(tokio::time::timeout(core::time::Duration::ZERO, asking).await);
                return;
            }
            let quotas = asking.await.expect("it is answered");
            let counts: Vec<_> = quotas.iter().map(|quota| quota.used).collect();
            assert_eq!(counts, [used, 0]);
            let subscriber = facts.subscribers(&[own]).await.expect("it is answered").pop();
            assert_eq!(subscriber.flatten().map(|it| it.organization.id), Some(own));
        }
    });
    at_once(asking).await;
    Ok(())
}

/// Nobody has used anything.
pub async fn nobody_has_used_nothing(subject: &Subject) -> Promise {
    let quotas = subject.facts.quotas(&[question(a_fresh_id(), "api_calls")], NOON).await?;
    let facts: Vec<_> = quotas.iter().map(|quota| (quota.used, quota.bonus)).collect();
    assert_eq!(facts, [(0, 0)]);
    Ok(())
}

fn question(organization_id: OrganizationId, meter: &str) -> QuotaQuestion {
    QuotaQuestion { organization_id, meter: meter.to_owned(), rule: a_usage_rule(100) }
}
