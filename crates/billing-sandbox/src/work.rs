//! A unit of work: all of its changes or none.

use std::ops::Deref;

use serde_json::{Map, Value};

use crate::{
    journal::Change,
    json::Fields as _,
    outbox::Parcel,
    record::{Kept, Record},
    store::Store,
};

/// Changes that are visible to it at once and to others after `commit`.
///
/// It holds the store alone, so it writes straight into it and remembers how to take each change
/// back; dropped before `commit`, it leaves no trace.
#[must_use]
pub(crate) struct Work<'a> {
    store: &'a mut Store,
    changes: Vec<Change>,
    undo: Vec<Undo>,
}

/// How to take one change back.
enum Undo {
    Record { id: String, before: Option<Record> },
    Parcel { event: String, before: Option<Parcel> },
    Kept { key: String, before: Option<Kept> },
}

impl<'a> Work<'a> {
    pub(crate) fn new(store: &'a mut Store) -> Self {
        Self { store, changes: Vec::new(), undo: Vec::new() }
    }

    /// Writes an object, new or known; what was noted about it stays.
    pub(crate) fn put(&mut self, object: Value) {
        let known = self.store.record(object.text("id"));
        let (seq, notes) = match known {
            Some(record) => (record.seq, record.notes.clone()),
            None => (self.store.next_seq(), Map::new()),
        };
        self.write(Record { seq, object, notes });
    }

    /// Notes something about an object that its wire form does not show.
    pub(crate) fn note(&mut self, id: &str, name: &str, value: impl Into<Value>) {
        if let Some(record) = self.store.record(id) {
            let mut record = record.clone();
            record.notes.insert(name.to_owned(), value.into());
            self.write(record);
        }
    }

    /// Puts an event on its way, or on its way again.
    pub(crate) fn send(&mut self, event: &str, body: String) {
        let parcel = Parcel::new(event, body);
        let before = self.store.parcel(event).cloned();
        self.undo.push(Undo::Parcel { event: event.to_owned(), before });
        self.change(Change::Parcel(parcel));
    }

    /// Keeps an answer for its idempotency key.
    pub(crate) fn keep(&mut self, kept: Kept) {
        let before = self.store.kept(&kept.key, kept.at).cloned();
        self.undo.push(Undo::Kept { key: kept.key.clone(), before });
        self.change(Change::Kept(kept));
    }

    /// Makes the changes last. They are on the disk when this returns.
    pub(crate) fn commit(mut self) -> std::io::Result<()> {
        self.write_down()?;
        self.store.journal.sync()?;
        self.undo.clear();
        Ok(())
    }

    /// Makes the changes last once the journal is synced.
    pub(crate) fn commit_unsynced(mut self) -> std::io::Result<()> {
        self.write_down()?;
        self.undo.clear();
        Ok(())
    }

    /// Takes back all that was done in it so far.
    pub(crate) fn take_back(&mut self) {
        self.changes.clear();
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Record { before: Some(record), .. } => self.store.apply(Change::Put(record)),
                Undo::Record { id, before: None } => self.store.remove(&id),
                Undo::Parcel { before: Some(parcel), .. } => {
                    self.store.apply(Change::Parcel(parcel));
                }
                Undo::Parcel { event, before: None } => self.store.remove_parcel(&event),
                Undo::Kept { before: Some(kept), .. } => self.store.apply(Change::Kept(kept)),
                Undo::Kept { key, before: None } => self.store.remove_kept(&key),
            }
        }
    }

    fn write_down(&mut self) -> std::io::Result<()> {
        if self.changes.is_empty() { Ok(()) } else { self.store.journal.append(&self.changes) }
    }

    fn write(&mut self, record: Record) {
        let before = self.store.record(record.id()).cloned();
        self.undo.push(Undo::Record { id: record.id().to_owned(), before });
        self.change(Change::Put(record));
    }

    fn change(&mut self, change: Change) {
        self.store.apply(change.clone());
        if let Change::Put(record) = &change {
            // Only the last version of a record counts, and records change often in one unit.
            let same = |known: &Change| matches!(known, Change::Put(it) if it.id() == record.id());
            if let Some(known) = self.changes.iter_mut().find(|known| same(known)) {
                *known = change;
                return;
            }
        }
        self.changes.push(change);
    }
}

impl Deref for Work<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        self.store
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.take_back();
    }
}
