//! May this happen, and what does it cost? The question that is asked on every request.

use billing_domain::{
    catalogue::{Catalogue, CreditEvent, CreditProduct},
    credits::{Consume, Consumed, CreditCommand, CreditOutcome, Denied, IdempotencyKey},
    id::{DecisionId, OrganizationId},
};
use uuid::Uuid;

use crate::{Billing, Error, Missing, Refusal};

/// Use credits for something that happens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsumeRequest {
    /// Who uses them.
    pub organization_id: OrganizationId,
    /// The credit event.
    pub event: String,
    /// How many of it.
    pub quantity: i64,
    /// Decided once per key; one is made where there is none.
    pub key: Option<String>,
}

/// What was decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConsumeAnswer {
    /// The credits were used.
    Consumed {
        /// Under which key.
        key: IdempotencyKey,
        /// What was used.
        consumed: Consumed,
    },
    /// There were not enough, and nothing was taken.
    Denied(CreditDenial),
}

/// There were not enough credits, and nothing was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreditDenial {
    /// Under which key.
    pub key: IdempotencyKey,
    /// What was missing.
    pub denied: Denied,
    /// What would help.
    pub top_up: Option<TopUp>,
}

/// The smallest pack on sale that would be enough.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopUp {
    /// The pack.
    pub product: CreditProduct,
    /// How many of it are needed.
    pub quantity: i64,
}

impl Billing {
    /// Uses credits, all or nothing. The answer is durable before it is given.
    pub async fn consume_credits(&self, request: ConsumeRequest) -> Result<ConsumeAnswer, Error> {
        let catalogue = self.catalogue().await?;
        let event = active_event(&catalogue, &request.event)?;
        let decision = DecisionId(self.ports.ids.next());
        let key = self.key(request.key.as_deref(), decision.0)?;
        let consume =
            Consume::new(decision, key.clone(), request.event, request.quantity, event.cost)?;
        let command = CreditCommand::Consume(consume);
        let now = self.ports.clock.now();
        let outcome = self.ports.credits.apply(request.organization_id, command, now).await?;
        let CreditOutcome::Consumed(consumed) = outcome else {
            return Ok(ConsumeAnswer::Denied(denial(&catalogue, key, outcome)?));
        };
        Ok(ConsumeAnswer::Consumed { key, consumed })
    }

    /// The caller's key, or one that is made of a new id.
    pub(crate) fn key(&self, given: Option<&str>, id: Uuid) -> Result<IdempotencyKey, Error> {
        Ok(match given {
            Some(key) => IdempotencyKey::parse(key)?,
            None => IdempotencyKey::parse(&id.to_string())?,
        })
    }
}

/// An event that may be used.
pub(crate) fn active_event<'a>(
    catalogue: &'a Catalogue,
    name: &str,
) -> Result<&'a CreditEvent, Error> {
    let event = catalogue.credit_event(name).ok_or(Error::NotFound(Missing::CreditEvent))?;
    if !event.active {
        return Err(Refusal::CreditEventInactive(name.to_owned()).into());
    }
    Ok(event)
}

/// What it means when credits were not given.
pub(crate) fn denial(
    catalogue: &Catalogue,
    key: IdempotencyKey,
    outcome: CreditOutcome,
) -> Result<CreditDenial, Error> {
    let CreditOutcome::Denied(denied) = outcome else { return Err(unexpected(&outcome)) };
    let top_up = top_up(catalogue, denied.required - denied.available);
    Ok(CreditDenial { key, denied, top_up })
}

/// What a command on credits is not answered with, or only where its key was used before.
pub(crate) fn unexpected(outcome: &CreditOutcome) -> Error {
    if *outcome == CreditOutcome::KeyReused {
        return Refusal::KeyReused.into();
    }
    anyhow::anyhow!("a command on credits was answered with {outcome:?}").into()
}

/// The smallest pack that covers what is missing, or enough of the largest.
fn top_up(catalogue: &Catalogue, missing: i64) -> Option<TopUp> {
    let on_sale = || catalogue.credit_products.iter().filter(|product| product.active);
    let enough = on_sale().filter(|pack| pack.credits >= missing).min_by_key(|pack| pack.credits);
    let product = enough.or_else(|| on_sale().max_by_key(|pack| pack.credits))?;
    let quantity = (missing - 1).div_euclid(product.credits.max(1)) + 1;
    Some(TopUp { product: product.clone(), quantity: quantity.max(1) })
}
