//! May this much more be used? Asked often, changes nothing.

use std::sync::Arc;

use billing_domain::{
    catalogue::{Plan, Price},
    id::{OrganizationId, PlanVersionId},
    quota::QuotaAnswer,
};
use time::OffsetDateTime;

use crate::{Billing, Entitlement, Error, Missing, give_bonus::MOST_USE, known_quotas::KnownQuota};

/// An answer, with the facts it rests on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuotaReport {
    /// The answer.
    pub answer: QuotaAnswer,
    /// The plan that decided.
    pub plan: String,
    /// Its version.
    pub plan_version_id: PlanVersionId,
    /// When the count was read.
    pub as_of: OffsetDateTime,
    /// What would allow it, where it is denied.
    pub upgrade: Option<Upgrade>,
}

/// The cheapest plan that would allow it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upgrade {
    /// The plan that denies it.
    pub current_plan: String,
    /// The plan that would allow it.
    pub plan: Plan,
    /// What it costs.
    pub price: Price,
}

impl Billing {
    /// Whether so much more of a meter may be used. The answer may be a second old, and says so.
    pub async fn check_quota(
        &self,
        organization: OrganizationId,
        meter: &str,
        quantity: u64,
    ) -> Result<QuotaReport, Error> {
        let (now, wall) = (self.ports.clock.now(), self.ports.clock.wall());
        let known = match self.known_quotas.get(organization, meter, (now, wall)) {
            Ok(known) => known,
            Err(reading) => {
                let known = self.read_quota(organization, meter, (now, wall)).await?;
                self.known_quotas.put(meter, known.clone(), reading);
                known
            }
        };
        if !(1..=MOST_USE).contains(&quantity) {
            return Err(Error::invalid("quantity", "must be from 1 to 2^53 - 1"));
        }
        let answer = known.quota.check(quantity);
        report(&known.entitlement, meter, answer, quantity, known.as_of)
    }

    async fn read_quota(
        &self,
        organization: OrganizationId,
        meter: &str,
        (now, wall): (OffsetDateTime, OffsetDateTime),
    ) -> Result<KnownQuota, Error> {
        let entitlement = self.entitlement(organization).await?;
        entitlement.catalogue.meter(meter).ok_or(Error::NotFound(Missing::Meter))?;
        let rules = [(meter.to_owned(), entitlement.rule(meter, now)?)];
        let quotas = self.ports.ledgers.quotas(organization, &rules, now).await?;
        let quota = *quotas.first().ok_or(Error::NotFound(Missing::Organization))?;
        let entitlement = Arc::new(entitlement);
        Ok(KnownQuota { entitlement, quota, as_of: now, read_at: wall })
    }
}

/// An answer with its facts, and the way out where it is a denial.
pub(crate) fn report(
    entitlement: &Entitlement,
    meter: &str,
    answer: QuotaAnswer,
    quantity: u64,
    as_of: OffsetDateTime,
) -> Result<QuotaReport, Error> {
    let (plan, version) = entitlement.plan()?;
    let enough = || {
        let total = answer.used.saturating_add(quantity);
        entitlement.catalogue.cheapest_allowing(meter, total, &entitlement.offer())
    };
    let cheapest = if answer.allowed { None } else { enough() };
    let upgrade = cheapest.map(|(better, price)| Upgrade {
        current_plan: plan.key.clone(),
        plan: better.clone(),
        price: price.clone(),
    });
    Ok(QuotaReport { answer, plan: plan.key.clone(), plan_version_id: version.id, as_of, upgrade })
}
