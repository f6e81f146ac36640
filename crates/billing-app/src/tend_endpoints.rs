//! What people do about endpoints: make them, change them, look at what they were told, send it
//! again.

use billing_domain::{
    event::{EVENT_TYPES, INSTALLATION},
    id::{DeliveryId, EndpointId, EventId, OrganizationId},
    webhook_endpoint::{EndpointStatus, WebhookEndpoint, matches},
};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::{
    Billing, Error, Missing, Refusal,
    ports::{
        DeliveryAttempt, DeliveryFigures, DeliveryFilter, DeliveryRow, EventSubscriber, Happened,
        NewDelivery, OutboxLag, Page, Scope, ToldEvent,
    },
};

/// What is sent to try an endpoint.
pub const TEST_EVENT: &str = "webhook.test";
const MOST_TYPES: usize = 100;
const LONGEST_URL: usize = 2_000;
const LONGEST_DESCRIPTION: usize = 500;
/// How many events one wish may send again.
const MOST_REPLAYED: i64 = 1_000;

/// What people say of an endpoint; what is nothing stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EndpointTerms {
    /// Where it is.
    pub url: Option<String>,
    /// What people call it.
    pub description: Option<String>,
    /// What it is told; all, where empty.
    pub event_types: Option<Vec<String>>,
    /// Whether it is told.
    pub status: Option<EndpointStatus>,
}

/// An endpoint with its secret, which is shown now and never again.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// The endpoint.
    pub endpoint: WebhookEndpoint,
    /// What signs from now on.
    pub secret: [u8; 32],
}

/// Which events to send again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replay {
    /// Those that happened then or later.
    pub since: OffsetDateTime,
    /// Those that happened before then.
    pub until: Option<OffsetDateTime>,
    /// Those whose delivery is dead, and no others.
    pub dead_only: bool,
    /// How many, the oldest first.
    pub limit: i64,
}

/// How deliveries do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeliveryMetrics {
    /// Since when deliveries are counted.
    pub since: OffsetDateTime,
    /// What became of them, and what waits.
    pub figures: DeliveryFigures,
    /// How many of 10 000 that were tried were accepted; all, where none was tried.
    pub success: i64,
    /// How many events have not become deliveries yet.
    pub outbox: OutboxLag,
}

impl Billing {
    /// Makes an endpoint, of one organization or of all.
    pub async fn create_endpoint(
        &self,
        organization_id: Option<OrganizationId>,
        terms: EndpointTerms,
    ) -> Result<NewSecret, Error> {
        if let Some(id) = organization_id {
            let found = self.ports.organizations.organization(id).await?;
            found.ok_or(Error::NotFound(Missing::Organization))?;
        }
        let mut endpoint = WebhookEndpoint {
            id: EndpointId(self.ports.ids.next()),
            organization_id,
            url: String::new(),
            description: String::new(),
            event_types: Vec::new(),
            status: EndpointStatus::Enabled,
            secret_version: 1,
            old_secret_until: None,
            failing_since: None,
            held_until: None,
            created_at: self.ports.clock.wall(),
        };
        let secret = self.newest_secret(&endpoint)?;
        self.check_terms(&terms).await?;
        apply(terms, &mut endpoint);
        let mut work = self.ports.store.begin(Scope::Operator).await?;
        work.webhook_endpoints().insert(&endpoint).await?;
        work.commit().await?;
        Ok(NewSecret { endpoint, secret })
    }

    /// Endpoints, the newest first; of one organization, or all there are.
    pub async fn endpoints(
        &self,
        organization: Option<OrganizationId>,
        page: Page<EndpointId>,
    ) -> Result<Vec<WebhookEndpoint>, Error> {
        self.ports.deliveries.endpoints(organization, page).await
    }

    /// One of them.
    pub async fn endpoint(&self, id: EndpointId) -> Result<WebhookEndpoint, Error> {
        let found = self.ports.deliveries.endpoint(id).await?;
        found.ok_or(Error::NotFound(Missing::WebhookEndpoint))
    }

    /// Changes one.
    pub async fn change_endpoint(
        &self,
        id: EndpointId,
        terms: EndpointTerms,
    ) -> Result<WebhookEndpoint, Error> {
        self.check_terms(&terms).await?;
        self.alter_endpoint(id, |endpoint| apply(terms, endpoint)).await
    }

