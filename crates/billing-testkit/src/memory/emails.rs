//! Emails: written down, claimed, and kept instead of being sent.

use std::time::Duration;

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        Addressee, ClaimedEmail, EmailAction, EmailClaim, EmailDetail, EmailFilter, EmailHealth,
        EmailQueue, EmailRow, EmailStatus, EmailTry, Emails, FailedEmail, Letters, MailError,
        Mailbox, Mailer, Message, NewEmail, Posted, Tried, Written,
    },
};
use billing_domain::{
    id::EmailId,
    invoice::{CreditNote, Invoice},
    letter::Letter,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{MemoryStore, ledgers::at_most, unit::Unit};

/// An email, and where it stands.
#[derive(Clone)]
pub(super) struct KeptEmail {
    email: NewEmail,
    row: EmailRow,
    /// Who sends it, and until when.
    held: Option<(Uuid, OffsetDateTime)>,
    tries: Vec<EmailTry>,
    actions: Vec<EmailAction>,
}

impl KeptEmail {
    fn new(email: &NewEmail) -> Self {
        let status = if email.queued { EmailStatus::Queued } else { EmailStatus::Unsent };
        let row = EmailRow {
            id: email.id,
            organization_id: email.organization_id,
            event_id: email.event_id,
            recipient: email.recipient.clone(),
            locale: email.locale,
            letter: email.letter.clone(),
            status,
            attempts: 0,
            error: None,
            created_at: email.created_at,
            next_attempt_at: email.queued.then_some(email.created_at),
            sent_at: None,
        };
        Self { email: email.clone(), row, held: None, tries: Vec::new(), actions: Vec::new() }
    }

    fn is_about_the_same(&self, other: &NewEmail) -> bool {
        let of = |it: &NewEmail| (it.organization_id, it.about.clone(), it.recipient.clone());
        of(&self.email) == of(other)
    }

    fn matches(&self, filter: &EmailFilter) -> bool {
        let EmailFilter { organization_id, letter, status, since, until } = filter;
        organization_id.is_none_or(|id| self.row.organization_id == id)
            && letter.as_ref().is_none_or(|name| self.row.letter.name() == name)
            && status.is_none_or(|status| self.row.status == status)
            && since.is_none_or(|since| self.row.created_at >= since)
            && until.is_none_or(|until| self.row.created_at < until)
    }

    fn claim(&mut self, fence: Uuid, until: OffsetDateTime) -> ClaimedEmail {
        if let Some((_, ended_at)) = self.held {
            self.tries.push(EmailTry { ended_at, outcome: "lapsed", error: None });
        }
        (self.held, self.row.next_attempt_at) = (Some((fence, until)), Some(until));
        self.row.attempts += 1;
        let (organization_id, id) = (self.row.organization_id, self.row.id);
        ClaimedEmail {
            claim: EmailClaim { organization_id, id, fence },
            recipient: self.row.recipient.clone(),
            locale: self.row.locale,
            letter: self.row.letter.clone(),
            created_at: self.row.created_at,
            attempts: self.row.attempts - 1,
        }
    }

    fn end(&mut self, (status, outcome): (EmailStatus, &'static str), tried: Tried) {
        let error = self.row.error.clone();
        self.tries.push(EmailTry { ended_at: tried.ended_at, outcome, error });
        (self.row.status, self.held) = (status, None);
    }

    fn put_back(&mut self, action: &EmailAction) {
        if self.held.is_none_or(|(_, until)| until <= action.at) {
            self.row.next_attempt_at = Some(action.at);
        }
        (self.row.status, self.row.attempts) = (EmailStatus::Queued, 0);
        (self.row.error, self.row.sent_at) = (None, None);
        self.actions.push(action.clone());
    }
}

#[async_trait]
impl Emails for Unit {
    async fn queue(&mut self, emails: &[NewEmail]) -> Result<usize, Error> {
        self.shared.reachable()?;
        let mut new = 0;
        for email in emails {
            if self.world.emails.values().all(|kept| !kept.is_about_the_same(email)) {
                self.world.emails.insert(email.id, KeptEmail::new(email));
                new += 1;
            }
        }
        Ok(new)
    }
}

impl MemoryStore {
    /// Changes an email whose claim is still held.
    async fn with_email(
        &self,
        claim: EmailClaim,
        change: impl FnOnce(&mut KeptEmail) + Send,
    ) -> Result<bool, Error> {
        self.shared
            .write(|world| {
                let kept = world.emails.get_mut(&claim.id);
                let held = |kept: &&mut KeptEmail| {
                    kept.held.is_some_and(|(fence, _)| fence == claim.fence)
                };
                Ok(kept.filter(held).map(change).is_some())
            })
            .await
    }
}

#[async_trait]
impl EmailQueue for MemoryStore {
    async fn claim(
        &self,
        wall: OffsetDateTime,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<ClaimedEmail>, Error> {
        self.shared
            .write(|world| {
                let is_due = |kept: &&mut KeptEmail| {
                    kept.row.next_attempt_at.is_some_and(|due_at| due_at <= wall)
                };
                let mut due: Vec<_> = world.emails.values_mut().filter(is_due).collect();
                due.sort_by_key(|kept| (kept.row.next_attempt_at, kept.row.id));
                due.truncate(at_most(limit));
                let mut claimed = Vec::new();
                for kept in due {
                    world.fences += 1;
                    claimed.push(kept.claim(Uuid::from_u128(world.fences), wall + lease));
                }
                claimed.sort_by_key(|email| email.claim.id);
                Ok(claimed)
            })
            .await
    }

    async fn sent(&self, claim: EmailClaim, tried: Tried) -> Result<bool, Error> {
        self.with_email(claim, |kept| {
            (kept.row.error, kept.row.next_attempt_at) = (None, None);
            kept.row.sent_at = Some(tried.ended_at);
            kept.end((EmailStatus::Sent, "sent"), tried);
        })
        .await
    }

    async fn fail(&self, failed: &FailedEmail) -> Result<bool, Error> {
        self.with_email(failed.claim, |kept| {
            let again = failed.again_at.map(|_| EmailStatus::Retrying);
            kept.row.error = Some(failed.error.clone());
            kept.row.next_attempt_at = failed.again_at;
            kept.end((again.unwrap_or(EmailStatus::Dead), "failed"), failed.tried);
        })
        .await
    }

    async fn retry(&self, id: EmailId, action: &EmailAction) -> Result<bool, Error> {
        self.shared
            .write(|world| Ok(world.emails.get_mut(&id).map(|it| it.put_back(action)).is_some()))
            .await
    }

    async fn retry_all(
        &self,
        filter: &EmailFilter,
        limit: i64,
        action: Option<&EmailAction>,
    ) -> Result<(i64, Vec<EmailRow>), Error> {
        self.shared
            .write(|world| {
                let all = world.emails.values_mut();
                let mut matching: Vec<_> = all
                    .filter(|kept| kept.matches(filter) && kept.held.is_none())
                    .filter(|kept| kept.row.status != EmailStatus::Queued)
                    .collect();
                let count = i64::try_from(matching.len()).map_err(anyhow::Error::from)?;
                matching.truncate(at_most(limit));
                let rows = matching.iter().map(|kept| kept.row.clone()).collect();
                for (kept, action) in matching.into_iter().zip(action.into_iter().cycle()) {
                    kept.put_back(action);
                }
                Ok((count, rows))
            })
            .await
    }

    async fn list(
        &self,
        filter: &EmailFilter,
        before: Option<EmailId>,
        limit: i64,
    ) -> Result<Vec<EmailRow>, Error> {
        self.shared.read(|world| {
            let newest_first = world.emails.values().rev();
            let older = newest_first.filter(|kept| before.is_none_or(|id| kept.row.id < id));
            let wanted = older.filter(|kept| kept.matches(filter));
            wanted.take(at_most(limit)).map(|kept| kept.row.clone()).collect()
        })
    }

    async fn find(&self, id: EmailId) -> Result<Option<EmailDetail>, Error> {
        self.shared.read(|world| {
            world.emails.get(&id).map(|kept| EmailDetail {
                row: kept.row.clone(),
                tries: kept.tries.clone(),
                actions: kept.actions.clone(),
            })
        })
    }

    async fn health(&self) -> Result<EmailHealth, Error> {
        self.shared.read(|world| {
            let all = world.emails.values();
            all.fold(EmailHealth::default(), |health, kept| match kept.row.status {
                EmailStatus::Queued | EmailStatus::Retrying => {
                    EmailHealth { pending: health.pending + 1, ..health }
                }
                EmailStatus::Dead => EmailHealth { dead: health.dead + 1, ..health },
                EmailStatus::Unsent => EmailHealth { unsent: health.unsent + 1, ..health },
                EmailStatus::Sent => health,
            })
        })
    }
}

#[async_trait]
impl Mailer for MemoryStore {
    fn name(&self) -> &'static str {
        "mailbox"
    }

    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let Message { id, to, date, written } = message.clone();
        let Written { subject, html, text, attachments } = written;
        let attachments = attachments.into_iter().map(|file| file.name).collect();
        let posted = Posted { id, to, subject, html, text, attachments, date };
        let kept = self.shared.write(|world| {
            world.mailbox.entry(id).or_insert(posted);
            Ok(())
        });
        kept.await.map_err(|error| MailError::Passing(error.to_string()))
    }
}

#[async_trait]
impl Mailbox for MemoryStore {
    async fn posted(&self, before: Option<EmailId>, limit: i64) -> Result<Vec<Posted>, Error> {
        self.shared.read(|world| {
            let newest_first = world.mailbox.values().rev();
            let older = newest_first.filter(|one| before.is_none_or(|id| one.id < id));
            older.take(at_most(limit)).cloned().collect()
        })
    }

    async fn opened(&self, id: EmailId) -> Result<Option<Posted>, Error> {
        self.shared.read(|world| world.mailbox.get(&id).cloned())
    }
}

/// Puts letters into no words but their own: their names and what they say, as JSON.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainLetters;

#[async_trait]
impl Letters for PlainLetters {
    async fn write(
        &self,
        letter: &Letter,
        to: &Addressee,
        invoice: Option<(Invoice, Vec<CreditNote>)>,
    ) -> anyhow::Result<Written> {
        let text = serde_json::to_string(letter)?;
        let invoice = invoice.map(|(invoice, _)| format!(" {}", invoice.id)).unwrap_or_default();
        Ok(Written {
            subject: format!("{} {}{invoice}", to.locale.name(), letter.name()),
            html: format!("<p>{text}</p>"),
            text,
            attachments: Vec::new(),
        })
    }
}
