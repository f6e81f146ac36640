//! Everything the sandbox knows, in memory, kept by the journal.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

use crate::{
    journal::{Change, Journal},
    outbox::{Parcel, State},
    record::{Kept, Record},
    work::Work,
};

/// When, if ever, a record needs attention without being asked.
pub(crate) type DueAt = fn(&Record) -> Option<i64>;

/// Events are looked up for this long, as at the real gateway.
const EVENTS_KEPT_SECONDS: i64 = 30 * 86_400;
/// At least a day is promised; two leave room.
pub(crate) const ANSWERS_KEPT_SECONDS: i64 = 2 * 86_400;

/// Everything the sandbox knows.
pub(crate) struct Store {
    pub(crate) journal: Journal,
    records: HashMap<String, Record>,
    /// Ids by kind, in order of creation.
    kinds: HashMap<String, BTreeMap<u64, String>>,
    /// What needs attention, by when.
    due: BTreeSet<(i64, String)>,
    due_at: DueAt,
    parcels: HashMap<String, Parcel>,
    /// Events still to be delivered, in order of creation.
    waiting: BTreeMap<u64, String>,
    kept: HashMap<String, Kept>,
    last_seq: u64,
}

impl Store {
    /// Reads the journal, drops what has had its time, and writes the rest back compactly.
    pub(crate) fn open(path: Option<&Path>, due_at: DueAt, now: i64) -> anyhow::Result<Self> {
        let mut store = Self {
            journal: Journal::closed(),
            records: HashMap::new(),
            kinds: HashMap::new(),
            due: BTreeSet::new(),
            due_at,
            parcels: HashMap::new(),
            waiting: BTreeMap::new(),
            kept: HashMap::new(),
            last_seq: 0,
        };
        let mut journal = Journal::open(path, |change| store.apply(change))?;
        store.forget_before(now);
        if let Some(path) = path {
            journal.compact(path, store.snapshot())?;
        }
        store.journal = journal;
        Ok(store)
    }

    /// Opens a unit of work.
    pub(crate) fn begin(&mut self) -> Work<'_> {
        Work::new(self)
    }

    pub(crate) fn record(&self, id: &str) -> Option<&Record> {
        self.records.get(id)
    }

    /// All records of a kind, oldest first.
    pub(crate) fn of_kind(&self, kind: &str) -> impl DoubleEndedIterator<Item = &Record> {
        let ids = self.kinds.get(kind).into_iter().flat_map(BTreeMap::values);
        ids.filter_map(|id| self.records.get(id))
    }

    /// What is due soonest, if it is due by now.
    pub(crate) fn first_due(&self, now: i64) -> Option<(i64, String)> {
        self.due.first().filter(|(at, _)| *at <= now).cloned()
    }

    /// When something is due next, be it over or to come.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(crate) fn parcel(&self, event: &str) -> Option<&Parcel> {
        self.parcels.get(event)
    }

    /// Parcels that still have to be delivered, in order of creation.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Parcel> {
        self.waiting.values().filter_map(|event| self.parcels.get(event))
    }

    pub(crate) fn kept(&self, key: &str, now: i64) -> Option<&Kept> {
        self.kept.get(key).filter(|kept| now < kept.at.saturating_add(ANSWERS_KEPT_SECONDS))
    }

    pub(crate) fn next_seq(&self) -> u64 {
        self.last_seq + 1
    }

    /// Takes in a change that is already on the disk, or about to be.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Put(record) => self.put(record),
            Change::Parcel(parcel) => self.put_parcel(parcel),
            Change::Tried { event, attempt, state } => {
                if let Some(mut parcel) = self.parcels.remove(&event) {
                    parcel.record(attempt, state);
                    self.put_parcel(parcel);
                }
            }
            Change::Kept(kept) => {
                self.kept.insert(kept.key.clone(), kept);
            }
        }
    }

    /// Takes a record out again: only a unit of work that is undone does this.
    pub(crate) fn remove(&mut self, id: &str) {
        if let Some(record) = self.records.remove(id) {
            self.forget_due(&record);
            if let Some(ids) = self.kinds.get_mut(record.kind()) {
                ids.remove(&record.seq);
            }
        }
    }

    pub(crate) fn remove_parcel(&mut self, event: &str) {
        self.parcels.remove(event);
        self.waiting.retain(|_, waiting| waiting != event);
    }

    pub(crate) fn remove_kept(&mut self, key: &str) {
        self.kept.remove(key);
    }

    fn put(&mut self, record: Record) {
        let id = record.id().to_owned();
        self.remove(&id);
        self.last_seq = self.last_seq.max(record.seq);
        if let Some(at) = (self.due_at)(&record) {
            self.due.insert((at, id.clone()));
        }
        self.kinds.entry(record.kind().to_owned()).or_default().insert(record.seq, id.clone());
        self.records.insert(id, record);
    }

    fn put_parcel(&mut self, parcel: Parcel) {
        if let Some(seq) = self.records.get(&parcel.event).map(|event| event.seq) {
            if parcel.state == State::Waiting {
                self.waiting.insert(seq, parcel.event.clone());
            } else {
                self.waiting.remove(&seq);
            }
        }
        self.parcels.insert(parcel.event.clone(), parcel);
    }

    fn forget_due(&mut self, record: &Record) {
        if let Some(at) = (self.due_at)(record) {
            self.due.remove(&(at, record.id().to_owned()));
        }
    }

    fn forget_before(&mut self, now: i64) {
        self.kept.retain(|_, kept| now < kept.at.saturating_add(ANSWERS_KEPT_SECONDS));
        let old: Vec<String> = self
            .of_kind("event")
            .filter(|event| {
                let created = event.object.get("created").and_then(serde_json::Value::as_i64);
                let parcel = self.parcel(event.id());
                created.is_some_and(|at| at.saturating_add(EVENTS_KEPT_SECONDS) < now)
                    && parcel.is_none_or(|parcel| parcel.state != State::Waiting)
            })
            .map(|event| event.id().to_owned())
            .collect();
        for event in old {
            self.remove(&event);
            self.remove_parcel(&event);
        }
    }

    fn snapshot(&self) -> impl Iterator<Item = Change> {
        let mut records: Vec<&Record> = self.records.values().collect();
        records.sort_unstable_by_key(|record| record.seq);
        let records = records.into_iter().cloned().map(Change::Put);
        let parcels = self.parcels.values().cloned().map(Change::Parcel);
        let kept = self.kept.values().cloned().map(Change::Kept);
        records.chain(parcels).chain(kept)
    }
}
