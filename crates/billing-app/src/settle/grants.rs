//! What was paid for in credits, given once.

use billing_domain::{
    catalogue::Catalogue,
    checkout::Purpose,
    credits::{CreditCommand, GrantKind, NewGrant, Source},
    id::{CheckoutId, GrantId, OrganizationId},
    subscription::{Status, Subscription},
};

use super::Unsettled;
use crate::{
    Billing,
    ports::{SeenSubscription, UnitOfWork},
};

impl Billing {
    /// Grants the credits of the running period, once it is paid or on trial.
    pub(super) async fn grant_period(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        subscription: &Subscription,
        seen: &SeenSubscription,
    ) -> Result<(), Unsettled> {
        let paid = seen.latest_invoice.as_ref().is_some_and(|invoice| invoice.paid);
        let months = match subscription.status {
            Status::Trialing { .. } => 1,
            Status::Active if paid => i64::from(subscription.interval.months()),
            Status::Incomplete
            | Status::Active
            | Status::PastDue { .. }
            | Status::Paused { .. }
            | Status::Cancelled { .. }
            | Status::Expired { .. } => return Ok(()),
        };
        let version = catalogue.version(subscription.plan_version_id);
        let monthly = version.map_or(0, |(_, version)| version.included_credits);
        if monthly == 0 {
            return Ok(());
        }
        let start = subscription.period.start;
        let source = format!("{}:{}", subscription.id, start.unix_timestamp());
        let grant = NewGrant {
            id: GrantId(self.ports.ids.next()),
            kind: GrantKind::Subscription,
            amount: monthly.saturating_mul(months),
            starts_at: start,
            expires_at: Some(subscription.period.end),
            source: Source::new("period", source),
        };
        self.give(work, subscription.organization_id, grant).await
    }

    /// Grants the credits of a pack, once it is paid.
    pub(super) async fn grant_pack(
        &self,
        work: &mut dyn UnitOfWork,
        organization: OrganizationId,
        id: CheckoutId,
    ) -> Result<(), Unsettled> {
        let Some(checkout) = work.checkouts().find(organization, id).await? else { return Ok(()) };
        let Purpose::Credits { credits, .. } = checkout.purpose else { return Ok(()) };
        let grant = NewGrant {
            id: GrantId(self.ports.ids.next()),
            kind: GrantKind::Purchased,
            amount: credits,
            starts_at: self.ports.clock.now(),
            expires_at: None,
            source: Source::new("checkout", id.to_string()),
        };
        self.give(work, organization, grant).await
    }

    async fn give(
        &self,
        work: &mut dyn UnitOfWork,
        organization: OrganizationId,
        grant: NewGrant,
    ) -> Result<(), Unsettled> {
        let command = CreditCommand::Grant(grant);
        work.credits().apply(organization, &command, self.ports.clock.now()).await?;
        Ok(())
    }
}
