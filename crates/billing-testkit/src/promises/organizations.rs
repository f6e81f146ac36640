//! Organizations and their customers at gateways.

use std::sync::Arc;

use billing_app::{
    Error, Refusal,
    ports::{Page, Scope},
};
use billing_domain::{gateway::Gateway, organization::Organization};

use super::{
    Promise,
    stage::{at_once, dawdle, everything},
};
use crate::{
    NOON, Subject,
    builders::{a_customer, a_fresh_id, a_reference, an_organization},
};

/// Every field comes back, in a unit and in queries.
pub async fn organizations_come_back_as_they_were(subject: &Subject) -> Promise {
    let plain =
        Organization { external_id: None, billing_email: None, country: None, ..an_organization() };
    let rich = Organization {
        external_id: Some("tenant-π".to_owned()),
        name: "Ünïcode & Söhne \"GmbH\"".to_owned(),
        country: Some("EG".parse()?),
        currency: "EGP".parse()?,
        created_at: NOON - time::Duration::MICROSECOND,
        ..an_organization()
    };
    for organization in [plain, rich] {
        subject.register(&organization).await?;
        let mut work = subject.engine().await?;
        assert_eq!(work.organizations().find(organization.id).await?.as_ref(), Some(&organization));
        let read = subject.organizations.organization(organization.id).await?;
        assert_eq!(read, Some(organization));
    }
    let found = subject.organizations.by_external_id("tenant-π").await?;
    assert!(found.is_some());
    Ok(())
}

/// What is not there is nothing, and no error.
pub async fn an_unknown_organization_is_nothing(subject: &Subject) -> Promise {
    let nobody = a_fresh_id();
    let mut work = subject.engine().await?;
    assert_eq!(work.organizations().find(nobody).await?, None);
    assert_eq!(work.organizations().customer(nobody, Gateway::Stripe).await?, None);
    assert_eq!(work.organizations().by_customer(&a_reference("cus")).await?, None);
    drop(work);
    assert_eq!(subject.organizations.organization(nobody).await?, None);
    assert_eq!(subject.organizations.by_external_id("nobody").await?, None);
    assert_eq!(subject.subscription(nobody).await?, None);
    assert_eq!(subject.ledger_queries.credits(nobody).await?, None);
    Ok(())
}

/// Two organizations cannot have one external id; any number can have none.
pub async fn an_external_id_is_taken_once(subject: &Subject) -> Promise {
    let named = |id: &str| Organization { external_id: Some(id.to_owned()), ..an_organization() };
    let (first, second) = (named("acme"), named("acme"));
    subject.register(&first).await?;
    let refused = subject.register(&second).await;
    let taken = matches!(
        &refused,
        Err(Error::Refused(Refusal::ExternalIdTaken(id))) if id == "acme"
    );
    assert!(taken, "{refused:?}");
    assert_eq!(subject.organizations.organization(second.id).await?, None);
    assert_eq!(subject.organizations.by_external_id("acme").await?, Some(first));
    subject.register(&named("other")).await?;
    subject.register(&an_organization()).await?;
    subject.register(&an_organization()).await?;
    Ok(())
}

/// One of them wins, and the others hear why.
pub async fn an_external_id_is_taken_once_at_the_same_time(subject: &Subject) -> Promise {
    let tasks = (0..8).map(|_| {
        let store = Arc::clone(&subject.store);
        async move {
            let external_id = Some("acme".to_owned());
            let organization = Organization { external_id, ..an_organization() };
            let mut work = store.begin(Scope::Operator).await?;
            work.organizations().insert(&organization, &[]).await?;
            dawdle(&mut *work).await?;
            work.commit().await
        }
    });
    let results = at_once(tasks).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    for lost in results.into_iter().filter_map(Result::err) {
        assert!(matches!(lost, Error::Refused(Refusal::ExternalIdTaken(_))), "{lost:?}");
    }
    assert_eq!(subject.organizations.organizations(everything()).await?.len(), 1);
    Ok(())
}

/// Whoever is linked first stays the customer.
pub async fn the_first_customer_stays(subject: &Subject) -> Promise {
    let id = subject.registered().await?;
    let (first, second) = (a_customer(id), a_customer(id));
    let mut work = subject.engine().await?;
    assert_eq!(work.organizations().link_customer(&first).await?, first);
    assert_eq!(work.organizations().link_customer(&second).await?, first);
    work.commit().await?;
    let mut work = subject.engine().await?;
    assert_eq!(work.organizations().link_customer(&second).await?, first);
    assert_eq!(work.organizations().customer(id, Gateway::Stripe).await?, Some(first.clone()));
    assert_eq!(work.organizations().by_customer(&first.reference).await?, Some(id));
    assert_eq!(work.organizations().by_customer(&second.reference).await?, None);
    work.commit().await?;
    Ok(())
}

/// All are answered with the same customer.
pub async fn the_first_customer_stays_at_the_same_time(subject: &Subject) -> Promise {
    let id = subject.registered().await?;
    let tasks = (0..8).map(|_| {
        let (store, customer) = (Arc::clone(&subject.store), a_customer(id));
        async move {
            let mut work = store.begin(Scope::Organization(id)).await?;
            let linked = work.organizations().link_customer(&customer).await?;
            dawdle(&mut *work).await?;
            work.commit().await?;
            Ok::<_, Error>(linked)
        }
    });
    let linked = at_once(tasks).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let kept = subject.engine().await?.organizations().customer(id, Gateway::Stripe).await?;
    for customer in linked {
        assert_eq!(Some(customer), kept);
    }
    Ok(())
}

/// The newest first, page after page, none twice and none left out.
pub async fn organizations_are_listed_in_pages(subject: &Subject) -> Promise {
    let mut all = Vec::new();
    for _ in 0..5 {
        let organization = an_organization();
        subject.register(&organization).await?;
        all.insert(0, organization);
    }
    let mut listed = Vec::new();
    let mut after = None;
    for _ in 0..10 {
        let page = subject.organizations.organizations(Page { after, limit: 2 }).await?;
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        listed.extend(page);
    }
    assert_eq!(listed, all);
    Ok(())
}
