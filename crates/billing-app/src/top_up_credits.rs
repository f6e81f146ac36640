//! Credits are bought for those who run low and asked for it: our record first, then the charge,
//! then our record again.
//!
//! One charge at a time: until it is known how the last one ended, there is no other. Stopped
//! between any two steps, the next round goes on with the record that it finds.

use billing_domain::{
    auto_top_up::{AutoTopUp, Standing, Verdict},
    catalogue::Catalogue,
    checkout::{Checkout, CheckoutStatus, PaidBy, Purpose},
    gateway::GatewayRef,
    id::{CheckoutId, OrganizationId},
    payment::ChargeFailure,
    period::Period,
};
use time::OffsetDateTime;

use crate::{
    Billing, Error, Missing,
    ports::{PaymentGateway, Scope, UnitOfWork},
};

/// How many organizations are looked at in one round.
const BATCH: i64 = 20;

/// What is to be done for an organization, outside of any unit of work.
enum Step {
    /// Nothing now.
    Rest,
    /// A pack is wanted: choose what to charge.
    Choose,
    /// A charge was recorded, and nobody knows how it ended.
    GoOn(Checkout),
}

impl Billing {
    /// Buys packs for those who run low, one for each at most, and asks how charges ended of which
    /// nothing was heard. How many charges ended. One that cannot go on now is logged, and does
    /// not hold up the others.
    pub async fn top_up_credits(&self) -> Result<usize, Error> {
        let now = self.ports.clock.now();
        let mut ended = 0;
        for organization in self.ports.money.top_ups_due(now, BATCH).await? {
            let catalogue = self.catalogue().await?;
            match self.top_up(&catalogue, organization).await {
                Ok(true) => ended += 1,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%organization, error = error.in_full(), "no credits topped up");
                }
            }
        }
        Ok(ended)
    }

    /// Does what is to be done for one organization. Whether a charge ended.
    async fn top_up(
        &self,
        catalogue: &Catalogue,
        organization: OrganizationId,
    ) -> Result<bool, Error> {
        match self.look(catalogue, organization).await? {
            Step::Rest => Ok(false),
            Step::GoOn(checkout) => self.go_on_charging(&checkout).await,
            Step::Choose => {
                let gateway = self.gateway(None)?;
                let method = match self.method_to_charge(gateway, organization).await {
                    Ok(method) => method,
                    Err(error) => {
                        self.look_later(organization).await?;
                        return Err(error);
                    }
                };
                let sale = (catalogue, gateway, method);
                match self.record_charge(organization, sale).await? {
                    Some(checkout) => self.send_charge(gateway, &checkout).await,
                    None => Ok(false),
                }
            }
        }
    }

    /// Looks what is to be done. Who finds a charge under way goes on with it alone for a while.
    async fn look(
        &self,
        catalogue: &Catalogue,
        organization: OrganizationId,
    ) -> Result<Step, Error> {
        let now = self.ports.clock.now();
        let mut work = self.ports.store.begin(Scope::Organization(organization)).await?;
        let considered = self.consider(&mut *work, catalogue, organization).await?;
        let Some((mut top_up, verdict)) = considered else { return Ok(Step::Rest) };
        if let Some(pending) = top_up.pending.filter(|_| top_up.look_at <= now) {
            let checkout = work.checkouts().find(organization, pending).await?;
            let lost = || anyhow::anyhow!("checkout {pending} is gone, which was to be charged");
            let checkout = checkout.ok_or_else(lost)?;
            top_up.ask_again(checkout.created_at, now);
            work.auto_top_ups().save(&top_up, &[]).await?;
            work.commit().await?;
            return Ok(Step::GoOn(checkout));
        }
        match verdict {
            Verdict::Rest => Ok(Step::Rest),
            Verdict::Buy(_) => Ok(Step::Choose),
            Verdict::LookAgain(at) => {
                self.put_off(work, top_up, at).await?;
                Ok(Step::Rest)
            }
        }
    }

    /// Whether to buy, as things stand while the organization is held.
    async fn consider(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        id: OrganizationId,
    ) -> Result<Option<(AutoTopUp, Verdict)>, Error> {
        let organization = work.organizations().find(id).await?;
        let organization = organization.ok_or(Error::NotFound(Missing::Organization))?;
        let Some(top_up) = work.auto_top_ups().find(id).await? else { return Ok(None) };
        let now = self.ports.clock.now();
        let pack = catalogue.credit_product(top_up.credit_product_id).filter(|pack| pack.active);
        let since = Period::calendar_month(now).start;
        let standing = Standing {
            balance: work.auto_top_ups().balance(id).await?,
            price: pack.and_then(|pack| pack.priced_in(organization.currency)),
            charges: &work.checkouts().charged_since(id, since).await?,
        };
        let verdict = top_up.decide(standing, now);
        Ok(Some((top_up, verdict)))
    }

    /// Records the charge that goes to the gateway next; or that there is nothing to charge.
    /// Nothing where it is not wanted any more, or somebody else was faster.
    async fn record_charge(
        &self,
        organization: OrganizationId,
        (catalogue, gateway, method): (&Catalogue, &dyn PaymentGateway, Option<GatewayRef>),
    ) -> Result<Option<Checkout>, Error> {
        let mut work = self.ports.store.begin(Scope::Organization(organization)).await?;
        let considered = self.consider(&mut *work, catalogue, organization).await?;
        let Some((mut top_up, Verdict::Buy(price))) = considered else { return Ok(None) };
        let Some(method) = method else {
            let why = (None, ChargeFailure::NoSavedMethod);
            self.top_up_failed(&mut *work, top_up, why).await?;
            work.commit().await?;
            return Ok(None);
        };
        let pack = catalogue.credit_product(top_up.credit_product_id);
        let pack = pack.ok_or(Error::NotFound(Missing::CreditProduct))?;
        let created_at = self.ports.clock.now();
        let checkout = Checkout {
            id: CheckoutId(self.ports.ids.next()),
            organization_id: organization,
            gateway: gateway.gateway(),
            purpose: Purpose::Credits { credit_product_id: pack.id, credits: pack.credits, price },
            paid_by: PaidBy::SavedMethod(method),
            status: CheckoutStatus::Pending,
            created_at,
        };
        top_up.begin(checkout.id, created_at);
        work.checkouts().save(&checkout, &[]).await?;
        work.auto_top_ups().save(&top_up, &[]).await?;
        work.commit().await?;
        Ok(Some(checkout))
    }

    /// Looks at an organization a little later, so that it does not stand before all others.
    async fn look_later(&self, organization: OrganizationId) -> Result<(), Error> {
        let mut work = self.ports.store.begin(Scope::Organization(organization)).await?;
        let Some(top_up) = work.auto_top_ups().find(organization).await? else { return Ok(()) };
        let later = self.ports.clock.now() + time::Duration::MINUTE;
        self.put_off(work, top_up, later).await
    }

    async fn put_off(
        &self,
        mut work: Box<dyn UnitOfWork>,
        top_up: AutoTopUp,
        look_at: OffsetDateTime,
    ) -> Result<(), Error> {
        work.auto_top_ups().save(&AutoTopUp { look_at, ..top_up }, &[]).await?;
        work.commit().await
    }
}
