//! The roles that the gateway plays.

use async_trait::async_trait;
use billing_app::ports::{
    Cancellation, ChargeRequest, Charges, CheckoutRequest, CustomerAccounts, GatewayError,
    GatewayPayments, GatewaySubscriptions, GoingOn, HostedCheckouts, NewCustomer, NewRefund,
    Outcome, PortalSessions, PreviewOf, PriceChange, Refunds, SeenCheckout, SeenCheckoutStatus,
    SeenInvoice, SeenPayment, SeenPreview, SeenSubscription,
};
use billing_domain::{
    checkout::HostedPage,
    gateway::GatewayRef,
    id::{ChangeId, CheckoutId},
};
use time::{Duration, OffsetDateTime};

use super::{Call, FakeGateway, books::Page, named, refused};

/// How long a page can be paid on.
const PAGE_LIFE: Duration = Duration::DAY;

#[async_trait]
impl CustomerAccounts for FakeGateway {
    async fn create(&self, customer: &NewCustomer) -> Result<GatewayRef, GatewayError> {
        self.act(Call::CreateCustomer, |books| {
            if let Some(id) = books.customers.get(&customer.organization_id) {
                return Ok(named(id));
            }
            let id = books.number("cus");
            books.customers.insert(customer.organization_id, id.clone());
            Ok(named(&id))
        })
    }
}

#[async_trait]
impl HostedCheckouts for FakeGateway {
    async fn open(&self, request: &CheckoutRequest) -> Result<HostedPage, GatewayError> {
        let now = self.clock.now();
        self.act(Call::OpenCheckout, |books| {
            if let Some(page) = books.page_of(request) {
                return if page.request == *request {
                    Ok(page.page.clone())
                } else {
                    Err(refused("the idempotency key was used with other parameters"))
                };
            }
            if !books.customers.values().any(|id| *id == request.customer) {
                return Err(refused("no such customer"));
            }
            if request.coupon.as_ref().is_some_and(|it| !books.coupons.contains_key(it)) {
                return Err(refused("no such coupon"));
            }
            let id = books.number("cs");
            let page = HostedPage {
                session: named(&id),
                url: format!("https://pay.fake.test/{id}"),
                expires_at: now + PAGE_LIFE,
            };
            let opened = Page {
                request: request.clone(),
                page: page.clone(),
                status: SeenCheckoutStatus::Open,
                subscription: None,
                payment: None,
            };
            books.pages.insert(id, opened);
            Ok(page)
        })
    }

    async fn find(&self, session: &str) -> Result<Option<SeenCheckout>, GatewayError> {
        let now = self.clock.now();
        self.look(Call::FindCheckout, |books| books.seen_checkout(session, now))
    }

    async fn expire(&self, session: &str) -> Result<(), GatewayError> {
        self.act(Call::ExpireCheckout, |books| {
            let page = books.pages.get_mut(session).ok_or_else(|| refused("no such session"))?;
            if page.status == SeenCheckoutStatus::Open {
                page.status = SeenCheckoutStatus::Expired;
            }
            Ok(())
        })
    }
}

#[async_trait]
impl GatewaySubscriptions for FakeGateway {
    async fn find(&self, id: &str) -> Result<Option<SeenSubscription>, GatewayError> {
        self.look(Call::FindSubscription, |books| books.seen_subscription(id))
    }

    async fn preview(&self, id: &str, of: &PreviewOf) -> Result<SeenPreview, GatewayError> {
        let now = self.clock.now();
        self.look(Call::PreviewChange, |books| books.preview(id, of, now))?
    }

    async fn change(&self, id: &str, change: &PriceChange) -> Result<Outcome, GatewayError> {
        let now = self.clock.now();
        self.act(Call::ChangeSubscription, |books| books.change(id, change, now))
    }

    async fn cancel(&self, id: &str, end: &Cancellation) -> Result<(), GatewayError> {
        let now = self.clock.now();
        self.act(Call::CancelSubscription, |books| books.cancel(id, end, now))
    }

    async fn resume(&self, id: &str, going_on: &GoingOn) -> Result<Outcome, GatewayError> {
        let now = self.clock.now();
        self.act(Call::ResumeSubscription, |books| books.go_on(id, going_on, now))
    }

    async fn pause(&self, id: &str, change_id: ChangeId) -> Result<(), GatewayError> {
        self.act(Call::PauseSubscription, |books| books.pause(id, change_id))
    }
}

#[async_trait]
impl Refunds for FakeGateway {
    async fn refund(&self, refund: &NewRefund) -> Result<(), GatewayError> {
        self.act(Call::Refund, |books| books.refund(refund))
    }
}

#[async_trait]
impl GatewayPayments for FakeGateway {
    async fn find(&self, id: &str) -> Result<Option<SeenPayment>, GatewayError> {
        self.look(Call::FindPayment, |books| books.payments.get(id).cloned())
    }

    async fn find_invoice(&self, id: &str) -> Result<Option<SeenInvoice>, GatewayError> {
        self.look(Call::FindInvoice, |books| books.seen_invoice(id))
    }
}

#[async_trait]
impl PortalSessions for FakeGateway {
    async fn open(&self, customer: &str, return_url: &str) -> Result<String, GatewayError> {
        self.act(Call::OpenPortal, |books| {
            if !books.customers.values().any(|id| id == customer) {
                return Err(refused("no such customer"));
            }
            Ok(format!("https://portal.fake.test/{customer}?return_url={return_url}"))
        })
    }
}

#[async_trait]
impl Charges for FakeGateway {
    async fn saved_method(&self, customer: &str) -> Result<Option<GatewayRef>, GatewayError> {
        self.look(Call::FindSavedMethod, |books| {
            let kept = books.methods.iter().rev().find(|(owner, _)| owner == customer);
            kept.map(|(_, method)| named(method))
        })
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<SeenPayment, GatewayError> {
        let now = self.clock.now();
        self.act(Call::Charge, |books| books.charge_saved(request, now))
    }

    async fn find(
        &self,
        customer: &str,
        checkout: CheckoutId,
        since: OffsetDateTime,
    ) -> Result<Option<SeenPayment>, GatewayError> {
        self.look(Call::FindCharge, |books| {
            let (request, payment) = books.charges.get(&checkout)?;
            let payment = books.payments.get(payment)?;
            (request.customer == customer && payment.created_at >= since).then(|| payment.clone())
        })
    }
}
