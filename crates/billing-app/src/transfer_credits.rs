//! An organization gives credits to another.

use billing_domain::{
    credits::{CreditOutcome, IdempotencyKey, Send, Sent},
    id::{DecisionId, GrantId, OrganizationId},
};

use crate::{Billing, CreditDenial, Error, consume_credits::denial, ports::Scope};

/// Credits to give away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransferRequest {
    /// Who gives.
    pub from: OrganizationId,
    /// Who receives.
    pub to: OrganizationId,
    /// How many.
    pub amount: i64,
    /// Decided once per key; one is made where there is none.
    pub key: Option<String>,
}

/// What was decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TransferAnswer {
    /// The credits have changed hands.
    Sent {
        /// Under which key.
        key: IdempotencyKey,
        /// What was given.
        sent: Sent,
    },
    /// The giver has not enough of its own, and nothing was given.
    Denied(CreditDenial),
}

impl Billing {
    /// Gives credits away: both accounts change or none. They keep their kind and their end.
    pub async fn transfer_credits(
        &self,
        request: TransferRequest,
    ) -> Result<TransferAnswer, Error> {
        if request.from == request.to {
            return Err(Error::invalid("to_organization_id", "must be another organization"));
        }
        let catalogue = self.catalogue().await?;
        let decision = DecisionId(self.ports.ids.next());
        let key = self.key(request.key.as_deref(), decision.0)?;
        let send = Send::new(decision, key.clone(), request.to, request.amount)?;
        let now = self.ports.clock.now();
        let new_grant = || GrantId(self.ports.ids.next());
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let outcome = work.credits().transfer(request.from, &send, &new_grant, now).await?;
        work.commit().await?;
        let CreditOutcome::Sent(sent) = outcome else {
            return Ok(TransferAnswer::Denied(denial(&catalogue, key, outcome)?));
        };
        Ok(TransferAnswer::Sent { key, sent })
    }
}
