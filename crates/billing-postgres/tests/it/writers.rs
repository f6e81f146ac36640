//! What group commit promises beyond the ledgers: nothing that fails takes others along.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use billing_app::{
    Error,
    ports::{CreditLedger, LedgerQueries, Page, Scope, Store},
};
use billing_domain::{
    credits::{Consume, CreditCommand, CreditOutcome, IdempotencyKey},
    id::{DecisionId, OrganizationId},
};
use billing_postgres::{CreditWriters, Database};
use billing_testkit::{
    NOON,
    builders::{a_grant, an_organization},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::scratch::Scratch;

/// An organization with so many credits.
async fn rich(database: &Database, writers: &CreditWriters, credits: i64) -> OrganizationId {
    let organization = an_organization();
    let mut work = database.begin(Scope::Operator).await.unwrap();
    work.organizations().insert(&organization, &[]).await.unwrap();
    work.commit().await.unwrap();
    let mut grant = a_grant();
    (grant.amount, grant.starts_at, grant.expires_at) = (credits, NOON, None);
    writers.apply(organization.id, CreditCommand::Grant(grant), NOON).await.unwrap();
    organization.id
}

fn consume(key: u128, event: &str) -> CreditCommand {
    let decision = DecisionId(Uuid::from_u128(key));
    let key = IdempotencyKey::parse(&key.to_string()).unwrap();
    CreditCommand::Consume(Consume::new(decision, key, event, 1, 1).unwrap())
}

fn consumed(outcome: &Result<CreditOutcome, Error>) -> bool {
    matches!(outcome, Ok(CreditOutcome::Consumed(it)) if !it.replayed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_be_recorded_fails_alone() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    let writers = CreditWriters::start(&database);
    let organization = rich(&database, &writers, 1000).await;
    // PostgreSQL has no text with a zero byte: the whole batch around it fails at first.
    let asked = (0..100).map(|n| {
        let event = if n == 50 { "po\0ison" } else { "call" };
        writers.apply(organization, consume(n, event), NOON)
    });
    let outcomes = join_all(asked).await;
    assert!(matches!(outcomes[50], Err(Error::Internal(_))), "{:?}", outcomes[50]);
    assert_eq!(outcomes.iter().filter(|it| consumed(it)).count(), 99);
    let summary = database.credits(organization).await.unwrap().unwrap();
    assert_eq!(summary.balance, 901);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_connections_lose_nothing_and_repeat_nothing() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    let writers = Arc::new(CreditWriters::start(&database));
    let organization = rich(&database, &writers, 10_000).await;
    let asking = (0..64_u128).map(|client| {
        let writers = writers.clone();
        tokio::spawn(async move {
            for n in 0..30 {
                let key = client * 1000 + n;
                // Whoever gets no answer asks again under the same key.
                while writers.apply(organization, consume(key, "call"), NOON).await.is_err() {
                    tokio::task::yield_now().await;
                }
            }
        })
    });
    let asking: Vec<_> = asking.collect();
    let mut admin = AsyncPgConnection::establish(&scratch.admin_url).await.unwrap();
    while !asking.iter().all(tokio::task::JoinHandle::is_finished) {
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()";
        admin.batch_execute(kill).await.unwrap();
        admin.batch_execute("SELECT pg_sleep(0.03)").await.unwrap();
    }
    for asked in asking {
        asked.await.unwrap();
    }
    let summary = database.credits(organization).await.unwrap().unwrap();
    assert_eq!(summary.balance, 10_000 - 64 * 30);
    let page = Page { after: None, limit: 10_000 };
    let entries = database.credit_entries(organization, page).await.unwrap();
    assert_eq!(entries.len(), 64 * 30 + 1);
    let gap_free = entries.iter().rev().zip(1..).all(|(entry, seq)| entry.seq == seq);
    assert!(gap_free, "the numbers have no gaps");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_somebody_holds_keeps_nobody_else_waiting_for_ever() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    let writers = CreditWriters::start(&database);
    let (held, free) = (rich(&database, &writers, 10).await, rich(&database, &writers, 10).await);
    let mut work = database.begin(Scope::Organization(held)).await.unwrap();
    work.credits().apply(held, &consume(1, "call"), NOON).await.unwrap();
    let (stuck, served) = tokio::join!(
        writers.apply(held, consume(2, "call"), NOON),
        writers.apply(free, consume(3, "call"), NOON),
    );
    assert!(matches!(stuck, Err(Error::Unavailable { .. })), "{stuck:?}");
    assert!(consumed(&served), "{served:?}");
    work.commit().await.unwrap();
    assert!(consumed(&writers.apply(held, consume(2, "call"), NOON).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_waiting_are_told_to_come_back() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    let writers = CreditWriters::start(&database);
    let organization = rich(&database, &writers, 1_000_000).await;
    let asked = (0..20_000).map(|n| writers.apply(organization, consume(n, "call"), NOON));
    let outcomes = join_all(asked).await;
    let told = outcomes.iter().filter(|it| matches!(it, Err(Error::Unavailable { .. }))).count();
    let done = outcomes.iter().filter(|it| consumed(it)).count();
    assert!(told > 0, "a queue has an end");
    assert_eq!(told + done, outcomes.len());
    let summary = database.credits(organization).await.unwrap().unwrap();
    assert_eq!(summary.balance, 1_000_000 - i64::try_from(done).unwrap());
}
