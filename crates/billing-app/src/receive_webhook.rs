//! A webhook comes in: believed, kept, acknowledged. The work comes later.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use billing_domain::{
    gateway::Gateway,
    id::WebhookId,
    identity::{IdentityProvider, Source},
};
use time::OffsetDateTime;

use crate::{
    Billing, Error,
    ports::{About, Delivery, NewWebhook, News, Notice, Told},
};

/// What is kept of the headers: where it came from and how to follow it, and nothing that proves
/// anything.
const KEPT_HEADERS: [&str; 5] =
    ["content-type", "traceparent", "user-agent", "x-forwarded-for", "x-request-id"];
/// No sender's ids and names are longer; an index could not hold them.
const LONGEST_NAME: usize = 255;
/// More of a header is not worth keeping.
const LONGEST_HEADER: usize = 500;

/// What was read of a delivery that is believed.
struct Believed {
    event_id: String,
    kind: String,
    subject: String,
    ignored: bool,
}

/// What became of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received {
    /// It is kept, and will be processed.
    New,
    /// It is kept, and there is nothing to do for its type.
    Ignored,
    /// It was kept before.
    Duplicate,
}

/// How many deliveries were turned away since the process began; nothing of them is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Turned {
    /// They did not prove where they come from.
    pub forged: u64,
    /// They cannot be read, or are not for this account.
    pub unreadable: u64,
}

/// Counts what is turned away.
#[derive(Default)]
pub(crate) struct TurnedAway {
    forged: AtomicU64,
    unreadable: AtomicU64,
}

impl TurnedAway {
    pub(crate) fn so_far(&self) -> Turned {
        let [forged, unreadable] =
            [&self.forged, &self.unreadable].map(|count| count.load(Ordering::Relaxed));
        Turned { forged, unreadable }
    }

    fn forged(&self, why: &impl ToString) -> Error {
        self.forged.fetch_add(1, Ordering::Relaxed);
        Error::invalid("signature", why.to_string())
    }

    fn unreadable(&self, why: &impl ToString) -> Error {
        self.unreadable.fetch_add(1, Ordering::Relaxed);
        Error::invalid("body", why.to_string())
    }
}

impl Billing {
    /// Keeps a webhook that proves where it comes from. Nothing else leaves a trace.
    pub async fn receive_webhook(
        &self,
        gateway: Gateway,
        headers: &BTreeMap<String, String>,
        body: &[u8],
    ) -> Result<Received, Error> {
        let webhooks = self.gateway(Some(gateway))?.webhooks();
        let wall = self.ports.clock.wall();
        let delivery = Delivery { headers, body };
        let verified = webhooks.verify(&delivery, wall);
        verified.map_err(|forged| self.turned_away.forged(&forged))?;
        let notice = webhooks.read(body).map_err(|error| self.turned_away.unreadable(&error))?;
        let Notice { event_id, kind, subject, about, .. } = notice;
        let event = Believed { event_id, kind, subject, ignored: about == About::Nothing };
        self.keep_webhook(gateway.into(), event, (&delivery, wall)).await
    }

    /// The same for what an identity provider sends.
    pub async fn receive_identity_webhook(
        &self,
        provider: IdentityProvider,
        headers: &BTreeMap<String, String>,
        body: &[u8],
    ) -> Result<Received, Error> {
        let webhooks = self.identity_webhooks(provider)?;
        let wall = self.ports.clock.wall();
        let delivery = Delivery { headers, body };
        let verified = webhooks.verify(&delivery, wall);
        let event_id = verified.map_err(|forged| self.turned_away.forged(&forged))?;
        let told = webhooks.read(body).map_err(|error| self.turned_away.unreadable(&error))?;
        let Told { kind, subject, news } = told;
        let event = Believed { event_id, kind, subject, ignored: news == News::Nothing };
        self.keep_webhook(provider.into(), event, (&delivery, wall)).await
    }

    async fn keep_webhook(
        &self,
        source: Source,
        Believed { event_id, kind, subject, ignored }: Believed,
        (delivery, wall): (&Delivery<'_>, OffsetDateTime),
    ) -> Result<Received, Error> {
        for name in [&event_id, &kind, &subject] {
            if !is_sane(name) {
                let wrong = "an id or type in it is empty, too long, or no plain text";
                return Err(self.turned_away.unreadable(&wrong));
            }
        }
        let webhook = NewWebhook {
            id: WebhookId(self.ports.ids.next()),
            source,
            event_id,
            kind,
            subject,
            headers: worth_keeping(delivery.headers),
            body: delivery.body.to_vec(),
            received_at: wall,
            ignored,
        };
        let new = self.ports.inbox.receive(&webhook).await?;
        Ok(match (new, ignored) {
            (false, _) => Received::Duplicate,
            (true, true) => Received::Ignored,
            (true, false) => Received::New,
        })
    }
}

fn is_sane(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len()) && !name.contains(char::is_control)
}

fn worth_keeping(headers: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let kept = KEPT_HEADERS.into_iter().filter_map(|name| {
        let text = headers.get(name)?;
        let text = text.chars().filter(|letter| !letter.is_control()).take(LONGEST_HEADER);
        Some((name.to_owned(), text.collect()))
    });
    kept.collect()
}