    /// Gives one a new secret; the one before signs for a day longer, beside it.
    pub async fn rotate_endpoint_secret(&self, id: EndpointId) -> Result<NewSecret, Error> {
        self.newest_secret(&self.endpoint(id).await?)?;
        let wall = self.ports.clock.wall();
        let endpoint = self.alter_endpoint(id, |endpoint| endpoint.rotate_secret(wall)).await?;
        let secret = self.newest_secret(&endpoint)?;
        Ok(NewSecret { endpoint, secret })
    }

    /// Removes one, with all that it was told.
    pub async fn delete_endpoint(&self, id: EndpointId) -> Result<(), Error> {
        let mut work = self.ports.store.begin(Scope::Operator).await?;
        let there = work.webhook_endpoints().delete(id).await?;
        work.commit().await?;
        if there { Ok(()) } else { Err(Error::NotFound(Missing::WebhookEndpoint)) }
    }

    /// Sends one a message to try it, whatever it wants to be told. It is sent as any other; to one
    /// that is not enabled, when it goes on.
    pub async fn test_endpoint(&self, id: EndpointId) -> Result<DeliveryId, Error> {
        let endpoint = self.endpoint(id).await?;
        let event = ToldEvent {
            id: EventId(self.ports.ids.next()),
            organization_id: endpoint.organization_id.unwrap_or(INSTALLATION),
            at: self.ports.clock.now(),
            kind: TEST_EVENT.to_owned(),
            data: json!({ "endpoint_id": id, "message": "The endpoint is set up." }),
        };
        let delivery = self.delivery(&endpoint, event);
        let delivery_id = delivery.id;
        self.plan_again(&[delivery]).await?;
        Ok(delivery_id)
    }

    /// What an endpoint is told, the newest first.
    pub async fn endpoint_deliveries(
        &self,
        id: EndpointId,
        filter: &DeliveryFilter,
        page: Page<DeliveryId>,
    ) -> Result<Vec<DeliveryRow>, Error> {
        self.endpoint(id).await?;
        self.ports.deliveries.list(id, filter, page).await
    }

    /// All that is known of a delivery.
    pub async fn inspect_delivery(
        &self,
        endpoint: EndpointId,
        id: DeliveryId,
    ) -> Result<(DeliveryRow, ToldEvent, Vec<DeliveryAttempt>), Error> {
        let found = self.ports.deliveries.find(endpoint, id).await?;
        found.ok_or(Error::NotFound(Missing::Delivery))
    }

    /// Sends one again, whatever became of it: the same message, which a receiver counts once.
    pub async fn resend_delivery(&self, endpoint: EndpointId, id: DeliveryId) -> Result<(), Error> {
        let wall = self.ports.clock.wall();
        let there = self.ports.deliveries.resend(endpoint, id, wall).await?;
        if there { Ok(()) } else { Err(Error::NotFound(Missing::Delivery)) }
    }

    /// Sends an endpoint again what it wants to be told and happened in a while, the oldest first;
    /// also what happened before it was there. A dry run only says what. How many events these are.
    pub async fn replay_events(
        &self,
        id: EndpointId,
        replay: &Replay,
        dry_run: bool,
    ) -> Result<usize, Error> {
        if !(1..=MOST_REPLAYED).contains(&replay.limit) {
            let wrong = format!("must be from 1 to {MOST_REPLAYED}");
            return Err(Error::invalid("limit", wrong));
        }
        let endpoint = self.endpoint(id).await?;
        let types = &endpoint.event_types;
        let told = |kind: &&str| types.is_empty() || types.iter().any(|it| matches(it, kind));
        let wanted = Happened {
            organization: endpoint.organization_id,
            kinds: EVENT_TYPES.iter().map(|kind| kind.name).filter(told).collect(),
            since: replay.since,
            until: replay.until,
            dead_at: replay.dead_only.then_some(id),
            limit: replay.limit,
        };
        let events = self.ports.outbox.happened(&wanted).await?;
        if !dry_run {
            let count = events.len();
            let deliveries = events.into_iter().map(|event| self.delivery(&endpoint, event));
            self.plan_again(&deliveries.collect::<Vec<_>>()).await?;
            return Ok(count);
        }
        Ok(events.len())
    }

