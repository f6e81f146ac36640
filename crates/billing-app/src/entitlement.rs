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

use crate::{Billing, Error, Missing};

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

impl Billing {
    /// What an organization may have now.
    pub async fn entitlement(&self, id: OrganizationId) -> Result<Entitlement, Error> {
        let organization = self.ports.organizations.organization(id).await?;
        let organization = organization.ok_or(Error::NotFound(Missing::Organization))?;
        let subscription = self.ports.organizations.subscription(id, MAIN_GROUP).await?;
        let catalogue = self.catalogue().await?;

        let (now, grace_days) = (self.ports.clock.now(), self.settings.grace_days);
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
