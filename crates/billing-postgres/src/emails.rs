//! Emails: written down in the unit that hears of an event, sent by `queue`, shown and put back by
//! `log`. What a sandbox keeps instead of sending it is in `mailbox`.

mod log;
mod mailbox;
mod queue;

use std::time::Duration;

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        ClaimedEmail, EmailAction, EmailClaim, EmailDetail, EmailFilter, EmailHealth, EmailQueue,
        EmailRow, Emails, FailedEmail, NewEmail, Tried,
    },
};
use billing_domain::{id::EmailId, letter::Letter};
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::mailbox::PostgresMailbox;
use crate::{Database, error::failed, statement::statement, unit_of_work::PostgresUnit};

statement! {
    /// Writes emails down; what is known to the same recipient about the same thing stays.
    Insert<'a> {
        organizations: &'a [Uuid], abouts: &'a [&'a str], recipients: &'a [&'a str],
        ids: &'a [Uuid], events: &'a [Uuid], locales: &'a [&'a str], letters: &'a [&'a str],
        data: &'a [Value], dates: &'a [OffsetDateTime], queued: &'a [bool],
    } -> BigInt;
    "INSERT INTO emails (organization_id, about, recipient, email_id, event_id, locale, letter, \
       data, status, created_at, next_attempt_at) \
     SELECT organization_id, about, recipient, email_id, event_id, locale, letter, data, \
       CASE WHEN queued THEN 'queued' ELSE 'unsent' END, at, CASE WHEN queued THEN at END \
     FROM unnest(" [organizations: Array<SqlUuid>] ", " [abouts: Array<Text>] ", "
    [recipients: Array<Text>] ", " [ids: Array<SqlUuid>] ", " [events: Array<SqlUuid>] ", "
    [locales: Array<Text>] ", " [letters: Array<Text>] ", " [data: Array<Jsonb>] ", "
    [dates: Array<Timestamptz>] ", " [queued: Array<Bool>]
    ") AS new (organization_id, about, recipient, email_id, event_id, locale, letter, data, at, \
       queued) ON CONFLICT DO NOTHING"
}

#[async_trait]
impl Emails for PostgresUnit {
    async fn queue(&mut self, emails: &[NewEmail]) -> Result<usize, Error> {
        if emails.is_empty() {
            return Ok(0);
        }
        let all = || emails.iter();
        let text = |of: for<'a> fn(&'a NewEmail) -> &'a str| all().map(of).collect::<Vec<_>>();
        let data = all().map(|email| kept(&email.letter)).collect::<Result<Vec<_>, _>>()?;
        let insert = Insert {
            organizations: &all().map(|email| email.organization_id.0).collect::<Vec<_>>(),
            abouts: &text(|email| &email.about),
            recipients: &text(|email| &email.recipient),
            ids: &all().map(|email| email.id.0).collect::<Vec<_>>(),
            events: &all().map(|email| email.event_id.0).collect::<Vec<_>>(),
            locales: &text(|email| email.locale.name()),
            letters: &text(|email| email.letter.name()),
            data: &data,
            dates: &all().map(|email| email.created_at).collect::<Vec<_>>(),
            queued: &all().map(|email| email.queued).collect::<Vec<_>>(),
        };
        insert.execute(self.connection()).await.map_err(failed)
    }
}

/// What a letter says, without its name.
fn kept(letter: &Letter) -> Result<Value, Error> {
    let mut whole = serde_json::to_value(letter).map_err(anyhow::Error::from)?;
    Ok(whole.get_mut("data").map(Value::take).unwrap_or_default())
}

/// A letter by its name and what it says.
fn letter(name: &str, data: Value) -> Result<Letter, Error> {
    let whole = json!({ "letter": name, "data": data });
    Ok(serde_json::from_value(whole).map_err(anyhow::Error::from)?)
}

#[async_trait]
impl EmailQueue for Database {
    async fn claim(
        &self,
        wall: OffsetDateTime,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<ClaimedEmail>, Error> {
        queue::claim(self, (wall, lease), limit).await
    }

    async fn sent(&self, claim: EmailClaim, tried: Tried) -> Result<bool, Error> {
        queue::sent(self, claim, tried).await
    }

    async fn fail(&self, failed: &FailedEmail) -> Result<bool, Error> {
        queue::fail(self, failed).await
    }

    async fn retry(&self, id: EmailId, action: &EmailAction) -> Result<bool, Error> {
        log::retry(self, id, action).await
    }

    async fn retry_all(
        &self,
        filter: &EmailFilter,
        limit: i64,
        action: Option<&EmailAction>,
    ) -> Result<(i64, Vec<EmailRow>), Error> {
        log::retry_all(self, filter, limit, action).await
    }

    async fn list(
        &self,
        filter: &EmailFilter,
        before: Option<EmailId>,
        limit: i64,
    ) -> Result<Vec<EmailRow>, Error> {
        log::list(self, filter, before, limit).await
    }

    async fn find(&self, id: EmailId) -> Result<Option<EmailDetail>, Error> {
        log::find(self, id).await
    }

    async fn health(&self) -> Result<EmailHealth, Error> {
        log::health(self).await
    }
}