    /// How deliveries did that were planned during the last hours, 1 to 168.
    pub async fn delivery_metrics(&self, hours: i64) -> Result<DeliveryMetrics, Error> {
        if !(1..=168).contains(&hours) {
            return Err(Error::invalid("hours", "must be from 1 to 168"));
        }
        let wall = self.ports.clock.wall();
        let since = wall - Duration::hours(hours);
        let figures = self.ports.deliveries.figures(since, wall).await?;
        let tried = figures.delivered + figures.retrying + figures.dead;
        let success = figures.delivered.saturating_mul(10_000).checked_div(tried);
        let outbox = self.ports.outbox.lag(EventSubscriber::Webhooks).await?;
        Ok(DeliveryMetrics { since, figures, success: success.unwrap_or(10_000), outbox })
    }

    fn newest_secret(&self, endpoint: &WebhookEndpoint) -> Result<[u8; 32], Error> {
        let secrets = self.endpoint_secrets(endpoint.id, endpoint.secret_version);
        secrets.into_iter().next().ok_or_else(|| Refusal::NoSecretKey.into())
    }

    async fn check_terms(&self, terms: &EndpointTerms) -> Result<(), Error> {
        if terms.description.as_ref().is_some_and(|it| it.chars().count() > LONGEST_DESCRIPTION) {
            let wrong = format!("must have at most {LONGEST_DESCRIPTION} characters");
            return Err(Error::invalid("description", wrong));
        }
        let types = terms.event_types.as_deref().unwrap_or_default();
        if types.len() > MOST_TYPES {
            return Err(Error::invalid("event_types", format!("must be at most {MOST_TYPES}")));
        }
        let known = |wanted: &&String| EVENT_TYPES.iter().any(|kind| matches(wanted, kind.name));
        if let Some(unknown) = types.iter().find(|wanted| !known(wanted)) {
            let wrong = format!("`{unknown}` is no event type: see GET /api/billing/event-types");
            return Err(Error::invalid("event_types", wrong));
        }
        let Some(url) = &terms.url else { return Ok(()) };
        if url.len() > LONGEST_URL {
            let wrong = format!("must have at most {LONGEST_URL} characters");
            return Err(Error::invalid("url", wrong));
        }
        let checked = self.ports.webhook_sender.check(url).await;
        checked.map_err(|refused| Error::invalid("url", refused.to_string()))
    }

    async fn alter_endpoint(
        &self,
        id: EndpointId,
        alter: impl FnOnce(&mut WebhookEndpoint) + Send,
    ) -> Result<WebhookEndpoint, Error> {
        let mut work = self.ports.store.begin(Scope::Operator).await?;
        let found = work.webhook_endpoints().find(id).await?;
        let mut endpoint = found.ok_or(Error::NotFound(Missing::WebhookEndpoint))?;
        alter(&mut endpoint);
        work.webhook_endpoints().save(&endpoint, &[]).await?;
        work.commit().await?;
        Ok(endpoint)
    }

    fn delivery(&self, endpoint: &WebhookEndpoint, event: ToldEvent) -> NewDelivery {
        NewDelivery {
            id: DeliveryId(self.ports.ids.next()),
            endpoint_id: endpoint.id,
            event,
            due_at: self.ports.clock.wall(),
        }
    }

    async fn plan_again(&self, deliveries: &[NewDelivery]) -> Result<(), Error> {
        let mut work = self.ports.store.begin(Scope::Operator).await?;
        work.webhook_endpoints().plan(deliveries, true).await?;
        work.commit().await
    }
}

fn apply(terms: EndpointTerms, endpoint: &mut WebhookEndpoint) {
    let EndpointTerms { url, description, event_types, status } = terms;
    if let Some(url) = url {
        endpoint.url = url;
    }
    if let Some(description) = description {
        endpoint.description = description;
    }
    if let Some(event_types) = event_types {
        endpoint.event_types = event_types;
    }
    if let Some(status) = status {
        endpoint.set_status(status);
    }
}
