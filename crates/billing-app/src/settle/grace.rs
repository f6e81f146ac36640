//! A lower limit lets what exceeds it stay for a while.

use billing_domain::{
    catalogue::{Amount, Catalogue, Limit, Overage, PlanVersion, Window},
    id::BonusId,
    subscription::Subscription,
    usage::{Grace, UsageCommand, UsageRule},
};
use time::{Duration, OffsetDateTime};

use crate::{Billing, Error, ports::UnitOfWork};

/// For so long.
const GRACE: Duration = Duration::days(7);

impl Billing {
    /// Gives a grace on every meter whose limit a change of the subscription has lowered.
    pub(crate) async fn give_graces(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        (before, after): (&Subscription, &Subscription),
    ) -> Result<(), Error> {
        let now = self.ports.clock.now();
        let versions = (self.entitling(catalogue, before), self.entitling(catalogue, after));
        let (Some(old), Some(new)) = versions else { return Ok(()) };
        if old.id == new.id {
            return Ok(());
        }
        for meter in &catalogue.meters {
            let limits = (old.limit(&meter.key), new.limit(&meter.key));
            if !is_lower(limits.1.map(|it| it.amount), limits.0.map(|it| it.amount)) {
                continue;
            }
            let command = UsageCommand::Grace(Grace {
                id: self.grace_id(after, &meter.key),
                meter: meter.key.as_str().into(),
                rule: self.rule(limits.1, after, now),
                expires_at: now + GRACE,
            });
            work.usage().apply(after.organization_id, &command, now).await?;
        }
        Ok(())
    }

    /// The version whose limits hold: the subscription's while it gives access, else the free one.
    fn entitling<'a>(
        &self,
        catalogue: &'a Catalogue,
        subscription: &Subscription,
    ) -> Option<&'a PlanVersion> {
        let (now, grace_days) = (self.ports.clock.now(), self.settings.grace_days);
        let subscribed = subscription.gives_access(now, grace_days);
        let version = subscribed.then(|| catalogue.version(subscription.plan_version_id)).flatten();
        version.or_else(|| catalogue.free_version()).map(|(_, version)| version)
    }

    fn rule(
        &self,
        limit: Option<&Limit>,
        subscription: &Subscription,
        now: OffsetDateTime,
    ) -> UsageRule {
        let subscribed = subscription.gives_access(now, self.settings.grace_days);
        let billed = subscribed.then_some((subscription.period, subscription.interval));
        let window = limit.map_or(Window::BillingPeriod, |it| it.window);
        UsageRule {
            limit: limit.map_or(Amount::AtMost(0), |it| it.amount),
            overage: limit.map_or(Overage::Block, |it| it.overage),
            window,
            period: window.around(now, billed),
        }
    }

    /// The same for the same change.
    fn grace_id(&self, subscription: &Subscription, meter: &str) -> BonusId {
        let (id, at) = (subscription.id, subscription.observed_at.unix_timestamp_nanos());
        let digest = self.ports.secrets.digest(format!("grace:{id}:{at}:{meter}").as_bytes());
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(byte, of_digest)| *byte = of_digest);
        BonusId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

/// Whether one limit is lower than another; without one nothing is allowed.
fn is_lower(one: Option<Amount>, than: Option<Amount>) -> bool {
    let most = |amount| match amount {
        Some(Amount::Unlimited) => u64::MAX,
        Some(Amount::AtMost(most)) => most,
        None => 0,
    };
    most(one) < most(than)
}
