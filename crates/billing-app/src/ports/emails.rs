//! Emails: kept with what they are about, then sent.

use std::time::Duration;

use async_trait::async_trait;
use billing_domain::{
    id::{EmailId, EventId, OrganizationId},
    invoice::{CreditNote, Invoice},
    letter::Letter,
    locale::Locale,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, ports::Tried};

/// An email that is to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewEmail {
    /// Our id. Every try carries it, so that who receives it twice can know it again.
    pub id: EmailId,
    /// Whose event it is.
    pub organization_id: OrganizationId,
    /// What happened.
    pub event_id: EventId,
    /// What it is about: of one recipient, each thing is told once.
    pub about: String,
    /// Whom it goes to.
    pub recipient: String,
    /// In which language.
    pub locale: Locale,
    /// What it says.
    pub letter: Letter,
    /// When it was written down, by the wall clock.
    pub created_at: OffsetDateTime,
    /// Whether there is a way to send it; else it is kept.
    pub queued: bool,
}

/// Where an email stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EmailStatus {
    /// To be sent.
    Queued,
    /// It failed and will be tried again.
    Retrying,
    /// A server has taken it.
    Sent,
    /// It failed for good, and waits for a person.
    Dead,
    /// There was no way to send it.
    Unsent,
}

impl EmailStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Retrying, Self::Sent, Self::Dead, Self::Unsent];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Retrying => "retrying",
            Self::Sent => "sent",
            Self::Dead => "dead",
            Self::Unsent => "unsent",
        }
    }

    /// The status of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// The right to send one email, until the lease ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EmailClaim {
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Which email.
    pub id: EmailId,
    /// Ours; another worker's claim has another one.
    pub fence: Uuid,
}

/// An email to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimedEmail {
    /// The right to do so.
    pub claim: EmailClaim,
    /// Whom it goes to.
    pub recipient: String,
    /// In which language.
    pub locale: Locale,
    /// What it says.
    pub letter: Letter,
    /// When it was written down.
    pub created_at: OffsetDateTime,
    /// How often it was tried before.
    pub attempts: i32,
}

/// A try that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailedEmail {
    /// Of what.
    pub claim: EmailClaim,
    /// When.
    pub tried: Tried,
    /// Why.
    pub error: String,
    /// When it is tried again; nothing when it is dead.
    pub again_at: Option<OffsetDateTime>,
}

/// Which emails: what is not said matches all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EmailFilter {
    /// To which organization.
    pub organization_id: Option<OrganizationId>,
    /// What they say, by the name of the letter.
    pub letter: Option<String>,
    /// Where they stand.
    pub status: Option<EmailStatus>,
    /// Written down then or later.
    pub since: Option<OffsetDateTime>,
    /// Written down before then.
    pub until: Option<OffsetDateTime>,
}

/// An email as an operator sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailRow {
    /// Our id.
    pub id: EmailId,
    /// Whose event it is.
    pub organization_id: OrganizationId,
    /// What happened.
    pub event_id: EventId,
    /// Whom it goes to.
    pub recipient: String,
    /// In which language.
    pub locale: Locale,
    /// What it says.
    pub letter: Letter,
    /// Where it stands.
    pub status: EmailStatus,
    /// How often it was tried since it was written down, or put back.
    pub attempts: i32,
    /// What the last try said, if it failed.
    pub error: Option<String>,
    /// When it was written down.
    pub created_at: OffsetDateTime,
    /// When it is tried again, if it is.
    pub next_attempt_at: Option<OffsetDateTime>,
    /// When a server took it.
    pub sent_at: Option<OffsetDateTime>,
}

/// A try that came to an end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailTry {
    /// When.
    pub ended_at: OffsetDateTime,
    /// `sent`, `failed`, or `lapsed` where its worker died or was too slow.
    pub outcome: &'static str,
    /// Why, where it failed.
    pub error: Option<String>,
}

/// Who had emails sent again, when and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailAction {
    /// The same for all emails that it was done about at once.
    pub id: Uuid,
    /// When, by the wall clock.
    pub at: OffsetDateTime,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// All that is known of an email.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailDetail {
    /// What lists show of it.
    pub row: EmailRow,
    /// Every try that came to an end, in their order.
    pub tries: Vec<EmailTry>,
    /// What people did about it, in their order.
    pub actions: Vec<EmailAction>,
}

/// How many emails stand where, each counted up to 10 000.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EmailHealth {
    /// To be sent, first or again.
    pub pending: i64,
    /// Failed for good.
    pub dead: i64,
    /// Kept, because there was no way to send them.
    pub unsent: i64,
}

