//! Credits are reserved for what is about to happen: durable, and never more than there are.

use billing_domain::{
    credits::{CreditCommand, CreditOutcome, Held, IdempotencyKey, NewHold},
    id::{HoldId, OrganizationId},
};
use time::Duration;

use crate::{
    Billing, CreditDenial, Error,
    consume_credits::{active_event, denial},
};

/// How long credits are held, where nobody says.
const DEFAULT_TIME: Duration = Duration::minutes(15);
/// The longest that credits may be held.
const MOST_TIME: Duration = Duration::days(30);

/// Credits to reserve.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HoldRequest {
    /// Of whom.
    pub organization_id: OrganizationId,
    /// What for: the credit event.
    pub event: String,
    /// How much of it, at most.
    pub how_much: HowMuch,
    /// After how long what is not settled returns; a quarter of an hour by default.
    pub time_to_live: Option<Duration>,
    /// Decided once per key; one is made where there is none.
    pub key: Option<String>,
}

/// How much is reserved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HowMuch {
    /// What so many of the event cost.
    Events(i64),
    /// So many credits.
    Credits(i64),
}

/// What was decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HoldAnswer {
    /// The credits are reserved.
    Held {
        /// Under which key.
        key: IdempotencyKey,
        /// What is reserved.
        held: Held,
    },
    /// There were not enough, and nothing is reserved.
    Denied(CreditDenial),
}

impl Billing {
    /// Reserves credits, all or nothing. The answer is durable before it is given.
    pub async fn hold_credits(&self, request: HoldRequest) -> Result<HoldAnswer, Error> {
        let catalogue = self.catalogue().await?;
        let event = active_event(&catalogue, &request.event)?;
        let amount = match request.how_much {
            HowMuch::Events(quantity) => match NewHold::cost_of(quantity, event.cost)? {
                0 => return Err(Error::invalid("event", "is free: there is nothing to hold")),
                cost => cost,
            },
            HowMuch::Credits(amount) => amount,
        };
        let time = request.time_to_live.unwrap_or(DEFAULT_TIME);
        if !(Duration::SECOND..=MOST_TIME).contains(&time) {
            return Err(Error::invalid("ttl_seconds", "must be from 1 second to 30 days"));
        }
        let now = self.ports.clock.now();
        let id = HoldId(self.ports.ids.next());
        let key = self.key(request.key.as_deref(), id.0)?;
        let hold = NewHold::new(id, key.clone(), request.event, amount, now + time)?;
        let command = CreditCommand::Hold(hold);
        let outcome = self.ports.credits.apply(request.organization_id, command, now).await?;
        let CreditOutcome::Held(held) = outcome else {
            return Ok(HoldAnswer::Denied(denial(&catalogue, key, outcome)?));
        };
        Ok(HoldAnswer::Held { key, held })
    }
}
