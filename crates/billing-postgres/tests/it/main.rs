//! Every promise of the storage ports, kept by PostgreSQL; and what only PostgreSQL promises.

use std::sync::Arc;

use billing_postgres::{CreditWriters, UsageWriters};
use billing_testkit::Subject;

mod schema;
mod scratch;
mod start;
mod writers;

mod promises {
    billing_testkit::conformance!(super::a_subject());
}

async fn a_subject() -> Subject {
    let scratch = scratch::Scratch::new().await;
    let database = Arc::new(scratch.database());
    Subject {
        store: database.clone(),
        credits: Arc::new(CreditWriters::start(&database)),
        usage: Arc::new(UsageWriters::start(&database)),
        inbox: database.clone(),
        requests: database.clone(),
        catalogue: database.clone(),
        organizations: database.clone(),
        money: database.clone(),
        ledger_queries: database.clone(),
        access: database,
        guard: Box::new(scratch),
    }
}
