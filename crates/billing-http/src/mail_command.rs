//! The mailbox of a sandbox, by an operator.

use billing_app::{
    Billing,
    ports::{Page, Posted},
};
use billing_domain::id::EmailId;
use clap::Subcommand;

use crate::{banner::say, jobs_command::shown};

/// What to do about the mailbox.
#[derive(Subcommand)]
pub(crate) enum MailboxCommand {
    /// List the emails that were kept instead of being sent, the newest first.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 20)]
        limit: i64,
    },
    /// Show one.
    Show {
        /// Its id.
        id: EmailId,
        /// As the page that its recipient would see.
        #[arg(long)]
        html: bool,
    },
}

impl MailboxCommand {
    /// Does it.
    pub(crate) async fn run(self, billing: &Billing) -> anyhow::Result<()> {
        match self {
            Self::List { limit } => {
                for posted in billing.sandbox_mailbox(Page { after: None, limit }).await? {
                    let Posted { id, to, subject, date, .. } = posted;
                    say(&format!("{id} {} {to} {subject}", shown(date)));
                }
            }
            Self::Show { id, html } => {
                let Posted { to, subject, text, html: page, attachments, .. } =
                    billing.sandbox_email(id).await?;
                if html {
                    say(&page);
                } else {
                    let files = attachments.join(", ");
                    say(&format!("To: {to}\nSubject: {subject}\nFiles: {files}\n\n{text}"));
                }
            }
        }
        Ok(())
    }
}
