//! Emails: written down once, sent by one at a time, put back by people.

use std::{slice, sync::Arc, time::Duration};

use billing_app::{
    Error,
    ports::{
        ClaimedEmail, EmailAction, EmailFilter, EmailHealth, EmailStatus, FailedEmail, Message,
        NewEmail, Scope, Written,
    },
};
use billing_domain::{
    event::INSTALLATION,
    id::{EmailId, OrganizationId, WebhookId},
    letter::Letter,
    locale::Locale,
};

use super::{Promise, stage::at_once};
use crate::{
    NOON, Subject,
    builders::{a_fresh_id, a_try, a_webhook_action},
};

const LEASE: Duration = Duration::from_secs(60);

/// An email of an organization about something of its own.
fn an_email(organization_id: OrganizationId) -> NewEmail {
    let id: EmailId = a_fresh_id();
    NewEmail {
        id,
        organization_id,
        event_id: a_fresh_id(),
        about: id.to_string(),
        recipient: "ann@acme.test".to_owned(),
        locale: Locale::Ar,
        letter: Letter::CreditsExpiring { remaining: 5, expires_at: NOON },
        created_at: NOON,
        queued: true,
    }
}

async fn queue(subject: &Subject, emails: &[NewEmail]) -> Result<usize, Error> {
    let mut work = subject.engine().await?;
    let new = work.emails().queue(emails).await?;
    work.commit().await?;
    Ok(new)
}

async fn claim(subject: &Subject, seconds: u64) -> Result<Vec<ClaimedEmail>, Error> {
    subject.emails.claim(NOON + Duration::from_secs(seconds), LEASE, 10).await
}

fn an_action() -> EmailAction {
    let action = a_webhook_action(NOON + Duration::from_secs(300));
    EmailAction { id: action.id, at: action.at, actor: action.actor, reason: action.reason }
}

/// They come back as they were, alerts of nobody's organization too; who is told of the same thing
/// is not told again.
pub async fn emails_are_written_down_once(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let first = an_email(organization);
    let same = NewEmail { id: a_fresh_id(), event_id: a_fresh_id(), ..first.clone() };
    let other =
        NewEmail { id: a_fresh_id(), recipient: "bob@acme.test".to_owned(), ..first.clone() };
    let alert = NewEmail {
        letter: Letter::WebhookFailed {
            webhook_id: a_fresh_id::<WebhookId>(),
            source: "clerk".to_owned(),
            event_type: "user.created".to_owned(),
            error: "\"no\"".to_owned(),
            dead: true,
        },
        queued: false,
        ..an_email(INSTALLATION)
    };
    assert_eq!(queue(subject, &[]).await?, 0);
    assert_eq!(queue(subject, slice::from_ref(&first)).await?, 1);
    assert_eq!(queue(subject, &[same, other.clone(), alert.clone()]).await?, 2);
    let rows = subject.emails.list(&EmailFilter::default(), None, 10).await?;
    let newest_first: Vec<_> = rows.iter().map(|row| row.id).collect();
    let mut ids = [first.id, other.id, alert.id];
    ids.sort();
    ids.reverse();
    assert_eq!(newest_first, ids);
    for email in [&first, &other, &alert] {
        let row = subject.emails.find(email.id).await?.expect("it is there").row;
        assert_eq!((row.organization_id, row.event_id), (email.organization_id, email.event_id));
        assert_eq!((&row.recipient, row.locale), (&email.recipient, email.locale));
        assert_eq!((&row.letter, row.created_at), (&email.letter, NOON));
        let status = if email.queued { EmailStatus::Queued } else { EmailStatus::Unsent };
        assert_eq!((row.status, row.next_attempt_at), (status, email.queued.then_some(NOON)));
    }
    let health = EmailHealth { pending: 2, dead: 0, unsent: 1 };
    assert_eq!(subject.emails.health().await?, health);
    assert_eq!(subject.emails.list(&EmailFilter::default(), Some(ids[1]), 10).await?.len(), 1);
    let alerts =
        EmailFilter { letter: Some("webhook_failed".to_owned()), ..EmailFilter::default() };
    assert_eq!(subject.emails.list(&alerts, None, 10).await?.len(), 1);
    assert_eq!(subject.emails.find(a_fresh_id()).await?, None);
    Ok(())
}

/// What was written down in an abandoned unit is not there.
pub async fn emails_of_an_abandoned_unit_are_not_there(subject: &Subject) -> Promise {
    let mut work = subject.store.begin(Scope::Engine).await?;
    work.emails().queue(&[an_email(INSTALLATION)]).await?;
    drop(work);
    assert_eq!(claim(subject, 0).await?, []);
    Ok(())
}

