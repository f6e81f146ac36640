//! What was read of organizations, kept for a second: it is asked far more often than it changes.
//!
//! What this process changes is forgotten at once; what another one changes, when it is heard of,
//! and a second later at the latest.

use std::{
    borrow::Borrow,
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use billing_domain::id::OrganizationId;
use time::OffsetDateTime;

use crate::freshness::{RENEW_AFTER, is_fresh};

/// Askers meet only in a shard.
const SHARDS: usize = 64;
/// More organizations than are asked about within a second; beyond it a shard starts anew.
const MOST_IN_A_SHARD: usize = 4096;
/// More than that to be read anew is left to those who ask.
const MOST_DUE: usize = 65_536;
/// Changes are counted for groups of organizations, so that their counts never need to be forgotten.
const GROUPS: usize = 4096;

/// How often the group of an organization had changed when a read began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reading(u64);

/// What is to be read anew, of whom and by which name.
pub(crate) struct Due<N> {
    pub(crate) organization: OrganizationId,
    pub(crate) name: N,
    pub(crate) reading: Reading,
}

/// Something that is believed for a while.
pub(crate) trait Known: Clone {
    /// When it was read, by the wall clock.
    fn read_at(&self) -> OffsetDateTime;
    /// Whether it is still so by the business clock, if nothing happened.
    fn goes_on(&self, now: OffsetDateTime) -> bool;
}

/// Values of organizations, by name.
pub(crate) struct Memory<N, V> {
    shards: Vec<Mutex<Shard<N, V>>>,
    changes: Vec<AtomicU64>,
    due: Mutex<Vec<(OrganizationId, N)>>,
}

type Shard<N, V> = HashMap<OrganizationId, Vec<Kept<N, V>>>;

struct Kept<N, V> {
    name: N,
    value: V,
    reading: Reading,
    /// Whether it waits to be read anew.
    due: bool,
}

impl<N, V> Default for Memory<N, V> {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            changes: (0..GROUPS).map(|_| AtomicU64::new(0)).collect(),
            due: Mutex::default(),
        }
    }
}

impl<N: Eq, V: Known> Memory<N, V> {
    /// What is known and fresh; else the beginning of reading it.
    pub(crate) fn get<Q>(
        &self,
        organization: OrganizationId,
        name: &Q,
        (now, wall): (OffsetDateTime, OffsetDateTime),
    ) -> Result<V, Reading>
    where
        N: Borrow<Q>,
        Q: Eq + ToOwned<Owned = N> + ?Sized,
    {
        let reading = self.reading(organization);
        let mut shard = self.shard(organization);
        let kept = shard.get_mut(&organization);
        let kept = kept.and_then(|names| names.iter_mut().find(|kept| kept.name.borrow() == name));
        let usable = |kept: &&mut Kept<N, V>| {
            let value = &kept.value;
            kept.reading == reading && is_fresh(value.read_at(), wall) && value.goes_on(now)
        };
        let kept = kept.filter(usable).ok_or(reading)?;
        if !kept.due && wall - kept.value.read_at() >= RENEW_AFTER {
            let mut due = locked(&self.due);
            if due.len() < MOST_DUE {
                kept.due = true;
                due.push((organization, name.to_owned()));
            }
        }
        Ok(kept.value.clone())
    }

    /// Keeps what was read, unless something has changed since the read began.
    pub(crate) fn put(&self, organization: OrganizationId, name: N, value: V, reading: Reading) {
        if self.reading(organization) != reading {
            return;
        }
        let mut shard = self.shard(organization);
        if shard.len() >= MOST_IN_A_SHARD {
            shard.clear();
        }
        let names = shard.entry(organization).or_default();
        names.retain(|kept| kept.name != name);
        names.push(Kept { name, value, reading, due: false });
    }

    /// Hands over what was asked for and is to be read anew.
    pub(crate) fn take_due(&self) -> Vec<Due<N>> {
        let due = std::mem::take(&mut *locked(&self.due));
        let due = due.into_iter().map(|(organization, name)| Due {
            organization,
            name,
            reading: self.reading(organization),
        });
        due.collect()
    }

    /// Called after every change of it.
    pub(crate) fn forget(&self, organization: OrganizationId) {
        self.changes_of(organization).fetch_add(1, Ordering::SeqCst);
    }

    /// Called when anything may have changed.
    pub(crate) fn forget_all(&self) {
        for changes in &self.changes {
            changes.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn reading(&self, organization: OrganizationId) -> Reading {
        Reading(self.changes_of(organization).load(Ordering::SeqCst))
    }

    fn changes_of(&self, organization: OrganizationId) -> &AtomicU64 {
        let group = spread(organization) % GROUPS;
        self.changes.get(group).expect("there is a count for every group")
    }

    fn shard(&self, organization: OrganizationId) -> MutexGuard<'_, Shard<N, V>> {
        let shard = self.shards.get(spread(organization) % SHARDS);
        locked(shard.expect("there is a shard for everybody"))
    }
}

/// The last bits of an id are random.
fn spread(organization: OrganizationId) -> usize {
    let [.., high, low] = organization.0.into_bytes();
    usize::from(u16::from_be_bytes([high, low]))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
