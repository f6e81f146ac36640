//! Webhooks that fail, or whose worker dies.

use std::time::Duration;

use billing_app::{
    Error,
    ports::{Clock, InboxHealth, WebhookStatus},
};

use super::{
    Promise,
    inbox::{LEASE, done, ids},
};
use crate::{
    NOON, Stopped, Subject,
    builders::{a_failed_try, a_fresh_id, a_webhook, a_webhook_action},
};

/// A lapsed claim passes to another worker, and the first one can do nothing any more.
pub async fn a_lapsed_claim_passes_to_another(subject: &Subject) -> Promise {
    let clock = Stopped::default();
    subject.inbox.receive(&a_webhook()).await?;
    let first = subject.inbox.claim(clock.wall(), LEASE, 1).await?;
    clock.advance(time::Duration::MINUTE - time::Duration::MICROSECOND);
    assert_eq!(subject.inbox.claim(clock.wall(), LEASE, 1).await?, [], "the lease runs");
    clock.advance(time::Duration::microseconds(2));
    let second = subject.inbox.claim(clock.wall(), LEASE, 1).await?;
    let ([first], [second]) = (first.as_slice(), second.as_slice()) else {
        panic!("it was claimed twice: {first:?} {second:?}")
    };
    assert_eq!(first.claim.id, second.claim.id);
    assert_ne!(first.claim.fence, second.claim.fence);
    assert_eq!(second.attempts, 1, "a worker that died has tried");

    let late = done(subject, first, false).await;
    assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
    subject.inbox.fail(&a_failed_try(first.claim, "late", None)).await?;
    assert_eq!(subject.inbox.health().await?, InboxHealth { pending: 1, dead: 0 });
    done(subject, second, false).await?;
    assert_eq!(subject.inbox.health().await?, InboxHealth::default());
    Ok(())
}

/// What failed is tried again at its instant, not before.
pub async fn what_failed_is_tried_again_in_time(subject: &Subject) -> Promise {
    let clock = Stopped::default();
    let webhook = a_webhook();
    subject.inbox.receive(&webhook).await?;
    for attempts in 0..3 {
        let claimed = subject.inbox.claim(clock.wall(), LEASE, 1).await?;
        let [claimed] = claimed.as_slice() else { panic!("it is due") };
        assert_eq!(claimed.attempts, attempts);
        let again_at = clock.wall() + Duration::from_secs(3_600);
        subject
            .inbox
            .fail(&a_failed_try(claimed.claim, "the gateway is away", Some(again_at)))
            .await?;
        let rows = subject.inbox.list(&WebhookStatus::Retrying.into(), None, 10).await?;
        let [row] = rows.as_slice() else { panic!("it is retrying") };
        assert_eq!((row.id, row.attempts), (webhook.id, attempts + 1));
        assert_eq!((&row.event_id, &row.kind), (&webhook.event_id, &webhook.kind));
        assert_eq!((row.source, row.received_at), (webhook.source, webhook.received_at));
        assert_eq!(row.error.as_deref(), Some("the gateway is away"));
        assert_eq!(row.next_attempt_at, Some(again_at));
        let failed = done(subject, claimed, false).await;
        assert!(matches!(failed, Err(Error::Conflict(_))), "the claim is over: {failed:?}");

        clock.advance(time::Duration::HOUR - time::Duration::MICROSECOND);
        assert_eq!(subject.inbox.claim(clock.wall(), LEASE, 1).await?, []);
        clock.advance(time::Duration::MICROSECOND);
    }
    assert_eq!(ids(&subject.inbox.claim(clock.wall(), LEASE, 1).await?), [webhook.id]);
    Ok(())
}

/// What is dead is left alone until a person puts it back.
pub async fn the_dead_wait_for_a_person(subject: &Subject) -> Promise {
    let clock = Stopped::default();
    let webhook = a_webhook();
    subject.inbox.receive(&webhook).await?;
    let claimed = subject.inbox.claim(clock.wall(), LEASE, 1).await?;
    let [claimed] = claimed.as_slice() else { panic!("it is due") };
    subject.inbox.fail(&a_failed_try(claimed.claim, "it makes no sense", None)).await?;
    assert_eq!(subject.inbox.health().await?, InboxHealth { pending: 0, dead: 1 });
    let rows = subject.inbox.list(&WebhookStatus::Dead.into(), None, 10).await?;
    let row = rows.first().expect("it is dead");
    assert_eq!((row.error.as_deref(), row.next_attempt_at), (Some("it makes no sense"), None));
    clock.advance(time::Duration::days(30));
    assert_eq!(subject.inbox.claim(clock.wall(), LEASE, 1).await?, []);

    assert!(subject.inbox.retry(webhook.id, &a_webhook_action(clock.wall())).await?);
    assert_eq!(subject.inbox.health().await?, InboxHealth { pending: 1, dead: 0 });
    let claimed = subject.inbox.claim(clock.wall(), LEASE, 1).await?;
    assert_eq!(ids(&claimed), [webhook.id]);
    let [claimed] = claimed.as_slice() else { panic!("it is due again") };
    done(subject, claimed, false).await?;
    assert_eq!(subject.inbox.health().await?, InboxHealth::default());
    Ok(())
}

/// What had its effect, too, can be processed again by a person's wish.
pub async fn a_person_can_have_any_webhook_processed_again(subject: &Subject) -> Promise {
    for ignored in [true, false] {
        let webhook = a_webhook();
        subject.inbox.receive(&webhook).await?;
        let claimed = subject.inbox.claim(NOON, LEASE, 1).await?;
        let [claimed] = claimed.as_slice() else { panic!("it is due") };
        done(subject, claimed, ignored).await?;
        assert!(subject.inbox.retry(webhook.id, &a_webhook_action(NOON)).await?);
        let claimed = subject.inbox.claim(NOON, LEASE, 1).await?;
        assert_eq!(ids(&claimed), [webhook.id]);
        let [claimed] = claimed.as_slice() else { panic!("it is due again") };
        done(subject, claimed, ignored).await?;
    }
    assert!(!subject.inbox.retry(a_fresh_id(), &a_webhook_action(NOON)).await?, "it is not there");
    Ok(())
}

/// Each webhook counts in one place.
pub async fn health_counts_what_waits_and_what_is_dead(subject: &Subject) -> Promise {
    for _ in 0..6 {
        subject.inbox.receive(&a_webhook()).await?;
    }
    assert_eq!(subject.inbox.health().await?, InboxHealth { pending: 6, dead: 0 });
    let claimed = subject.inbox.claim(NOON, LEASE, 5).await?;
    assert_eq!(subject.inbox.health().await?, InboxHealth { pending: 6, dead: 0 });
    let [a, b, c, d, _] = claimed.as_slice() else { panic!("five were claimed") };
    done(subject, a, false).await?;
    done(subject, b, true).await?;
    subject.inbox.fail(&a_failed_try(c.claim, "later", Some(NOON + LEASE))).await?;
    subject.inbox.fail(&a_failed_try(d.claim, "never", None)).await?;
    assert_eq!(subject.inbox.health().await?, InboxHealth { pending: 3, dead: 1 });
    Ok(())
}
