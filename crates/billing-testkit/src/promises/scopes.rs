//! On whose behalf a unit of work runs.

use billing_app::ports::Scope;
use billing_domain::{
    checkout::Checkout, credits::CreditCommand, gateway::Gateway, payment::Payment,
    subscription::Subscription, usage::UsageCommand,
};

use super::{Promise, stage::everything};
use crate::{
    NOON, Subject,
    builders::{
        a_bonus, a_checkout, a_consume, a_customer, a_grant, a_payment, an_active_subscription,
        an_organization,
    },
};

/// Nothing of another organization can be found.
pub async fn a_scope_sees_nothing_of_another_organization(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let customer = a_customer(other);
    let checkout = Checkout { organization_id: other, ..a_checkout() };
    let subscription = Subscription { organization_id: other, ..an_active_subscription() };
    let payment = Payment { organization_id: other, ..a_payment() };
    let mut work = subject.engine().await?;
    work.organizations().link_customer(&customer).await?;
    work.checkouts().save(&checkout, &[]).await?;
    work.subscriptions().save(&subscription, None, &[]).await?;
    work.payments().save(&payment, &[]).await?;
    work.commit().await?;

    for (scope, seen) in [
        (Scope::Organization(own), false),
        (Scope::Organization(other), true),
        (Scope::Engine, true),
        (Scope::Operator, true),
    ] {
        let mut work = subject.store.begin(scope).await?;
        let reference = subscription.billed_by.reference().expect("a gateway bills it");
        let found = [
            work.organizations().find(other).await?.is_some(),
            work.organizations().customer(other, Gateway::Stripe).await?.is_some(),
            work.organizations().by_customer(&customer.reference).await?.is_some(),
            work.checkouts().find(other, checkout.id).await?.is_some(),
            !work.checkouts().unfinished(other).await?.is_empty(),
            work.checkouts().owner(checkout.id).await?.is_some(),
            work.subscriptions().by_reference(reference).await?.is_some(),
            work.subscriptions().live(other, "main").await?.is_some(),
            work.subscriptions().find(other, subscription.id).await?.is_some(),
            work.payments().by_reference(&payment.reference).await?.is_some(),
        ];
        assert_eq!(found, [seen; 10], "{scope:?}");
    }
    Ok(())
}

/// Each write is an error, and nothing of it stays.
pub async fn a_scope_cannot_write_into_another_organization(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let checkout = Checkout { organization_id: other, ..a_checkout() };
    let subscription = Subscription { organization_id: other, ..an_active_subscription() };
    let payment = Payment { organization_id: other, ..a_payment() };
    for what in 0..6 {
        let mut work = subject.on_behalf_of(own).await?;
        let written = match what {
            0 => work.organizations().insert(&an_organization(), &[]).await,
            1 => work.organizations().link_customer(&a_customer(other)).await.map(drop),
            2 => work.checkouts().save(&checkout, &[]).await,
            3 => work.subscriptions().save(&subscription, None, &[]).await,
            4 => work.payments().save(&payment, &[]).await,
            _ => {
                let bonus = UsageCommand::Bonus(a_bonus());
                work.usage().apply(other, &bonus, NOON).await.map(drop)
            }
        };
        assert!(written.is_err(), "write {what} went through");
    }

    let mut work = subject.engine().await?;
    assert_eq!(work.organizations().customer(other, Gateway::Stripe).await?, None);
    assert_eq!(work.checkouts().unfinished(other).await?, []);
    assert_eq!(work.subscriptions().live(other, "main").await?, None);
    assert_eq!(work.payments().by_reference(&payment.reference).await?, None);
    Ok(())
}

/// Neither can they be used, nor added to.
pub async fn a_scope_cannot_touch_the_credits_of_another(subject: &Subject) -> Promise {
    let (own, other) = (subject.registered().await?, subject.with_credits(10).await?);
    for command in [
        CreditCommand::Consume(a_consume("theirs", 1)),
        CreditCommand::Grant(a_grant()),
        CreditCommand::BookDue,
    ] {
        let mut work = subject.on_behalf_of(own).await?;
        assert!(work.credits().apply(other, &command, NOON).await.is_err(), "{command:?}");
    }
    assert_eq!(subject.summary(other).await?.balance, 10);
    assert_eq!(subject.entries(other).await?.len(), 1);
    Ok(())
}

/// All of one's own can be read and written.
pub async fn a_scope_does_everything_for_its_own_organization(subject: &Subject) -> Promise {
    subject.sell().await?;
    let organization = an_organization();
    let own = organization.id;
    let mut work = subject.engine().await?;
    work.organizations().insert(&organization, &[]).await?;
    work.commit().await?;

    let checkout = Checkout { organization_id: own, ..a_checkout() };
    let subscription = Subscription { organization_id: own, ..an_active_subscription() };
    let payment = Payment { organization_id: own, ..a_payment() };
    let mut work = subject.on_behalf_of(own).await?;
    work.organizations().link_customer(&a_customer(own)).await?;
    work.checkouts().save(&checkout, &[]).await?;
    work.subscriptions().save(&subscription, None, &[]).await?;
    work.payments().save(&payment, &[]).await?;
    work.credits().apply(own, &CreditCommand::Grant(a_grant()), NOON).await?;
    work.usage().apply(own, &UsageCommand::Bonus(a_bonus()), NOON).await?;
    assert!(!work.catalogue().read().await?.plans.is_empty(), "everybody sees what is on sale");
    work.commit().await?;

    let mut work = subject.on_behalf_of(own).await?;
    assert_eq!(work.organizations().find(own).await?, Some(organization));
    assert_eq!(work.checkouts().find(own, checkout.id).await?, Some(checkout));
    assert_eq!(work.subscriptions().live(own, "main").await?, Some(subscription));
    assert_eq!(work.payments().by_reference(&payment.reference).await?, Some(payment));
    assert_eq!(subject.summary(own).await?.balance, 1_000);
    Ok(())
}

/// A record keeps its owner, whoever saves something under its id.
pub async fn a_record_of_another_cannot_be_taken_over(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let checkout = Checkout { organization_id: other, ..a_checkout() };
    let payment = Payment { organization_id: other, ..a_payment() };
    subject.save_checkout(&checkout).await?;
    subject.save_payment(&payment).await?;

    let stolen = Checkout { organization_id: own, ..checkout.clone() };
    let mut work = subject.on_behalf_of(own).await?;
    if work.checkouts().save(&stolen, &[]).await.is_ok() {
        work.commit().await.ok();
    } else {
        drop(work);
    }
    let stolen =
        Payment { organization_id: own, description: "mine".to_owned(), ..payment.clone() };
    let mut work = subject.on_behalf_of(own).await?;
    if work.payments().save(&stolen, &[]).await.is_ok() {
        work.commit().await.ok();
    } else {
        drop(work);
    }

    let mut work = subject.engine().await?;
    assert_eq!(work.checkouts().find(other, checkout.id).await?, Some(checkout));
    let theirs = subject.money.payments(other, everything()).await?;
    assert_eq!(theirs, [payment]);
    Ok(())
}
