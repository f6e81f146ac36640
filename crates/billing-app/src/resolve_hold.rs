//! What was reserved is used, or returned. A hold resolves once.

use billing_domain::{
    credits::{CreditCommand, CreditOutcome, HoldRefusal, Released, Settle, Settled},
    id::{HoldId, OrganizationId},
};

use crate::{Billing, Error, Missing, Refusal, consume_credits::unexpected};

impl Billing {
    /// Uses what is held, or a part of it; the rest returns. Settling for the same once more gives
    /// the same answer.
    pub async fn settle_hold(
        &self,
        organization: OrganizationId,
        hold: HoldId,
        amount: Option<i64>,
    ) -> Result<Settled, Error> {
        let command = CreditCommand::Settle(Settle::new(hold, amount)?);
        let now = self.ports.clock.now();
        let outcome = self.ports.credits.apply(organization, command, now).await?;
        let CreditOutcome::Settled(settled) = outcome else { return Err(refused(&outcome)) };
        Ok(settled)
    }

    /// Returns what is held. Releasing once more gives the same answer.
    pub async fn release_hold(
        &self,
        organization: OrganizationId,
        hold: HoldId,
    ) -> Result<Released, Error> {
        let (command, now) = (CreditCommand::Release(hold), self.ports.clock.now());
        let outcome = self.ports.credits.apply(organization, command, now).await?;
        let CreditOutcome::Released(released) = outcome else { return Err(refused(&outcome)) };
        Ok(released)
    }
}

fn refused(outcome: &CreditOutcome) -> Error {
    let CreditOutcome::HoldRefused(refusal) = outcome else { return unexpected(outcome) };
    match *refusal {
        HoldRefusal::Unknown => Error::NotFound(Missing::Hold),
        HoldRefusal::Settled(amount) => Refusal::HoldSettled(amount).into(),
        HoldRefusal::Released => Refusal::HoldReleased.into(),
        HoldRefusal::TimedOut(at) => Refusal::HoldTimedOut(at).into(),
        HoldRefusal::TooMuch(held) => Refusal::MoreThanHeld(held).into(),
    }
}
