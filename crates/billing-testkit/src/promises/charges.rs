//! A payment gateway that charges what it has kept, whichever it is.

use anyhow::Context;
use billing_app::ports::{ChargeRequest, Charges, CheckoutRequest, GatewayError, SeenPayment};
use billing_domain::{
    currency::Currency, gateway::GatewayRef, money::Money, payment::PaymentStatus,
};
use time::{Duration, OffsetDateTime};

use super::{
    Promise,
    gateway::{a_pack, a_request, pay},
};
use crate::{GatewaySubject, builders::a_fresh_id};

/// A charge of what a page has kept, and the role that makes it.
async fn a_charge(
    subject: &GatewaySubject,
) -> anyhow::Result<Option<(&dyn Charges, ChargeRequest)>> {
    let Some(charges) = subject.gateway.charges() else { return Ok(None) };
    let (organization, request) = a_request(subject).await?;
    let request = CheckoutRequest { item: a_pack(), saves_method: true, ..request };
    pay(subject, &request).await?;
    let method = charges.saved_method(&request.customer).await?.context("nothing is kept")?;
    let charge = ChargeRequest {
        checkout_id: a_fresh_id(),
        organization_id: organization.id,
        customer: request.customer,
        method: method.id,
        amount: Money::new(1_500, Currency::USD),
        description: "100 credits".to_owned(),
    };
    Ok(Some((charges, charge)))
}

fn long_ago(seen: &SeenPayment) -> OffsetDateTime {
    seen.created_at - Duration::HOUR
}

/// A page keeps the method when it is asked to, and only then.
pub async fn a_method_is_kept_when_asked_for(subject: &GatewaySubject) -> Promise {
    let Some(charges) = subject.gateway.charges() else { return Ok(()) };
    assert_eq!(charges.saved_method("cus_nobody").await?, None);
    let (_, request) = a_request(subject).await?;
    let customer = request.customer.clone();
    assert_eq!(charges.saved_method(&customer).await?, None);
    let once = CheckoutRequest { item: a_pack(), ..request };
    pay(subject, &once).await?;
    assert_eq!(charges.saved_method(&customer).await?, None, "nobody asked for that");

    let mut kept: Vec<GatewayRef> = Vec::new();
    for _ in 0..2 {
        let again =
            CheckoutRequest { checkout_id: a_fresh_id(), saves_method: true, ..once.clone() };
        pay(subject, &again).await?;
        let method = charges.saved_method(&customer).await?.context("nothing is kept")?;
        assert!(!kept.contains(&method), "the newest is charged");
        kept.push(method);
    }
    Ok(())
}

/// What is charged while nobody is there is a completed payment that names our checkout; asked for
/// twice, it is one payment.
pub async fn a_kept_method_is_charged_once_for_a_checkout(subject: &GatewaySubject) -> Promise {
    let Some((charges, request)) = a_charge(subject).await? else { return Ok(()) };
    let payment = charges.charge(&request).await?;
    assert_eq!((payment.status, payment.failed_as), (PaymentStatus::Completed, None));
    assert_eq!((payment.amount, payment.checkout_id), (request.amount, Some(request.checkout_id)));
    assert_eq!(payment.description, request.description);
    let customer = payment.customer.as_ref().map(|customer| customer.id.as_str());
    assert_eq!(customer, Some(request.customer.as_str()));
    assert_eq!(charges.charge(&request).await?.reference, payment.reference);

    let since = long_ago(&payment);
    let found = charges.find(&request.customer, request.checkout_id, since).await?;
    assert_eq!(found.map(|it| it.reference), Some(payment.reference.clone()));
    let other = charges.find(&request.customer, a_fresh_id(), since).await?;
    assert_eq!(other, None);
    let found = subject.gateway.payments().find(&payment.reference.id).await?;
    assert_eq!(found.map(|it| (it.status, it.amount)), Some((payment.status, payment.amount)));
    let second = ChargeRequest { checkout_id: a_fresh_id(), ..request };
    assert_ne!(charges.charge(&second).await?.reference, payment.reference);
    Ok(())
}

/// What the payer's bank refuses is a payment that failed, each time that it is asked for.
pub async fn a_refused_charge_is_a_payment_that_failed(subject: &GatewaySubject) -> Promise {
    let Some((charges, request)) = a_charge(subject).await? else { return Ok(()) };
    subject.payer.refuse(&request.customer).await;
    let first = charges.charge(&request).await?;
    assert_eq!(first.status, PaymentStatus::Failed);
    assert_eq!(first.checkout_id, Some(request.checkout_id));
    assert!(first.failure.is_some() && first.failed_as.is_some(), "{first:?}");
    let again = charges.charge(&request).await?;
    assert_eq!((again.reference, again.failed_as), (first.reference.clone(), first.failed_as));
    let found = charges.find(&request.customer, request.checkout_id, long_ago(&first)).await?;
    let found = found.context("the payment is gone")?;
    assert_eq!((found.reference, found.status), (first.reference, PaymentStatus::Failed));
    assert_eq!(found.failed_as, first.failed_as);
    Ok(())
}

/// Nobody is charged with what is not theirs, nor with what is not there.
pub async fn what_cannot_be_charged_is_refused(subject: &GatewaySubject) -> Promise {
    let Some((charges, request)) = a_charge(subject).await? else { return Ok(()) };
    let (_, other) = a_request(subject).await?;
    for wrong in [
        ChargeRequest { customer: other.customer, checkout_id: a_fresh_id(), ..request.clone() },
        ChargeRequest { method: "pm_nobody".to_owned(), ..request },
    ] {
        let answer = charges.charge(&wrong).await;
        assert!(matches!(answer, Err(GatewayError::Refused { .. })), "{answer:?}");
    }
    Ok(())
}
