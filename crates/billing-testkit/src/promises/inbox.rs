//! Webhooks: kept once, processed in turn.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use billing_app::{
    Error,
    ports::{Claimed, Clock, NewWebhook, WebhookFilter, WebhookStatus},
};
use billing_domain::id::WebhookId;

use super::{Promise, stage::at_once};
use crate::{
    NOON, Stopped, Subject,
    builders::{a_failed_try, a_fresh_id, a_try, a_webhook, a_webhook_action},
};

/// Long enough for every test.
pub(super) const LEASE: Duration = Duration::from_secs(60);

pub(super) fn of(subject: &str) -> NewWebhook {
    NewWebhook { subject: subject.to_owned(), ..a_webhook() }
}

pub(super) fn ids(claimed: &[Claimed]) -> Vec<WebhookId> {
    claimed.iter().map(|claimed| claimed.claim.id).collect()
}

/// Marks a claimed webhook in a unit of its own.
pub(super) async fn done(subject: &Subject, claimed: &Claimed, ignored: bool) -> Result<(), Error> {
    let mut work = subject.engine().await?;
    work.inbox().done(claimed.claim, ignored, a_try()).await?;
    work.commit().await
}

/// An event of a gateway is kept once, whatever our id of it.
pub async fn a_webhook_is_kept_once(subject: &Subject) -> Promise {
    let first = a_webhook();
    let second = NewWebhook { id: a_fresh_id(), body: b"other".to_vec(), ..first.clone() };
    assert!(subject.inbox.receive(&first).await?);
    assert!(!subject.inbox.receive(&first).await?);
    assert!(!subject.inbox.receive(&second).await?);
    let rows = subject.inbox.list(&WebhookFilter::default(), None, 10).await?;
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [first.id]);
    Ok(())
}

/// Of many that bring the same event at once, one is told that it is new.
pub async fn a_webhook_is_kept_once_at_the_same_time(subject: &Subject) -> Promise {
    let first = a_webhook();
    let tasks = (0..12).map(|_| {
        let inbox = Arc::clone(&subject.inbox);
        let webhook = NewWebhook { id: a_fresh_id(), ..first.clone() };
        async move { inbox.receive(&webhook).await }
    });
    let news = at_once(tasks).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(news.iter().filter(|new| **new).count(), 1);
    assert_eq!(subject.inbox.list(&WebhookFilter::default(), None, 20).await?.len(), 1);
    Ok(())
}

/// What was kept comes back when it is claimed, the oldest first.
pub async fn the_oldest_webhook_is_claimed_first(subject: &Subject) -> Promise {
    let clock = Stopped::default();
    let webhook = |seconds| NewWebhook {
        body: vec![0, 255, b'{', b'\n'],
        received_at: NOON + Duration::from_secs(seconds),
        ..a_webhook()
    };
    let [first, second, third] = [1, 2, 3].map(webhook);
    for webhook in [&third, &first, &second] {
        subject.inbox.receive(webhook).await?;
    }
    clock.advance(time::Duration::MINUTE);
    let claimed = subject.inbox.claim(clock.wall(), LEASE, 2).await?;
    assert_eq!(ids(&claimed), [first.id, second.id]);
    let [claimed, _] = claimed.as_slice() else { panic!("two were claimed") };
    assert_eq!((&claimed.body, &claimed.kind), (&first.body, &first.kind));
    assert_eq!((claimed.source, claimed.attempts), (first.source, 0));
    let rest = subject.inbox.claim(clock.wall(), LEASE, 10).await?;
    assert_eq!(ids(&rest), [third.id], "the others are being processed");
    Ok(())
}

