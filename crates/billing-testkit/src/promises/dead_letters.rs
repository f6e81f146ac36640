//! What is kept of tries, and what people can do about webhooks.

use std::{collections::BTreeMap, time::Duration};

use billing_app::{
    Error,
    ports::{
        Clock, Deed, FailedTry, InboxFigures, InboxHealth, NewWebhook, Tried, TryOutcome,
        WebhookFilter, WebhookStatus,
    },
};

use super::{
    Promise,
    inbox::{LEASE, done, ids, of},
};
use crate::{
    NOON, Stopped, Subject,
    builders::{a_failed_try, a_fresh_id, a_webhook, a_webhook_action, an_alert},
};

/// Of a webhook everything is kept: what came along, and every try that came to an end.
pub async fn every_try_is_written_down(subject: &Subject) -> Promise {
    let clock = Stopped::default();
    let webhook = NewWebhook {
        headers: BTreeMap::from([("user-agent".to_owned(), "Stripe/1.0 \"ü\"".to_owned())]),
        ..a_webhook()
    };
    subject.inbox.receive(&webhook).await?;
    let claimed = subject.inbox.claim(NOON, LEASE, 1).await?;
    let [failing] = claimed.as_slice() else { panic!("it is due") };
    let again_at = Some(NOON + LEASE);
    subject.inbox.fail(&a_failed_try(failing.claim, "the gateway is away", again_at)).await?;
    clock.advance(time::Duration::minutes(2));
    let lapsing = subject.inbox.claim(clock.wall(), LEASE, 1).await?;
    assert_eq!(ids(&lapsing), [webhook.id]);
    let lapsed_at = clock.wall() + LEASE;
    clock.advance(time::Duration::minutes(2));
    let claimed = subject.inbox.claim(clock.wall(), LEASE, 1).await?;
    let [last] = claimed.as_slice() else { panic!("it is due again") };
    let ended_at = clock.wall() + Duration::from_millis(70);
    let mut work = subject.engine().await?;
    let tried = Tried { began_at: clock.wall(), ended_at };
    work.inbox().done(last.claim, false, tried).await?;
    work.commit().await?;

    let kept = subject.inbox.find(webhook.id).await?.expect("it is there");
    assert_eq!((&kept.subject, &kept.headers), (&webhook.subject, &webhook.headers));
    assert_eq!((&kept.body, kept.done_at), (&webhook.body, Some(ended_at)));
    assert_eq!((kept.row.status, kept.row.attempts), (WebhookStatus::Processed, 3));
    let tries: Vec<_> = kept.tries.iter().map(|it| (it.outcome, it.duration)).collect();
    let millis = |millis| Some(Duration::from_millis(millis));
    assert_eq!(
        tries,
        [
            (TryOutcome::Failed, millis(20)),
            (TryOutcome::Lapsed, None),
            (TryOutcome::Processed, millis(70)),
        ]
    );
    let ends: Vec<_> = kept.tries.iter().map(|it| it.ended_at).collect();
    assert_eq!(ends, [NOON, lapsed_at, ended_at]);
    let errors: Vec<_> = kept.tries.iter().map(|it| it.error.as_deref()).collect();
    assert_eq!(errors, [Some("the gateway is away"), None, None]);
    assert_eq!(kept.actions, []);
    assert_eq!(subject.inbox.find(a_fresh_id()).await?, None);
    Ok(())
}

/// Others are told of a failing webhook once, until a person puts it back; never by one who has
/// lost the claim.
pub async fn a_failing_webhook_is_told_of_once(subject: &Subject) -> Promise {
    let webhook = a_webhook();
    subject.inbox.receive(&webhook).await?;
    let mut told = Vec::new();
    for put_back in [false, false, true, false] {
        if put_back {
            assert!(subject.inbox.retry(webhook.id, &a_webhook_action(NOON)).await?);
        }
        let claimed = subject.inbox.claim(NOON, LEASE, 1).await?;
        let [claimed] = claimed.as_slice() else { panic!("it is due") };
        let alert = Some(an_alert(webhook.id));
        let failed = a_failed_try(claimed.claim, "it makes no sense", Some(NOON));
        let failed = FailedTry { alert, ..failed };
        told.push(subject.inbox.fail(&failed).await?);
        assert!(!subject.inbox.fail(&failed).await?, "the claim is over");
    }
    assert_eq!(told, [true, false, true, false]);
    Ok(())
}

