//! A payment page is opened: our record first, then the gateway, then our record again.
//!
//! The record comes first so that the gateway's idempotency key is derived from it: whatever
//! happens in between, asking again for the same checkout gives the same page.

use billing_domain::{
    checkout::{Checkout, CheckoutStatus, HostedPage, Purpose},
    event::{Event, What},
    gateway::{Gateway, GatewayRef},
    id::{CheckoutId, EventId, OrganizationId},
    organization::{Country, Customer, Organization},
};
use time::Duration;

use crate::{
    Billing, Error, Missing, Refusal,
    ports::{
        CheckoutItem, CheckoutRequest, GatewayError, NewCustomer, PaymentGateway, Scope, UnitOfWork,
    },
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

/// Where the payer goes afterwards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReturnUrls {
    /// When it is paid.
    pub success: String,
    /// When it is not.
    pub cancel: String,
}

impl ReturnUrls {
    fn checked(&self) -> Result<(), Error> {
        for (field, url) in [("success_url", &self.success), ("cancel_url", &self.cancel)] {
            check_url(field, url)?;
        }
        Ok(())
    }
}

/// Refuses what a browser could not be sent to.
pub(crate) fn check_url(field: &'static str, url: &str) -> Result<(), Error> {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let named = host.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    let plain = url.chars().all(|c| !c.is_whitespace() && !c.is_control());
    if named && plain && url.len() <= 2000 {
        return Ok(());
    }
    Err(Error::invalid(
        field,
        "must be an absolute http or https address of 2000 characters at most",
    ))
}

/// What to sell, and where.
pub(crate) struct Sale {
    pub(crate) organization_id: OrganizationId,
    pub(crate) gateway: Option<Gateway>,
    pub(crate) purpose: Purpose,
    pub(crate) item: CheckoutItem,
    pub(crate) urls: ReturnUrls,
}

/// What a new checkout finds of earlier ones.
enum Reservation {
    /// The same is on sale already.
    Reuse(Box<Opened>),
    /// A new record is made; these pages must be closed before its page opens.
    Fresh { checkout: Checkout, superseded: Vec<HostedPage> },
}

impl Billing {
    /// Opens a page for a sale, or finds the one that is open.
    pub(crate) async fn open_checkout(&self, sale: Sale) -> Result<Opened, Error> {
        sale.urls.checked()?;
        let gateway = self.gateway(sale.gateway)?;
        let (checkout, superseded) = match self.reserve(&sale, gateway.gateway()).await? {
            Reservation::Reuse(opened) => return Ok(*opened),
            Reservation::Fresh { checkout, superseded } => (checkout, superseded),
        };
        // Nobody must be able to pay twice: the old pages close before the new one opens.
        for page in &superseded {
            let closed = gateway.checkouts().expire(&page.session.id).await;
            closed.map_err(|error| gateway_failed(gateway, error))?;
        }
        let customer = self.customer(gateway, sale.organization_id).await?;
        let request = CheckoutRequest {
            checkout_id: checkout.id,
            organization_id: sale.organization_id,
            customer: customer.id,
            item: sale.item,
            success_url: sale.urls.success,
            cancel_url: sale.urls.cancel,
            promotion_codes: self.settings.promotion_codes,
            automatic_tax: self.settings.automatic_tax,
        };
        match gateway.checkouts().open(&request).await {
            Ok(page) => self.record_opened(checkout, page).await,
            Err(error) => {
                if matches!(error, GatewayError::Refused { .. }) {
                    self.record_refused(checkout).await?;
                }
                Err(gateway_failed(gateway, error))
            }
        }
    }

