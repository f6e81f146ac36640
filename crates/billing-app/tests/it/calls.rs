//! Who is called exactly so, or not at all, where that is the point.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use billing_app::{
    Billing, ConsumeRequest, Error, Missing, Refusal, Settings,
    ports::{
        Charges, CheckoutRequest, Circuit, Coupons, CreditLedger, CustomerAccounts, GatewayError,
        GatewayPayments, GatewaySubscriptions, HostedCheckouts, Listings, NewCustomer,
        PaymentGateway, PortalSessions, Refunds, SeenCheckout, UsageLedger, Webhooks,
    },
};
use billing_domain::{
    checkout::HostedPage,
    credits::{CreditCommand, CreditOutcome},
    gateway::{Gateway, GatewayRef},
    id::OrganizationId,
    usage::{UsageCommand, UsageOutcome},
};
use billing_testkit::{
    Counting, FakeGateway, MemoryStore, Stopped,
    builders::{a_fresh_id, a_hosted_page, the_default_catalogue},
};
use mockall::mock;
use time::OffsetDateTime;

use crate::scene::{a_generation, a_start, acme, ports};

mock! {
    Credits {}
    #[async_trait]
    impl CreditLedger for Credits {
        async fn apply(
            &self,
            organization: OrganizationId,
            command: CreditCommand,
            now: OffsetDateTime,
        ) -> Result<CreditOutcome, Error>;
        async fn due(&self, now: OffsetDateTime, limit: i64) -> Result<Vec<OrganizationId>, Error>;
    }
}

mock! {
    Counts {}
    #[async_trait]
    impl UsageLedger for Counts {
        async fn apply(
            &self,
            organization: OrganizationId,
            command: UsageCommand,
            now: OffsetDateTime,
        ) -> Result<UsageOutcome, Error>;
        async fn apply_all(
            &self,
            commands: Vec<(OrganizationId, Vec<UsageCommand>)>,
            now: OffsetDateTime,
        ) -> Vec<Result<Vec<UsageOutcome>, Error>>;
    }
}

mock! {
    Customers {}
    #[async_trait]
    impl CustomerAccounts for Customers {
        async fn create(&self, customer: &NewCustomer) -> Result<GatewayRef, GatewayError>;
    }
}

mock! {
    Pages {}
    #[async_trait]
    impl HostedCheckouts for Pages {
        async fn open(&self, request: &CheckoutRequest) -> Result<HostedPage, GatewayError>;
        async fn find(&self, session: &str) -> Result<Option<SeenCheckout>, GatewayError>;
        async fn expire(&self, session: &str) -> Result<(), GatewayError>;
    }
}

/// A gateway that may be called only as its mocks expect, and has no portal.
struct Strict {
    customers: MockCustomers,
    pages: MockPages,
    rest: FakeGateway,
}

impl PaymentGateway for Strict {
    fn gateway(&self) -> Gateway {
        Gateway::Stripe
    }

    fn circuit(&self) -> Circuit {
        Circuit::Closed
    }

    fn customers(&self) -> &dyn CustomerAccounts {
        &self.customers
    }

    fn checkouts(&self) -> &dyn HostedCheckouts {
        &self.pages
    }

    fn payments(&self) -> &dyn GatewayPayments {
        &self.rest
    }

    fn webhooks(&self) -> &dyn Webhooks {
        &self.rest
    }

    fn subscriptions(&self) -> Option<&dyn GatewaySubscriptions> {
        None
    }

    fn portal(&self) -> Option<&dyn PortalSessions> {
        None
    }

    fn refunds(&self) -> Option<&dyn Refunds> {
        None
    }

    fn coupons(&self) -> Option<&dyn Coupons> {
        None
    }

    fn charges(&self) -> Option<&dyn Charges> {
        None
    }

    fn listings(&self) -> Option<&dyn Listings> {
        None
    }
}

/// A billing engine whose gateway may be called only as expected; no ledger may be at all.
fn strict(customers: MockCustomers, pages: MockPages) -> Billing {
    let clock = Arc::new(Stopped::default());
    let store = MemoryStore::selling(the_default_catalogue());
    let gateway = Strict { customers, pages, rest: FakeGateway::new(clock.clone()) };
    let mut ports = ports(&store, Arc::new(gateway), &clock);
    ports.credits = Arc::new(MockCredits::new());
    ports.usage = Arc::new(MockCounts::new());
    ports.ids = Arc::new(Counting::series(7));
    Billing::new(ports, Settings::default())
}

