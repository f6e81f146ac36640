//! A payment page is opened: our record first, then the gateway, then our record again.
//!
//! The record comes first so that the gateway's idempotency key is derived from it: whatever
//! happens in between, asking again for the same checkout gives the same page.

mod discounts;
mod give_up;

use billing_domain::{
    catalogue::Catalogue,
    checkout::{Checkout, CheckoutStatus, HostedPage, PaidBy, Purpose},
    event::{Event, What},
    gateway::Gateway,
    id::{CheckoutId, EventId, OrganizationId},
};
use time::{Duration, OffsetDateTime};

pub(crate) use self::discounts::Reduction;
use crate::{
    Billing, Error, Missing, Refusal, ReturnUrls,
    ports::{CheckoutItem, CheckoutRequest, GatewayError, PaymentGateway, Scope, UnitOfWork},
};

/// How long another request may take to open its page.
const OPENING: Duration = Duration::seconds(60);

/// A page that can be paid on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// Our record of it.
    pub checkout: Checkout,
    /// Where to send the payer.
    pub page: HostedPage,
}

/// What to sell, and where.
pub(crate) struct Sale {
    pub(crate) organization_id: OrganizationId,
    pub(crate) gateway: Option<Gateway>,
    pub(crate) purpose: Purpose,
    pub(crate) item: CheckoutItem,
    pub(crate) reduction: Option<Reduction>,
    pub(crate) saves_method: bool,
    pub(crate) urls: ReturnUrls,
}

/// What a sale finds of earlier ones.
enum Reservation {
    /// The same is on sale already.
    Reuse(Box<Opened>),
    /// A page is to be opened for this record, after those of the others are closed.
    Open { checkout: Box<Checkout>, superseded: Vec<(Checkout, HostedPage)> },
}

