//! Webhooks have their effect: the effect and the mark in one commit.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    Billing, Error,
    gateway_facts::{GatewayFacts, ask},
    ports::{About, Claimed, GatewayError, Scope},
    settle::Unsettled,
};

/// How long a claim lasts before another worker may try: after a crash nobody waits longer. A slow
/// one that comes later finds its claim gone, and changes nothing.
const LEASE: Duration = Duration::from_secs(45);
/// How many are claimed at once: they are processed one after the other, under one lease.
const BATCH: i64 = 4;
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
enum Failure {
    /// Trying again may help.
    Passing(String),
    /// Trying again is useless.
    Permanent(String),
}

impl Billing {
    /// Processes webhooks that are due, one batch. A failing one does not hold up the others.
    pub async fn process_webhooks(&self) -> Result<Progress, Error> {
        let wall = self.ports.clock.wall();
        let mut progress = Progress::default();
        for claimed in self.ports.inbox.claim(wall, LEASE, BATCH).await? {
            match self.process(&claimed).await {
                Ok(()) => progress.done += 1,
                Err(failure) => {
                    progress.failed += 1;
                    self.record_failure(&claimed, failure).await?;
                }
            }
        }
        Ok(progress)
    }

    async fn process(&self, claimed: &Claimed) -> Result<(), Failure> {
        let gateway = self.gateway(Some(claimed.gateway)).map_err(passing)?;
        let notice = gateway.webhooks().read(&claimed.body);
        let notice = notice.map_err(|error| Failure::Permanent(error.to_string()))?;
        if notice.about == About::Nothing {
            return self.ignore(claimed).await;
        }
        // Asked before the transaction, and dated before the question was put.
        let asked_at = self.ports.clock.wall();
        let facts = ask(gateway, &notice.about, asked_at).await.map_err(|error| match error {
            GatewayError::Refused { .. } | GatewayError::Unreadable(_) => {
                Failure::Permanent(format!("the gateway was asked and {error}"))
            }
            GatewayError::Unknown(_) => Failure::Passing(format!("the gateway was asked: {error}")),
        })?;
        if facts.is_empty() {
            let what = "the gateway does not know the object that its event names";
            return Err(Failure::Passing(what.to_owned()));
        }
        self.take_effect(claimed, &facts).await
    }

    async fn take_effect(&self, claimed: &Claimed, facts: &GatewayFacts) -> Result<(), Failure> {
        let catalogue = self.catalogue().await.map_err(passing)?;
        let mut work = self.ports.store.begin(Scope::Engine).await.map_err(passing)?;
        let settled = self.settle(&mut *work, &catalogue, facts).await;
        let organization = settled.map_err(|unsettled| match unsettled {
            Unsettled::SecondSubscription(_) => Failure::Permanent(unsettled.to_string()),
            Unsettled::UnknownCustomer(_) | Unsettled::UnknownPrice(_) => {
                Failure::Passing(unsettled.to_string())
            }
            Unsettled::Store(error) => passing(error),
        })?;
        work.inbox().done(claimed.claim, false, self.ports.clock.wall()).await.map_err(passing)?;
        let committed = work.commit().await;
        self.organization_changed(organization);
        committed.map_err(passing)
    }

    async fn ignore(&self, claimed: &Claimed) -> Result<(), Failure> {
        let mut work = self.ports.store.begin(Scope::Engine).await.map_err(passing)?;
        work.inbox().done(claimed.claim, true, self.ports.clock.wall()).await.map_err(passing)?;
        work.commit().await.map_err(passing)
    }

    async fn record_failure(&self, claimed: &Claimed, failure: Failure) -> Result<(), Error> {
        let (error, again_at) = match failure {
            Failure::Passing(error) => (error, self.retry_at(claimed.attempts)),
            Failure::Permanent(error) => (error, None),
        };
        let id = claimed.claim.id;
        match again_at {
            Some(at) => {
                tracing::warn!(webhook = %id, kind = claimed.kind, error, %at, "webhook failed, will be retried")
            }
            None => {
                tracing::error!(webhook = %id, kind = claimed.kind, error, "webhook failed for good")
            }
        }
        self.ports.inbox.fail(claimed.claim, &error, again_at).await
    }

    /// When to try again after so many tries before: later each time, and not all at once.
    fn retry_at(&self, attempts: i32) -> Option<OffsetDateTime> {
        let minutes = RETRY_AFTER_MINUTES.get(usize::try_from(attempts).unwrap_or_default())?;
        let [random, ..] = self.ports.secrets.random();
        let millis = minutes * 60_000;
        let jitter = millis / 4 * i64::from(random) / 255;
        Some(self.ports.clock.wall() + time::Duration::milliseconds(millis + jitter))
    }
}

fn passing(error: Error) -> Failure {
    Failure::Passing(error.in_full())
}
