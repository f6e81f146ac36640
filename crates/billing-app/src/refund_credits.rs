//! What was used is given back to the grants from which it came.

use billing_domain::{
    credits::{
        CreditCommand, CreditOutcome, DrawRef, IdempotencyKey, Refund, RefundRefusal, Refunded,
    },
    id::{DecisionId, GrantId, OrganizationId},
};

use crate::{Billing, Error, Missing, Refusal, consume_credits::unexpected};

/// Credits to give back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefundRequest {
    /// To whom.
    pub organization_id: OrganizationId,
    /// Of which use.
    pub draw: DrawRef,
    /// How many; all that are left of it by default.
    pub amount: Option<i64>,
    /// Decided once per key; one is made where there is none.
    pub key: Option<String>,
}

impl Billing {
    /// Gives back what was used, or a part of it; never more than was used, all in all.
    pub async fn refund_credits(
        &self,
        request: RefundRequest,
    ) -> Result<(IdempotencyKey, Refunded), Error> {
        let decision = DecisionId(self.ports.ids.next());
        let key = self.key(request.key.as_deref(), decision.0)?;
        let grant = GrantId(self.ports.ids.next());
        let refund = Refund::new(decision, key.clone(), request.draw, request.amount, grant)?;
        let (command, now) = (CreditCommand::Refund(refund), self.ports.clock.now());
        let outcome = self.ports.credits.apply(request.organization_id, command, now).await?;
        let CreditOutcome::Refunded(refunded) = outcome else { return Err(refused(&outcome)) };
        Ok((key, refunded))
    }
}

fn refused(outcome: &CreditOutcome) -> Error {
    let CreditOutcome::RefundRefused(refusal) = outcome else { return unexpected(outcome) };
    match *refusal {
        RefundRefusal::Unknown => Error::NotFound(Missing::Draw),
        RefundRefusal::TooMuch(left) => Refusal::MoreThanUsed(left).into(),
    }
}
