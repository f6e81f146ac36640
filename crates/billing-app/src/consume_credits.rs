//! May this happen, and what does it cost? The question that is asked on every request.

use billing_domain::{
    catalogue::{Catalogue, CreditProduct},
    credits::{Consume, Consumed, CreditCommand, CreditOutcome, Denied, IdempotencyKey},
    id::{DecisionId, OrganizationId},
};

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
    Denied {
        /// Under which key.
        key: IdempotencyKey,
        /// What was missing.
        denied: Denied,
        /// What would help.
        top_up: Option<TopUp>,
    },
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
        let event =
            catalogue.credit_event(&request.event).ok_or(Error::NotFound(Missing::CreditEvent))?;
        if !event.active {
            return Err(Refusal::CreditEventInactive(request.event).into());
        }
        let decision = DecisionId(self.ports.ids.next());
        let key = match &request.key {
            Some(key) => IdempotencyKey::parse(key)?,
            None => IdempotencyKey::parse(&decision.to_string())?,
        };
        let consume =
            Consume::new(decision, key.clone(), request.event, request.quantity, event.cost)?;
        let command = CreditCommand::Consume(consume);
        let now = self.ports.clock.now();
        match self.ports.credits.apply(request.organization_id, command, now).await? {
            CreditOutcome::Consumed(consumed) => Ok(ConsumeAnswer::Consumed { key, consumed }),
            CreditOutcome::Denied(denied) => {
                let top_up = top_up(&catalogue, denied.required - denied.available);
                Ok(ConsumeAnswer::Denied { key, denied, top_up })
            }
            CreditOutcome::KeyReused => Err(Refusal::KeyReused.into()),
            other @ (CreditOutcome::Granted { .. } | CreditOutcome::Booked) => {
                Err(anyhow::anyhow!("a consume was answered with {other:?}").into())
            }
        }
    }
}

/// The smallest pack that covers what is missing, or enough of the largest.
fn top_up(catalogue: &Catalogue, missing: i64) -> Option<TopUp> {
    let on_sale = || catalogue.credit_products.iter().filter(|product| product.active);
    let enough = on_sale().filter(|pack| pack.credits >= missing).min_by_key(|pack| pack.credits);
    let product = enough.or_else(|| on_sale().max_by_key(|pack| pack.credits))?;
    let quantity = (missing - 1).div_euclid(product.credits.max(1)) + 1;
    Some(TopUp { product: product.clone(), quantity: quantity.max(1) })
}
