//! Deliveries are sent to their endpoints, tried again when they fail, and given up in the end.

use std::time::Duration;

use billing_domain::{
    event::{Event, EventType, INSTALLATION, What},
    id::{EndpointId, EventId},
    webhook_endpoint::{DisabledFor, EndpointStatus, WebhookEndpoint, retry_after},
};
use futures_util::future::join_all;
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    Billing, Error,
    ports::{
        ClaimedDelivery, DeliveryEnd, DeliveryRoom, EndedDelivery, NotSent, OutgoingWebhook, Scope,
        ToldEvent, Tried, WebhookAnswer,
    },
};

/// How long a claim lasts: longer than the slowest answer.
const LEASE: Duration = Duration::from_secs(60);
/// How many may be under way to one endpoint.
const TO_EACH: i64 = 8;
/// No body is larger: receivers refuse such.
const LARGEST_BODY: usize = 20_000;
/// An endpoint that asks for less, and not for how long, is left alone for so long.
const HELD: Duration = Duration::from_secs(30);
/// An endpoint that asks to be left alone for longer is asked again after a day.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// Deliveries and their tries are kept so long.
const KEPT: time::Duration = time::Duration::days(30);
const FORGOTTEN_AT_ONCE: i64 = 1_000;

impl Billing {
    /// Claims deliveries that are due: at most `all`, of which at most `failing` to endpoints that
    /// only fail at the moment. Each is to be sent at once: its lease has begun.
    pub async fn claim_deliveries(
        &self,
        all: i64,
        failing: i64,
    ) -> Result<Vec<ClaimedDelivery>, Error> {
        let room = DeliveryRoom { all, failing, each: TO_EACH };
        self.ports.deliveries.claim(self.ports.clock.wall(), LEASE, room).await
    }

    /// Sends a delivery that was claimed. What became of it is to be recorded.
    pub async fn send_delivery(&self, claimed: &ClaimedDelivery) -> EndedDelivery {
        let began_at = self.ports.clock.wall();
        let sent = match self.outgoing(claimed, began_at) {
            Ok(webhook) => self.ports.webhook_sender.send(&webhook).await,
            Err(error) => Err(error),
        };
        let tried = Tried { began_at, ended_at: self.ports.clock.wall() };
        let (status_code, answer) = match &sent {
            Ok(answer) => (Some(answer.status), Some(answer.text.clone())),
            Err(_) => (None, None),
        };
        let end = match sent {
            Ok(WebhookAnswer { status: 200..=299, .. }) => DeliveryEnd::Delivered,
            Ok(answer) => self.failed(claimed.attempts, &answer, tried.ended_at),
            Err(error) => DeliveryEnd::Failed {
                error: error.to_string(),
                again_at: self.again_at(claimed.attempts, Duration::ZERO, tried.ended_at),
                hold_until: None,
            },
        };
        EndedDelivery { claim: claimed.claim, tried, status_code, answer, end }
    }

    /// Records what became of deliveries that were sent. Endpoints that are gone, or have failed for
    /// too long, are disabled, and their owners told.
    pub async fn record_deliveries(
        &self,
        ended: &[(ClaimedDelivery, EndedDelivery)],
    ) -> Result<(), Error> {
        let tries: Vec<_> = ended.iter().map(|(_, ended)| ended.clone()).collect();
        self.ports.deliveries.record(&tries).await?;
        let hopeless = ended.iter().filter_map(|(claimed, ended)| {
            let failed = matches!(ended.end, DeliveryEnd::Failed { .. });
            let late = failed && claimed.endpoint.has_failed_too_long(ended.tried.ended_at);
            match ended.status_code {
                Some(410) => Some((claimed.endpoint.id, DisabledFor::Gone)),
                Some(_) | None => late.then_some((claimed.endpoint.id, DisabledFor::Failing)),
            }
        });
        let mut hopeless: Vec<_> = hopeless.collect();
        hopeless.dedup_by_key(|(id, _)| *id);
        for (id, why) in hopeless {
            self.disable_endpoint(id, why).await?;
        }
        Ok(())
    }

    /// Sends what is due, a few, side by side. How many were sent, well or not. A server takes them
    /// apart instead.
    pub async fn deliver_webhooks(&self) -> Result<usize, Error> {
        let claimed = self.claim_deliveries(64, 32).await?;
        let ended = join_all(claimed.iter().map(|it| self.send_delivery(it))).await;
        let ended: Vec<_> = claimed.into_iter().zip(ended).collect();
        self.record_deliveries(&ended).await?;
        Ok(ended.len())
    }