/// Never two of one subject: the next one waits until the first is done.
pub async fn a_subject_is_processed_one_at_a_time(subject: &Subject) -> Promise {
    let (first, second, other) = (of("cus_1"), of("cus_1"), of("cus_2"));
    for webhook in [&first, &second, &other] {
        subject.inbox.receive(webhook).await?;
    }
    let claimed = subject.inbox.claim(NOON, LEASE, 10).await?;
    assert_eq!(ids(&claimed), [first.id, other.id]);
    assert_eq!(subject.inbox.claim(NOON, LEASE, 10).await?, []);
    for claimed in &claimed {
        done(subject, claimed, false).await?;
    }
    assert_eq!(ids(&subject.inbox.claim(NOON, LEASE, 10).await?), [second.id]);
    Ok(())
}

/// One that waits to be tried again stands in nobody's way, and takes its turn when it is due.
pub async fn a_failed_webhook_is_in_nobodys_way(subject: &Subject) -> Promise {
    let webhooks = [of("cus_1"), of("cus_1"), of("cus_1")];
    for webhook in &webhooks {
        subject.inbox.receive(webhook).await?;
    }
    let [first, second, third] = webhooks.map(|webhook| webhook.id);
    let again_at = NOON + LEASE;
    for (expected, again_at) in [(first, Some(again_at)), (second, None)] {
        let claimed = subject.inbox.claim(NOON, LEASE, 10).await?;
        let [claimed] = claimed.as_slice() else { panic!("one of them may go: {claimed:?}") };
        assert_eq!(claimed.claim.id, expected);
        assert_eq!(subject.inbox.claim(NOON, LEASE, 10).await?, [], "one at a time");
        subject.inbox.fail(&a_failed_try(claimed.claim, "not now", again_at)).await?;
    }
    let last = subject.inbox.claim(NOON, LEASE, 10).await?;
    assert_eq!(ids(&last), [third]);
    let [last] = last.as_slice() else { panic!("one was claimed") };
    done(subject, last, false).await?;
    assert_eq!(subject.inbox.claim(NOON, LEASE, 10).await?, [], "the first is not due");
    assert_eq!(ids(&subject.inbox.claim(again_at, LEASE, 10).await?), [first]);
    Ok(())
}

/// A subject of which very many wait keeps no other waiting, and goes on in its order.
pub async fn a_crowded_subject_is_in_nobodys_way(subject: &Subject) -> Promise {
    let crowd: Vec<_> = (0..700).map(|_| of("cus_crowd")).collect();
    let tasks = crowd.clone().into_iter().map(|webhook| {
        let inbox = Arc::clone(&subject.inbox);
        async move { inbox.receive(&webhook).await }
    });
    at_once(tasks).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let received_at = NOON + Duration::from_secs(1);
    let other = NewWebhook { received_at, ..of("cus_other") };
    subject.inbox.receive(&other).await?;
    let mut claimed = subject.inbox.claim(received_at, LEASE, 2).await?;
    for _ in 0..2 {
        claimed.extend(subject.inbox.claim(received_at, LEASE, 2).await?);
    }
    let [first, rest @ ..] = crowd.as_slice() else { panic!("there is a crowd") };
    assert_eq!(ids(&claimed), [first.id, other.id]);
    for next in rest.iter().take(4) {
        done(subject, &claimed.remove(0), false).await?;
        claimed = subject.inbox.claim(received_at, LEASE, 2).await?;
        assert_eq!(ids(&claimed), [next.id]);
    }
    assert_eq!(subject.witness.violations().await?, Vec::<String>::new());
    Ok(())
}

/// One with nothing to do is kept and done with; a person can have it looked at all the same.
pub async fn what_is_ignored_is_not_queued(subject: &Subject) -> Promise {
    let webhook = NewWebhook { ignored: true, ..a_webhook() };
    assert!(subject.inbox.receive(&webhook).await?);
    assert!(!subject.inbox.receive(&webhook).await?);
    assert_eq!(subject.inbox.health().await?.pending, 0);
    assert_eq!(subject.inbox.claim(NOON, LEASE, 1).await?, []);
    let rows = subject.inbox.list(&WebhookStatus::Ignored.into(), None, 2).await?;
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [webhook.id]);
    assert!(subject.inbox.retry(webhook.id, &a_webhook_action(NOON)).await?);
    assert_eq!(ids(&subject.inbox.claim(NOON, LEASE, 1).await?), [webhook.id]);
    Ok(())
}

