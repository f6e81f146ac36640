//! What people do about emails: look at them, and have them sent again.

use billing_domain::id::EmailId;

use crate::{
    Billing, Error, Mandate, Missing, Refusal,
    ports::{
        EmailAction, EmailDetail, EmailFilter, EmailHealth, EmailRow, Mailbox, Page, Posted,
        WebhookAction, Written,
    },
    tend_webhooks::few,
};

impl Billing {
    /// Emails that match, the newest first.
    pub async fn list_emails(
        &self,
        filter: &EmailFilter,
        page: Page<EmailId>,
    ) -> Result<Vec<EmailRow>, Error> {
        self.ports.mail.queue.list(filter, page.after, page.limit).await
    }

    /// All that is known of an email, and what it says by what is known now.
    pub async fn inspect_email(&self, id: EmailId) -> Result<(EmailDetail, Written), Error> {
        let detail = self.ports.mail.queue.find(id).await?;
        let detail = detail.ok_or(Error::NotFound(Missing::Email))?;
        let row = &detail.row;
        let written = self.put_into_words(row.organization_id, &row.letter, row.locale).await?;
        Ok((detail, written))
    }

    /// Sends an email again, whatever became of it.
    pub async fn retry_email(&self, id: EmailId, mandate: Mandate) -> Result<(), Error> {
        let found = self.ports.mail.queue.retry(id, &self.emailed_again(mandate)?).await?;
        if found { Ok(()) } else { Err(Error::NotFound(Missing::Email)) }
    }

    /// Sends emails again that match, the oldest first, at most `limit` of them; without a mandate
    /// only says which. How many match, and these as they stood.
    pub async fn retry_emails(
        &self,
        filter: &EmailFilter,
        limit: i64,
        mandate: Option<Mandate>,
    ) -> Result<(i64, Vec<EmailRow>), Error> {
        let action = mandate.map(|mandate| self.emailed_again(mandate)).transpose()?;
        self.ports.mail.queue.retry_all(filter, few(limit)?, action.as_ref()).await
    }

    /// How many emails stand where.
    pub async fn email_health(&self) -> Result<EmailHealth, Error> {
        self.ports.mail.queue.health().await
    }

    /// How emails are sent: `smtp`, or `mailbox` in a sandbox; nothing where they are only kept.
    pub fn mailer(&self) -> Option<&'static str> {
        self.ports.mail.mailer.as_ref().map(|mailer| mailer.name())
    }

    /// What a sandbox has kept instead of sending it, the newest first.
    pub async fn sandbox_mailbox(&self, page: Page<EmailId>) -> Result<Vec<Posted>, Error> {
        self.mailbox()?.posted(page.after, page.limit).await
    }

    /// One of these.
    pub async fn sandbox_email(&self, id: EmailId) -> Result<Posted, Error> {
        self.mailbox()?.opened(id).await?.ok_or(Error::NotFound(Missing::Email))
    }

    fn mailbox(&self) -> Result<&dyn Mailbox, Error> {
        self.ports.mail.mailbox.as_deref().ok_or_else(|| Refusal::NoMailbox.into())
    }

    /// Nothing is sent again without a way to send it.
    fn emailed_again(&self, mandate: Mandate) -> Result<EmailAction, Error> {
        if self.ports.mail.mailer.is_none() {
            return Err(Refusal::NoMailer.into());
        }
        let WebhookAction { id, at, actor, reason } = self.action(mandate)?;
        Ok(EmailAction { id, at, actor, reason })
    }
}
