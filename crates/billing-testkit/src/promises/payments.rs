//! Payments.

use billing_app::ports::Page;
use billing_domain::{
    checkout::Checkout,
    currency::Currency,
    money::Money,
    payment::{Payment, PaymentStatus},
    subscription::Subscription,
};

use super::{Promise, stage::everything};
use crate::{
    NOON, Subject,
    builders::{a_checkout, a_payment, a_reference, an_active_subscription, an_event},
};

/// Every field comes back, in every status.
pub async fn payments_come_back_as_they_were(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let checkout = Checkout { organization_id, ..a_checkout() };
    let subscription = Subscription { organization_id, ..an_active_subscription() };
    subject.save_checkout(&checkout).await?;
    subject.save_subscription(&subscription).await?;
    for status in PaymentStatus::ALL {
        let plain = Payment { organization_id, status, ..a_payment() };
        let rich = Payment {
            amount: Money::new(26_000, Currency::EUR),
            tax: Money::new(4_151, Currency::EUR),
            refunded: Money::new(1, Currency::EUR),
            description: "Growth, yearly — €".to_owned(),
            checkout_id: Some(checkout.id),
            subscription_id: Some(subscription.id),
            document_url: Some("https://gateway.test/receipt".to_owned()),
            failure: Some("card_declined".to_owned()),
            created_at: NOON + time::Duration::MICROSECOND,
            ..Payment { organization_id, status, ..a_payment() }
        };
        for payment in [plain, rich] {
            subject.save_payment(&payment).await?;
            let mut work = subject.engine().await?;
            let found = work.payments().by_reference(&payment.reference).await?;
            assert_eq!(found, Some(payment));
        }
    }
    Ok(())
}

/// What is saved again is changed, not doubled.
pub async fn a_payment_goes_through_its_states(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let checkout = Checkout { organization_id, ..a_checkout() };
    subject.save_checkout(&checkout).await?;
    let mut payment = Payment { organization_id, ..a_payment() };
    for status in PaymentStatus::ALL {
        payment.status = status;
        let mut work = subject.engine().await?;
        work.payments().save(&payment, &[an_event(organization_id)]).await?;
        work.commit().await?;
    }
    payment.refunded = payment.amount;
    payment.checkout_id = Some(checkout.id);
    payment.document_url = Some("https://gateway.test/receipt".to_owned());
    payment.failure = Some("fraudulent".to_owned());
    subject.save_payment(&payment).await?;
    assert_eq!(subject.money.payments(organization_id, everything()).await?, [payment]);
    Ok(())
}

/// A reference names one payment.
pub async fn a_payment_is_known_by_one_reference(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let payment = Payment { organization_id, ..a_payment() };
    subject.save_payment(&payment).await?;
    let twin = Payment { reference: payment.reference.clone(), organization_id, ..a_payment() };
    assert!(subject.save_payment(&twin).await.is_err());
    let mut work = subject.engine().await?;
    assert_eq!(work.payments().by_reference(&payment.reference).await?, Some(payment));
    assert_eq!(work.payments().by_reference(&a_reference("pi")).await?, None);
    Ok(())
}

/// Of one organization, the newest first, page after page.
pub async fn payments_are_listed_in_pages(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let mut all = Vec::new();
    for minutes in 0..5 {
        let created_at = NOON + time::Duration::minutes(minutes);
        let payment = Payment { organization_id: own, created_at, ..a_payment() };
        subject.save_payment(&payment).await?;
        subject.save_payment(&Payment { organization_id: other, ..a_payment() }).await?;
        all.insert(0, payment);
    }
    let mut listed = Vec::new();
    let mut after = None;
    for _ in 0..10 {
        let page = subject.money.payments(own, Page { after, limit: 2 }).await?;
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        listed.extend(page);
    }
    assert_eq!(listed, all);
    Ok(())
}
