//! What people do about webhooks: look at them, have them processed again, give them up.

use billing_domain::id::WebhookId;

use crate::{
    Billing, Error, Missing, Refusal,
    ports::{
        Matching, Page, WebhookAction, WebhookDetail, WebhookFilter, WebhookRow, WebhookStatus,
    },
};

/// More of a reason is a story.
const LONGEST_REASON: usize = 500;
/// How many one wish may put back.
const MOST_RETRIED: i64 = 1_000;

/// Who wants something done, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mandate {
    /// Who.
    pub actor: String,
    /// Why: 1 to 500 characters.
    pub reason: String,
}

impl Mandate {
    /// The same, with a reason that can be kept.
    pub(crate) fn checked(self) -> Result<Self, Error> {
        let reason = self.reason.trim().to_owned();
        let length = reason.chars().count();
        if !(1..=LONGEST_REASON).contains(&length) || reason.contains('\0') {
            let wrong = format!("must be 1 to {LONGEST_REASON} characters: it is kept");
            return Err(Error::invalid("reason", wrong));
        }
        Ok(Self { reason, ..self })
    }
}

impl Billing {
    /// Webhooks that match, the newest first.
    pub async fn list_webhooks(
        &self,
        filter: &WebhookFilter,
        page: Page<WebhookId>,
    ) -> Result<Vec<WebhookRow>, Error> {
        self.ports.inbox.list(filter, page.after, page.limit).await
    }

    /// All that is known of a webhook.
    pub async fn inspect_webhook(&self, id: WebhookId) -> Result<WebhookDetail, Error> {
        self.ports.inbox.find(id).await?.ok_or(Error::NotFound(Missing::Webhook))
    }

    /// Processes a webhook again, whatever became of it. Doing so twice has one effect.
    pub async fn retry_webhook(&self, id: WebhookId, mandate: Mandate) -> Result<(), Error> {
        let found = self.ports.inbox.retry(id, &self.action(mandate)?).await?;
        if found { Ok(()) } else { Err(Error::NotFound(Missing::Webhook)) }
    }

    /// Processes again those that match, the oldest first, at most `limit` of them. Those that
    /// were never tried, or are being processed, are left alone.
    pub async fn retry_webhooks(
        &self,
        filter: &WebhookFilter,
        limit: i64,
        mandate: Mandate,
    ) -> Result<Matching, Error> {
        let action = self.action(mandate)?;
        self.ports.inbox.retry_all(filter, few(limit)?, Some(&action)).await
    }

    /// What that would put back; nothing is changed.
    pub async fn retriable_webhooks(
        &self,
        filter: &WebhookFilter,
        limit: i64,
    ) -> Result<Matching, Error> {
        self.ports.inbox.retry_all(filter, few(limit)?, None).await
    }

    /// Gives up a webhook that waits or is dead. Doing so twice changes nothing; it can be
    /// processed again all the same.
    pub async fn discard_webhook(&self, id: WebhookId, mandate: Mandate) -> Result<(), Error> {
        match self.ports.inbox.discard(id, &self.action(mandate)?).await? {
            Some(
                WebhookStatus::Received
                | WebhookStatus::Retrying
                | WebhookStatus::Dead
                | WebhookStatus::Discarded,
            ) => Ok(()),
            Some(done @ (WebhookStatus::Processed | WebhookStatus::Ignored)) => {
                Err(Refusal::WebhookDone(done.name()).into())
            }
            None => Err(Error::NotFound(Missing::Webhook)),
        }
    }

    pub(crate) fn action(&self, mandate: Mandate) -> Result<WebhookAction, Error> {
        let Mandate { actor, reason } = mandate.checked()?;
        Ok(WebhookAction { id: self.ports.ids.next(), at: self.ports.clock.wall(), actor, reason })
    }
}

/// As many as one wish may put back.
pub(crate) fn few(limit: i64) -> Result<i64, Error> {
    let wrong = || Error::invalid("limit", format!("must be from 1 to {MOST_RETRIED}"));
    (1..=MOST_RETRIED).contains(&limit).then_some(limit).ok_or_else(wrong)
}
