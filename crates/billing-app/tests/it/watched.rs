//! The gateway, with an eye on who calls it and when.

use std::{
    future::{Future, ready},
    ops::Deref,
    pin::Pin,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use billing_app::ports::{
    Cancellation, ChargeRequest, Charges, CheckoutRequest, Circuit, Coupons, CustomerAccounts,
    GatewayError, GatewayPayments, GatewaySubscriptions, GoingOn, HostedCheckouts, Listed,
    ListedPage, Listings, NewCoupon, NewCustomer, NewRefund, Outcome, PaymentGateway,
    PortalSessions, PreviewOf, PriceChange, Refunds, Scope, SeenCheckout, SeenInvoice, SeenPayment,
    SeenPreview, SeenSubscription, Store, Webhooks,
};
use billing_domain::{
    checkout::HostedPage,
    gateway::{Gateway, GatewayRef},
    id::{ChangeId, CheckoutId},
};
use billing_testkit::{Call, FakeGateway, MemoryStore};
use time::OffsetDateTime;

/// Something that happens while the gateway is being asked.
pub(crate) type Meanwhile = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

type Retouch<T> = Mutex<Option<Box<dyn Fn(&mut T) + Send>>>;

/// The fake gateway. Every call fails the test if a unit of work is open meanwhile; things can
/// happen between the gateway's deed and its answer, and its answers can be retouched.
pub(crate) struct Watched {
    fake: Arc<FakeGateway>,
    store: MemoryStore,
    meanwhile: Mutex<Option<(Call, Meanwhile)>>,
    checkout: Retouch<SeenCheckout>,
    subscription: Retouch<SeenSubscription>,
}

impl Watched {
    pub(crate) fn new(fake: Arc<FakeGateway>, store: MemoryStore) -> Self {
        Self {
            fake,
            store,
            meanwhile: Mutex::default(),
            checkout: Mutex::default(),
            subscription: Mutex::default(),
        }
    }

    /// Does something after the next call of a kind, before it is answered.
    pub(crate) fn meanwhile<F>(&self, call: Call, deed: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let deed: Meanwhile = Box::new(move || Box::pin(deed()));
        *self.meanwhile.lock().expect("nobody panics here") = Some((call, deed));
    }

    /// From now on says something else of checkouts.
    pub(crate) fn retouch_checkouts(&self, with: impl Fn(&mut SeenCheckout) + Send + 'static) {
        *self.checkout.lock().expect("nobody panics here") = Some(Box::new(with));
    }

    /// From now on says something else of subscriptions.
    pub(crate) fn retouch_subscriptions(
        &self,
        with: impl Fn(&mut SeenSubscription) + Send + 'static,
    ) {
        *self.subscription.lock().expect("nobody panics here") = Some(Box::new(with));
    }

    async fn watch(&self, call: Call) {
        tokio::select! {
            biased;
            unit = self.store.begin(Scope::Engine) => drop(unit),
            () = ready(()) => panic!("a unit of work is open over a call of the gateway"),
        }
        let deed = {
            let mut next = self.meanwhile.lock().expect("nobody panics here");
            next.take_if(|(awaited, _)| *awaited == call)
        };
        if let Some((_, deed)) = deed {
            deed().await;
        }
    }
}

fn retouched<T>(seen: Option<T>, with: &Retouch<T>) -> Option<T> {
    let with = with.lock().expect("nobody panics here");
    seen.map(|mut seen| {
        if let Some(retouch) = &*with {
            retouch(&mut seen);
        }
        seen
    })
}

impl Deref for Watched {
    type Target = FakeGateway;

    fn deref(&self) -> &FakeGateway {
        &self.fake
    }
}

impl PaymentGateway for Watched {
    fn gateway(&self) -> Gateway {
        self.fake.gateway()
    }

    fn circuit(&self) -> Circuit {
        self.fake.circuit()
    }

    fn customers(&self) -> &dyn CustomerAccounts {
        self
    }

    fn checkouts(&self) -> &dyn HostedCheckouts {
        self
    }

    fn payments(&self) -> &dyn GatewayPayments {
        self
    }

    fn webhooks(&self) -> &dyn Webhooks {
        &*self.fake
    }

    fn subscriptions(&self) -> Option<&dyn GatewaySubscriptions> {
        Some(self)
    }

    fn portal(&self) -> Option<&dyn PortalSessions> {
        Some(self)
    }

    fn refunds(&self) -> Option<&dyn Refunds> {
        Some(self)
    }

    fn coupons(&self) -> Option<&dyn Coupons> {
        Some(self)
    }

    fn charges(&self) -> Option<&dyn Charges> {
        Some(self)
    }

    fn listings(&self) -> Option<&dyn Listings> {
        Some(self)
    }
}

#[async_trait]
impl Listings for Watched {
    async fn page(
        &self,
        sort: Listed,
        since: OffsetDateTime,
        after: Option<&str>,
    ) -> Result<ListedPage, GatewayError> {
        let page = self.fake.page(sort, since, after).await;
        self.watch(Call::List).await;
        page
    }
}

#[async_trait]
impl CustomerAccounts for Watched {
    async fn create(&self, customer: &NewCustomer) -> Result<GatewayRef, GatewayError> {
        let created = self.fake.customers().create(customer).await;
        self.watch(Call::CreateCustomer).await;
        created
    }
}

#[async_trait]
impl Coupons for Watched {
    async fn ensure(&self, coupon: &NewCoupon) -> Result<String, GatewayError> {
        let ensured = Coupons::ensure(&*self.fake, coupon).await;
        self.watch(Call::EnsureCoupon).await;
        ensured
    }
}

#[async_trait]
impl HostedCheckouts for Watched {
    async fn open(&self, request: &CheckoutRequest) -> Result<HostedPage, GatewayError> {
        let opened = self.fake.checkouts().open(request).await;
        self.watch(Call::OpenCheckout).await;
        opened
    }

    async fn find(&self, session: &str) -> Result<Option<SeenCheckout>, GatewayError> {
        let found = self.fake.checkouts().find(session).await?;
        self.watch(Call::FindCheckout).await;
        Ok(retouched(found, &self.checkout))
    }

    async fn expire(&self, session: &str) -> Result<(), GatewayError> {
        let expired = self.fake.checkouts().expire(session).await;
        self.watch(Call::ExpireCheckout).await;
        expired
    }
}

#[async_trait]
impl GatewaySubscriptions for Watched {
    async fn find(&self, id: &str) -> Result<Option<SeenSubscription>, GatewayError> {
        let found = GatewaySubscriptions::find(&*self.fake, id).await?;
        self.watch(Call::FindSubscription).await;
        Ok(retouched(found, &self.subscription))
    }

    async fn preview(&self, id: &str, of: &PreviewOf) -> Result<SeenPreview, GatewayError> {
        let seen = self.fake.preview(id, of).await;
        self.watch(Call::PreviewChange).await;
        seen
    }

    async fn change(&self, id: &str, change: &PriceChange) -> Result<Outcome, GatewayError> {
        let done = self.fake.change(id, change).await;
        self.watch(Call::ChangeSubscription).await;
        done
    }

    async fn cancel(&self, id: &str, end: &Cancellation) -> Result<(), GatewayError> {
        let done = GatewaySubscriptions::cancel(&*self.fake, id, end).await;
        self.watch(Call::CancelSubscription).await;
        done
    }

    async fn resume(&self, id: &str, going_on: &GoingOn) -> Result<Outcome, GatewayError> {
        let done = self.fake.resume(id, going_on).await;
        self.watch(Call::ResumeSubscription).await;
        done
    }

    async fn pause(&self, id: &str, change_id: ChangeId) -> Result<(), GatewayError> {
        let done = self.fake.pause(id, change_id).await;
        self.watch(Call::PauseSubscription).await;
        done
    }
}

#[async_trait]
impl Refunds for Watched {
    async fn refund(&self, refund: &NewRefund) -> Result<(), GatewayError> {
        let done = Refunds::refund(&*self.fake, refund).await;
        self.watch(Call::Refund).await;
        done
    }
}

#[async_trait]
impl GatewayPayments for Watched {
    async fn find(&self, id: &str) -> Result<Option<SeenPayment>, GatewayError> {
        let found = GatewayPayments::find(&*self.fake, id).await;
        self.watch(Call::FindPayment).await;
        found
    }

    async fn find_invoice(&self, id: &str) -> Result<Option<SeenInvoice>, GatewayError> {
        let found = self.fake.payments().find_invoice(id).await;
        self.watch(Call::FindInvoice).await;
        found
    }
}

#[async_trait]
impl PortalSessions for Watched {
    async fn open(&self, customer: &str, return_url: &str) -> Result<String, GatewayError> {
        let opened = PortalSessions::open(&*self.fake, customer, return_url).await;
        self.watch(Call::OpenPortal).await;
        opened
    }
}

#[async_trait]
impl Charges for Watched {
    async fn saved_method(&self, customer: &str) -> Result<Option<GatewayRef>, GatewayError> {
        let found = self.fake.saved_method(customer).await;
        self.watch(Call::FindSavedMethod).await;
        found
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<SeenPayment, GatewayError> {
        let charged = self.fake.charge(request).await;
        self.watch(Call::Charge).await;
        charged
    }

    async fn find(
        &self,
        customer: &str,
        checkout: CheckoutId,
        since: OffsetDateTime,
    ) -> Result<Option<SeenPayment>, GatewayError> {
        let found = Charges::find(&*self.fake, customer, checkout, since).await;
        self.watch(Call::FindCharge).await;
        found
    }
}
