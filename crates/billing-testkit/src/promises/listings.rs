//! Lists of what a gateway keeps.

use billing_app::ports::{CheckoutRequest, Listed, NewRefund, Sighting};
use billing_domain::{currency::Currency, money::Money, payment::PaymentStatus};
use time::{Duration, OffsetDateTime};

use super::{
    Promise,
    gateway::{a_pack, a_request, pay},
};
use crate::{GatewaySubject, builders::a_fresh_id};

/// All pages of a list.
async fn listed(
    subject: &GatewaySubject,
    sort: Listed,
    since: OffsetDateTime,
) -> anyhow::Result<Vec<Sighting>> {
    let Some(listings) = subject.gateway.listings() else { return Ok(Vec::new()) };
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = listings.page(sort, since, after.as_deref()).await?;
        all.extend(page.sightings);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// What was made since then is on the lists, over all pages; of subscriptions the live ones also.
pub async fn what_changed_is_on_the_lists(subject: &GatewaySubject) -> Promise {
    if subject.gateway.listings().is_none() {
        return Ok(());
    }
    let (_, request) = a_request(subject).await?;
    let paid = pay(subject, &CheckoutRequest { item: a_pack(), ..request }).await?;
    let payment = paid.payment.clone().map(|it| it.reference.id).unwrap_or_default();
    let mut subscriptions = Vec::new();
    for _ in 0..3 {
        let (_, request) = a_request(subject).await?;
        let paid = pay(subject, &request).await?;
        subscriptions.extend(paid.subscription);
    }
    subscriptions.sort();
    let began = paid.payment.as_ref().map_or(OffsetDateTime::UNIX_EPOCH, |it| it.created_at);
    let (before, later) = (began - Duration::HOUR, began + Duration::days(1));

    for since in [before, later] {
        let mut live: Vec<_> = listed(subject, Listed::Subscriptions, since)
            .await?
            .into_iter()
            .filter_map(|it| match it {
                Sighting::Subscription(seen) => Some(seen.reference.id),
                Sighting::Checkout(_)
                | Sighting::Payment(_)
                | Sighting::MoneyBack(_)
                | Sighting::Invoice { .. } => None,
            })
            .collect();
        live.sort();
        live.dedup();
        assert_eq!(live, subscriptions, "they live, whenever they began");
    }
    for sort in [Listed::Checkouts, Listed::Payments, Listed::Invoices] {
        assert_eq!(listed(subject, sort, later).await?, [], "{sort:?}");
    }
    let pages = listed(subject, Listed::Checkouts, before).await?;
    assert_eq!(pages.len(), 4);
    let is_ours = |it: &Sighting| matches!(it, Sighting::Checkout(seen) if seen.checkout_id == paid.checkout_id && seen.paid);
    assert!(pages.iter().any(is_ours), "{pages:?}");
    assert_eq!(listed(subject, Listed::Invoices, before).await?.len(), 3);

    let stands = async || -> anyhow::Result<Vec<(PaymentStatus, Money, Money)>> {
        let all = listed(subject, Listed::Payments, before).await?;
        let of_it = all.into_iter().filter_map(|it| match it {
            Sighting::Payment(seen) => {
                let sums = (seen.status, seen.amount, seen.refunded);
                (seen.reference.id == payment).then_some(sums)
            }
            Sighting::Subscription(_)
            | Sighting::Checkout(_)
            | Sighting::MoneyBack(_)
            | Sighting::Invoice { .. } => None,
        });
        Ok(of_it.collect())
    };
    let usd = |minor| Money::new(minor, Currency::USD);
    assert_eq!(stands().await?, [(PaymentStatus::Completed, usd(2_500), usd(0))]);
    if let Some(refunds) = subject.gateway.refunds() {
        let refund_id = a_fresh_id();
        let refund = NewRefund { refund_id, payment: payment.clone(), amount: usd(1_000) };
        refunds.refund(&refund).await?;
        let back = listed(subject, Listed::Refunds, before).await?;
        assert_eq!(back, [Sighting::MoneyBack(payment.clone())]);
        let status = PaymentStatus::PartiallyRefunded;
        assert_eq!(stands().await?, [(status, usd(2_500), usd(1_000))]);
    }
    assert_eq!(listed(subject, Listed::Disputes, before).await?, []);
    Ok(())
}
