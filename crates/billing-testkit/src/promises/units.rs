//! Units of work: all or nothing.

use std::{sync::Arc, time::Duration};

use billing_app::{Error, ports::Scope};
use billing_domain::{
    checkout::{Checkout, CheckoutStatus, HostedPage},
    credits::CreditCommand,
    currency::Currency,
    id::OrganizationId,
    money::Money,
    payment::{Payment, PaymentStatus},
    subscription::Subscription,
    usage::{Bonus, UsageCommand},
};

use super::{
    Promise,
    stage::{at_once, dawdle, everything},
};
use crate::{
    NOON, Subject,
    builders::{
        a_bonus, a_change, a_checkout, a_customer, a_fresh_id, a_grant, a_hosted_page, a_payment,
        a_usage_rule, an_active_subscription, an_event, an_organization,
    },
};

/// A unit that is not done in this time waits for something that should have been freed.
const PROMPTLY: Duration = Duration::from_secs(5);

/// Fills a unit with one change of each kind; not committed.
async fn fill(
    subject: &Subject,
    bonus: &Bonus,
) -> Result<(Box<dyn billing_app::ports::UnitOfWork>, OrganizationId), Error> {
    let organization = an_organization();
    let id = organization.id;
    let checkout = Checkout { organization_id: id, ..a_checkout() };
    let subscription = Subscription { organization_id: id, ..an_active_subscription() };
    let payment = Payment {
        organization_id: id,
        checkout_id: Some(checkout.id),
        subscription_id: Some(subscription.id),
        ..a_payment()
    };
    let mut work = subject.engine().await?;
    work.organizations().insert(&organization, &[an_event(id)]).await?;
    work.organizations().link_customer(&a_customer(id)).await?;
    work.checkouts().save(&checkout, &[an_event(id)]).await?;
    let change = a_change(&subscription);
    let change = Some((a_fresh_id(), &change));
    work.subscriptions().save(&subscription, change, &[an_event(id)]).await?;
    work.payments().save(&payment, &[an_event(id)]).await?;
    work.credits().apply(id, &CreditCommand::Grant(a_grant()), NOON).await?;
    work.usage().apply(id, &UsageCommand::Bonus(bonus.clone()), NOON).await?;
    Ok((work, id))
}

/// How much is there of what such a unit made.
async fn traces(subject: &Subject, id: OrganizationId) -> anyhow::Result<[usize; 6]> {
    let rules = [("api_calls".to_owned(), a_usage_rule(10))];
    let bonus = subject.quotas(id, &rules, NOON).await?;
    let unfinished = subject.engine().await?.checkouts().unfinished(id).await?;
    Ok([
        usize::from(subject.organizations.organization(id).await?.is_some()),
        unfinished.len(),
        usize::from(subject.subscription(id).await?.is_some()),
        subject.money.payments(id, everything()).await?.len(),
        subject.ledger_queries.credit_entries(id, everything()).await?.len(),
        bonus.iter().filter(|quota| quota.bonus == 5).count(),
    ])
}

/// Before the commit nobody sees anything of it, afterwards everybody sees all of it.
pub async fn a_commit_makes_all_true_at_once(subject: &Subject) -> Promise {
    subject.sell().await?;
    let (work, id) = fill(subject, &a_bonus()).await?;
    let organization = subject.organizations.organization(id).await?;
    let payments = subject.money.payments(id, everything()).await?;
    let credits = subject.ledger_queries.credits(id).await?;
    assert_eq!((organization, payments, credits), (None, vec![], None), "before the commit");
    work.commit().await?;
    assert_eq!(traces(subject, id).await?, [1; 6], "after the commit");
    Ok(())
}

/// As if it had never been.
pub async fn an_abandoned_unit_leaves_no_trace(subject: &Subject) -> Promise {
    subject.sell().await?;
    let (work, id) = fill(subject, &a_bonus()).await?;
    drop(work);
    assert_eq!(traces(subject, id).await?, [0; 6]);
    Ok(())
}

/// Another unit gets what it held, without waiting for a timeout of the store.
pub async fn an_abandoned_unit_frees_its_locks(subject: &Subject) -> Promise {
    let id = subject.with_credits(10).await?;
    let payment = Payment { organization_id: id, ..a_payment() };
    subject.save_payment(&payment).await?;
    for _ in 0..20 {
        let work = async {
            let mut work = subject.engine().await?;
            work.organizations().find(id).await?;
            work.payments().by_reference(&payment.reference).await?;
            work.payments().save(&payment, &[]).await?;
            work.credits().apply(id, &CreditCommand::BookDue, NOON).await?;
            Ok::<_, Error>(work)
        };
        drop(tokio::time::timeout(PROMPTLY, work).await??);
    }
    Ok(())
}

