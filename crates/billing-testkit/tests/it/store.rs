//! The store in memory: its promises, and its switches.

use std::sync::Arc;

use billing_app::{
    Error,
    ports::{CreditLedger, OrganizationQueries, Scope, Store},
};
use billing_domain::credits::{CreditCommand, CreditOutcome};
use billing_testkit::{
    MemoryStore, NOON,
    builders::{a_consume, a_grant, an_event, an_organization, the_default_catalogue},
};

mod promises {
    billing_testkit::conformance!(async { billing_testkit::MemoryStore::new().subject() });
}

async fn register(store: &dyn Store) -> Result<billing_domain::id::OrganizationId, Error> {
    let organization = an_organization();
    let id = organization.id;
    let mut work = store.begin(Scope::Engine).await?;
    work.organizations().insert(&organization, &[an_event(id)]).await?;
    work.commit().await?;
    Ok(id)
}

fn is_unavailable<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Unavailable { .. }))
}

#[tokio::test]
async fn a_store_that_is_down_answers_nothing_and_loses_nothing() {
    let store = MemoryStore::selling(the_default_catalogue());
    let id = register(&store).await.unwrap();
    let mut open = store.begin(Scope::Engine).await.unwrap();
    store.go_down();
    assert!(is_unavailable(open.organizations().find(id).await));
    assert!(is_unavailable(open.commit().await));
    assert!(is_unavailable(store.begin(Scope::Engine).await.map(drop)));
    assert!(is_unavailable(store.organization(id).await));
    let command = CreditCommand::Grant(a_grant());
    assert!(is_unavailable(CreditLedger::apply(&store, id, command, NOON).await));
    store.come_back();
    assert!(store.organization(id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_lost_commit_has_happened() {
    let store = MemoryStore::new();
    store.lose_next_commit();
    assert!(is_unavailable(register(&store).await));
    assert_eq!(store.events().len(), 1);
    let id = register(&store).await.unwrap();

    store.lose_next_commit();
    let grant = CreditCommand::Grant(a_grant());
    assert!(is_unavailable(CreditLedger::apply(&store, id, grant.clone(), NOON).await));
    let again = CreditLedger::apply(&store, id, grant, NOON).await.unwrap();
    assert!(matches!(again, CreditOutcome::Granted { already: true, .. }));
}

#[tokio::test]
async fn a_failed_commit_has_not_happened() {
    let store = MemoryStore::new();
    store.fail_next_commit();
    assert!(is_unavailable(register(&store).await));
    assert_eq!(store.events(), []);
    let id = register(&store).await.unwrap();

    store.fail_next_commit();
    let consume = CreditCommand::Consume(a_consume("key", 1));
    assert!(is_unavailable(CreditLedger::apply(&store, id, consume.clone(), NOON).await));
    let decided = CreditLedger::apply(&store, id, consume, NOON).await.unwrap();
    assert!(matches!(decided, CreditOutcome::Denied(denied) if !denied.replayed));
}

#[tokio::test(start_paused = true)]
async fn a_unit_inside_a_unit_is_noticed() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let _open = store.begin(Scope::Engine).await.unwrap();
    assert!(is_unavailable(store.begin(Scope::Engine).await.map(drop)));
}
