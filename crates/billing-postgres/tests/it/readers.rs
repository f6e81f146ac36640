//! Reads for many at once, and what processes tell one another, where the database is away.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use billing_app::{
    Error,
    ports::{Change, Changes, Facts, Heard, QuotaQuestion, Scope, Store, UsageLedger},
};
use billing_domain::{id::OrganizationId, quota::Quota};
use billing_postgres::{Database, FactReaders, PostgresChanges, UsageWriters};
use billing_testkit::{
    NOON,
    builders::{a_fresh_id, a_usage_rule, a_use, an_organization},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::join_all;

use crate::scratch::Scratch;

/// An organization that has made one call.
async fn caller(database: &Database) -> OrganizationId {
    let organization = an_organization();
    let mut work = database.begin(Scope::Operator).await.unwrap();
    work.organizations().insert(&organization, &[]).await.unwrap();
    work.commit().await.unwrap();
    let command = a_use("call", 10).into();
    UsageWriters::start(database).apply(organization.id, command, NOON).await.unwrap();
    organization.id
}

fn calls(organization_id: OrganizationId, meter: &str) -> [QuotaQuestion; 1] {
    [QuotaQuestion { organization_id, meter: meter.to_owned(), rule: a_usage_rule(10) }]
}

fn made_one(answer: &Result<Vec<Quota>, Error>) -> bool {
    matches!(answer.as_deref(), Ok([quota]) if quota.used == 1)
}

/// Everybody but the one who asks is thrown out.
async fn throw_out(scratch: &Scratch) {
    let kill = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let mut admin = AsyncPgConnection::establish(&scratch.admin_url).await.unwrap();
    admin.batch_execute(kill).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_cannot_be_asked_fails_alone() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    let (organization, facts) = (caller(&database).await, FactReaders::start(&database));
    // PostgreSQL has no text with a zero byte: the whole batch around it fails at first.
    let asked = (0..100).map(|n| {
        let asked = calls(organization, if n == 50 { "po\0ison" } else { "api_calls" });
        let facts = &facts;
        async move { facts.quotas(&asked, NOON).await }
    });
    let answers = join_all(asked).await;
    assert!(matches!(answers[50], Err(Error::Internal(_))), "{:?}", answers[50]);
    assert_eq!(answers.iter().filter(|answer| made_one(answer)).count(), 99);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_lost_is_made_anew() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    let (organization, facts) = (caller(&database).await, FactReaders::start(&database));
    let asked = calls(organization, "api_calls");
    for _ in 0..3 {
        // The pool may not have noticed yet which of its connections are gone: there are a few.
        let mut tries = 0;
        while !made_one(&facts.quotas(&asked, NOON).await) {
            tries += 1;
            assert!(tries < 20, "it never comes back");
        }
        throw_out(&scratch).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_who_ask_are_told_to_come_back() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    let (organization, facts) = (caller(&database).await, FactReaders::start(&database));
    let asked = calls(organization, "api_calls");
    let answers = join_all((0..20_000).map(|_| facts.quotas(&asked, NOON))).await;
    let told = answers.iter().filter(|it| matches!(it, Err(Error::Unavailable { .. }))).count();
    assert!(told > 0, "a queue has an end");
    assert_eq!(told + answers.iter().filter(|it| made_one(it)).count(), answers.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_in_what_is_heard_may_hide_anything() {
    let scratch = Scratch::new().await;
    let one = PostgresChanges::start(&scratch.database());
    let other = PostgresChanges::start(&scratch.database());
    for process in [&one, &other] {
        assert_eq!(process.heard().await, Heard::Everything);
    }
    throw_out(&scratch).await;
    for process in [&one, &other] {
        assert_eq!(process.heard().await, Heard::Everything);
    }
    let change = Change::Usage(a_fresh_id());
    one.tell(change);
    assert_eq!(other.heard().await, Heard::Changes([change].into()));
}
