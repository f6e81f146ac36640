//! May this much more be used? Asked often, changes nothing.

use billing_domain::{
    catalogue::{Plan, Price},
    id::{OrganizationId, PlanVersionId},
    quota::QuotaAnswer,
};
use time::OffsetDateTime;

use crate::{Billing, Entitlement, Error, Missing, give_bonus::MOST_USE};

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
    /// Whether so much more of a meter may be used.
    pub async fn check_quota(
        &self,
        organization: OrganizationId,
        meter: &str,
        quantity: u64,
    ) -> Result<QuotaReport, Error> {
        let now = self.ports.clock.now();
        let entitlement = self.entitlement(organization).await?;
        entitlement.catalogue.meter(meter).ok_or(Error::NotFound(Missing::Meter))?;
        if !(1..=MOST_USE).contains(&quantity) {
            return Err(Error::invalid("quantity", "must be from 1 to 2^53 - 1"));
        }
        let rule = entitlement.rule(meter, now)?;
        let rules = [(meter.to_owned(), rule)];
        let quotas = self.ports.ledgers.quotas(organization, &rules, now).await?;
        let quota = quotas.first().ok_or(Error::NotFound(Missing::Organization))?;
        report(&entitlement, meter, quota.check(quantity), quantity, now)
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
    let total = answer.used.saturating_add(quantity);
    let cheapest = entitlement.catalogue.cheapest_allowing(meter, total, &entitlement.offer());
    let upgrade = cheapest.filter(|_| !answer.allowed).map(|(better, price)| Upgrade {
        current_plan: plan.key.clone(),
        plan: better.clone(),
        price: price.clone(),
    });
    Ok(QuotaReport { answer, plan: plan.key.clone(), plan_version_id: version.id, as_of, upgrade })
}
