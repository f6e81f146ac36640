//! Guards: one rule before a handler, whatever framework it is of.

mod held;
mod refusal;

use uuid::Uuid;

use self::held::OpenHold;
pub use self::{held::Held, refusal::Refusal};
use crate::{
    client::Client,
    credits::{Consume, Consumption},
    error::Error,
    hold::Hold,
    quota::QuotaCheck,
    subscription::Subscription,
    usage::{Usage, UsageRecord},
};

/// What must hold for a request to come to its handler, asked before it.
///
/// Each request is a new attempt with an idempotency key of its own: a key that a client of the
/// product could choose would let it pay once and ask many times.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use = "it guards nothing until it is put before a handler"]
pub struct Guard {
    rule: Rule,
    fail_open: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Rule {
    Limit { meter: String, quantity: u64 },
    Record { meter: String, quantity: u64 },
    Consume { event: String, quantity: u64 },
    Hold { event: String, quantity: u64 },
    ActiveSubscription,
}

/// What billing decided; among the extensions of the request that comes to the handler. Where
/// several guards stand before one handler, it is that of the last.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Decision {
    /// By [`Guard::limit`]: nothing is counted yet.
    Checked(Box<QuotaCheck>),
    /// By [`Guard::record`].
    Recorded(Box<UsageRecord>),
    /// By [`Guard::consume`].
    Consumed(Box<Consumption>),
    /// By [`Guard::hold`].
    Held(Held),
    /// By [`Guard::active_subscription`].
    Subscribed(Box<Subscription>),
    /// By nobody: billing is not available, and the guard fails open.
    Unchecked,
}

/// A request that may come to its handler. Call [`Passed::finish`] after it: dropped before, it
/// gives held credits back.
#[derive(Debug)]
pub struct Passed {
    decision: Decision,
    hold: Option<OpenHold>,
}

impl Guard {
    /// The plan has room for so much more of a meter, to a second; else 403 with the upgrade that
    /// would have. Nothing is counted: the handler does that, or requests at once may exceed it.
    pub fn limit(meter: impl Into<String>, quantity: u64) -> Self {
        Self::of(Rule::Limit { meter: meter.into(), quantity })
    }

    /// The same, and it is counted in the same step, whatever the handler answers.
    pub fn record(meter: impl Into<String>, quantity: u64) -> Self {
        Self::of(Rule::Record { meter: meter.into(), quantity })
    }

    /// There are credits for so many of a credit event, and they are used, whatever the handler
    /// answers; else 402 with the pack to buy.
    pub fn consume(event: impl Into<String>, quantity: u64) -> Self {
        Self::of(Rule::Consume { event: event.into(), quantity })
    }

    /// There are credits for so many of a credit event, and they are put aside; else 402. They are
    /// used when the handler answers without an error, before the answer leaves, and given back
    /// when it answers 4xx or 5xx, panics, or nobody waits for it any more. See [`Held::charge`].
    pub fn hold(event: impl Into<String>, quantity: u64) -> Self {
        Self::of(Rule::Hold { event: event.into(), quantity })
    }

    /// There is a subscription that gives access; else 402.
    pub fn active_subscription() -> Self {
        Self::of(Rule::ActiveSubscription)
    }

    fn of(rule: Rule) -> Self {
        Self { rule, fail_open: false }
    }

    /// Lets requests pass while billing is not available, instead of answering 503: what they use
    /// then is free.
    pub fn fail_open(self) -> Self {
        Self { fail_open: true, ..self }
    }

    /// Asks billing about a request of an organization, if it is known whose it is.
    ///
    /// For frameworks that this crate has no middleware for.
    ///
    /// # Errors
    ///
    /// What to answer instead of calling the handler.
    pub async fn pass(
        &self,
        client: &Client,
        organization: Option<Uuid>,
    ) -> Result<Passed, Refusal> {
        let organization = organization.ok_or_else(Refusal::nobody)?;
        match self.decide(client, organization).await {
            Ok(passed) => Ok(passed),
            Err(Stopped::Refused(refusal)) => Err(refusal),
            Err(Stopped::Failed(Error::Unavailable { message, .. })) if self.fail_open => {
                tracing::warn!(rule = ?self.rule, message, "let pass without billing");
                Ok(Passed { decision: Decision::Unchecked, hold: None })
            }
            Err(Stopped::Failed(error)) => Err(Refusal::of(&error)),
        }
    }

    async fn decide(&self, client: &Client, organization: Uuid) -> Result<Passed, Stopped> {
        let decision = match &self.rule {
            Rule::Limit { meter, quantity } => {
                let check = client.check_quota(organization, meter, *quantity).await?;
                if !check.quota.allowed {
                    return Err(Refusal::limit(&check).into());
                }
                Decision::Checked(check.into())
            }
            Rule::Record { meter, quantity } => {
                let usage = Usage::new(meter).quantity(*quantity).organization(organization);
                Decision::Recorded(client.check_and_record(usage).await?.into())
            }
            Rule::Consume { event, quantity } => {
                let consume = Consume::new(event).quantity(*quantity).organization(organization);
                Decision::Consumed(client.consume(consume).await?.into())
            }
            Rule::Hold { event, quantity } => {
                let placed = client.hold(Hold::of(event, *quantity).organization(organization));
                let held = Held::new(placed.await?);
                let hold = Some(OpenHold::new(client.clone(), organization, held.clone()));
                return Ok(Passed { decision: Decision::Held(held), hold });
            }
            Rule::ActiveSubscription => {
                let subscription = client.subscription(organization).await?;
                if !subscription.gives_access() {
                    return Err(Refusal::subscription(&subscription).into());
                }
                Decision::Subscribed(subscription.into())
            }
        };
        Ok(Passed { decision, hold: None })
    }
}

/// Why a request does not pass.
enum Stopped {
    Refused(Refusal),
    Failed(Error),
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Decision {
    /// The id under which billing keeps it; a plain check and a subscription have none.
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Self::Recorded(record) => Some(record.decision_id),
            Self::Consumed(consumption) => Some(consumption.decision_id),
            Self::Held(held) => Some(held.placed().decision_id),
            Self::Checked(_) | Self::Subscribed(_) | Self::Unchecked => None,
        }
    }

    /// How much more of the meter may be used; nothing where there is no limit, or no meter.
    pub fn remaining(&self) -> Option<u64> {
        match self {
            Self::Checked(check) => check.quota.total_remaining,
            Self::Recorded(record) => record.quota.total_remaining,
            Self::Consumed(_) | Self::Held(_) | Self::Subscribed(_) | Self::Unchecked => None,
        }
    }

    /// The credits that are left after they were used.
    pub fn balance(&self) -> Option<i64> {
        match self {
            Self::Consumed(consumption) => Some(consumption.balance),
            Self::Checked(_)
            | Self::Recorded(_)
            | Self::Held(_)
            | Self::Subscribed(_)
            | Self::Unchecked => None,
        }
    }
}

impl Passed {
    /// What billing decided.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Says how the handler ended: held credits are used if it succeeded, else given back.
    ///
    /// What fails here is logged, not told: the work is done, and a hold that could not be ended
    /// gives its credits back by itself.
    pub async fn finish(self, succeeded: bool) {
        if let Some(hold) = self.hold {
            hold.end(succeeded).await;
        }
    }
}
