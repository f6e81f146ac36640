//! The gateway in memory: its promises, its switches and its course of time.

use std::sync::Arc;

use billing_app::ports::{
    About, CheckoutItem, CheckoutRequest, Clock, CustomerAccounts, Delivery, GatewayError,
    GatewayPayments, GatewaySubscriptions, HostedCheckouts, SeenSubscription, Webhooks,
};
use billing_domain::{
    currency::Currency,
    money::Money,
    payment::PaymentStatus,
    period::{Anchor, Interval},
    subscription::Status,
};
use billing_testkit::{
    Call, FakeGateway, GatewaySubject, NOON, Stopped,
    builders::{a_new_customer, a_plan_checkout_request, an_organization},
};
use time::Duration;

mod promises {
    billing_testkit::gateway_conformance!(async { super::subject() });
}

fn subject() -> GatewaySubject {
    let gateway = Arc::new(FakeGateway::new(Arc::new(Stopped::default())));
    GatewaySubject { gateway: gateway.clone(), payer: gateway, guard: Box::new(()) }
}

fn gateway() -> (Arc<Stopped>, FakeGateway) {
    let clock = Arc::new(Stopped::default());
    (Arc::clone(&clock), FakeGateway::new(clock))
}

async fn a_request(gateway: &FakeGateway) -> CheckoutRequest {
    let organization = an_organization();
    let customer = gateway.create(&a_new_customer(&organization)).await.expect("it works");
    a_plan_checkout_request(organization.id, &customer.id)
}

async fn find(gateway: &FakeGateway, id: &str) -> SeenSubscription {
    let found = GatewaySubscriptions::find(gateway, id).await.expect("it works");
    found.expect("it began here")
}

#[tokio::test]
async fn a_renewal_moves_the_period_on_and_is_paid_or_not() {
    let (clock, gateway) = gateway();
    let mut request = a_request(&gateway).await;
    if let CheckoutItem::Subscription { trial_days, .. } = &mut request.item {
        *trial_days = 10;
    }
    let page = gateway.open(&request).await.unwrap();
    let id = gateway.pay(&page.session.id).subscription.unwrap();
    let anchor = Anchor(NOON + Duration::days(10));

    clock.advance(Duration::days(10));
    gateway.renew(&id);
    let first = find(&gateway, &id).await;
    assert_eq!((first.status, first.period), (Status::Active, anchor.period(Interval::Month, 0)));
    assert!(first.latest_invoice.unwrap().payment.unwrap().status.captured());

    gateway.declining();
    gateway.renew(&id);
    let second = find(&gateway, &id).await;
    assert_eq!(second.status, Status::PastDue { since: clock.now() });
    assert_eq!(second.period, anchor.period(Interval::Month, 1));
    let invoice = second.latest_invoice.unwrap();
    assert!(!invoice.paid);
    assert_eq!(invoice.payment.unwrap().failure.as_deref(), Some("card_declined"));

    gateway.working();
    gateway.settle(&id);
    let settled = find(&gateway, &id).await;
    assert_eq!(settled.status, Status::Active);
    assert!(settled.latest_invoice.unwrap().paid);
    gateway.cancel_at_period_end(&id, true);
    gateway.renew(&id);
    assert_eq!(find(&gateway, &id).await.status, Status::Cancelled { at: clock.now() });
}

#[tokio::test]
async fn a_declined_card_leaves_the_page_open() {
    let (_, gateway) = gateway();
    let amount = Money::new(1_500, Currency::USD);
    let item = CheckoutItem::Credits { name: "Pack".to_owned(), amount };
    let request = CheckoutRequest { item, ..a_request(&gateway).await };
    let page = gateway.open(&request).await.unwrap();
    gateway.declining();
    let seen = gateway.pay(&page.session.id);
    assert_eq!(seen.payment.map(|payment| payment.status), Some(PaymentStatus::Failed));
    gateway.working();
    let payment = gateway.pay(&page.session.id).payment.unwrap();
    assert_eq!(payment.status, PaymentStatus::Completed);

    let status = async || {
        let id = payment.reference.id.as_str();
        GatewayPayments::find(&gateway, id).await.unwrap().unwrap().status
    };
    gateway.refund(&payment.reference.id, Money::new(500, Currency::USD));
    assert_eq!(status().await, PaymentStatus::PartiallyRefunded);
    gateway.refund(&payment.reference.id, Money::new(1_000, Currency::USD));
    assert_eq!(status().await, PaymentStatus::Refunded);
}

#[tokio::test]
async fn what_timed_out_was_done_once() {
    let (_, gateway) = gateway();
    let request = a_request(&gateway).await;
    gateway.timing_out_after_accepting();
    assert!(matches!(gateway.open(&request).await, Err(GatewayError::Unknown(_))));
    assert_eq!(gateway.opened(), std::slice::from_ref(&request));
    gateway.down();
    assert!(matches!(gateway.open(&request).await, Err(GatewayError::Unknown(_))));
    gateway.refusing();
    assert!(matches!(gateway.open(&request).await, Err(GatewayError::Refused { .. })));
    gateway.working();
    gateway.open(&request).await.unwrap();
    assert_eq!(gateway.opened().len(), 1);
    assert_eq!((gateway.calls(Call::OpenCheckout), gateway.customer_count()), (4, 1));
}

#[tokio::test]
async fn a_webhook_is_believed_while_it_is_fresh() {
    let (clock, gateway) = gateway();
    let request = a_request(&gateway).await;
    let session = gateway.open(&request).await.unwrap().session.id;
    let (headers, body) = gateway.webhook(About::Checkout(session.clone()));
    let delivery = Delivery { headers: &headers, body: &body };
    assert_eq!(gateway.verify(&delivery, clock.wall()), Ok(()));
    let notice = gateway.read(&body).unwrap();
    assert_eq!((notice.subject, notice.about), (request.customer, About::Checkout(session)));
    clock.advance(Duration::minutes(6));
    assert!(gateway.verify(&delivery, clock.wall()).is_err());

    let (_, ping) = gateway.webhook(About::Nothing);
    let ping = gateway.read(&ping).unwrap();
    assert_eq!(ping.about, About::Nothing);
    assert_ne!(ping.event_id, notice.event_id);
}