impl Billing {
    /// Opens a page for a sale, or finds the one that is open.
    pub(crate) async fn open_checkout(&self, sale: Sale) -> Result<Opened, Error> {
        sale.urls.checked()?;
        let gateway = self.gateway(sale.gateway)?;
        if sale.reduction.is_some() {
            discounts::coupons(gateway)?;
        }
        let catalogue = self.catalogue().await?;
        let (checkout, superseded) =
            match self.reserve(&sale, gateway.gateway(), &catalogue).await? {
                Reservation::Reuse(opened) => return Ok(*opened),
                Reservation::Open { checkout, superseded } => (*checkout, superseded),
            };
        // Nobody must be able to pay twice: the old pages close before the new one opens.
        let prepared = match self.close(gateway, superseded).await {
            Ok(()) => self.prepare(gateway, &sale).await,
            Err(error) => Err(error),
        };
        let (customer, coupon) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Err(self.let_go(&checkout, error).await),
        };
        let request = CheckoutRequest {
            checkout_id: checkout.id,
            organization_id: sale.organization_id,
            customer,
            coupon,
            item: sale.item,
            success_url: sale.urls.success,
            cancel_url: sale.urls.cancel,
            promotion_codes: self.settings.promotion_codes,
            automatic_tax: self.settings.automatic_tax,
            saves_method: sale.saves_method,
        };
        match gateway.checkouts().open(&request).await {
            Ok(page) => self.record_opened(gateway, checkout, page).await,
            Err(error) => {
                if matches!(error, GatewayError::Refused { .. }) {
                    self.give_up(&checkout).await?;
                    return Err(gateway_failed(gateway, error));
                }
                Err(self.let_go(&checkout, gateway_failed(gateway, error)).await)
            }
        }
    }

    /// What the gateway calls the payer, and the coupon if there is one.
    async fn prepare(
        &self,
        gateway: &dyn PaymentGateway,
        sale: &Sale,
    ) -> Result<(String, Option<String>), Error> {
        let customer = self.customer(gateway, sale.organization_id).await?;
        Ok((customer.id, self.coupon(gateway, sale).await?))
    }

    /// Finds the page that is open for the same sale, or the record for which to open one.
    async fn reserve(
        &self,
        sale: &Sale,
        gateway: Gateway,
        catalogue: &Catalogue,
    ) -> Result<Reservation, Error> {
        let now = self.ports.clock.now();
        let mut work = self.ports.store.begin(Scope::Organization(sale.organization_id)).await?;
        // Held, so that two requests for the same organization take turns.
        let organization = work.organizations().find(sale.organization_id).await?;
        organization.ok_or(Error::NotFound(Missing::Organization))?;
        if let Purpose::Subscription { plan_version_id, .. } = &sale.purpose {
            let version = catalogue.version(*plan_version_id);
            let (plan, _) = version.ok_or(Error::NotFound(Missing::Plan))?;
            let wanted = (sale.organization_id, plan.product_group.as_str());
            self.refuse_subscribed(&mut *work, catalogue, wanted).await?;
        }

        let unfinished = work.checkouts().unfinished(sale.organization_id).await?;
        let alike = self.alike(&mut *work, &unfinished, (sale, gateway)).await?;
        if let Some(open) = alike.iter().find(|it| it.payable(now).is_some())
            && let Some(page) = open.payable(now).cloned()
        {
            return Ok(Reservation::Reuse(Box::new(Opened { checkout: open.clone(), page })));
        }
        let is_pending = |it: &&Checkout| it.status == CheckoutStatus::Pending;
        let begun = alike.iter().find(is_pending).cloned();
        if begun.as_ref().is_some_and(|it| is_being_opened(it, now)) {
            return Err(Error::Conflict("the checkout"));
        }
        // Nobody knows whether the gateway heard of it: asked again under the same id, it gives
        // the same page, and there are never two.
        let checkout = match begun {
            Some(begun) => Checkout { created_at: now, ..begun },
            None => Checkout {
                id: CheckoutId(self.ports.ids.next()),
                organization_id: sale.organization_id,
                gateway,
                purpose: sale.purpose.clone(),
                paid_by: PaidBy::Page { saves_method: sale.saves_method },
                status: CheckoutStatus::Pending,
                created_at: now,
            },
        };
        let superseded = self.supersede(&mut *work, unfinished, (sale, &checkout)).await?;
        work.checkouts().save(&checkout, &[]).await?;
        self.reserve_discount(&mut *work, sale, checkout.id).await?;
        work.commit().await?;
        Ok(Reservation::Open { checkout: Box::new(checkout), superseded })
    }

    /// Gives up other sales of the kind; those whose pages can be paid on are to be closed first.
    async fn supersede(
        &self,
        work: &mut dyn UnitOfWork,
        unfinished: Vec<Checkout>,
        (sale, checkout): (&Sale, &Checkout),
    ) -> Result<Vec<(Checkout, HostedPage)>, Error> {
        let now = self.ports.clock.now();
        let mut superseded = Vec::new();
        for mut rival in unfinished.into_iter().filter(|it| it.id != checkout.id) {
            if !(is_subscription(&rival.purpose) && is_subscription(&sale.purpose)) {
                continue;
            }
            // Recorded as closed when it is, so that whoever asks next tries again.
            if let Some(page) = rival.payable(now).cloned() {
                superseded.push((rival, page));
            } else if rival.expire() {
                let event = self.event(&rival, What::CheckoutExpired { checkout_id: rival.id });
                work.checkouts().save(&rival, &[event]).await?;
            }
        }
        Ok(superseded)
    }

    async fn record_opened(
        &self,
        gateway: &dyn PaymentGateway,
        mut checkout: Checkout,
        page: HostedPage,
    ) -> Result<Opened, Error> {
        let scope = Scope::Organization(checkout.organization_id);
        let mut work = self.ports.store.begin(scope).await?;
        let kept = work.checkouts().find(checkout.organization_id, checkout.id).await?;
        match kept.map(|kept| kept.status) {
            Some(CheckoutStatus::Pending) | None => {
                checkout.status = CheckoutStatus::Open(page.clone());
                let what = What::CheckoutOpened { checkout_id: checkout.id };
                let opened = self.event(&checkout, what);
                work.checkouts().save(&checkout, &[opened]).await?;
                work.commit().await?;
            }
            // A fast payer's webhook has been here before us, or another request for the same.
            Some(status @ (CheckoutStatus::Completed(_) | CheckoutStatus::Open(_))) => {
                checkout.status = status;
            }
            // Something else was chosen in the meantime: nobody may pay on this page any more.
            Some(CheckoutStatus::Expired) => {
                drop(work);
                let closed = gateway.checkouts().expire(&page.session.id).await;
                closed.map_err(|error| gateway_failed(gateway, error))?;
                return Err(Error::Conflict("the checkout"));
            }
        }
        Ok(Opened { checkout, page })
    }

    /// Refuses where there is a live subscription in the group.
    pub(crate) async fn refuse_subscribed(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        (organization, product_group): (OrganizationId, &str),
    ) -> Result<(), Error> {
        let live = work.subscriptions().live(organization, product_group).await?;
        let Some(live) = live else { return Ok(()) };
        let on = catalogue.version(live.plan_version_id).map(|(plan, _)| plan.key.clone());
        let status = live.status.name();
        Err(Refusal::AlreadySubscribed { plan: on.unwrap_or_default(), status }.into())
    }

    fn event(&self, checkout: &Checkout, what: What) -> Event {
        Event {
            id: EventId(self.ports.ids.next()),
            organization_id: checkout.organization_id,
            at: self.ports.clock.now(),
            what,
        }
    }
}

/// Whether a request is opening its page now.
pub(crate) fn is_being_opened(checkout: &Checkout, now: OffsetDateTime) -> bool {
    checkout.status == CheckoutStatus::Pending && now - checkout.created_at < OPENING
}

const fn is_subscription(purpose: &Purpose) -> bool {
    matches!(purpose, Purpose::Subscription { .. })
}

/// What a gateway's failure means for the one who asked.
pub(crate) fn gateway_failed(gateway: &dyn PaymentGateway, error: GatewayError) -> Error {
    match error {
        GatewayError::Refused { message } => Refusal::GatewayRefused { message }.into(),
        GatewayError::Unknown(cause) => Error::Unavailable {
            what: gateway.gateway().name(),
            retry_after: std::time::Duration::from_secs(5),
            cause,
        },
        GatewayError::Unreached { retry_after } => {
            Error::GatewayUnavailable { gateway: gateway.gateway().name(), retry_after }
        }
        GatewayError::Unreadable(cause) => {
            Error::Internal(cause.context(format!("{} was not understood", gateway.gateway())))
        }
    }
}