/// One email is sent by one worker, and its mark is his alone.
pub async fn an_email_is_sent_by_one_worker(subject: &Subject) -> Promise {
    let emails: Vec<_> = (0..12).map(|_| an_email(INSTALLATION)).collect();
    queue(subject, &emails).await?;
    let workers = (0..6).map(|_| {
        let queue = Arc::clone(&subject.emails);
        async move { queue.claim(NOON, LEASE, 3).await }
    });
    let claimed = at_once(workers).await.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    let mut ids: Vec<_> = claimed.iter().map(|email| email.claim.id).collect();
    ids.sort();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "none is claimed twice");
    for email in &claimed {
        assert!(subject.emails.sent(email.claim, a_try()).await?);
        assert!(!subject.emails.sent(email.claim, a_try()).await?, "the claim is gone");
    }
    let sent = EmailFilter { status: Some(EmailStatus::Sent), ..EmailFilter::default() };
    let sent = subject.emails.list(&sent, None, 20).await?;
    assert_eq!(sent.len(), all);
    assert!(sent.iter().all(|row| row.sent_at == Some(NOON) && row.next_attempt_at.is_none()));
    Ok(())
}

/// A claim that lapsed passes to another, and whoever had it changes nothing any more.
pub async fn a_lapsed_claim_of_an_email_passes_to_another(subject: &Subject) -> Promise {
    queue(subject, &[an_email(INSTALLATION)]).await?;
    let first = claim(subject, 0).await?;
    assert_eq!(claim(subject, 59).await?, [], "the lease runs");
    let second = claim(subject, 61).await?;
    let ([first], [second]) = (first.as_slice(), second.as_slice()) else {
        panic!("it was claimed twice: {first:?} {second:?}")
    };
    assert_eq!((first.claim.id, second.attempts), (second.claim.id, 1));
    let failed = FailedEmail {
        claim: first.claim,
        tried: a_try(),
        error: "late".to_owned(),
        again_at: None,
    };
    assert!(!subject.emails.fail(&failed).await?);
    assert!(!subject.emails.sent(first.claim, a_try()).await?);
    assert!(subject.emails.sent(second.claim, a_try()).await?);
    let detail = subject.emails.find(first.claim.id).await?.expect("it is there");
    let outcomes: Vec<_> = detail.tries.iter().map(|it| it.outcome).collect();
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.contains(&"lapsed") && outcomes.contains(&"sent"), "{outcomes:?}");
    Ok(())
}

/// What failed is tried again at its instant; what is dead waits for a person, who can have it sent.
pub async fn an_email_that_failed_is_tried_again(subject: &Subject) -> Promise {
    let email = an_email(INSTALLATION);
    queue(subject, slice::from_ref(&email)).await?;
    for (at, again) in [(0, Some(60)), (60, None)] {
        let claimed = claim(subject, at).await?;
        let [claimed] = claimed.as_slice() else { panic!("it is due") };
        let failed = FailedEmail {
            claim: claimed.claim,
            tried: a_try(),
            error: format!("451 try later {at}"),
            again_at: again.map(|seconds| NOON + Duration::from_secs(seconds)),
        };
        assert!(subject.emails.fail(&failed).await?);
        assert_eq!(claim(subject, 59).await?, []);
    }
    let row = subject.emails.find(email.id).await?.expect("it is there").row;
    assert_eq!((row.status, row.attempts, row.next_attempt_at), (EmailStatus::Dead, 2, None));
    assert_eq!(row.error.as_deref(), Some("451 try later 60"));
    assert_eq!(subject.emails.health().await?.dead, 1);
    let dead = EmailFilter { status: Some(EmailStatus::Dead), ..EmailFilter::default() };
    let (matched, rows) = subject.emails.retry_all(&dead, 10, None).await?;
    assert_eq!((matched, rows.len()), (1, 1), "nothing is changed");
    let action = an_action();
    let (matched, _) = subject.emails.retry_all(&dead, 10, Some(&action)).await?;
    assert_eq!(matched, 1);
    assert_eq!(subject.emails.retry_all(&dead, 10, Some(&action)).await?.0, 0);
    let claimed = claim(subject, 300).await?;
    assert_eq!(claimed.iter().map(|it| it.attempts).collect::<Vec<_>>(), [0]);
    let again = EmailAction { id: an_action().id, ..action.clone() };
    assert!(subject.emails.retry(email.id, &again).await?, "also while it is being sent");
    assert!(!subject.emails.retry(a_fresh_id(), &again).await?);
    let detail = subject.emails.find(email.id).await?.expect("it is there");
    assert_eq!(detail.actions.len(), 2);
    assert!(detail.actions.contains(&action));
    Ok(())
}

/// A mailbox keeps an email once, however often it is handed over.
pub async fn a_mailbox_keeps_an_email_once(subject: &Subject) -> Promise {
    let (mailer, mailbox) = &subject.mailbox;
    let message = |subject: &str| Message {
        id: a_fresh_id(),
        to: "ann@acme.test".to_owned(),
        date: NOON,
        written: Written {
            subject: subject.to_owned(),
            html: "<p>Hello</p>".to_owned(),
            text: "Hello".to_owned(),
            attachments: Vec::new(),
        },
    };
    let (first, second) = (message("first"), message("second"));
    for message in [&first, &first, &second] {
        mailer.send(message).await?;
    }
    let posted = mailbox.posted(None, 10).await?;
    assert_eq!(posted.len(), 2);
    let opened = mailbox.opened(first.id).await?.expect("it is there");
    assert_eq!((opened.subject.as_str(), opened.date), ("first", NOON));
    assert_eq!((opened.html, opened.text), (first.written.html, first.written.text));
    assert_eq!(mailbox.opened(a_fresh_id()).await?, None);
    Ok(())
}