/// What people do is kept with who did it and why.
pub async fn what_people_do_is_written_down(subject: &Subject) -> Promise {
    let webhook = a_webhook();
    subject.inbox.receive(&webhook).await?;
    let [first, second] = [NOON, NOON + LEASE].map(a_webhook_action);
    let before = subject.inbox.discard(webhook.id, &first).await?;
    assert_eq!(before, Some(WebhookStatus::Received));
    assert_eq!(subject.inbox.health().await?, InboxHealth::default());
    assert_eq!(subject.inbox.claim(NOON + LEASE, LEASE, 1).await?, []);
    let before = subject.inbox.discard(webhook.id, &second).await?;
    assert_eq!(before, Some(WebhookStatus::Discarded), "once is enough");
    assert!(subject.inbox.retry(webhook.id, &second).await?);
    let kept = subject.inbox.find(webhook.id).await?.expect("it is there");
    assert_eq!(kept.actions, [(Deed::Discard, first), (Deed::Retry, second.clone())]);
    assert_eq!((kept.row.status, kept.done_at), (WebhookStatus::Received, None));
    assert_eq!(subject.inbox.discard(a_fresh_id(), &second).await?, None);
    Ok(())
}

/// Who is given up while it is processed has no effect, and the next of its subject may go.
pub async fn what_is_given_up_makes_way(subject: &Subject) -> Promise {
    let [first, second] = [of("cus_1"), of("cus_1")];
    for webhook in [&first, &second] {
        subject.inbox.receive(webhook).await?;
    }
    let claimed = subject.inbox.claim(NOON, LEASE, 10).await?;
    assert_eq!(ids(&claimed), [first.id]);
    assert_eq!(subject.inbox.claim(NOON, LEASE, 10).await?, []);
    subject.inbox.discard(first.id, &a_webhook_action(NOON)).await?;
    assert_eq!(ids(&subject.inbox.claim(NOON, LEASE, 10).await?), [second.id]);
    let [claimed] = claimed.as_slice() else { panic!("one was claimed") };
    let late = done(subject, claimed, false).await;
    assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
    Ok(())
}

/// Those that match are put back, the oldest first; what was only asked for changes nothing.
pub async fn those_that_match_are_put_back(subject: &Subject) -> Promise {
    let mut dead = Vec::new();
    for seconds in 0..6 {
        let kind = if seconds == 2 { "charge.failed" } else { "invoice.paid" }.to_owned();
        let received_at = NOON + Duration::from_secs(seconds);
        let webhook = NewWebhook { kind, received_at, ..a_webhook() };
        subject.inbox.receive(&webhook).await?;
        dead.push(webhook.id);
    }
    let later = NOON + LEASE;
    for claimed in subject.inbox.claim(later, LEASE, 10).await? {
        subject.inbox.fail(&a_failed_try(claimed.claim, "never", None)).await?;
    }
    let waiting = a_webhook();
    subject.inbox.receive(&waiting).await?;
    let filter = WebhookFilter {
        kind: Some("invoice.paid".to_owned()),
        since: Some(NOON + Duration::from_secs(1)),
        until: Some(NOON + Duration::from_secs(5)),
        ..WebhookFilter::default()
    };
    let dry = subject.inbox.retry_all(&filter, 2, None).await?;
    let found: Vec<_> = dry.rows.iter().map(|row| row.id).collect();
    let [_, first, _, second, ..] = dead.as_slice() else { panic!("six are dead") };
    assert_eq!((dry.count, found.as_slice()), (3, [*first, *second].as_slice()));
    assert_eq!(subject.inbox.health().await?, InboxHealth { pending: 1, dead: 6 });

    let action = a_webhook_action(later);
    let wet = subject.inbox.retry_all(&filter, 2, Some(&action)).await?;
    assert_eq!(wet, dry);
    assert_eq!(subject.inbox.health().await?, InboxHealth { pending: 3, dead: 4 });
    for id in found {
        let kept = subject.inbox.find(id).await?.expect("it is there");
        assert_eq!(kept.actions, [(Deed::Retry, action.clone())]);
    }
    let rest = subject.inbox.retry_all(&WebhookFilter::default(), 10, None).await?;
    assert_eq!(rest.count, 4, "what was not tried yet is tried anyway");
    let none = subject.inbox.retry_all(&WebhookStatus::Processed.into(), 10, None).await?;
    assert_eq!((none.count, none.rows), (0, Vec::new()));
    Ok(())
}

