//! What use leaves in the tables.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use billing_app::{
    Error,
    ports::{Facts, QuotaQuestion, Scope, Store, UsageLedger},
};
use billing_domain::{
    catalogue::{Aggregation, Meter},
    id::OrganizationId,
    usage::{Effect, UsageCommand, UsageOperation, UsageOutcome, Use},
};
use billing_postgres::{Database, FactReaders, UsageWriters};
use billing_testkit::{
    NOON,
    builders::{a_fresh_id, a_usage_rule, a_use, an_organization},
};
use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Text},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::join_all;

use crate::scratch::Scratch;

#[derive(QueryableByName, PartialEq, Debug)]
struct Row {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

async fn rows(scratch: &Scratch, sql: &str) -> Vec<(String, i64)> {
    let mut admin = AsyncPgConnection::establish(&scratch.admin_url).await.unwrap();
    let rows: Vec<Row> = sql_query(sql).load(&mut admin).await.unwrap();
    rows.into_iter().map(|row| (row.name, row.number)).collect()
}

async fn registered(database: &Database) -> OrganizationId {
    let organization = an_organization();
    let mut work = database.begin(Scope::Operator).await.unwrap();
    for (key, aggregation) in [
        ("api_calls", Aggregation::Sum),
        ("people", Aggregation::Unique("user".to_owned())),
        ("peak", Aggregation::Max),
        ("disk", Aggregation::Latest),
    ] {
        let (key, name) = (key.to_owned(), key.to_owned());
        work.catalogue().add_meter(&Meter { key, name, aggregation }).await.unwrap();
    }
    work.organizations().insert(&organization, &[]).await.unwrap();
    work.commit().await.unwrap();
    organization.id
}

fn tracked(key: impl core::fmt::Display, effect: Effect, quantity: u64) -> Use {
    let operation = UsageOperation::Track;
    Use { effect, quantity, operation, ..a_use(&key.to_string(), 10) }
}

const TOLD: &str = "SELECT data->>'percent' AS name, count(*) AS number FROM outbox \
     WHERE type = 'quota.warning' GROUP BY 1 ORDER BY 1 DESC";

#[tokio::test(flavor = "multi_thread")]
async fn warnings_are_told_once_each_also_at_the_same_time() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    let (one, other) = (UsageWriters::start(&database), UsageWriters::start(&database));
    let organization = registered(&database).await;
    let sent = (0..20).map(|n| {
        let writers = if n % 2 == 0 { &one } else { &other };
        let effect = if n % 5 == 4 { Effect::Remove } else { Effect::Add };
        writers.apply(organization, tracked(n, effect, 1).into(), NOON)
    });
    assert!(join_all(sent).await.iter().all(Result::is_ok));
    let told = vec![("80".to_owned(), 1), ("100".to_owned(), 1)];
    assert_eq!(rows(&scratch, TOLD).await, told);
    // Freed and crossed again.
    for (key, effect) in [("less", Effect::Remove), ("more", Effect::Add)] {
        one.apply(organization, tracked(key, effect, 10).into(), NOON).await.unwrap();
    }
    assert_eq!(rows(&scratch, TOLD).await, told);
    assert_eq!(database.violations().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_commit_warns_of_nothing() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    let organization = registered(&database).await;
    let mut work = database.begin(Scope::Organization(organization)).await.unwrap();
    let usage = tracked("much", Effect::Add, 10).into();
    work.usage().apply(organization, &usage, NOON).await.unwrap();
    drop(work);
    assert_eq!(rows(&scratch, TOLD).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_the_limit_are_decided_one_after_the_other() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    let (one, other) = (UsageWriters::start(&database), UsageWriters::start(&database));
    let organization = registered(&database).await;
    one.apply(organization, tracked("most", Effect::Add, 9).into(), NOON).await.unwrap();
    let (a, b) = tokio::join!(
        one.apply(organization, a_use("a", 10).into(), NOON),
        other.apply(organization, a_use("b", 10).into(), NOON),
    );
    let fits = |outcome: &UsageOutcome| matches!(outcome, UsageOutcome::Recorded(_));
    assert_ne!(fits(&a.unwrap()), fits(&b.unwrap()), "one fits");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_aggregations_keep_the_invariants() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    let writers = UsageWriters::start(&database);
    let organization = registered(&database).await;
    let mut uses = Vec::new();
    for n in 0..30_u64 {
        let at = NOON - time::Duration::minutes(i64::try_from(n * 7 % 11).unwrap());
        let value = format!("\"user {}\"", n % 4);
        let properties = Some(format!("{{\"user\": {value}}}"));
        for (meter, effect, quantity) in [
            ("api_calls", if n % 3 == 0 { Effect::Remove } else { Effect::Add }, n % 5 + 1),
            ("people", Effect::See(value.clone()), 1),
            ("peak", Effect::Raise, n * 13 % 17 + 1),
            ("disk", Effect::Set, n * 5 % 7 + 1),
        ] {
            let properties = properties.clone();
            let usage = tracked(format!("{meter} {n}"), effect, quantity);
            uses.push(Use { meter: meter.into(), at, properties, ..usage }.into());
        }
    }
    let (first, second) = uses.split_at(70);
    for part in [first, second, first] {
        all(&writers, organization, part.to_vec()).await.unwrap();
    }
    assert_eq!(database.violations().await.unwrap(), []);
    let narrow = "SELECT 'facts' AS name, count(*) AS number FROM usage_keys \
         WHERE operation = 'track' AND num_nonnulls(most, overage, used, bonus, resets_at, \
         plan_version_id) > 0";
    assert_eq!(rows(&scratch, narrow).await, [("facts".to_owned(), 0)]);
}

/// A batch of one organization.
async fn all(
    writers: &UsageWriters,
    organization: OrganizationId,
    commands: Vec<UsageCommand>,
) -> Result<Vec<UsageOutcome>, Error> {
    let outcomes = writers.apply_all(vec![(organization, commands)], NOON).await;
    outcomes.into_iter().next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_cannot_be_recorded_takes_no_other_along() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    let writers = UsageWriters::start(&database);
    let (organization, other) = (registered(&database).await, registered(&database).await);
    // PostgreSQL has no text with a zero byte.
    let poison = Use { meter: "po\0ison".into(), ..tracked("poison", Effect::Add, 1) };
    let good = |n: u32| tracked(n, Effect::Add, 1).into();
    let mut bad: Vec<UsageCommand> = (0..10).map(good).collect();
    bad.push(poison.into());
    let (refused, counted, alone) = tokio::join!(
        all(&writers, organization, bad),
        all(&writers, organization, (10..20).map(good).collect()),
        all(&writers, other, (0..10).map(good).collect()),
    );
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!((counted.unwrap().len(), alone.unwrap().len()), (10, 10));
    let (meter, rule) = ("api_calls".to_owned(), a_usage_rule(10));
    let asked = [QuotaQuestion { organization_id: organization, meter, rule }];
    let quotas = FactReaders::start(&database).quotas(&asked, NOON).await.unwrap();
    assert_eq!(quotas[0].used, 10);
    assert_eq!(database.violations().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_kept_with_the_version_and_the_clock() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    let writers = UsageWriters::start(&database);
    let organization = registered(&database).await;
    let allowed = a_use("allowed", 10);
    let denied = Use { quantity: 11, ..a_use("denied", 10) };
    for (seconds, usage) in [(1, allowed.clone()), (2, denied.clone())] {
        let now = NOON + time::Duration::seconds(seconds);
        writers.apply(organization, usage.into(), now).await.unwrap();
    }
    let kept = "SELECT event_id || ' ' || plan_version_id AS name, \
         floor(extract(second FROM decided_at))::bigint AS number FROM usage_keys ORDER BY decided_at";
    let name = |usage: &Use| format!("{} {}", usage.id, usage.plan_version_id);
    let (allowed, denied) = (name(&allowed), name(&denied));
    assert_eq!(rows(&scratch, kept).await, [(allowed, 1), (denied, 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_found_as_long_as_events_may_be_late() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    database.ensure_partitions(NOON).await.unwrap();
    let writers = UsageWriters::start(&database);
    let organization = registered(&database).await;
    for days in [0, 1, 20, 36] {
        let usage = Use { id: a_fresh_id(), ..tracked("once", Effect::Add, 1) };
        let now = NOON + time::Duration::days(days);
        let outcome = writers.apply(organization, usage.into(), now).await.unwrap();
        let UsageOutcome::Recorded(facts) = outcome else { panic!("{outcome:?}") };
        assert_eq!(facts.replayed, days > 0, "after {days} days");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_migration_can_be_undone() {
    let scratch = Scratch::new().await;
    let mut admin = AsyncPgConnection::establish(&scratch.admin_url).await.unwrap();
    let (down, up) = (
        include_str!("../../../../migrations/2026-11-20-000008_usage_aggregations/down.sql"),
        include_str!("../../../../migrations/2026-11-20-000008_usage_aggregations/up.sql"),
    );
    admin.batch_execute("SET ROLE billing_owner").await.unwrap();
    admin.batch_execute(down).await.unwrap();
    admin.batch_execute(up).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_counts_nothing_twice_also_without_keys_of_callers() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    let writers = UsageWriters::start(&database);
    let organization = registered(&database).await;
    let sending = (0..32).map(|client| {
        let writers = writers.clone();
        tokio::spawn(async move {
            let mut counted = 0;
            for n in 0..30 {
                let made = |m| Use {
                    key_is_new: true,
                    ..tracked(format!("{client} {n} {m}"), Effect::Add, 1)
                };
                let batch = (0..5).map(|m| made(m).into()).collect();
                let answered = all(&writers, organization, batch).await;
                counted += answered.map_or(0, |outcomes| outcomes.len());
            }
            counted
        })
    });
    let sending: Vec<_> = sending.collect();
    let mut admin = AsyncPgConnection::establish(&scratch.admin_url).await.unwrap();
    while !sending.iter().all(tokio::task::JoinHandle::is_finished) {
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()";
        admin.batch_execute(kill).await.unwrap();
        admin.batch_execute("SELECT pg_sleep(0.03)").await.unwrap();
    }
    let mut counted = 0;
    for sent in sending {
        counted += i64::try_from(sent.await.unwrap()).unwrap();
    }
    let kept = "SELECT 'twice' AS name, count(*) - count(DISTINCT event_id) AS number \
         FROM usage_events UNION ALL SELECT 'kept', count(*) FROM usage_events ORDER BY 1";
    let kept = rows(&scratch, kept).await;
    assert_eq!(kept[1], ("twice".to_owned(), 0));
    assert!(kept[0].1 >= counted, "{kept:?}, and {counted} were acknowledged");
    assert_eq!(database.violations().await.unwrap(), []);
}
