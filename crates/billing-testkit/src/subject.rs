//! What is put to the test: adapters and fakes alike.

use std::{any::Any, sync::Arc};

use async_trait::async_trait;
use billing_app::ports::{
    AccessQueries, CatalogueQueries, Changes, CollectionQueries, CreditLedger, Deliveries,
    EmailQueue, Facts, Inbox, JobStore, LedgerQueries, Mailbox, Mailer, MemberQueries,
    MoneyQueries, OrganizationQueries, Outbox, PaymentGateway, ReconciliationQueries,
    Reconciliations, Requests, Store, SubscriptionQueries, TrialQueries, UsageArchive, UsageDays,
    UsageLedger,
};
use billing_domain::{event::What, id::OrganizationId};
use serde_json::Value;

use crate::{FakeGateway, MemoryChanges, MemoryStore};

/// An empty store with all its ports, of which the promises are checked.
pub struct Subject {
    /// Units of work.
    pub store: Arc<dyn Store>,
    /// The credit ledger.
    pub credits: Arc<dyn CreditLedger>,
    /// The usage ledger.
    pub usage: Arc<dyn UsageLedger>,
    /// The queue of webhooks.
    pub inbox: Arc<dyn Inbox>,
    /// What happened, for those who are told.
    pub outbox: Arc<dyn Outbox>,
    /// The queue of emails.
    pub emails: Arc<dyn EmailQueue>,
    /// What a sandbox keeps instead of sending it, handed over and looked at.
    pub mailbox: (Arc<dyn Mailer>, Arc<dyn Mailbox>),
    /// Who belongs to organizations.
    pub members: Arc<dyn MemberQueries>,
    /// Outgoing webhooks.
    pub deliveries: Arc<dyn Deliveries>,
    /// Requests with idempotency keys.
    pub requests: Arc<dyn Requests>,
    /// What is on sale.
    pub catalogue: Arc<dyn CatalogueQueries>,
    /// Who is billed.
    pub organizations: Arc<dyn OrganizationQueries>,
    /// What was paid.
    pub money: Arc<dyn MoneyQueries>,
    /// What is planned for subscriptions.
    pub subscriptions: Arc<dyn SubscriptionQueries>,
    /// What our engine bills.
    pub trials: Arc<dyn TrialQueries>,
    /// The invoices whose money we take.
    pub collections: Arc<dyn CollectionQueries>,
    /// What stands in the ledgers.
    pub ledger_queries: Arc<dyn LedgerQueries>,
    /// Use by day.
    pub usage_days: Arc<dyn UsageDays>,
    /// Raw events of old months.
    pub usage_archive: Arc<dyn UsageArchive>,
    /// Who may ask.
    pub access: Arc<dyn AccessQueries>,
    /// What decisions rest on.
    pub facts: Arc<dyn Facts>,
    /// The ways of two processes to each other.
    pub changes: [Arc<dyn Changes>; 2],
    /// What we have of what gateways have.
    pub reconciling: Arc<dyn ReconciliationQueries>,
    /// The book of where the two differ.
    pub reconciliations: Arc<dyn Reconciliations>,
    /// Who runs which job.
    pub jobs: Arc<dyn JobStore>,
    /// What no port shows.
    pub witness: Arc<dyn Witness>,
    /// Whatever must live as long: a database that goes when it is dropped.
    pub guard: Box<dyn Any + Send + Sync>,
}

/// Sees what no port shows.
#[async_trait]
pub trait Witness: Send + Sync {
    /// What the credit ledger of an organization told others, in order: the public name of each
    /// event, and what it says.
    async fn told(&self, organization: OrganizationId) -> anyhow::Result<Vec<(String, Value)>>;
    /// What must hold and does not.
    async fn violations(&self) -> anyhow::Result<Vec<String>>;
}

#[async_trait]
impl Witness for MemoryStore {
    async fn told(&self, organization: OrganizationId) -> anyhow::Result<Vec<(String, Value)>> {
        self.told_of_credits(organization).iter().map(named).collect()
    }

    async fn violations(&self) -> anyhow::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// As it stands in an outbox.
pub(crate) fn named(what: &What) -> anyhow::Result<(String, Value)> {
    let mut told = serde_json::to_value(what)?;
    let part = |name| told.get_mut(name).map(Value::take).unwrap_or_default();
    let [name, data] = ["type", "data"].map(part);
    Ok((name.as_str().unwrap_or_default().to_owned(), data))
}

impl MemoryStore {
    /// The store, to be put to the test.
    pub fn subject(&self) -> Subject {
        let store = Arc::new(self.clone());
        let changes = MemoryChanges::default();
        let another = changes.another();
        Subject {
            store: store.clone(),
            credits: store.clone(),
            usage: store.clone(),
            inbox: store.clone(),
            outbox: store.clone(),
            emails: store.clone(),
            mailbox: (store.clone(), store.clone()),
            members: store.clone(),
            deliveries: store.clone(),
            requests: store.clone(),
            catalogue: store.clone(),
            organizations: store.clone(),
            money: store.clone(),
            subscriptions: store.clone(),
            trials: store.clone(),
            collections: store.clone(),
            ledger_queries: store.clone(),
            usage_days: store.clone(),
            usage_archive: store.clone(),
            access: store.clone(),
            facts: store.clone(),
            changes: [Arc::new(another), Arc::new(changes)],
            reconciling: store.clone(),
            reconciliations: store.clone(),
            jobs: store.clone(),
            witness: store,
            guard: Box::new(()),
        }
    }
}

/// A gateway at which nothing has happened, of which the promises are checked.
pub struct GatewaySubject {
    /// The gateway.
    pub gateway: Arc<dyn PaymentGateway>,
    /// A person with a card that works.
    pub payer: Arc<dyn Payer>,
    /// Whatever must live as long: a sandbox that stops when it is dropped.
    pub guard: Box<dyn Any + Send + Sync>,
}

/// A person with a card that works.
#[async_trait]
pub trait Payer: Send + Sync {
    /// Pays on the open page of a session, or begins the trial that it offers.
    async fn pay(&self, session: &str);
    /// From now on the bank of a customer says no when nobody is there.
    async fn refuse(&self, customer: &str);
}

#[async_trait]
impl Payer for FakeGateway {
    async fn pay(&self, session: &str) {
        Self::pay(self, session);
    }

    async fn refuse(&self, customer: &str) {
        Self::refuse(self, customer);
    }
}
