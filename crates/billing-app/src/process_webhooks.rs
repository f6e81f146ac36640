//! Webhooks have their effect: the effect and the mark in one commit.

use std::{panic::AssertUnwindSafe, time::Duration};

use billing_domain::{
    event::{Event, INSTALLATION, What},
    gateway::GatewayRef,
    id::EventId,
    identity::{IdentityProvider, Source},
};
use futures_util::FutureExt as _;
use time::OffsetDateTime;

use crate::{
    Billing, Error,
    gateway_facts::{GatewayFacts, ask},
    ports::{About, Claimed, FailedTry, GatewayError, News, PaymentGateway, Scope, Tried},
    settle::Unsettled,
};

/// How long a claim lasts before another worker may try: after a crash nobody waits longer. A slow
/// one that comes later finds its claim gone, and changes nothing.
const LEASE: Duration = Duration::from_secs(45);
/// How many a round claims: they are processed one after the other, under one lease.
const ROUND: i64 = 4;
/// Minutes before each retry; after the last one it is dead.
const RETRY_AFTER_MINUTES: [i64; 8] = [1, 2, 4, 8, 16, 32, 60, 60];

/// What a round of processing came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Had their effect, or none to have.
    pub done: usize,
    /// Failed, and will be tried again or wait for a person.
    pub failed: usize,
}

impl Progress {
    /// Whether there was anything to do: then there may be more.
    pub const fn any(self) -> bool {
        self.done + self.failed > 0
    }
}

/// Why a try failed.
struct Failure {
    error: String,
    /// Whether trying again is useless.
    permanent: bool,
    /// Whether money or access hangs on it.
    critical: bool,
}

impl Failure {
    fn passing(error: impl ToString) -> Self {
        Self { error: error.to_string(), permanent: false, critical: false }
    }

    fn permanent(error: impl ToString) -> Self {
        Self { permanent: true, ..Self::passing(error) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::passing(error.in_full())
    }
}

impl Billing {
    /// Processes webhooks that are due, a few, one after the other. A failing one does not hold up
    /// the others. A server takes them apart instead, and processes them side by side.
    pub async fn process_webhooks(&self) -> Result<Progress, Error> {
        let mut progress = Progress::default();
        for claimed in self.claim_webhooks(ROUND).await? {
            if self.process_webhook(&claimed).await? {
                progress.done += 1;
            } else {
                progress.failed += 1;
            }
        }
        Ok(progress)
    }

    /// Claims webhooks that are due, at most so many, each of another subject. Each is to be
    /// processed at once: its lease has begun.
    pub async fn claim_webhooks(&self, limit: i64) -> Result<Vec<Claimed>, Error> {
        self.ports.inbox.claim(self.ports.clock.wall(), LEASE, limit).await
    }

    /// Processes a webhook that was claimed. Whether it had its effect, or none to have; if not,
    /// it will be tried again, or waits for a person.
    pub async fn process_webhook(&self, claimed: &Claimed) -> Result<bool, Error> {
        let began_at = self.ports.clock.wall();
        // A panic is a failure of this one, not of the worker.
        let tried = AssertUnwindSafe(self.try_webhook(claimed, began_at)).catch_unwind().await;
        let tried = tried.unwrap_or_else(|_| {
            let failure = Failure::passing("processing it panicked: a fault of ours");
            Err(Failure { critical: true, ..failure })
        });
        match tried {
            Ok(()) => Ok(true),
            Err(failure) => self.record_failure(claimed, began_at, failure).await.map(|()| false),
        }
    }

    async fn try_webhook(
        &self,
        claimed: &Claimed,
        began_at: OffsetDateTime,
    ) -> Result<(), Failure> {
        let tries = usize::try_from(claimed.attempts).unwrap_or_default();
        if tries > RETRY_AFTER_MINUTES.len() {
            let error = format!("it was tried {tries} times, and nobody saw the end of the last");
            return Err(Failure::permanent(error));
        }
        let gateway = match claimed.source {
            Source::Gateway(gateway) => self.gateway(Some(gateway))?,
            Source::Identity(provider) => {
                return self.try_identity(claimed, provider, began_at).await;
            }
        };
        let notice = gateway.webhooks().read(&claimed.body).map_err(Failure::permanent)?;
        if notice.about == About::Nothing {
            return self.ignore(claimed, began_at).await;
        }
        if let About::Customer(customer) = &notice.about {
            return self.look_at_methods(claimed, gateway, customer, began_at).await;
        }
        let told_at_once = |failure: Failure| Failure { critical: notice.critical, ..failure };
        // Asked before the transaction, and dated before the question was put.
        let asked_at = self.ports.clock.wall();
        let facts = ask(gateway, &notice.about, asked_at).await;
        let facts = facts.map_err(|error| told_at_once(unanswered(&error)))?;
        if facts.is_empty() {
            let what = "the gateway does not know the object that its event names";
            return Err(told_at_once(Failure::passing(what)));
        }
        self.take_effect(claimed, &facts, began_at).await.map_err(told_at_once)
    }

