//! What is put to the test: adapters and fakes alike.

use std::{any::Any, sync::Arc};

use async_trait::async_trait;
use billing_app::ports::{
    AccessQueries, CatalogueQueries, CreditLedger, Inbox, LedgerQueries, MoneyQueries,
    OrganizationQueries, PaymentGateway, Requests, Store, UsageLedger,
};

use crate::{FakeGateway, MemoryStore};

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
    /// Requests with idempotency keys.
    pub requests: Arc<dyn Requests>,
    /// What is on sale.
    pub catalogue: Arc<dyn CatalogueQueries>,
    /// Who is billed.
    pub organizations: Arc<dyn OrganizationQueries>,
    /// What was paid.
    pub money: Arc<dyn MoneyQueries>,
    /// What stands in the ledgers.
    pub ledger_queries: Arc<dyn LedgerQueries>,
    /// Who may ask.
    pub access: Arc<dyn AccessQueries>,
    /// Whatever must live as long: a database that goes when it is dropped.
    pub guard: Box<dyn Any + Send + Sync>,
}

impl MemoryStore {
    /// The store, to be put to the test.
    pub fn subject(&self) -> Subject {
        let store = Arc::new(self.clone());
        Subject {
            store: store.clone(),
            credits: store.clone(),
            usage: store.clone(),
            inbox: store.clone(),
            requests: store.clone(),
            catalogue: store.clone(),
            organizations: store.clone(),
            money: store.clone(),
            ledger_queries: store.clone(),
            access: store,
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
}

#[async_trait]
impl Payer for FakeGateway {
    async fn pay(&self, session: &str) {
        Self::pay(self, session);
    }
}
