//! A payment gateway, whichever it is.

use std::collections::BTreeMap;

use anyhow::Context;
use billing_app::ports::{
    CheckoutItem, CheckoutRequest, CouponLasts, Delivery, GatewayError, NewCoupon, SeenCheckout,
    SeenCheckoutStatus,
};
use billing_domain::{
    currency::Currency, discount::Off, money::Money, organization::Organization,
    payment::PaymentStatus, subscription::Status,
};

use super::Promise;
use crate::{
    GatewaySubject, NOON,
    builders::{a_fresh_id, a_new_customer, a_plan_checkout_request, an_organization},
};

/// An organization that is a customer there, and a page that it could ask for.
pub(super) async fn a_request(
    subject: &GatewaySubject,
) -> anyhow::Result<(Organization, CheckoutRequest)> {
    let organization = an_organization();
    let customer = subject.gateway.customers().create(&a_new_customer(&organization)).await?;
    let request = a_plan_checkout_request(organization.id, &customer.id);
    Ok((organization, request))
}

pub(super) fn a_pack() -> CheckoutItem {
    CheckoutItem::Credits {
        name: "1000 credits".to_owned(),
        amount: Money::new(2_500, Currency::USD),
    }
}

/// Opens a page and pays on it.
pub(super) async fn pay(
    subject: &GatewaySubject,
    request: &CheckoutRequest,
) -> anyhow::Result<SeenCheckout> {
    let checkouts = subject.gateway.checkouts();
    let page = checkouts.open(request).await?;
    subject.payer.pay(&page.session.id).await;
    checkouts.find(&page.session.id).await?.context("the page is gone")
}

/// Asked twice, it is the same customer; another organization is another.
pub async fn a_customer_is_made_once(subject: &GatewaySubject) -> Promise {
    let (organization, other) = (an_organization(), an_organization());
    let customers = subject.gateway.customers();
    let first = customers.create(&a_new_customer(&organization)).await?;
    assert_eq!(first.gateway, subject.gateway.gateway());
    assert_eq!(customers.create(&a_new_customer(&organization)).await?, first);
    assert_ne!(customers.create(&a_new_customer(&other)).await?, first);
    Ok(())
}

/// Asked twice for one checkout of ours, it is the same page; another checkout has another.
pub async fn a_page_is_opened_once_for_a_checkout(subject: &GatewaySubject) -> Promise {
    let (organization, request) = a_request(subject).await?;
    let checkouts = subject.gateway.checkouts();
    let page = checkouts.open(&request).await?;
    assert_eq!(page.session.gateway, subject.gateway.gateway());
    assert!(page.url.starts_with("http"), "{}", page.url);
    assert_eq!(checkouts.open(&request).await?, page);
    let other = a_plan_checkout_request(organization.id, &request.customer);
    assert_ne!(checkouts.open(&other).await?.session, page.session);

    let seen = checkouts.find(&page.session.id).await?.context("the page is gone")?;
    assert_eq!((seen.session, seen.checkout_id), (page.session, Some(request.checkout_id)));
    assert_eq!((seen.status, seen.paid), (SeenCheckoutStatus::Open, false));
    assert_eq!((seen.subscription, seen.payment), (None, None));
    Ok(())
}

/// What it does not know is nothing, and no error.
pub async fn what_a_gateway_does_not_know_is_nothing(subject: &GatewaySubject) -> Promise {
    let gateway = &subject.gateway;
    assert_eq!(gateway.checkouts().find("cs_test_nobody").await?, None);
    assert_eq!(gateway.payments().find("pi_nobody").await?, None);
    assert_eq!(gateway.payments().find_invoice("in_nobody").await?, None);
    if let Some(subscriptions) = gateway.subscriptions() {
        assert_eq!(subscriptions.find("sub_nobody").await?, None);
    }
    Ok(())
}

/// What makes no sense is refused, not unknown: it need not be asked again.
pub async fn what_makes_no_sense_is_refused(subject: &GatewaySubject) -> Promise {
    let request = a_plan_checkout_request(an_organization().id, "cus_nobody");
    let answer = subject.gateway.checkouts().open(&request).await;
    assert!(matches!(answer, Err(GatewayError::Refused { .. })), "{answer:?}");
    Ok(())
}

