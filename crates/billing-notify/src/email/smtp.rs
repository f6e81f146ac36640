//! The way to a mail server: SMTP.

use core::{fmt, time::Duration};
use std::time::SystemTime;

use async_trait::async_trait;
use billing_app::ports::{Attachment, MailError, Mailer, Message as Outgoing};
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Attachment as Part, Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::Error as SmtpError,
};

/// A server that takes longer for one step does not answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Refused logins: the configuration is wrong, and not the email.
const LOGIN: [u16; 4] = [530, 534, 535, 538];

/// A mail server, and who we are to it.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Why a mail server cannot be used as it is described.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSmtp {
    /// The address of the server is none.
    #[error(
        "it is no address of a mail server, such as smtps://user:password@mail.example.com: {0}"
    )]
    Url(String),
    /// A password would go through the network for all to read.
    #[error("a password needs TLS: write smtps://…, or smtp://…?tls=required for STARTTLS")]
    InTheClear,
    /// Whom emails are from is no address.
    #[error("it is no address, such as Billing <billing@example.com>: {0}")]
    From(String),
}

impl Smtp {
    /// A mail server by its address, and the mailbox that emails are from.
    pub fn new(url: &str, from: &str) -> Result<Self, InvalidSmtp> {
        let from: Mailbox = from
            .parse()
            .map_err(|error: lettre::address::AddressError| InvalidSmtp::From(error.to_string()))?;
        if has_password(url) && !has_tls(url) {
            return Err(InvalidSmtp::InTheClear);
        }
        // What lettre says of an address does not repeat it: there may be a password in it.
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url);
        let builder = builder.map_err(|error| InvalidSmtp::Url(error.to_string()))?;
        Ok(Self { transport: builder.timeout(Some(PATIENCE)).build(), from })
    }

    fn message(&self, outgoing: &Outgoing) -> anyhow::Result<Message> {
        let to: Address = outgoing.to.parse()?;
        let id = format!("<{}@{}>", outgoing.id.0.simple(), self.from.email.domain());
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let written = &outgoing.written;
        let body = MultiPart::alternative_plain_html(written.text.clone(), written.html.clone());
        let body = match written.attachments.as_slice() {
            [] => body,
            files => files
                .iter()
                .map(part)
                .try_fold(MultiPart::mixed().multipart(body), |all, part| {
                    anyhow::Ok(all.singlepart(part?))
                })?,
        };
        Ok(Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .date(SystemTime::from(outgoing.date))
            .message_id(Some(id))
            .subject(written.subject.clone())
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .multipart(body)?)
    }
}

fn part(file: &Attachment) -> anyhow::Result<SinglePart> {
    let kind: ContentType = file.media_type.parse()?;
    Ok(Part::new(file.name.clone()).body(file.bytes.clone(), kind))
}

fn has_password(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    host.split(['/', '?']).next().is_some_and(|host| host.contains('@'))
}

fn has_tls(url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    url.starts_with("smtps://") || query.split('&').any(|it| it == "tls=required")
}

/// The password stays inside.
impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("from", &self.from).finish_non_exhaustive()
    }
}

#[async_trait]
impl Mailer for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    async fn send(&self, message: &Outgoing) -> Result<(), MailError> {
        let message =
            self.message(message).map_err(|error| MailError::Refused(error.to_string()))?;
        self.transport.send(message).await.map(drop).map_err(|error| unsent(&error))
    }
}

/// What it means that the server did not take an email. Where the connection broke it may have.
fn unsent(error: &SmtpError) -> MailError {
    let login = error.status().is_some_and(|code| LOGIN.contains(&u16::from(code)));
    let text = in_full(error);
    if error.is_permanent() && !login { MailError::Refused(text) } else { MailError::Passing(text) }
}

/// With its causes.
fn in_full(error: &SmtpError) -> String {
    let mut text = error.to_string();
    let mut cause = core::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
