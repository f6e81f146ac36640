//! Every promise of the storage ports, kept by PostgreSQL; and what only PostgreSQL promises.

use std::sync::Arc;

use billing_postgres::{
    CreditWriters, FactReaders, PostgresChanges, PostgresInbox, PostgresMailbox, UsageWriters,
};
use billing_testkit::Subject;

mod bank;
mod discounts;
mod engine_changes;
mod inbox;
mod invariants;
mod invoices;
mod model;
mod outbox;
mod ports;
mod readers;
mod renewals;
mod sandbox_clock;
mod schema;
mod scratch;
mod seeds;
mod start;
mod trials;
mod usage;
mod usage_archive;
mod witness;
mod writers;

mod promises {
    billing_testkit::conformance!(super::a_subject());
}

async fn a_subject() -> Subject {
    let scratch = scratch::Scratch::new().await;
    let database = Arc::new(scratch.database());
    let looking =
        witness::Looking { database: scratch.database(), admin_url: scratch.admin_url.clone() };
    Subject {
        store: database.clone(),
        credits: Arc::new(CreditWriters::start(&database)),
        usage: Arc::new(UsageWriters::start(&database)),
        inbox: Arc::new(PostgresInbox::start(&database)),
        outbox: database.clone(),
        emails: database.clone(),
        mailbox: {
            let mailbox = Arc::new(PostgresMailbox::of(&database));
            (mailbox.clone(), mailbox)
        },
        members: database.clone(),
        deliveries: database.clone(),
        requests: database.clone(),
        catalogue: database.clone(),
        organizations: database.clone(),
        money: database.clone(),
        subscriptions: database.clone(),
        trials: database.clone(),
        collections: database.clone(),
        ledger_queries: database.clone(),
        usage_days: database.clone(),
        usage_archive: database.clone(),
        access: database.clone(),
        facts: Arc::new(FactReaders::start(&database)),
        changes: [
            Arc::new(PostgresChanges::start(&database)),
            Arc::new(PostgresChanges::start(&scratch.database())),
        ],
        reconciling: database.clone(),
        reconciliations: database.clone(),
        jobs: database.clone(),
        witness: Arc::new(looking),
        guard: Box::new(scratch),
    }
}
