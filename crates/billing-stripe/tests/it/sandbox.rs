//! The adapter and the sandbox: two that were written apart, from the same facts.

use billing_app::ports::{
    About, CheckoutItem, GatewayError, PaymentGateway as _, SeenCheckoutStatus,
};
use billing_domain::{
    invoice::LineKind, payment::PaymentStatus, period::Period, subscription::Status,
};

use crate::{
    server::{a_customer, a_plan, at, checkout, credits, price, usd},
    shop::{NOW, Shop},
};

const DAY: i64 = 86_400;

fn on_trial(days: u32) -> CheckoutItem {
    match a_plan() {
        CheckoutItem::Subscription { price_id, name, amount, interval, .. } => {
            let gateway_price = None;
            CheckoutItem::Subscription {
                price_id,
                gateway_price,
                name,
                amount,
                interval,
                trial_days: days,
            }
        }
        credits @ CheckoutItem::Credits { .. } => credits,
    }
}

#[tokio::test]
async fn a_plan_is_sold() {
    let shop = Shop::open().await;
    let page = shop.page(a_plan()).await.unwrap();
    assert_eq!(shop.page(a_plan()).await.unwrap(), page, "the same page, however often asked");
    let open = shop.stripe.checkouts().find(&page.session.id).await.unwrap().unwrap();
    assert_eq!((open.status, open.paid), (SeenCheckoutStatus::Open, false));

    let seen = shop.pays(&page, "success").await;
    assert_eq!(seen.checkout_id, Some(checkout()));
    assert_eq!((seen.status, seen.paid), (SeenCheckoutStatus::Complete, true));
    assert_eq!(seen.payment, None);

    let id = seen.subscription.unwrap();
    let subscription = shop.stripe.subscriptions().unwrap().find(&id).await.unwrap().unwrap();
    assert_eq!(subscription.status, Status::Active);
    assert_eq!(subscription.price.price_id, Some(price()));
    let month = Period { start: at(NOW), end: at(NOW + 31 * DAY) };
    assert_eq!(subscription.period, month);
    let invoice = subscription.latest_invoice.unwrap();
    assert!(invoice.paid);
    let document = invoice.document.unwrap();
    assert_eq!((document.bill.total(), document.amount_paid), (usd(4900), usd(4900)));
    let [line] = document.bill.parts().lines.as_slice() else { panic!("{document:?}") };
    assert_eq!(
        (line.kind, line.quantity, line.unit_amount),
        (LineKind::Recurring, 1, Some(usd(4900)))
    );
    assert_eq!((line.period, document.issued_at), (Some(month), Some(at(NOW))));
    assert_eq!((invoice.subscription, invoice.period), (Some(id), Some(month)));
    let payment = invoice.payment.unwrap();
    assert_eq!((payment.status, payment.amount), (PaymentStatus::Completed, usd(4900)));
    assert_eq!(payment.customer, Some(subscription.customer));
    assert!(payment.document_url.is_some());

    let again = shop.stripe.payments().find(&payment.reference.id).await.unwrap().unwrap();
    assert_eq!(again, payment, "whether by its invoice or by itself");
    shop.close().await;
}

#[tokio::test]
async fn the_end_of_the_period_may_be_the_end() {
    let shop = Shop::open().await;
    let page = shop.page(a_plan()).await.unwrap();
    let id = shop.pays(&page, "success").await.subscription.unwrap();
    let path = format!("/v1/subscriptions/{id}");
    let wish = "cancel_at_period_end=true".to_owned();
    shop.tell(&path, "application/x-www-form-urlencoded", wish).await;
    let subscription = shop.stripe.subscriptions().unwrap().find(&id).await.unwrap().unwrap();
    assert!(subscription.cancel_at_period_end);
    assert_eq!(subscription.status, Status::Active);
    shop.close().await;
}

