//! Hosted checkouts.

use billing_domain::{
    checkout::{Checkout, CheckoutStatus, Purpose},
    currency::Currency,
    money::Money,
};
use time::Duration;

use super::Promise;
use crate::{
    NOON, Subject,
    builders::{
        a_checkout, a_fresh_id, a_hosted_page, a_reference, an_event, the_default_catalogue,
    },
};

fn every_status() -> [CheckoutStatus; 4] {
    [
        CheckoutStatus::Pending,
        CheckoutStatus::Open(a_hosted_page()),
        CheckoutStatus::Completed(a_reference("cs")),
        CheckoutStatus::Expired,
    ]
}

fn every_purpose() -> [Purpose; 2] {
    let catalogue = the_default_catalogue();
    let pack = catalogue.credit_products.first().expect("packs are on sale");
    let credits = Purpose::Credits {
        credit_product_id: pack.id,
        credits: pack.credits,
        price: Money::new(1_500, Currency::EUR),
    };
    [a_checkout().purpose, credits]
}

/// Every field comes back, in every status and for every purpose.
pub async fn checkouts_come_back_as_they_were(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    for purpose in every_purpose() {
        for status in every_status() {
            let purpose = purpose.clone();
            let checkout = Checkout { organization_id, purpose, status, ..a_checkout() };
            subject.save_checkout(&checkout).await?;
            let mut work = subject.engine().await?;
            let found = work.checkouts().find(organization_id, checkout.id).await?;
            assert_eq!(found, Some(checkout));
        }
    }
    Ok(())
}

/// What is saved again is changed, not doubled.
pub async fn a_checkout_goes_through_its_states(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let mut checkout = Checkout { organization_id, ..a_checkout() };
    for status in every_status() {
        checkout.status = status;
        let mut work = subject.engine().await?;
        work.checkouts().save(&checkout, &[an_event(organization_id)]).await?;
        work.commit().await?;
        let mut work = subject.engine().await?;
        let found = work.checkouts().find(organization_id, checkout.id).await?;
        assert_eq!(found.as_ref(), Some(&checkout));
    }
    Ok(())
}

/// Pending and open ones, of this organization, the newest first.
pub async fn unfinished_checkouts_are_pending_or_open(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let mut expected = Vec::new();
    for (minutes, status) in (0..).zip(every_status().into_iter().chain(every_status())) {
        let created_at = NOON + Duration::minutes(minutes);
        let checkout = Checkout { organization_id: own, status, created_at, ..a_checkout() };
        subject.save_checkout(&checkout).await?;
        match checkout.status {
            CheckoutStatus::Pending | CheckoutStatus::Open(_) => expected.insert(0, checkout),
            CheckoutStatus::Completed(_) | CheckoutStatus::Expired => {}
        }
    }
    subject.save_checkout(&Checkout { organization_id: other, ..a_checkout() }).await?;
    let unfinished = subject.engine().await?.checkouts().unfinished(own).await?;
    assert_eq!(unfinished, expected);
    Ok(())
}

/// Its owner can be asked for, and only under its owner it is found.
pub async fn a_checkout_has_an_owner(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let checkout = Checkout { organization_id: own, ..a_checkout() };
    subject.save_checkout(&checkout).await?;
    let mut work = subject.engine().await?;
    assert_eq!(work.checkouts().owner(checkout.id).await?, Some(own));
    assert_eq!(work.checkouts().find(other, checkout.id).await?, None);
    assert_eq!(work.checkouts().owner(a_fresh_id()).await?, None);
    assert_eq!(work.checkouts().find(own, a_fresh_id()).await?, None);
    Ok(())
}
