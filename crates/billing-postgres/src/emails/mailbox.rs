//! What a sandbox keeps instead of sending it.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{MailError, Mailbox, Mailer, Message, Posted, Scope},
};
use billing_domain::id::EmailId;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Database, error::failed, statement::statement};

/// The mailbox of a sandbox. One email is in it once, however often it is handed over.
#[derive(Clone)]
pub struct PostgresMailbox(Database);

impl PostgresMailbox {
    /// In a database.
    pub fn of(database: &Database) -> Self {
        Self(database.clone())
    }

    async fn keep(&self, message: &Message) -> Result<(), Error> {
        let Message { id, to, date, written } = message;
        let files: Vec<_> = written.attachments.iter().map(|file| file.name.as_str()).collect();
        let keep = Keep {
            id: id.0,
            recipient: to,
            subject: &written.subject,
            html: &written.html,
            body: &written.text,
            attachments: &files,
            date: *date,
        };
        let mut session = self.0.session(Scope::Engine).await?;
        keep.execute(session.connection()).await.map_err(failed)?;
        session.commit().await
    }

    async fn look(&self, look: Look) -> Result<Vec<Posted>, Error> {
        let rows: Vec<Row> = self.0.rows(Scope::Operator, look).await?;
        let posted = rows.into_iter().map(|(id, to, subject, html, text, attachments, date)| {
            Posted { id: EmailId(id), to, subject, html, text, attachments, date }
        });
        Ok(posted.collect())
    }
}

type Row = (Uuid, String, String, String, String, Vec<String>, OffsetDateTime);

statement! {
    /// Keeps an email, once.
    Keep<'a> {
        id: Uuid, recipient: &'a str, subject: &'a str, html: &'a str, body: &'a str,
        attachments: &'a [&'a str], date: OffsetDateTime,
    } -> BigInt;
    "INSERT INTO sandbox_mailbox (email_id, recipient, subject, html, body, attachments, date) \
     VALUES (" [id: SqlUuid] ", " [recipient: Text] ", " [subject: Text] ", " [html: Text] ", "
    [body: Text] ", " [attachments: Array<Text>] ", " [date: Timestamptz] ") ON CONFLICT DO NOTHING"
}

statement! {
    /// The newest emails before an id, or the one of an id.
    Look { only: Option<Uuid>, before: Option<Uuid>, limit: i64 }
        -> (SqlUuid, Text, Text, Text, Text, Array<Text>, Timestamptz);
    "SELECT email_id, recipient, subject, html, body, attachments, date FROM sandbox_mailbox \
     WHERE (" [only: Nullable<SqlUuid>] " IS NULL OR email_id = " [only: Nullable<SqlUuid>]
    ") AND (" [before: Nullable<SqlUuid>] " IS NULL OR email_id < " [before: Nullable<SqlUuid>]
    ") ORDER BY email_id DESC LIMIT " [limit: BigInt]
}

#[async_trait]
impl Mailer for PostgresMailbox {
    fn name(&self) -> &'static str {
        "mailbox"
    }

    async fn send(&self, message: &Message) -> Result<(), MailError> {
        self.keep(message).await.map_err(|error| MailError::Passing(error.in_full()))
    }
}

#[async_trait]
impl Mailbox for PostgresMailbox {
    async fn posted(&self, before: Option<EmailId>, limit: i64) -> Result<Vec<Posted>, Error> {
        self.look(Look { only: None, before: before.map(|id| id.0), limit }).await
    }

    async fn opened(&self, id: EmailId) -> Result<Option<Posted>, Error> {
        Ok(self.look(Look { only: Some(id.0), before: None, limit: 1 }).await?.into_iter().next())
    }
}