    /// Finds the page that is open for the same sale, or makes the record of a new one.
    async fn reserve(&self, sale: &Sale, gateway: Gateway) -> Result<Reservation, Error> {
        let now = self.ports.clock.now();
        let mut work = self.ports.store.begin(Scope::Organization(sale.organization_id)).await?;
        // Held, so that two requests for the same organization take turns.
        let organization = work.organizations().find(sale.organization_id).await?;
        organization.ok_or(Error::NotFound(Missing::Organization))?;
        self.refuse_second_subscription(&mut *work, sale).await?;

        let mut superseded = Vec::new();
        for mut earlier in work.checkouts().unfinished(sale.organization_id).await? {
            let same = earlier.purpose == sale.purpose && earlier.gateway == gateway;
            if let Some(page) = earlier.payable(now).filter(|_| same) {
                let page = page.clone();
                return Ok(Reservation::Reuse(Box::new(Opened { checkout: earlier, page })));
            }
            let opening = earlier.status == CheckoutStatus::Pending;
            if opening && same && now - earlier.created_at < OPENING {
                return Err(Error::Conflict("the checkout"));
            }
            let rivals = matches!(
                (&earlier.purpose, &sale.purpose),
                (Purpose::Subscription { .. }, Purpose::Subscription { .. })
            );
            if rivals {
                superseded.extend(earlier.payable(now).cloned());
                earlier.expire();
                let expired =
                    self.event(&earlier, What::CheckoutExpired { checkout_id: earlier.id });
                work.checkouts().save(&earlier, &[expired]).await?;
            }
        }
        let checkout = Checkout {
            id: CheckoutId(self.ports.ids.next()),
            organization_id: sale.organization_id,
            gateway,
            purpose: sale.purpose.clone(),
            status: CheckoutStatus::Pending,
            created_at: now,
        };
        work.checkouts().save(&checkout, &[]).await?;
        work.commit().await?;
        Ok(Reservation::Fresh { checkout, superseded })
    }

    async fn refuse_second_subscription(
        &self,
        work: &mut dyn UnitOfWork,
        sale: &Sale,
    ) -> Result<(), Error> {
        let Purpose::Subscription { plan_version_id, .. } = &sale.purpose else { return Ok(()) };
        let catalogue = self.catalogue().await?;
        let (plan, _) =
            catalogue.version(*plan_version_id).ok_or(Error::NotFound(Missing::Plan))?;
        let live = work.subscriptions().live(sale.organization_id, &plan.product_group).await?;
        let Some(live) = live else { return Ok(()) };
        let on = catalogue.version(live.plan_version_id).map(|(plan, _)| plan.key.clone());
        Err(Refusal::AlreadySubscribed { plan: on.unwrap_or_default(), status: live.status.name() }
            .into())
    }

    /// The organization as the gateway knows it, made known there where it was not.
    async fn customer(
        &self,
        gateway: &dyn PaymentGateway,
        id: OrganizationId,
    ) -> Result<GatewayRef, Error> {
        let mut work = self.ports.store.begin(Scope::Organization(id)).await?;
        let known = work.organizations().customer(id, gateway.gateway()).await?;
        if let Some(customer) = known {
            return Ok(customer.reference);
        }
        let organization = work.organizations().find(id).await?;
        let organization = organization.ok_or(Error::NotFound(Missing::Organization))?;
        drop(work);

        let created = gateway.customers().create(&described(organization)).await;
        let reference = created.map_err(|error| gateway_failed(gateway, error))?;
        let created_at = self.ports.clock.now();
        let customer = Customer { organization_id: id, reference, created_at };
        let mut work = self.ports.store.begin(Scope::Organization(id)).await?;
        let linked = work.organizations().link_customer(&customer).await?;
        work.commit().await?;
        Ok(linked.reference)
    }

    async fn record_opened(
        &self,
        mut checkout: Checkout,
        page: HostedPage,
    ) -> Result<Opened, Error> {
        let scope = Scope::Organization(checkout.organization_id);
        let mut work = self.ports.store.begin(scope).await?;
        let kept = work.checkouts().find(checkout.organization_id, checkout.id).await?;
        // A fast payer's webhook may have been here before us.
        if kept.is_none_or(|kept| kept.status == CheckoutStatus::Pending) {
            checkout.status = CheckoutStatus::Open(page.clone());
            let opened = self.event(&checkout, What::CheckoutOpened { checkout_id: checkout.id });
            work.checkouts().save(&checkout, &[opened]).await?;
            work.commit().await?;
        }
        Ok(Opened { checkout, page })
    }

    async fn record_refused(&self, mut checkout: Checkout) -> Result<(), Error> {
        let scope = Scope::Organization(checkout.organization_id);
        let mut work = self.ports.store.begin(scope).await?;
        checkout.expire();
        work.checkouts().save(&checkout, &[]).await?;
        work.commit().await
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

fn described(organization: Organization) -> NewCustomer {
    NewCustomer {
        organization_id: organization.id,
        name: organization.name,
        email: organization.billing_email,
        country: organization.country.as_ref().map(Country::code).map(str::to_owned),
    }
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
        GatewayError::Unreadable(cause) => {
            Error::Internal(cause.context(format!("{} was not understood", gateway.gateway())))
        }
    }
}