#[tokio::test]
async fn a_trial_begins_without_a_payment() {
    let shop = Shop::open().await;
    let page = shop.page(on_trial(14)).await.unwrap();
    let seen = shop.pays(&page, "success").await;
    assert!(seen.paid);
    let id = seen.subscription.unwrap();
    let subscription = shop.stripe.subscriptions().unwrap().find(&id).await.unwrap().unwrap();
    assert_eq!(subscription.status, Status::Trialing { ends_at: at(NOW + 14 * DAY) });
    let invoice = subscription.latest_invoice.unwrap();
    assert_eq!((invoice.paid, invoice.payment), (true, None));
    shop.close().await;
}

#[tokio::test]
async fn a_pack_of_credits_is_sold_and_partly_given_back() {
    let shop = Shop::open().await;
    let page = shop.page(credits()).await.unwrap();
    let seen = shop.pays(&page, "success").await;
    assert!(seen.paid);
    assert_eq!(seen.subscription, None);
    let payment = seen.payment.unwrap();
    assert_eq!((payment.status, payment.amount), (PaymentStatus::Completed, usd(1900)));
    assert_eq!(payment.checkout_id, Some(checkout()));
    assert_eq!(payment.description, "1000 credits");
    let id = &payment.reference.id;
    assert_eq!(shop.stripe.payments().find(id).await.unwrap().unwrap(), payment);

    let refund = format!("payment_intent={id}&amount=400");
    shop.tell("/v1/refunds", "application/x-www-form-urlencoded", refund).await;
    let payment = shop.stripe.payments().find(id).await.unwrap().unwrap();
    assert_eq!((payment.status, payment.refunded), (PaymentStatus::PartiallyRefunded, usd(400)));
    shop.close().await;
}

#[tokio::test]
async fn a_refused_card_leaves_the_page_open() {
    let shop = Shop::open().await;
    let page = shop.page(credits()).await.unwrap();
    let seen = shop.pays(&page, "insufficient_funds").await;
    assert_eq!((seen.status, seen.paid), (SeenCheckoutStatus::Open, false));
    if let Some(payment) = seen.payment {
        assert_eq!(payment.status, PaymentStatus::Failed);
        assert_eq!(payment.failure.as_deref(), Some("insufficient_funds"));
    }
    assert!(shop.pays(&page, "success").await.paid);
    shop.close().await;
}

#[tokio::test]
async fn a_page_is_closed_once_and_for_all() {
    let shop = Shop::open().await;
    let page = shop.page(credits()).await.unwrap();
    let session = &page.session.id;
    for _ in 0..2 {
        shop.stripe.checkouts().expire(session).await.unwrap();
    }
    let seen = shop.stripe.checkouts().find(session).await.unwrap().unwrap();
    assert_eq!((seen.status, seen.paid), (SeenCheckoutStatus::Expired, false));
    shop.close().await;
}

#[tokio::test]
async fn the_portal_opens() {
    let shop = Shop::open().await;
    let customer = shop.stripe.customers().create(&a_customer()).await.unwrap().id;
    let portal = shop.stripe.portal().unwrap();
    let url = portal.open(&customer, "https://example.com/account").await.unwrap();
    assert!(shop.client.get(&url).send().await.unwrap().status().is_success(), "{url}");
    assert_ne!(portal.open(&customer, "https://example.com/account").await.unwrap(), url);
    let nobody = portal.open("cus_nobody", "https://example.com/account").await;
    assert!(matches!(nobody, Err(GatewayError::Refused { .. })), "{nobody:?}");
    shop.close().await;
}

#[tokio::test]
async fn every_event_is_genuine_and_leads_somewhere() {
    let shop = Shop::open().await;
    let plan = shop.page(a_plan()).await.unwrap();
    shop.pays(&plan, "success").await;
    let mut wanted: Vec<&str> = vec![
        "checkout.session.completed",
        "customer.subscription.created",
        "invoice.paid",
        "payment_intent.succeeded",
    ];
    while !wanted.is_empty() {
        let notice = shop.notice().await;
        assert!(shop.knows(&notice.about).await, "{notice:?}");
        assert!(notice.subject.starts_with("cus_") || notice.about == About::Nothing, "{notice:?}");
        if wanted.contains(&notice.kind.as_str()) {
            assert_ne!(notice.about, About::Nothing, "{notice:?}");
        }
        wanted.retain(|kind| *kind != notice.kind);
    }
    shop.close().await;
}