/// Emails as they are written down, in the unit that hears of the event.
#[async_trait]
pub trait Emails: Send {
    /// Writes emails down. What is known to the same recipient about the same thing stays as it is.
    /// How many are new.
    async fn queue(&mut self, emails: &[NewEmail]) -> Result<usize, Error>;
}

/// The queue of emails.
#[async_trait]
pub trait EmailQueue: Send + Sync {
    /// Claims up to `limit` emails that are due, the longest due first. A claim that is neither
    /// sent nor failed within `lease` is due again.
    async fn claim(
        &self,
        wall: OffsetDateTime,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<ClaimedEmail>, Error>;
    /// A server has taken it. False when the claim has passed to somebody else; then nothing is
    /// changed.
    async fn sent(&self, claim: EmailClaim, tried: Tried) -> Result<bool, Error>;
    /// Records a failed try: to be tried again at an instant, or dead. False as above.
    async fn fail(&self, failed: &FailedEmail) -> Result<bool, Error>;
    /// Puts one back to be sent now, whatever became of it, and remembers who wanted it. False when
    /// it is not there.
    async fn retry(&self, id: EmailId, action: &EmailAction) -> Result<bool, Error>;
    /// Puts back those that match, the oldest first, at most `limit`; without an action only says
    /// which. How many match, and these as they stood. What is queued is left alone.
    async fn retry_all(
        &self,
        filter: &EmailFilter,
        limit: i64,
        action: Option<&EmailAction>,
    ) -> Result<(i64, Vec<EmailRow>), Error>;
    /// The newest ones that match, at most `limit`, before an id.
    async fn list(
        &self,
        filter: &EmailFilter,
        before: Option<EmailId>,
        limit: i64,
    ) -> Result<Vec<EmailRow>, Error>;
    /// All that is known of one.
    async fn find(&self, id: EmailId) -> Result<Option<EmailDetail>, Error>;
    /// How many stand where.
    async fn health(&self) -> Result<EmailHealth, Error>;
}

/// Who an email is for, and from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Addressee {
    /// The organization; an alert has none.
    pub organization: Option<String>,
    /// In which language.
    pub locale: Locale,
    /// Who sells, as people know it.
    pub seller: String,
    /// Where people can write back.
    pub contact: Option<String>,
    /// Where customers look after their billing.
    pub billing_page: Option<String>,
}

/// A file that comes along.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attachment {
    /// What it is called.
    pub name: String,
    /// What is in it, such as `application/pdf`.
    pub media_type: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// A letter in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// One line.
    pub subject: String,
    /// A whole page.
    pub html: String,
    /// The same as plain text.
    pub text: String,
    /// What comes along.
    pub attachments: Vec<Attachment>,
}

/// Puts letters into words.
#[async_trait]
pub trait Letters: Send + Sync {
    /// One in the language of its addressee, with the invoice that it is about.
    async fn write(
        &self,
        letter: &Letter,
        to: &Addressee,
        invoice: Option<(Invoice, Vec<CreditNote>)>,
    ) -> anyhow::Result<Written>;
}

/// An email on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Our id: the same at every try.
    pub id: EmailId,
    /// Whom it goes to.
    pub to: String,
    /// When it was written down.
    pub date: OffsetDateTime,
    /// What it says.
    pub written: Written,
}

/// Why an email was not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MailError {
    /// It may be taken later. Where the connection broke, it may have been taken.
    #[error("{0}")]
    Passing(String),
    /// It will never be taken.
    #[error("{0}")]
    Refused(String),
}

/// Takes emails along.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// `smtp`, or `mailbox` in a sandbox.
    fn name(&self) -> &'static str;
    /// Hands one over. The same one may be handed over again.
    async fn send(&self, message: &Message) -> Result<(), MailError>;
}

/// An email that a sandbox has kept instead of sending it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Posted {
    /// Its id.
    pub id: EmailId,
    /// Whom it was for.
    pub to: String,
    /// One line.
    pub subject: String,
    /// A whole page.
    pub html: String,
    /// The same as plain text.
    pub text: String,
    /// The names of what came along.
    pub attachments: Vec<String>,
    /// When it was written down.
    pub date: OffsetDateTime,
}

/// Where a sandbox keeps emails instead of sending them.
#[async_trait]
pub trait Mailbox: Send + Sync {
    /// The newest ones, at most `limit`, before an id.
    async fn posted(&self, before: Option<EmailId>, limit: i64) -> Result<Vec<Posted>, Error>;
    /// One of them.
    async fn opened(&self, id: EmailId) -> Result<Option<Posted>, Error>;
}