/// The figures are of those that came since then.
pub async fn figures_count_what_became_of_all(subject: &Subject) -> Promise {
    for n in 0..8 {
        let received_at = NOON + Duration::from_secs(u64::from(n > 0));
        subject.inbox.receive(&NewWebhook { received_at, ..a_webhook() }).await?;
    }
    subject
        .inbox
        .receive(&NewWebhook { ignored: true, received_at: NOON + LEASE, ..a_webhook() })
        .await?;
    let since = NOON + Duration::from_secs(1);
    let claimed = subject.inbox.claim(since, LEASE, 10).await?;
    let [_old, a, b, c, retrying, dead, given_up, _waiting] = claimed.as_slice() else {
        panic!("eight were claimed")
    };
    for (claimed, seconds) in [(a, 2), (b, 4), (c, 9)] {
        let mut work = subject.engine().await?;
        let tried = Tried { began_at: since, ended_at: since + Duration::from_secs(seconds) };
        work.inbox().done(claimed.claim, false, tried).await?;
        work.commit().await?;
    }
    subject.inbox.fail(&a_failed_try(retrying.claim, "later", Some(NOON + LEASE))).await?;
    subject.inbox.fail(&a_failed_try(dead.claim, "never", None)).await?;
    subject.inbox.discard(given_up.claim.id, &a_webhook_action(NOON)).await?;
    let figures = subject.inbox.figures(since).await?;
    assert_eq!(
        figures,
        InboxFigures {
            received: 8,
            processed: 3,
            ignored: 1,
            retrying: 1,
            dead: 1,
            discarded: 1,
            median_to_effect: Some(Duration::from_secs(4)),
            p99_to_effect: Some(Duration::from_secs(9)),
        }
    );
    let nothing = subject.inbox.figures(NOON + LEASE + LEASE).await?;
    assert_eq!(nothing, InboxFigures::default());
    Ok(())
}

/// What was done with before an instant can be removed, with all that is known of it. What waits, is
/// dead, or was done with since, stays, even where it is named.
pub async fn what_was_done_with_long_ago_goes(subject: &Subject) -> Promise {
    let mut all = Vec::new();
    for _ in 0..4 {
        let webhook = a_webhook();
        subject.inbox.receive(&webhook).await?;
        all.push(webhook.id);
    }
    let ignored = NewWebhook { ignored: true, ..a_webhook() };
    subject.inbox.receive(&ignored).await?;
    let claimed = subject.inbox.claim(NOON, LEASE, 4).await?;
    let [first, second, failing, dying] = claimed.as_slice() else { panic!("they are due") };
    let late = NOON + time::Duration::days(1);
    for (claimed, ended_at) in [(first, NOON), (second, late)] {
        let mut work = subject.engine().await?;
        work.inbox().done(claimed.claim, false, Tried { began_at: NOON, ended_at }).await?;
        work.commit().await?;
    }
    subject.inbox.fail(&a_failed_try(failing.claim, "later", Some(late))).await?;
    subject.inbox.fail(&a_failed_try(dying.claim, "never", None)).await?;
    all.push(ignored.id);

    let before = NOON + time::Duration::hours(1);
    let mut old = vec![first.claim.id, ignored.id];
    old.sort_unstable();
    assert_eq!(subject.inbox.done_before(before, 10).await?, old);
    assert_eq!(subject.inbox.done_before(before, 1).await?, old.first().copied().as_slice());
    assert_eq!(subject.inbox.done_before(NOON, 10).await?, []);
    let found = subject.inbox.find_all(&all).await?;
    assert_eq!(found.len(), 5);
    assert!(found.iter().filter(|it| it.row.id != ignored.id).all(|it| it.tries.len() == 1));
    assert_eq!(subject.inbox.remove(&all, before).await?, 2);
    assert_eq!(subject.inbox.remove(&all, before).await?, 0);
    let left = subject.inbox.find_all(&all).await?;
    let left: Vec<_> = left.iter().map(|it| it.row.id).collect();
    let mut stayed = vec![second.claim.id, failing.claim.id, dying.claim.id];
    stayed.sort_unstable();
    assert_eq!(left, stayed);
    Ok(())
}