/// Nobody pays on a closed page; closing it again, or after it was paid, is harmless.
pub async fn a_page_can_be_closed(subject: &GatewaySubject) -> Promise {
    let (_, request) = a_request(subject).await?;
    let checkouts = subject.gateway.checkouts();
    let page = checkouts.open(&request).await?;
    for _ in 0..2 {
        checkouts.expire(&page.session.id).await?;
        let seen = checkouts.find(&page.session.id).await?.context("the page is gone")?;
        assert_eq!((seen.status, seen.paid), (SeenCheckoutStatus::Expired, false));
    }
    let (_, request) = a_request(subject).await?;
    let paid = pay(subject, &CheckoutRequest { item: a_pack(), ..request }).await?;
    checkouts.expire(&paid.session.id).await?;
    let seen = checkouts.find(&paid.session.id).await?.context("the page is gone")?;
    assert_eq!(seen.status, SeenCheckoutStatus::Complete);
    Ok(())
}

/// A pack that was paid is a completed payment that names our checkout.
pub async fn a_paid_pack_is_a_payment(subject: &GatewaySubject) -> Promise {
    let (_, request) = a_request(subject).await?;
    let request = CheckoutRequest { item: a_pack(), ..request };
    let seen = pay(subject, &request).await?;
    assert_eq!((seen.status, seen.paid), (SeenCheckoutStatus::Complete, true));
    assert_eq!((seen.checkout_id, seen.subscription), (Some(request.checkout_id), None));
    let payment = seen.payment.context("nothing was paid")?;
    assert_eq!(payment.status, PaymentStatus::Completed);
    assert_eq!(payment.amount, Money::new(2_500, Currency::USD));
    assert_eq!(payment.refunded, Money::zero(Currency::USD));
    assert_eq!(payment.checkout_id, Some(request.checkout_id));
    let customer = payment.customer.as_ref().map(|customer| customer.id.as_str());
    assert_eq!(customer, Some(request.customer.as_str()));
    let found = subject.gateway.payments().find(&payment.reference.id).await?;
    assert_eq!(found, Some(payment));
    Ok(())
}

/// A plan that was paid is an active subscription at our price, with a paid invoice.
pub async fn a_paid_plan_is_a_subscription(subject: &GatewaySubject) -> Promise {
    let Some(subscriptions) = subject.gateway.subscriptions() else { return Ok(()) };
    let (_, request) = a_request(subject).await?;
    let CheckoutItem::Subscription { price_id, amount, .. } = &request.item else { return Ok(()) };
    let seen = pay(subject, &request).await?;
    assert_eq!((seen.status, seen.paid), (SeenCheckoutStatus::Complete, true));
    let id = seen.subscription.context("no subscription began")?;
    let subscription = subscriptions.find(&id).await?.context("the subscription is gone")?;
    assert_eq!(subscription.reference.id, id);
    assert_eq!(subscription.customer.id, request.customer);
    assert_eq!(subscription.price.price_id, Some(*price_id));
    assert_eq!(subscription.status, Status::Active);
    assert!(!subscription.cancel_at_period_end);
    assert!(subscription.period.contains(subscription.created_at));

    let invoice = subscription.latest_invoice.context("there is no invoice")?;
    assert_eq!((&invoice.subscription, invoice.paid), (&Some(id), true));
    assert_eq!(invoice.period, Some(subscription.period));
    let payment = invoice.payment.clone().context("nothing was paid")?;
    assert_eq!((payment.status, payment.amount), (PaymentStatus::Completed, *amount));
    let payments = subject.gateway.payments();
    assert_eq!(payments.find_invoice(&invoice.reference.id).await?, Some(invoice));
    let found = payments.find(&payment.reference.id).await?.context("the payment is gone")?;
    assert_eq!((found.reference, found.status), (payment.reference, payment.status));
    Ok(())
}

/// 20 % off.
pub(super) fn a_fifth(lasts: CouponLasts) -> NewCoupon {
    let (discount_id, name) = (a_fresh_id(), "Spring".to_owned());
    NewCoupon { discount_id, name, off: Off::Percent(20), lasts }
}

