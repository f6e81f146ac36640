//! The ports of an installation over a database, without gateways, folders and mail.

use std::sync::Arc;

use billing_app::{
    MailPorts, Ports,
    ports::{Clock, Ids},
};
use billing_postgres::{
    CreditWriters, Database, FactReaders, PostgresChanges, PostgresInbox, UsageWriters,
};
use billing_testkit::{FakeReceivers, FixedSecrets, PlainLetters};

/// One process over a database.
pub(crate) fn ports(database: &Database, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Ports {
    let records = Arc::new(database.clone());
    Ports {
        store: records.clone(),
        credits: Arc::new(CreditWriters::start(&records)),
        usage: Arc::new(UsageWriters::start(&records)),
        inbox: Arc::new(PostgresInbox::start(&records)),
        outbox: records.clone(),
        deliveries: records.clone(),
        webhook_sender: Arc::new(FakeReceivers::default()),
        requests: records.clone(),
        catalogue: records.clone(),
        organizations: records.clone(),
        money: records.clone(),
        subscriptions: records.clone(),
        trials: records.clone(),
        collections: records.clone(),
        ledgers: records.clone(),
        usage_days: records.clone(),
        usage_archive: records.clone(),
        archive_folder: None,
        access: records.clone(),
        facts: Arc::new(FactReaders::start(&records)),
        changes: Arc::new(PostgresChanges::start(&records)),
        reconciling: records.clone(),
        reconciliations: records.clone(),
        jobs: records.clone(),
        partitions: records.clone(),
        movable_clock: None,
        simulators: Vec::new(),
        gateways: Vec::new(),
        mail: MailPorts {
            queue: records.clone(),
            letters: Arc::new(PlainLetters),
            mailer: None,
            mailbox: None,
        },
        identity: Vec::new(),
        members: records.clone(),
        clock,
        ids,
        secrets: Arc::new(FixedSecrets::default()),
    }
}
