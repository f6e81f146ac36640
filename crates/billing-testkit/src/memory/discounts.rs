//! Discounts and their uses.

use async_trait::async_trait;
use billing_app::{
    Error, Refusal,
    ports::{Discounts, Scope},
};
use billing_domain::{
    discount::{CustomerHistory, Discount, Redemption, RedemptionState},
    event::Event,
    id::{CheckoutId, DiscountId, OrganizationId},
};
use time::OffsetDateTime;

use super::{unit::Unit, world::World};

#[async_trait]
impl Discounts for Unit {
    async fn find(&mut self, id: DiscountId) -> Result<Option<Discount>, Error> {
        self.shared.reachable()?;
        Ok(self.world.discounts.get(&id).cloned())
    }

    async fn insert(&mut self, discount: &Discount) -> Result<(), Error> {
        self.shared.reachable()?;
        if let Scope::Organization(_) = self.scope {
            return Err(anyhow::anyhow!("an organization makes no discounts").into());
        }
        if self.world.discounts.values().any(|there| there.code == discount.code) {
            return Err(Refusal::DiscountCodeTaken(discount.code.to_string()).into());
        }
        self.world.discounts.insert(discount.id, discount.clone());
        Ok(())
    }

    async fn save(&mut self, discount: &Discount) -> Result<(), Error> {
        self.shared.reachable()?;
        if let Some(there) = self.world.discounts.get_mut(&discount.id) {
            (there.active, there.taken) = (discount.active, discount.taken);
        }
        Ok(())
    }

    async fn history(
        &mut self,
        organization: OrganizationId,
        id: DiscountId,
    ) -> Result<CustomerHistory, Error> {
        self.shared.reachable()?;
        let seen = self.sees(organization);
        let mut payments = self.world.payments.values();
        let uses = self.world.redemptions.values();
        let own = uses.filter(|it| it.organization_id == organization && it.discount_id == id);
        let states: Vec<_> = own.filter(|_| seen).map(|it| it.state).collect();
        let reserved = states.iter().filter(|it| matches!(it, RedemptionState::Reserved { .. }));
        Ok(CustomerHistory {
            has_paid: payments
                .any(|it| seen && it.organization_id == organization && it.status.captured()),
            has_redeemed: states.iter().any(|it| matches!(it, RedemptionState::Redeemed { .. })),
            reserved: u32::try_from(reserved.count()).map_err(anyhow::Error::from)?,
        })
    }

    async fn redemption(
        &mut self,
        organization: OrganizationId,
        checkout: CheckoutId,
    ) -> Result<Option<Redemption>, Error> {
        self.shared.reachable()?;
        let found = self.world.redemptions.get(&checkout);
        let own = found.filter(|it| it.organization_id == organization && self.sees(organization));
        Ok(own.cloned())
    }

    async fn save_redemption(
        &mut self,
        redemption: &Redemption,
        events: &[Event],
    ) -> Result<(), Error> {
        let before = self.world.redemptions.get(&redemption.checkout_id);
        let before = before.map(|it| it.organization_id);
        self.may_replace(redemption.organization_id, before)?;
        self.world.redemptions.insert(redemption.checkout_id, redemption.clone());
        self.world.events.extend_from_slice(events);
        Ok(())
    }
}

impl World {
    /// Reservations whose checkout has ended, or whose time is over; those first that end first.
    pub(super) fn lapsed(&self, now: OffsetDateTime) -> Vec<(OrganizationId, CheckoutId)> {
        let lapsed = self.redemptions.values().filter_map(|it| {
            let RedemptionState::Reserved { until } = it.state else { return None };
            let status = self.checkouts.get(&it.checkout_id).map(|it| it.status.name());
            let ended = matches!(status, Some("completed" | "expired"));
            (ended || until <= now).then_some((until, it.checkout_id, it.organization_id))
        });
        let mut lapsed: Vec<_> = lapsed.collect();
        lapsed.sort();
        lapsed.into_iter().map(|(_, checkout, owner)| (owner, checkout)).collect()
    }
}