    /// An identity provider tells what is so: nobody needs to be asked.
    async fn try_identity(
        &self,
        claimed: &Claimed,
        provider: IdentityProvider,
        began_at: OffsetDateTime,
    ) -> Result<(), Failure> {
        let told = self.identity_webhooks(provider)?.read(&claimed.body);
        let news = told.map_err(Failure::permanent)?.news;
        if news == News::Nothing {
            return self.ignore(claimed, began_at).await;
        }
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let changed = self.follow_identity(&mut *work, provider, news).await?;
        work.inbox().done(claimed.claim, false, self.tried(began_at)).await?;
        let committed = work.commit().await;
        for organization in changed {
            self.organization_changed(organization);
        }
        Ok(committed?)
    }

    async fn take_effect(
        &self,
        claimed: &Claimed,
        facts: &GatewayFacts,
        began_at: OffsetDateTime,
    ) -> Result<(), Failure> {
        let catalogue = self.catalogue().await?;
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let settled = self.settle(&mut *work, &catalogue, facts).await;
        let organization = settled.map_err(|unsettled| match unsettled {
            Unsettled::UnknownCustomer(_) | Unsettled::UnknownPrice(_) => {
                Failure::passing(unsettled)
            }
            Unsettled::Store(error) => error.into(),
        })?;
        work.inbox().done(claimed.claim, false, self.tried(began_at)).await?;
        let committed = work.commit().await;
        self.organization_changed(organization);
        Ok(committed?)
    }

    /// A customer may have another payment method. Who is no customer of ours is none of our
    /// business.
    async fn look_at_methods(
        &self,
        claimed: &Claimed,
        gateway: &dyn PaymentGateway,
        customer: &str,
        began_at: OffsetDateTime,
    ) -> Result<(), Failure> {
        let method = self.method_of(gateway, customer).await;
        let method = method.map_err(|error| unanswered(&error))?;
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let reference = GatewayRef::new(gateway.gateway(), customer);
        let organization = work.organizations().by_customer(&reference).await?;
        if let (Some(organization), Some(method)) = (organization, method) {
            self.method_arrived(&mut *work, organization, &method).await?;
        }
        work.inbox().done(claimed.claim, organization.is_none(), self.tried(began_at)).await?;
        Ok(work.commit().await?)
    }

    async fn ignore(&self, claimed: &Claimed, began_at: OffsetDateTime) -> Result<(), Failure> {
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        work.inbox().done(claimed.claim, true, self.tried(began_at)).await?;
        Ok(work.commit().await?)
    }

    fn tried(&self, began_at: OffsetDateTime) -> Tried {
        Tried { began_at, ended_at: self.ports.clock.wall() }
    }

    async fn record_failure(
        &self,
        claimed: &Claimed,
        began_at: OffsetDateTime,
        failure: Failure,
    ) -> Result<(), Error> {
        let Failure { error, permanent, critical } = failure;
        let again_at =
            if permanent { None } else { self.retry_at(&RETRY_AFTER_MINUTES, claimed.attempts) };
        let (id, kind) = (claimed.claim.id, &claimed.kind);
        match again_at {
            Some(at) => {
                tracing::warn!(webhook = %id, kind, error, %at, "webhook failed, will be retried")
            }
            None => tracing::error!(webhook = %id, kind, error, "webhook failed for good"),
        }
        let dead = again_at.is_none();
        let alert = (dead || critical).then(|| self.alert(claimed, &error, dead));
        let tried = self.tried(began_at);
        let failed = FailedTry { claim: claimed.claim, tried, error, again_at, alert };
        if self.ports.inbox.fail(&failed).await? {
            tracing::error!(webhook = %id, kind, dead, "a webhook needs a look: administrators are alerted");
        }
        Ok(())
    }

    fn alert(&self, claimed: &Claimed, error: &str, dead: bool) -> Event {
        Event {
            id: EventId(self.ports.ids.next()),
            organization_id: INSTALLATION,
            at: self.ports.clock.now(),
            what: What::WebhookFailed {
                webhook_id: claimed.claim.id,
                source: claimed.source,
                event_type: claimed.kind.clone(),
                error: error.to_owned(),
                dead,
            },
        }
    }

    /// When to try again after so many tries before: later each time, and not all at once.
    pub(crate) fn retry_at(&self, schedule: &[i64], attempts: i32) -> Option<OffsetDateTime> {
        let minutes = schedule.get(usize::try_from(attempts).unwrap_or_default())?;
        let [random, ..] = self.ports.secrets.random();
        let millis = minutes * 60_000;
        let jitter = millis / 4 * i64::from(random) / 255;
        Some(self.ports.clock.wall() + time::Duration::milliseconds(millis + jitter))
    }
}

/// What it means that a gateway could not be asked.
fn unanswered(error: &GatewayError) -> Failure {
    match error {
        GatewayError::Refused { .. } | GatewayError::Unreadable(_) => {
            Failure::permanent(format!("the gateway was asked and {error}"))
        }
        GatewayError::Unknown(_) | GatewayError::Unreached { .. } => {
            Failure::passing(format!("the gateway was asked: {error}"))
        }
    }
}
