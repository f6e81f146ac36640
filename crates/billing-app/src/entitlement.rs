//! What an organization may have, and why.

use std::sync::Arc;

use billing_domain::{
    catalogue::{Amount, Catalogue, Limit, Offer, Overage, Plan, PlanVersion, Window},
    id::{OrganizationId, PlanVersionId},
    organization::Organization,
    period::Interval,
    subscription::Subscription,
    usage::UsageRule,
};
use time::OffsetDateTime;

use crate::{
    Billing, Error, Missing,
    memory::Known,
    ports::{QuotaQuestion, Subscriber},
};

/// The group of plans of which an organization has one.
pub(crate) const MAIN_GROUP: &str = "main";

/// What an organization may have, and on what grounds.
#[derive(Clone, Debug)]
pub struct Entitlement {
    /// Whose it is.
    pub organization: Organization,
    /// The subscription, live or the last one that ended.
    pub subscription: Option<Subscription>,
    /// Everything on sale.
    pub catalogue: Arc<Catalogue>,
    version: PlanVersionId,
    billed: Option<(billing_domain::period::Period, Interval)>,
    ends_at: Option<OffsetDateTime>,
}

impl Entitlement {
    /// The plan and version that decide: the subscription's while it gives access, else free.
    pub fn plan(&self) -> Result<(&Plan, &PlanVersion), Error> {
        let unknown = || Error::Internal(anyhow::anyhow!("plan version {} is gone", self.version));
        self.catalogue.version(self.version).ok_or_else(unknown)
    }

    /// Where use of a meter is counted, and against what. A meter that the plan does not know
    /// has nothing of it.
    pub fn rule(&self, meter: &str, at: OffsetDateTime) -> Result<UsageRule, Error> {
        let (_, version) = self.plan()?;
        Ok(match version.limit(meter) {
            Some(limit) => self.rule_of(limit, at),
            None => UsageRule {
                limit: Amount::AtMost(0),
                overage: Overage::Block,
                window: Window::BillingPeriod,
                period: Window::BillingPeriod.around(at, self.billed),
            },
        })
    }

    /// Where use is counted against a limit.
    pub fn rule_of(&self, limit: &Limit, at: OffsetDateTime) -> UsageRule {
        UsageRule {
            limit: limit.amount,
            overage: limit.overage,
            window: limit.window,
            period: limit.window.around(at, self.billed),
        }
    }

    /// What to ask about use of a meter, to decide on its quota.
    pub(crate) fn quota_question(
        &self,
        meter: &str,
        at: OffsetDateTime,
    ) -> Result<QuotaQuestion, Error> {
        let (organization_id, rule) = (self.organization.id, self.rule(meter, at)?);
        Ok(QuotaQuestion { organization_id, meter: meter.to_owned(), rule })
    }

    /// When it ends by itself, if it does.
    pub(crate) const fn ends_at(&self) -> Option<OffsetDateTime> {
        self.ends_at
    }

    /// How the organization would pay for more.
    pub fn offer(&self) -> Offer {
        let interval = self.billed.map_or(Interval::Month, |(_, interval)| interval);
        Offer { currency: self.organization.currency, interval }
    }
}

/// What an organization may have, as read before.
#[derive(Clone)]
pub(crate) struct KnownEntitlement {
    pub(crate) entitlement: Arc<Entitlement>,
    /// When it was read, by the business clock.
    pub(crate) as_of: OffsetDateTime,
    /// The same, by the wall clock.
    pub(crate) read_at: OffsetDateTime,
}

impl Known for KnownEntitlement {
    fn read_at(&self) -> OffsetDateTime {
        self.read_at
    }

    fn goes_on(&self, now: OffsetDateTime) -> bool {
        self.as_of <= now && self.entitlement.ends_at.is_none_or(|end| now < end)
    }
}

impl Billing {
    /// What an organization may have now.
    pub async fn entitlement(&self, id: OrganizationId) -> Result<Entitlement, Error> {
        let subscriber = self.ports.facts.subscribers(&[id]).await?.into_iter().next().flatten();
        let subscriber = subscriber.ok_or(Error::NotFound(Missing::Organization))?;
        self.entitled(subscriber, self.catalogue().await?, self.ports.clock.now())
    }

    /// The same, at most a second old.
    pub(crate) async fn known_entitlement(
        &self,
        id: OrganizationId,
        (now, wall): (OffsetDateTime, OffsetDateTime),
    ) -> Result<KnownEntitlement, Error> {
        match self.known.entitlements.get(id, &(), (now, wall)) {
            Ok(known) => Ok(known),
            Err(reading) => {
                let entitlement = Arc::new(self.entitlement(id).await?);
                let known = KnownEntitlement { entitlement, as_of: now, read_at: wall };
                self.known.entitlements.put(id, (), known.clone(), reading);
                Ok(known)
            }
        }
    }

    /// What a subscriber may have at an instant.
    pub(crate) fn entitled(
        &self,
        subscriber: Subscriber,
        catalogue: Arc<Catalogue>,
        now: OffsetDateTime,
    ) -> Result<Entitlement, Error> {
        let grace_days = self.settings.grace_days;
        let subscription = subscriber.subscription(MAIN_GROUP).cloned();
        let organization = subscriber.organization;
        let entitled = subscription.as_ref().filter(|it| it.gives_access(now, grace_days));
        let billed = entitled.map(|it| (it.period, it.interval));
        let version = match entitled {
            Some(subscription) => subscription.plan_version_id,
            None => catalogue.free_version().ok_or(Error::NotFound(Missing::Plan))?.1.id,
        };
        let ends_at = entitled.and_then(|it| it.access_ends_at(grace_days));
        Ok(Entitlement { organization, subscription, catalogue, version, billed, ends_at })
    }
}
