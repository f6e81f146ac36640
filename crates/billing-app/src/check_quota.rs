//! May this much more be used? Asked often, changes nothing.

use std::sync::Arc;

use billing_domain::{
    catalogue::{Plan, Price},
    id::{OrganizationId, PlanVersionId},
    quota::{Quota, QuotaAnswer},
};
use time::OffsetDateTime;

use crate::{
    Billing, Entitlement, Error, Missing, entitlement::KnownEntitlement, give_bonus::MOST_USE,
    memory::Known,
};

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

/// What a quota on one meter is decided on, as read before.
pub(crate) struct KnownQuota {
    pub(crate) entitlement: Arc<Entitlement>,
    pub(crate) quota: Quota,
    /// When it was read, by the business clock.
    pub(crate) as_of: OffsetDateTime,
    /// When the older part of it was read, by the wall clock.
    pub(crate) read_at: OffsetDateTime,
}

impl Known for Arc<KnownQuota> {
    fn read_at(&self) -> OffsetDateTime {
        self.read_at
    }

    fn goes_on(&self, now: OffsetDateTime) -> bool {
        let ends = [self.quota.resets_at, self.entitlement.ends_at()];
        self.as_of <= now && ends.into_iter().flatten().all(|end| now < end)
    }
}

impl Billing {
    /// Whether so much more of a meter may be used. The answer may be a second old, and says so.
    pub async fn check_quota(
        &self,
        organization: OrganizationId,
        meter: &str,
        quantity: u64,
    ) -> Result<QuotaReport, Error> {
        let instant = self.instant();
        let known = match self.known.quotas.get(organization, meter, instant) {
            Ok(known) => known,
            Err(reading) => {
                let known = Arc::new(self.read_quota(organization, meter, instant).await?);
                let name = meter.to_owned();
                self.known.quotas.put(organization, name, known.clone(), reading);
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
        let known = self.known_entitlement(organization, (now, wall)).await?;
        let KnownEntitlement { entitlement, read_at, .. } = known;
        entitlement.catalogue.meter(meter).ok_or(Error::NotFound(Missing::Meter))?;
        let asked = entitlement.quota_question(meter, now)?;
        let quota = self.ports.facts.quotas(&[asked], now).await?.into_iter().next();
        let quota = quota.ok_or(Error::NotFound(Missing::Organization))?;
        Ok(KnownQuota { entitlement, quota, as_of: now, read_at })
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