#[tokio::test]
async fn the_gateway_is_not_called_for_an_unknown_organization() {
    let billing = strict(MockCustomers::new(), MockPages::new());
    let asked = billing.start_subscription(a_start(a_fresh_id(), "growth")).await;
    fails!(asked, Error::NotFound(Missing::Organization));
}

#[tokio::test]
async fn the_ledger_is_not_called_for_an_unknown_event_or_a_bad_quantity() {
    let billing = strict(MockCustomers::new(), MockPages::new());
    let organization_id = billing.register_organization(acme()).await.unwrap().id;
    let consume = |event: &str, quantity| {
        let event = event.to_owned();
        billing.consume_credits(ConsumeRequest { organization_id, event, quantity, key: None })
    };
    fails!(consume("teleport", 1).await, Error::NotFound(Missing::CreditEvent));
    fails!(consume("ai_inference", 0).await, Error::Invalid { field: "quantity", .. });
    let unknown =
        billing_app::RecordUsage { meter: "miles".to_owned(), ..a_generation(organization_id) };
    fails!(billing.record_usage(unknown).await, Error::NotFound(Missing::Meter));
    fails!(
        billing.record_usage(a_generation(a_fresh_id())).await,
        Error::NotFound(Missing::Organization)
    );
}

#[tokio::test]
async fn a_page_is_asked_for_again_under_the_same_checkout_and_a_customer_only_once() {
    let mut customers = MockCustomers::new();
    let reference = GatewayRef::new(Gateway::Stripe, "cus_1");
    customers.expect_create().times(1).returning(move |_| Ok(reference.clone()));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut pages = MockPages::new();
    let heard = asked.clone();
    pages.expect_open().times(2).returning(move |request| {
        let mut heard = heard.lock().unwrap();
        heard.push(request.clone());
        match heard.len() {
            1 => Err(GatewayError::Unknown(anyhow::anyhow!("reset by peer"))),
            _ => Ok(a_hosted_page()),
        }
    });
    let billing = strict(customers, pages);
    let organization = billing.register_organization(acme()).await.unwrap().id;
    let start = || billing.start_subscription(a_start(organization, "growth"));
    fails!(start().await, Error::Unavailable { .. });
    let opened = start().await.unwrap();
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0], asked[1], "word for word");
    assert_eq!(asked[0].checkout_id, opened.checkout.id);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_our_fault_and_not_the_callers() {
    let mut customers = MockCustomers::new();
    customers
        .expect_create()
        .times(1)
        .returning(|_| Err(GatewayError::Unreadable(anyhow::anyhow!("not JSON"))));
    let billing = strict(customers, MockPages::new());
    let organization = billing.register_organization(acme()).await.unwrap().id;
    let asked = billing.start_subscription(a_start(organization, "growth")).await;
    fails!(asked, Error::Internal(_));
}

#[tokio::test]
async fn a_gateway_without_a_portal_is_refused_by_name() {
    let billing = strict(MockCustomers::new(), MockPages::new());
    let organization = billing.register_organization(acme()).await.unwrap().id;
    let asked = billing.open_portal(organization, None, "https://product.test/").await;
    fails!(asked, Error::Refused(Refusal::NotAtThisGateway { gateway: "stripe", .. }));
}

#[tokio::test]
async fn an_account_that_cannot_be_woken_does_not_hold_up_the_others() {
    let (poisoned, healthy) = (a_fresh_id(), a_fresh_id());
    let mut ledger = MockCredits::new();
    ledger.expect_due().times(1).returning(move |_, _| Ok(vec![poisoned, healthy]));
    ledger.expect_apply().times(2).returning(move |organization, _, _| {
        if organization == poisoned {
            Err(anyhow::anyhow!("a row cannot be read").into())
        } else {
            Ok(CreditOutcome::Booked)
        }
    });
    let clock = Arc::new(Stopped::default());
    let store = MemoryStore::new();
    let mut ports = ports(&store, Arc::new(FakeGateway::new(clock.clone())), &clock);
    ports.credits = Arc::new(ledger);
    let billing = Billing::new(ports, Settings::default());
    assert_eq!(billing.book_due_credits().await.unwrap(), 1);
}