/// A unit sees what it changed itself.
pub async fn a_unit_sees_its_own_changes(subject: &Subject) -> Promise {
    subject.sell().await?;
    let (mut work, id) = fill(subject, &a_bonus()).await?;
    assert!(work.organizations().find(id).await?.is_some());
    assert_eq!(work.checkouts().unfinished(id).await?.len(), 1);
    assert!(work.subscriptions().live(id, "main").await?.is_some());
    Ok(())
}

/// Who comes second sees what the first one did.
pub async fn a_payment_that_is_found_is_held(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let payment =
        Payment { organization_id, status: PaymentStatus::PartiallyRefunded, ..a_payment() };
    subject.save_payment(&payment).await?;
    let tasks = (0..8).map(|_| {
        let (store, reference) = (Arc::clone(&subject.store), payment.reference.clone());
        async move {
            let mut work = store.begin(Scope::Engine).await?;
            let found = work.payments().by_reference(&reference).await?;
            let mut payment = found.expect("it is there");
            dawdle(&mut *work).await?;
            payment.refunded = payment.refunded.plus(Money::new(1, Currency::USD))?;
            work.payments().save(&payment, &[]).await?;
            work.commit().await
        }
    });
    at_once(tasks).await.into_iter().collect::<Result<(), Error>>()?;
    let payments = subject.money.payments(organization_id, everything()).await?;
    let refunded: Vec<_> = payments.iter().map(|payment| payment.refunded.minor()).collect();
    assert_eq!(refunded, [8], "each unit saw what the one before had done");
    Ok(())
}

/// Who comes second sees what the first one did.
pub async fn a_subscription_that_is_found_is_held(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let subscription = Subscription { organization_id, ..an_active_subscription() };
    subject.save_subscription(&subscription).await?;
    let tasks = (0..8).map(|n| {
        let (store, one) = (Arc::clone(&subject.store), subscription.clone());
        async move {
            let mut work = store.begin(Scope::Engine).await?;
            let reference = one.billed_by.reference().expect("a gateway bills it");
            let found = match n % 3 {
                0 => work.subscriptions().by_reference(reference).await?,
                1 => work.subscriptions().find(one.organization_id, one.id).await?,
                _ => work.subscriptions().live(one.organization_id, "main").await?,
            };
            let mut found = found.expect("it is there");
            dawdle(&mut *work).await?;
            found.observed_at += time::Duration::MICROSECOND;
            work.subscriptions().save(&found, None, &[]).await?;
            work.commit().await
        }
    });
    at_once(tasks).await.into_iter().collect::<Result<(), Error>>()?;
    let found = subject.subscription(organization_id).await?;
    let observed = found.map(|found| found.observed_at);
    assert_eq!(observed, Some(NOON + time::Duration::microseconds(8)));
    Ok(())
}

/// Who comes second sees what the first one did.
pub async fn a_checkout_that_is_found_is_held(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let page = HostedPage { url: String::new(), ..a_hosted_page() };
    let status = CheckoutStatus::Open(page);
    let checkout = Checkout { organization_id, status, ..a_checkout() };
    subject.save_checkout(&checkout).await?;
    let tasks = (0..8).map(|_| {
        let (store, id) = (Arc::clone(&subject.store), checkout.id);
        async move {
            let mut work = store.begin(Scope::Engine).await?;
            let found = work.checkouts().find(organization_id, id).await?;
            let mut checkout = found.expect("it is there");
            dawdle(&mut *work).await?;
            if let CheckoutStatus::Open(page) = &mut checkout.status {
                page.url.push('x');
            }
            work.checkouts().save(&checkout, &[]).await?;
            work.commit().await
        }
    });
    at_once(tasks).await.into_iter().collect::<Result<(), Error>>()?;
    let found = subject.engine().await?.checkouts().find(organization_id, checkout.id).await?;
    let status = found.map(|found| found.status);
    assert!(
        matches!(&status, Some(CheckoutStatus::Open(page)) if page.url == "xxxxxxxx"),
        "{status:?}"
    );
    Ok(())
}

/// Of many units that find an organization and look whether a page is open, one opens a page.
pub async fn an_organization_that_is_found_is_held(subject: &Subject) -> Promise {
    let id = subject.registered().await?;
    let tasks = (0..8).map(|_| {
        let store = Arc::clone(&subject.store);
        async move {
            let mut work = store.begin(Scope::Organization(id)).await?;
            work.organizations().find(id).await?;
            if work.checkouts().unfinished(id).await?.is_empty() {
                dawdle(&mut *work).await?;
                let checkout = Checkout { organization_id: id, ..a_checkout() };
                work.checkouts().save(&checkout, &[]).await?;
            }
            work.commit().await
        }
    });
    at_once(tasks).await.into_iter().collect::<Result<(), Error>>()?;
    let open = subject.engine().await?.checkouts().unfinished(id).await?;
    assert_eq!(open.len(), 1);
    Ok(())
}
