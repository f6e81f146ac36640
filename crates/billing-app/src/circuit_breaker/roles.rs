//! The roles of a gateway, asked through the breaker.

use async_trait::async_trait;
use billing_domain::{
    checkout::HostedPage,
    gateway::GatewayRef,
    id::{ChangeId, CheckoutId},
};
use time::OffsetDateTime;

use super::CircuitBreaker;
use crate::ports::{
    Cancellation, ChargeRequest, Charges, CheckoutRequest, Coupons, CustomerAccounts, GatewayError,
    GatewayPayments, GatewaySubscriptions, GoingOn, HostedCheckouts, Listed, ListedPage, Listings,
    NewCoupon, NewCustomer, NewRefund, Outcome, PortalSessions, PreviewOf, PriceChange, Refunds,
    SeenCheckout, SeenInvoice, SeenPayment, SeenPreview, SeenSubscription,
};

/// A role that the gateway has: without it the breaker gave none.
fn played<T: ?Sized>(role: Option<&T>) -> Result<&T, GatewayError> {
    let absent = || GatewayError::Refused { message: "the gateway cannot do that".to_owned() };
    role.ok_or_else(absent)
}

#[async_trait]
impl CustomerAccounts for CircuitBreaker {
    async fn create(&self, customer: &NewCustomer) -> Result<GatewayRef, GatewayError> {
        self.ask(self.gateway.customers().create(customer)).await
    }
}

#[async_trait]
impl HostedCheckouts for CircuitBreaker {
    async fn open(&self, request: &CheckoutRequest) -> Result<HostedPage, GatewayError> {
        self.ask(self.gateway.checkouts().open(request)).await
    }

    async fn find(&self, session: &str) -> Result<Option<SeenCheckout>, GatewayError> {
        self.ask(self.gateway.checkouts().find(session)).await
    }

    async fn expire(&self, session: &str) -> Result<(), GatewayError> {
        self.ask(self.gateway.checkouts().expire(session)).await
    }
}

#[async_trait]
impl GatewayPayments for CircuitBreaker {
    async fn find(&self, id: &str) -> Result<Option<SeenPayment>, GatewayError> {
        self.ask(self.gateway.payments().find(id)).await
    }

    async fn find_invoice(&self, id: &str) -> Result<Option<SeenInvoice>, GatewayError> {
        self.ask(self.gateway.payments().find_invoice(id)).await
    }
}

#[async_trait]
impl GatewaySubscriptions for CircuitBreaker {
    async fn find(&self, id: &str) -> Result<Option<SeenSubscription>, GatewayError> {
        self.ask(played(self.gateway.subscriptions())?.find(id)).await
    }

    async fn preview(&self, id: &str, of: &PreviewOf) -> Result<SeenPreview, GatewayError> {
        self.ask(played(self.gateway.subscriptions())?.preview(id, of)).await
    }

    async fn change(&self, id: &str, change: &PriceChange) -> Result<Outcome, GatewayError> {
        self.ask(played(self.gateway.subscriptions())?.change(id, change)).await
    }

    async fn cancel(&self, id: &str, end: &Cancellation) -> Result<(), GatewayError> {
        self.ask(played(self.gateway.subscriptions())?.cancel(id, end)).await
    }

    async fn resume(&self, id: &str, going_on: &GoingOn) -> Result<Outcome, GatewayError> {
        self.ask(played(self.gateway.subscriptions())?.resume(id, going_on)).await
    }

    async fn pause(&self, id: &str, change_id: ChangeId) -> Result<(), GatewayError> {
        self.ask(played(self.gateway.subscriptions())?.pause(id, change_id)).await
    }
}

#[async_trait]
impl PortalSessions for CircuitBreaker {
    async fn open(&self, customer: &str, return_url: &str) -> Result<String, GatewayError> {
        self.ask(played(self.gateway.portal())?.open(customer, return_url)).await
    }
}

#[async_trait]
impl Refunds for CircuitBreaker {
    async fn refund(&self, refund: &NewRefund) -> Result<(), GatewayError> {
        self.ask(played(self.gateway.refunds())?.refund(refund)).await
    }
}

#[async_trait]
impl Charges for CircuitBreaker {
    async fn saved_method(&self, customer: &str) -> Result<Option<GatewayRef>, GatewayError> {
        self.ask(played(self.gateway.charges())?.saved_method(customer)).await
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<SeenPayment, GatewayError> {
        self.ask(played(self.gateway.charges())?.charge(request)).await
    }

    async fn find(
        &self,
        customer: &str,
        checkout: CheckoutId,
        since: OffsetDateTime,
    ) -> Result<Option<SeenPayment>, GatewayError> {
        self.ask(played(self.gateway.charges())?.find(customer, checkout, since)).await
    }
}

#[async_trait]
impl Coupons for CircuitBreaker {
    async fn ensure(&self, coupon: &NewCoupon) -> Result<String, GatewayError> {
        self.ask(played(self.gateway.coupons())?.ensure(coupon)).await
    }
}

#[async_trait]
impl Listings for CircuitBreaker {
    async fn page(
        &self,
        sort: Listed,
        since: OffsetDateTime,
        after: Option<&str>,
    ) -> Result<ListedPage, GatewayError> {
        self.ask(played(self.gateway.listings())?.page(sort, since, after)).await
    }
}