    /// Forgets deliveries that ended a month ago. How many.
    pub(crate) async fn forget_deliveries(&self) -> Result<usize, Error> {
        let before = self.ports.clock.wall() - KEPT;
        self.ports.deliveries.forget(before, FORGOTTEN_AT_ONCE).await
    }

    fn outgoing(
        &self,
        claimed: &ClaimedDelivery,
        at: OffsetDateTime,
    ) -> Result<OutgoingWebhook, NotSent> {
        let endpoint = &claimed.endpoint;
        let versions = endpoint.signing(at);
        let secrets = versions.iter().flat_map(|it| self.endpoint_secrets(endpoint.id, *it));
        let secrets: Vec<_> = secrets.collect();
        if secrets.is_empty() {
            let what = "the installation has no key to sign with: set BILLING_SECRET_KEY";
            return Err(NotSent::Failed(what.to_owned()));
        }
        let body = envelope(&claimed.event).to_string().into_bytes();
        if body.len() > LARGEST_BODY {
            let what = format!("the event has {} bytes: it is too large to be sent", body.len());
            return Err(NotSent::Failed(what));
        }
        let (url, id) = (endpoint.url.clone(), message_id(&claimed.event));
        Ok(OutgoingWebhook { url, id, at, secrets, body })
    }

    /// The secrets of an endpoint's version: one for each key of the installation, the newest first.
    pub(crate) fn endpoint_secrets(&self, id: EndpointId, version: i32) -> Vec<[u8; 32]> {
        self.ports.secrets.derived(&format!("webhook endpoint {id} {version}"))
    }

    fn failed(&self, attempts: i32, answer: &WebhookAnswer, wall: OffsetDateTime) -> DeliveryEnd {
        let asked = answer.retry_after.map(|it| it.min(LONGEST_WAIT));
        let less = matches!(answer.status, 429 | 502 | 504);
        let hold = asked.or_else(|| less.then_some(HELD));
        DeliveryEnd::Failed {
            error: format!("it answered {}", answer.status),
            again_at: self.again_at(attempts, asked.unwrap_or_default(), wall),
            hold_until: hold.map(|length| wall + length),
        }
    }

    fn again_at(
        &self,
        attempts: i32,
        not_before: Duration,
        wall: OffsetDateTime,
    ) -> Option<OffsetDateTime> {
        let [chance, ..] = self.ports.secrets.random();
        let failed = usize::try_from(attempts).unwrap_or_default() + 1;
        let scheduled = wall + retry_after(failed, chance)?;
        Some(scheduled.max(wall + not_before))
    }

    async fn disable_endpoint(&self, id: EndpointId, why: DisabledFor) -> Result<(), Error> {
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let found = work.webhook_endpoints().find(id).await?;
        let told = found.filter(|it| it.status == EndpointStatus::Enabled);
        let Some(mut endpoint) = told else { return Ok(()) };
        endpoint.set_status(EndpointStatus::Disabled(why));
        tracing::error!(endpoint = %id, reason = why.name(), "an endpoint is disabled");
        let event = self.disabled(&endpoint, why);
        work.webhook_endpoints().save(&endpoint, &[event]).await?;
        work.commit().await
    }

    fn disabled(&self, endpoint: &WebhookEndpoint, reason: DisabledFor) -> Event {
        Event {
            id: EventId(self.ports.ids.next()),
            organization_id: endpoint.organization_id.unwrap_or(INSTALLATION),
            at: self.ports.clock.now(),
            what: What::WebhookEndpointDisabled {
                endpoint_id: endpoint.id,
                url: endpoint.url.clone(),
                reason,
            },
        }
    }
}

/// What identifies a message: the event, which is the same for everybody who is told.
fn message_id(event: &ToldEvent) -> String {
    format!("evt_{}", event.id.0.simple())
}

/// What is sent of an event.
pub fn envelope(event: &ToldEvent) -> serde_json::Value {
    let organization = (event.organization_id != INSTALLATION).then_some(event.organization_id.0);
    json!({
        "id": message_id(event),
        "type": event.kind,
        "version": EventType::named(&event.kind).map_or(1, |kind| kind.version),
        "created": event.at.format(&Rfc3339).unwrap_or_default(),
        "organization_id": organization,
        "data": event.data,
    })
}
