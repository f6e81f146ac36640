//! What the outbox promises in PostgreSQL beyond its port: the order is that of commits, and holds
//! in whichever cluster the database is.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::time::Duration;

use billing_app::ports::{
    EventSubscriber, Outbox as _, OutboxBatch, Scope, Store as _, UnitOfWork,
};
use billing_domain::id::EventId;
use billing_postgres::Database;
use billing_testkit::builders::{an_event, an_organization};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};

use crate::scratch::Scratch;

const SUBSCRIBER: EventSubscriber = EventSubscriber::Webhooks;

/// Writes an event in a unit that is still open.
async fn written(database: &Database) -> (Box<dyn UnitOfWork>, EventId) {
    let organization = an_organization();
    let event = an_event(organization.id);
    let mut work = database.begin(Scope::Engine).await.unwrap();
    work.organizations().insert(&organization, std::slice::from_ref(&event)).await.unwrap();
    (work, event.id)
}

async fn committed(database: &Database) -> EventId {
    let (work, event) = written(database).await;
    work.commit().await.unwrap();
    event
}

/// The next events, once there are so many: transactions of other tests hold them back too.
async fn next(database: &Database, events: usize) -> OutboxBatch {
    let waiting = async {
        loop {
            let batch = database.next(SUBSCRIBER, 100).await.unwrap();
            if batch.events.len() >= events {
                return batch;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap()
}

fn ids(batch: &OutboxBatch) -> Vec<EventId> {
    batch.events.iter().map(|event| event.id).collect()
}

async fn hand_on(database: &Database, batch: &OutboxBatch) {
    let mut work = database.begin(Scope::Engine).await.unwrap();
    work.outbox().handed_on(batch).await.unwrap();
    work.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_waits_for_all_that_may_come_before_it() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    let (open, first) = written(&database).await;
    let second = committed(&database).await;
    for _ in 0..20 {
        assert_eq!(ids(&next(&database, 0).await), [], "the first one may still be committed");
    }
    open.commit().await.unwrap();
    assert_eq!(ids(&next(&database, 2).await), [first, second]);
    let (abandoned, _) = written(&database).await;
    let third = committed(&database).await;
    drop(abandoned);
    assert_eq!(ids(&next(&database, 3).await), [first, second, third]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_goes_on_where_it_stood() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    let mut told = vec![committed(&database).await, committed(&database).await];
    hand_on(&database, &next(&database, 2).await).await;
    let waiting = [committed(&database).await, committed(&database).await];
    next(&database, 2).await;
    // As a dump brings them into a cluster that is younger.
    let elsewhere = "UPDATE outbox SET xid = xid + 1000000000; \
         UPDATE event_subscribers SET xid = xid + 1000000000";
    let mut admin = AsyncPgConnection::establish(&scratch.admin_url).await.unwrap();
    admin.batch_execute(elsewhere).await.unwrap();
    assert_eq!(ids(&next(&database, 0).await), [], "they seem to be of the future");
    for _ in 0..2 {
        database.settle_outbox().await.unwrap();
    }
    let new = committed(&database).await;
    let batch = next(&database, 3).await;
    assert_eq!(ids(&batch), [waiting[0], waiting[1], new]);
    told.extend(ids(&batch));
    hand_on(&database, &batch).await;
    assert_eq!(ids(&next(&database, 0).await), []);
    assert_eq!(told.len(), 5, "each once");
}
