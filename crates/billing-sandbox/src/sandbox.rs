//! What the routes and the background tasks share.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use time::OffsetDateTime;
use tokio::sync::Notify;

use crate::{
    Config,
    faults::Faults,
    journal::Change,
    outbox::{Attempt, State},
    store::Store,
};

/// A running sandbox, as its routes and tasks see it.
pub(crate) struct Sandbox {
    pub(crate) config: Config,
    /// Its own address, without a slash at the end.
    pub(crate) url: String,
    store: Mutex<Store>,
    /// Idempotency keys of requests that are being answered right now.
    in_flight: Mutex<HashSet<String>>,
    /// Told whenever there may be something to deliver.
    pub(crate) posted: Notify,
    /// The time of billing is not before the first instant, counted on from the second, of the
    /// world: somebody said so.
    told: Mutex<Option<(OffsetDateTime, OffsetDateTime)>>,
    faults: Mutex<Faults>,
}

impl Sandbox {
    pub(crate) fn new(config: Config, url: String, store: Store) -> Self {
        let in_flight = Mutex::new(HashSet::new());
        let (store, posted, told) = (Mutex::new(store), Notify::new(), Mutex::new(None));
        Self { config, url, store, in_flight, posted, told, faults: Mutex::default() }
    }

    /// The time of billing, in Unix seconds.
    pub(crate) fn now(&self) -> i64 {
        let now = (self.config.clock)();
        let told = *self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.map(|(then, wall)| then.saturating_add(self.wall() - wall));
        told.map_or(now, |told| told.max(now)).unix_timestamp()
    }

    /// From now on the time of billing is not before an instant: whoever moves it need not wait
    /// until the clock of the configuration has followed.
    pub(crate) fn not_before(&self, instant: OffsetDateTime) {
        if instant.unix_timestamp() > self.now() {
            let told = Some((instant, self.wall()));
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) = told;
        }
    }

    /// The time of the world.
    pub(crate) fn wall(&self) -> OffsetDateTime {
        (self.config.wall)()
    }

    /// A fresh id of 22 letters and digits behind a prefix.
    pub(crate) fn fresh_id(&self, prefix: &str) -> String {
        format!("{prefix}{}", base62((self.config.ids)().as_u128()))
    }

    /// The store, held alone. A request that panicked has undone its work, so its lock is good.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What goes wrong on purpose, held alone.
    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims an idempotency key until the claim is dropped; `None` while another request has it.
    pub(crate) fn claim(&self, key: &str) -> Option<Claim<'_>> {
        let mut claimed = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.insert(key.to_owned()).then(|| Claim { sandbox: self, key: key.to_owned() })
    }

    /// Puts a known event on its way again; `false` if it is not known.
    pub(crate) fn send_again(&self, event: &str) -> std::io::Result<bool> {
        let mut store = self.store();
        let Some(body) = store.parcel(event).map(|parcel| parcel.body.clone()) else {
            return Ok(false);
        };
        let mut work = store.begin();
        work.send(event, body);
        work.commit()?;
        self.posted.notify_one();
        Ok(true)
    }

    /// Writes down a try to deliver an event.
    pub(crate) fn tried(&self, event: &str, attempt: Attempt, state: State) {
        let mut store = self.store();
        let change = Change::Tried { event: event.to_owned(), attempt, state };
        let written = store.journal.append(std::slice::from_ref(&change));
        if let Err(error) = written.and_then(|()| store.journal.sync()) {
            tracing::error!(%error, event, "a delivery result could not be written down");
        }
        store.apply(change);
    }
}

/// An idempotency key in use.
pub(crate) struct Claim<'a> {
    sandbox: &'a Sandbox,
    key: String,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut claimed = self.sandbox.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.remove(&self.key);
    }
}

/// 128 bits in 22 letters and digits.
fn base62(mut number: u128) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = String::with_capacity(22);
    for _ in 0..22 {
        let digit = usize::try_from(number % 62).ok().and_then(|at| DIGITS.get(at));
        text.extend(digit.copied().map(char::from));
        number /= 62;
    }
    text
}
