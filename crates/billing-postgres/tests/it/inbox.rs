//! What the inbox promises in PostgreSQL beyond its port: receipts in one commit take none along
//! that fails, nothing acknowledged is lost, and choosing costs the same however many wait.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use billing_app::{
    Error,
    ports::{FailedTry, Inbox, NewWebhook},
};
use billing_postgres::PostgresInbox;
use billing_testkit::{
    NOON,
    builders::{a_failed_try, a_webhook, an_alert},
};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::join_all;

use crate::scratch::Scratch;

const LEASE: Duration = Duration::from_secs(60);

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

async fn number(scratch: &Scratch, sql: &str) -> i64 {
    let mut admin = AsyncPgConnection::establish(&scratch.admin_url).await.unwrap();
    sql_query(sql).get_result::<Number>(&mut admin).await.unwrap().number
}

async fn admin(scratch: &Scratch, sql: &str) {
    let mut admin = AsyncPgConnection::establish(&scratch.admin_url).await.unwrap();
    admin.batch_execute(sql).await.unwrap();
}

/// Everybody but the one who asks is thrown out, and has written down what it did.
const THROW_OUT: &str = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
     WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_cannot_be_kept_fails_alone() {
    let scratch = Scratch::new().await;
    let inbox = PostgresInbox::start(&scratch.database());
    // PostgreSQL has no text with a zero byte: the whole batch around it fails at first.
    let webhooks: Vec<_> = (0..100)
        .map(|n| NewWebhook {
            kind: if n == 50 { "po\0ison" } else { "a" }.to_owned(),
            ..a_webhook()
        })
        .collect();
    let kept = join_all(webhooks.iter().map(|webhook| inbox.receive(webhook))).await;
    assert!(matches!(kept[50], Err(Error::Internal(_))), "{:?}", kept[50]);
    assert_eq!(kept.iter().filter(|it| matches!(it, Ok(true))).count(), 99);
    assert_eq!(number(&scratch, "SELECT count(*) AS number FROM webhooks").await, 99);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_ten_times_among_others_is_kept_once() {
    let scratch = Scratch::new().await;
    let inboxes = [(); 2].map(|()| PostgresInbox::start(&scratch.database()));
    let events: Vec<_> = (0..20).map(|_| a_webhook()).collect();
    // Two processes are sent each event five times, in opposite orders.
    let tasks = (0..200).map(|n| {
        let (of, nth) = (n % 2, (n / 2) % 20);
        let event = &events[if of == 0 { nth } else { 19 - nth }];
        let (inbox, webhook) = (&inboxes[of], NewWebhook { id: a_webhook().id, ..event.clone() });
        async move { (webhook.event_id.clone(), inbox.receive(&webhook).await.unwrap()) }
    });
    let answers = join_all(tasks).await;
    let new: Vec<_> = answers.iter().filter(|(_, new)| *new).map(|(event, _)| event).collect();
    assert_eq!(new.iter().collect::<BTreeSet<_>>().len(), 20, "one of each is new");
    assert_eq!(new.len(), 20);
    assert_eq!(number(&scratch, "SELECT count(*) AS number FROM webhooks").await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_connections_lose_no_receipt() {
    let scratch = Scratch::new().await;
    let inbox = Arc::new(PostgresInbox::start(&scratch.database()));
    let sending = (0..32).map(|_| {
        let inbox = inbox.clone();
        tokio::spawn(async move {
            let mut new = 0;
            for _ in 0..30 {
                let webhook = a_webhook();
                // Whoever gets no answer sends it again, as gateways do.
                loop {
                    match inbox.receive(&webhook).await {
                        Ok(kept) => break new += usize::from(kept),
                        Err(_) => tokio::task::yield_now().await,
                    }
                }
            }
            new
        })
    });
    let sending: Vec<_> = sending.collect();
    while !sending.iter().all(tokio::task::JoinHandle::is_finished) {
        admin(&scratch, THROW_OUT).await;
        admin(&scratch, "SELECT pg_sleep(0.03)").await;
    }
    let mut told = 0;
    for sent in sending {
        told += sent.await.unwrap();
    }
    assert_eq!(number(&scratch, "SELECT count(*) AS number FROM webhooks").await, 32 * 30);
    assert!(told <= 32 * 30, "none is new twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_can_wait_is_told_to_come_back() {
    let scratch = Scratch::new().await;
    let inbox = PostgresInbox::start(&scratch.database());
    let large = || NewWebhook { body: vec![b' '; 1 << 20], ..a_webhook() };
    let webhooks: Vec<_> = (0..80).map(|_| large()).collect();
    let answers = join_all(webhooks.iter().map(|webhook| inbox.receive(webhook))).await;
    let told = answers.iter().filter(|it| matches!(it, Err(Error::Unavailable { .. }))).count();
    assert!(told > 0, "a queue has an end");
    let kept = answers.iter().filter(|it| matches!(it, Ok(true))).count();
    assert_eq!(told + kept, answers.len());
    let there = number(&scratch, "SELECT count(*) AS number FROM webhooks").await;
    assert_eq!(there, i64::try_from(kept).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_in_the_outbox_once() {
    let scratch = Scratch::new().await;
    let inbox = PostgresInbox::start(&scratch.database());
    let webhook = a_webhook();
    inbox.receive(&webhook).await.unwrap();
    for again in [Some(NOON), None] {
        let claimed = inbox.claim(NOON, LEASE, 1).await.unwrap().remove(0);
        let alert = Some(an_alert(webhook.id));
        let failed = FailedTry { alert, ..a_failed_try(claimed.claim, "no", again) };
        assert_eq!(inbox.fail(&failed).await.unwrap(), again.is_some());
    }
    let told = "SELECT count(*) AS number FROM outbox WHERE type = 'webhook.failed' \
         AND organization_id = '00000000-0000-0000-0000-000000000000'";
    assert_eq!(number(&scratch, told).await, 1);
}

/// So many wait of so many subjects, and the first 20 000 are of one.
const BACKLOG: &str = "INSERT INTO webhooks (webhook_id, gateway, event_id, kind, subject, body, \
     status, received_at, next_attempt_at) SELECT gen_random_uuid(), 'stripe', 'evt_' || n, \
     'invoice.paid', CASE WHEN n <= 20000 THEN 'cus_hot' ELSE 'cus_' || n % 30000 END, \
     '{}', 'received', at, at FROM (SELECT n, timestamptz '2026-03-14 11:00+00' \
     + n * interval '1 ms' AS at FROM generate_series(1, 100000) n) rows";
/// Rows of the inbox that were read, by index or not.
const READ: &str = "SELECT (seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint AS number \
     FROM pg_stat_user_tables WHERE relname = 'webhooks'";

#[tokio::test(flavor = "multi_thread")]
async fn choosing_costs_the_same_however_many_wait() {
    let scratch = Scratch::new().await;
    admin(&scratch, BACKLOG).await;
    let inbox = PostgresInbox::start(&scratch.database());
    let mut claims = Vec::new();
    while claims.last() != Some(&6) {
        assert!(claims.len() < 8, "the hot subject is passed over a few thousand at once");
        claims.push(inbox.claim(NOON, LEASE, 6).await.unwrap().len());
    }
    assert_eq!(claims[0], 1, "the first of the hot ones");
    assert_eq!(violations(&scratch).await, Vec::<String>::new());
    // Now that these stand aside, a claim looks at the front once.
    admin(&scratch, THROW_OUT).await;
    let before = number(&scratch, READ).await;
    let inbox = PostgresInbox::start(&scratch.database());
    for _ in 0..10 {
        assert_eq!(inbox.claim(NOON, LEASE, 6).await.unwrap().len(), 6);
    }
    admin(&scratch, THROW_OUT).await;
    let read = number(&scratch, READ).await - before;
    assert!(read < 10 * 2_000, "{read} rows were read by 10 claims");
}

async fn violations(scratch: &Scratch) -> Vec<String> {
    let found = scratch.database().violations().await.unwrap();
    found.into_iter().map(|it| format!("{}: {}", it.invariant, it.rows)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_behind_nobody_is_put_back() {
    let scratch = Scratch::new().await;
    let inbox = PostgresInbox::start(&scratch.database());
    for subject in ["cus_1", "cus_1", "cus_2"] {
        inbox.receive(&NewWebhook { subject: subject.to_owned(), ..a_webhook() }).await.unwrap();
    }
    // As a server of a former release leaves them, which knows of nobody behind.
    admin(&scratch, "UPDATE webhooks SET behind = true").await;
    assert_eq!(inbox.claim(NOON, LEASE, 10).await.unwrap(), []);
    assert_eq!(inbox.claim(NOON, LEASE, 10).await.unwrap().len(), 2, "one of each");
    assert_eq!(inbox.claim(NOON, LEASE, 10).await.unwrap(), []);
}