/// Asked twice, it is the same coupon; the page that has it costs less, and so does the first
/// invoice, which names the discount and adds up.
pub async fn a_coupon_is_made_once_and_taken_off(subject: &GatewaySubject) -> Promise {
    let Some(coupons) = subject.gateway.coupons() else { return Ok(()) };
    let wanted = a_fifth(CouponLasts::Once);
    let coupon = coupons.ensure(&wanted).await?;
    assert_eq!(coupons.ensure(&wanted).await?, coupon);
    assert_ne!(coupons.ensure(&a_fifth(CouponLasts::Once)).await?, coupon);
    let months = NewCoupon { lasts: CouponLasts::Months(3), ..wanted };
    assert_ne!(coupons.ensure(&months).await?, coupon, "for a longer time it is another");

    let (_, request) = a_request(subject).await?;
    let request = CheckoutRequest { coupon: Some(coupon), promotion_codes: true, ..request };
    let seen = pay(subject, &request).await?;
    let subscription = seen.subscription.context("no subscription began")?;
    let subscriptions = subject.gateway.subscriptions().context("it bills none")?;
    let found = subscriptions.find(&subscription).await?.context("the subscription is gone")?;
    let invoice = found.latest_invoice.context("there is no invoice")?;
    let bill = invoice.document.context("nothing stands on it")?.bill;
    let usd = |minor| Money::new(minor, Currency::USD);
    assert_eq!(
        (bill.subtotal(), bill.discount(), bill.total()),
        (usd(2_900), usd(580), usd(2_320))
    );
    let payment = invoice.payment.context("nothing was paid")?;
    assert_eq!((payment.status, payment.amount), (PaymentStatus::Completed, usd(2_320)));
    let (_, request) = a_request(subject).await?;
    let request = CheckoutRequest { coupon: Some("nobodys".to_owned()), ..request };
    let answer = subject.gateway.checkouts().open(&request).await;
    assert!(matches!(answer, Err(GatewayError::Refused { .. })), "{answer:?}");
    Ok(())
}

/// A trial needs no payment, and ends in time.
pub async fn a_trial_begins_without_payment(subject: &GatewaySubject) -> Promise {
    let Some(subscriptions) = subject.gateway.subscriptions() else { return Ok(()) };
    let (_, mut request) = a_request(subject).await?;
    if let CheckoutItem::Subscription { trial_days, .. } = &mut request.item {
        *trial_days = 14;
    }
    let seen = pay(subject, &request).await?;
    assert_eq!((seen.status, seen.paid), (SeenCheckoutStatus::Complete, true));
    assert_eq!(seen.payment, None);
    let id = seen.subscription.context("no subscription began")?;
    let subscription = subscriptions.find(&id).await?.context("the subscription is gone")?;
    let Status::Trialing { ends_at } = subscription.status else {
        panic!("{:?}", subscription.status)
    };
    assert_eq!(ends_at - subscription.created_at, time::Duration::days(14));
    assert_eq!(subscription.period.end, ends_at);
    let payment = subscription.latest_invoice.and_then(|invoice| invoice.payment);
    assert_eq!(payment, None);
    Ok(())
}

/// What is not signed is not believed, and what cannot be read is said to be so.
pub async fn only_what_is_signed_is_believed(subject: &GatewaySubject) -> Promise {
    let webhooks = subject.gateway.webhooks();
    let body: &[u8] = b"{}";
    let delivery = Delivery { headers: &BTreeMap::new(), body };
    assert!(webhooks.verify(&delivery, NOON).is_err());
    for body in [b"".as_slice(), b"{}", b"[]", b"not json", &[0xff, 0xfe]] {
        assert!(webhooks.read(body).is_err(), "{body:?}");
    }
    Ok(())
}

/// The portal, where there is one, opens for a customer and for nobody else.
pub async fn the_portal_opens_for_a_customer(subject: &GatewaySubject) -> Promise {
    let Some(portal) = subject.gateway.portal() else { return Ok(()) };
    let (_, request) = a_request(subject).await?;
    let url = portal.open(&request.customer, "https://product.test/billing").await?;
    assert!(url.starts_with("http"), "{url}");
    let answer = portal.open("cus_nobody", "https://product.test/billing").await;
    assert!(matches!(answer, Err(GatewayError::Refused { .. })), "{answer:?}");
    Ok(())
}
