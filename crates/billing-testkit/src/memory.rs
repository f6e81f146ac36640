//! All ports of storage, in memory.

mod accounts;
mod changes_asked;
mod collections;
mod deliveries;
mod discounts;
mod emails;
mod identities;
mod inbox;
mod invoices;
mod jobs;
mod ledgers;
mod money;
mod offers;
mod outbox;
mod pending_items;
mod queries;
mod reconciliations;
mod records;
mod requests;
mod trials;
mod unit;
mod usage_archive;
mod usage_days;
mod world;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{Scope, Store, UnitOfWork},
};
use billing_domain::{
    catalogue::Catalogue,
    event::{Event, What},
    id::{OrganizationId, SubscriptionId},
    invoice::PendingItem,
    subscription::Change,
    usage::{Counted, Counter, CounterKey},
};
use tokio::sync::OwnedMutexGuard;

pub use self::emails::PlainLetters;
use self::{unit::Unit, world::World};

/// All ports of storage over one world in memory.
///
/// A unit of work copies the world, works on the copy, and puts it back at the commit. Whatever
/// writes waits for the open unit; queries never wait. Clones share the world.
#[derive(Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    world: Mutex<World>,
    turn: Arc<tokio::sync::Mutex<()>>,
    down: AtomicBool,
    next_commit: Mutex<NextCommit>,
}

/// What becomes of the next commit.
#[derive(Clone, Copy, Default)]
enum NextCommit {
    #[default]
    Done,
    /// It happens, and the answer is lost.
    Lost,
    /// It does not happen.
    Failed,
}

/// A use case that opens a second unit inside the first would wait for itself for ever.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// A store that sells something.
    pub fn selling(catalogue: Catalogue) -> Self {
        let store = Self::default();
        store.shared.world(|world| world.catalogue.fill(catalogue));
        store
    }

    /// From now on every call answers `Unavailable`.
    pub fn go_down(&self) {
        self.shared.down.store(true, Ordering::SeqCst);
    }

    /// Calls are answered again.
    pub fn come_back(&self) {
        self.shared.down.store(false, Ordering::SeqCst);
    }

    /// The next commit, or ledger command, happens, but is answered with `Unavailable`.
    pub fn lose_next_commit(&self) {
        self.shared.set_next_commit(NextCommit::Lost);
    }

    /// The next commit, or ledger command, does not happen, and is answered with `Unavailable`.
    pub fn fail_next_commit(&self) {
        self.shared.set_next_commit(NextCommit::Failed);
    }

    /// Everything that waits for a next invoice.
    pub fn waiting_items(&self) -> Vec<PendingItem> {
        self.shared.world(|world| {
            let all = world.pending_items.values();
            all.filter(|item| item.invoice_id.is_none()).cloned().collect()
        })
    }

    /// All that happened, in the order in which it was committed.
    pub fn events(&self) -> Vec<Event> {
        self.shared.world(|world| world.events.clone())
    }

    /// What the credit ledger of an organization told others, in order.
    pub fn told_of_credits(&self, organization: OrganizationId) -> Vec<What> {
        self.shared.world(|world| {
            let book = world.credits.get(&organization);
            let told = book.map(|book| book.told.as_slice()).unwrap_or_default();
            told.iter().map(|(_, what)| what.clone()).collect()
        })
    }

    /// All changes of a subscription, in the order in which they were committed.
    pub fn changes(&self, subscription: SubscriptionId) -> Vec<Change> {
        self.shared.world(|world| {
            let of_it = world.changes.iter().filter(|(id, _)| *id == subscription);
            of_it.map(|(_, change)| change.clone()).collect()
        })
    }

    /// Damages a counter, so that it is not the count of its events any more.
    pub fn damage_counter(&self, organization: OrganizationId, key: CounterKey, counter: Counter) {
        self.shared.world(|world| {
            if let Some(book) = world.usage.get_mut(&organization) {
                book.counters.insert(key.clone(), counter);
                book.account.know_counter(key, counter);
            }
        });
    }

    /// Files that were kept, by name.
    pub fn files(&self) -> BTreeMap<String, String> {
        self.shared.world(|world| world.files.clone())
    }

    /// All raw usage of an organization that was counted, with its numbers.
    pub fn counted(&self, organization: OrganizationId) -> Vec<Counted> {
        self.shared.world(|world| {
            world.usage.get(&organization).map(|book| book.counted.clone()).unwrap_or_default()
        })
    }
}

impl Shared {
    /// Looks at the world, up or down.
    fn world<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        work(&mut self.world.lock().expect("nobody panics while holding the world"))
    }

    fn set_next_commit(&self, next: NextCommit) {
        *self.next_commit.lock().expect("nobody panics while holding a switch") = next;
    }

    fn reachable(&self) -> Result<(), Error> {
        if self.down.load(Ordering::SeqCst) { Err(unavailable("it is down")) } else { Ok(()) }
    }

    /// Waits until no unit of work is open.
    async fn turn(&self) -> Result<OwnedMutexGuard<()>, Error> {
        self.reachable()?;
        tokio::time::timeout(LONGEST_WAIT, Arc::clone(&self.turn).lock_owned())
            .await
            .map_err(|_| unavailable("another unit of work is open and does not end"))
    }

    /// What is committed, without waiting.
    fn read<T>(&self, look: impl FnOnce(&World) -> T) -> Result<T, Error> {
        self.reachable()?;
        Ok(self.world(|world| look(world)))
    }

    /// A change of its own.
    async fn write<T>(
        &self,
        change: impl FnOnce(&mut World) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        let _turn = self.turn().await?;
        self.world(change)
    }

    /// A change that can be lost.
    async fn commit<T>(
        &self,
        change: impl FnOnce(&mut World) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        let _turn = self.turn().await?;
        self.commit_in_turn(change)
    }

    /// The same for one who has the turn.
    fn commit_in_turn<T>(
        &self,
        change: impl FnOnce(&mut World) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.reachable()?;
        let mut next = self.next_commit.lock().expect("nobody panics while holding a switch");
        match core::mem::take(&mut *next) {
            NextCommit::Done => self.world(change),
            NextCommit::Failed => Err(unavailable("the connection broke before the commit")),
            NextCommit::Lost => {
                self.world(change)?;
                Err(unavailable("the connection broke after the commit"))
            }
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn begin(&self, scope: Scope) -> Result<Box<dyn UnitOfWork>, Error> {
        let turn = self.shared.turn().await?;
        let world = self.shared.world(|world| world.clone());
        Ok(Box::new(Unit { scope, world, shared: Arc::clone(&self.shared), _turn: turn }))
    }
}

fn unavailable(cause: &'static str) -> Error {
    Error::Unavailable {
        what: "the store",
        retry_after: Duration::from_secs(1),
        cause: anyhow::Error::msg(cause),
    }
}
