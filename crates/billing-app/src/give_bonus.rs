//! An operator gives more of a meter than the plan allows.

use billing_domain::{
    id::{BonusId, OrganizationId},
    usage::{Bonus, UsageCommand},
};
use time::{Duration, OffsetDateTime};

use crate::{Billing, Error, Missing};

/// The largest bonus and count: exact in every JSON reader.
pub(crate) const MOST_USE: u64 = (1 << 53) - 1;

/// A bonus to give.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GiveBonus {
    /// To whom.
    pub organization_id: OrganizationId,
    /// Of what.
    pub meter: String,
    /// How much.
    pub amount: u64,
    /// Why, in a few words.
    pub reason: String,
    /// Before when it must be used; in 30 days by default.
    pub expires_at: Option<OffsetDateTime>,
}

impl Billing {
    /// Gives a bonus on a meter.
    pub async fn give_bonus(&self, request: GiveBonus) -> Result<Bonus, Error> {
        let now = self.ports.clock.now();
        let catalogue = self.catalogue().await?;
        catalogue.meter(&request.meter).ok_or(Error::NotFound(Missing::Meter))?;
        if !(1..=MOST_USE).contains(&request.amount) {
            return Err(Error::invalid("amount", "must be from 1 to 2^53 - 1"));
        }
        if request.reason.trim().is_empty() || request.reason.chars().count() > 200 {
            return Err(Error::invalid("reason", "must have 1 to 200 characters"));
        }
        let expires_at = request.expires_at.unwrap_or(now + Duration::days(30));
        if expires_at <= now {
            return Err(Error::invalid("expires_at", "must be in the future"));
        }
        let bonus = Bonus {
            id: BonusId(self.ports.ids.next()),
            meter: request.meter,
            amount: request.amount,
            remaining: request.amount,
            reason: request.reason,
            expires_at,
            created_at: now,
        };
        let (organization, command) = (request.organization_id, UsageCommand::Bonus(bonus.clone()));
        let given = self.ports.usage.apply(organization, command, now).await;
        // Also where the outcome is unknown.
        self.usage_changed(organization);
        given?;
        Ok(bonus)
    }
}