/// Many workers at once never get the same webhook, nor two of one subject.
pub async fn workers_at_the_same_time_never_share(subject: &Subject) -> Promise {
    let webhooks: Vec<_> = (0..24).map(|n| of(&format!("cus_{}", n % 6))).collect();
    for webhook in &webhooks {
        subject.inbox.receive(webhook).await?;
    }
    let mut processed = BTreeSet::new();
    for _ in 0..4 {
        let tasks = (0..8).map(|_| {
            let inbox = Arc::clone(&subject.inbox);
            async move { inbox.claim(NOON, LEASE, 2).await }
        });
        let batches = at_once(tasks).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut claimed = batches.concat();
        claimed.extend(subject.inbox.claim(NOON, LEASE, 10).await?);
        let subjects: BTreeSet<_> = webhooks
            .iter()
            .filter(|webhook| ids(&claimed).contains(&webhook.id))
            .map(|webhook| &webhook.subject)
            .collect();
        assert_eq!(subjects.len(), 6, "each subject is served");
        assert_eq!(claimed.len(), 6, "and once");
        for claimed in &claimed {
            assert!(processed.insert(claimed.claim.id), "it was processed before");
            done(subject, claimed, false).await?;
        }
    }
    assert_eq!(processed.len(), webhooks.len());
    Ok(())
}

/// A mark is part of its unit, and is true with it.
pub async fn a_mark_is_made_with_the_effect(subject: &Subject) -> Promise {
    subject.inbox.receive(&a_webhook()).await?;
    let claimed = subject.inbox.claim(NOON, LEASE, 1).await?;
    let [claimed] = claimed.as_slice() else { panic!("one was claimed") };
    let mut work = subject.engine().await?;
    work.inbox().done(claimed.claim, false, a_try()).await?;
    drop(work);
    assert_eq!(subject.inbox.health().await?.pending, 1, "the unit was abandoned");
    done(subject, claimed, false).await?;
    assert_eq!(subject.inbox.health().await?.pending, 0);
    let rows = subject.inbox.list(&WebhookStatus::Processed.into(), None, 1).await?;
    assert_eq!(rows.first().map(|row| row.next_attempt_at), Some(None));
    Ok(())
}

/// The newest first, of one status or of all, before an id.
pub async fn webhooks_are_listed_in_pages(subject: &Subject) -> Promise {
    let mut all = Vec::new();
    for seconds in 0..5 {
        let received_at = NOON + Duration::from_secs(seconds);
        let webhook = NewWebhook { received_at, ..a_webhook() };
        subject.inbox.receive(&webhook).await?;
        all.insert(0, webhook.id);
    }
    let claimed = subject.inbox.claim(NOON + LEASE, LEASE, 2).await?;
    for (claimed, ignored) in claimed.iter().zip([true, false]) {
        done(subject, claimed, ignored).await?;
    }
    let mut listed = Vec::new();
    let mut before = None;
    for _ in 0..10 {
        let page = subject.inbox.list(&WebhookFilter::default(), before, 2).await?;
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        listed.extend(page.iter().map(|row| row.id));
    }
    assert_eq!(listed, all);
    let [newest, .., second, first] = all.as_slice() else { panic!("there are five") };
    let ids = async |status: WebhookStatus| {
        let rows = subject.inbox.list(&status.into(), None, 10).await?;
        Ok::<_, Error>(rows.iter().map(|row| row.id).collect::<Vec<_>>())
    };
    assert_eq!(ids(WebhookStatus::Ignored).await?, [*first]);
    assert_eq!(ids(WebhookStatus::Processed).await?, [*second]);
    assert_eq!(ids(WebhookStatus::Received).await?.first(), Some(newest));
    assert_eq!(ids(WebhookStatus::Received).await?.len(), 3);
    assert_eq!(ids(WebhookStatus::Dead).await?, []);
    Ok(())
}
