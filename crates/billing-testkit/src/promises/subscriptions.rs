//! Subscriptions: one live one in each group.

use std::sync::Arc;

use billing_app::{Error, ports::Scope};
use billing_domain::{
    id::OrganizationId,
    period::{Anchor, Interval},
    subscription::{Status, Subscription},
};
use time::Duration;

use super::{
    Promise,
    stage::{at_once, dawdle},
};
use crate::{
    NOON, Subject,
    builders::{a_change, a_fresh_id, a_price_of, a_reference, an_active_subscription, an_event},
};

const LATER: time::OffsetDateTime = NOON.saturating_add(Duration::days(3));

const EVERY_STATUS: [Status; 8] = [
    Status::Incomplete,
    Status::Trialing { ends_at: LATER },
    Status::Active,
    Status::PastDue { since: LATER },
    Status::Paused { resumes_at: None },
    Status::Paused { resumes_at: Some(LATER) },
    Status::Cancelled { at: LATER },
    Status::Expired { at: LATER },
];

fn of(organization_id: OrganizationId) -> Subscription {
    Subscription { organization_id, ..an_active_subscription() }
}

/// Every field comes back, in every status.
pub async fn subscriptions_come_back_as_they_were(subject: &Subject) -> Promise {
    for status in EVERY_STATUS {
        let organization_id = subject.registered().await?;
        let (version, price) = a_price_of("scale");
        let subscription = Subscription {
            status,
            plan_version_id: version.id,
            price_id: price.id,
            interval: Interval::Year,
            period: Anchor(LATER).period(Interval::Year, 1),
            cancel_at_period_end: true,
            observed_at: LATER,
            ..of(organization_id)
        };
        subject.save_subscription(&subscription).await?;
        let reference = subscription.billed_by.reference().expect("a gateway bills it");
        let mut work = subject.engine().await?;
        let found = work.subscriptions().by_reference(reference).await?;
        assert_eq!(found.as_ref(), Some(&subscription));
        let live = work.subscriptions().live(organization_id, "main").await?;
        assert_eq!(live.as_ref(), status.is_live().then_some(&subscription), "{status}");
        drop(work);
        let read = subject.subscription(organization_id).await?;
        assert_eq!(read, Some(subscription), "ended ones are shown too");
    }
    Ok(())
}

/// What is saved again is changed, together with the change and what happened.
pub async fn a_subscription_goes_through_its_states(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let mut subscription = of(organization_id);
    for status in EVERY_STATUS {
        subscription.status = status;
        subscription.observed_at += Duration::SECOND;
        subscription.period.end += Duration::DAY;
        let change = a_change(&subscription);
        let events = [an_event(organization_id), an_event(organization_id)];
        let mut work = subject.engine().await?;
        work.subscriptions().save(&subscription, Some((a_fresh_id(), &change)), &events).await?;
        work.commit().await?;
        let read = subject.subscription(organization_id).await?;
        assert_eq!(read.as_ref(), Some(&subscription));
    }
    Ok(())
}

/// A second live one in the group is a conflict, whatever the first one's status.
pub async fn a_group_has_one_live_subscription(subject: &Subject) -> Promise {
    for status in EVERY_STATUS {
        let organization_id = subject.registered().await?;
        let first = Subscription { status, ..of(organization_id) };
        subject.save_subscription(&first).await?;
        let second = subject.save_subscription(&of(organization_id)).await;
        if status.is_live() {
            assert!(matches!(second, Err(Error::Conflict(_))), "{status}: {second:?}");
            let live = subject.subscription(organization_id).await?;
            assert_eq!(live, Some(first));
        } else {
            second?;
        }
    }
    Ok(())
}

/// Other groups and other organizations are not in the way, nor are ended ones.
pub async fn what_is_not_live_in_the_group_is_not_in_the_way(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    subject.save_subscription(&of(own)).await?;
    subject.save_subscription(&of(other)).await?;
    let elsewhere = Subscription { product_group: "addon".to_owned(), ..of(own) };
    subject.save_subscription(&elsewhere).await?;
    for _ in 0..2 {
        let status = Status::Expired { at: LATER };
        subject.save_subscription(&Subscription { status, ..of(own) }).await?;
    }
    let live = subject.engine().await?.subscriptions().live(own, "addon").await?;
    assert_eq!(live, Some(elsewhere));
    Ok(())
}

/// Of many that begin at once, one lives; the others are conflicts.
pub async fn a_group_has_one_live_subscription_at_the_same_time(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let tasks = (0..8).map(|_| {
        let store = Arc::clone(&subject.store);
        async move {
            let subscription = of(organization_id);
            let mut work = store.begin(Scope::Engine).await?;
            work.subscriptions().save(&subscription, None, &[]).await?;
            dawdle(&mut *work).await?;
            work.commit().await
        }
    });
    let results = at_once(tasks).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    for lost in results.into_iter().filter_map(Result::err) {
        assert!(matches!(lost, Error::Conflict(_)), "{lost:?}");
    }
    Ok(())
}

/// The live one, else the one that ended last.
pub async fn the_last_subscription_is_shown(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let ended = |days| Status::Cancelled { at: NOON + Duration::days(days) };
    let first = Subscription { status: ended(10), ..of(organization_id) };
    let last = Subscription { status: ended(30), ..of(organization_id) };
    let middle = Subscription { status: ended(20), ..of(organization_id) };
    for subscription in [&first, &last, &middle] {
        subject.save_subscription(subscription).await?;
    }
    let shown = subject.subscription(organization_id).await?;
    assert_eq!(shown, Some(last));
    let live = of(organization_id);
    subject.save_subscription(&live).await?;
    let shown = subject.subscription(organization_id).await?;
    assert_eq!(shown, Some(live));
    Ok(())
}

/// What is not there is nothing, and no error.
pub async fn an_unknown_subscription_is_nothing(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let mut work = subject.engine().await?;
    assert_eq!(work.subscriptions().by_reference(&a_reference("sub")).await?, None);
    assert_eq!(work.subscriptions().live(organization_id, "main").await?, None);
    Ok(())
}
