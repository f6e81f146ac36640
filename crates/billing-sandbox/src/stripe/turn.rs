//! One turn at the desk of the simulated gateway: a unit of work with the time and fresh ids.

use serde_json::{Value, json};

use super::{VERSION, blank, due, refusal::Refusal};
use crate::{json::Fields as _, record::Kept, sandbox::Sandbox, work::Work};

/// Which request made something happen; none for what the clock made happen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cause {
    pub(crate) request: Option<String>,
    pub(crate) key: Option<String>,
}

/// A unit of work, and what it needs to know.
pub(crate) struct Turn<'a> {
    work: Work<'a>,
    sandbox: &'a Sandbox,
    cause: Cause,
    /// Unix seconds. In what the clock made happen, the moment it was due.
    pub(crate) now: i64,
    posted: bool,
}

/// Does all that is due, then what is asked, as one unit of work.
///
/// A refusal leaves no trace, except that of a card: the declined payment has happened.
pub(crate) fn take<T>(
    sandbox: &Sandbox,
    cause: Cause,
    act: impl FnOnce(&mut Turn<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let now = sandbox.now();
    let mut store = sandbox.store();
    due::catch_up(sandbox, &mut store, now);
    let mut turn = Turn::new(sandbox, store.begin(), cause, now);
    let outcome = act(&mut turn);
    let keep = match &outcome {
        Ok(_) => true,
        Err(refusal) => refusal.keeps_changes(),
    };
    if keep {
        turn.commit()?;
    }
    outcome
}

impl<'a> Turn<'a> {
    pub(crate) fn new(sandbox: &'a Sandbox, work: Work<'a>, cause: Cause, now: i64) -> Self {
        Self { work, sandbox, cause, now, posted: false }
    }

    /// Makes it last: on the disk when this returns.
    pub(crate) fn commit(self) -> std::io::Result<()> {
        self.work.commit()?;
        if self.posted {
            self.sandbox.posted.notify_one();
        }
        Ok(())
    }

    /// Makes it last once the journal is synced, which the caller does after several turns.
    pub(crate) fn commit_unsynced(self) -> std::io::Result<()> {
        self.work.commit_unsynced()?;
        if self.posted {
            self.sandbox.posted.notify_one();
        }
        Ok(())
    }

    /// Takes back all that was done in it so far, as if nobody had asked.
    pub(crate) fn take_back(&mut self) {
        self.work.take_back();
        self.posted = false;
    }

    pub(crate) fn fresh_id(&self, prefix: &str) -> String {
        self.sandbox.fresh_id(prefix)
    }

    /// The sandbox's own address.
    pub(crate) fn url(&self) -> &'a str {
        &self.sandbox.url
    }

    /// Whom the buyer pays.
    pub(crate) fn merchant(&self) -> &'a str {
        &self.sandbox.config.merchant
    }

    /// Makes an object with a fresh id.
    pub(crate) fn create(&mut self, kind: &str, prefix: &str, fields: Value) -> Value {
        self.create_named(kind, &self.fresh_id(prefix), fields)
    }

    /// Makes an object with a given id.
    pub(crate) fn create_named(&mut self, kind: &str, id: &str, fields: Value) -> Value {
        let mut object = blank::object(kind, fields);
        object.set("id", id);
        object.set("created", self.now);
        self.work.put(object.clone());
        object
    }

    /// Writes an object back.
    pub(crate) fn save(&mut self, object: &Value) {
        self.work.put(object.clone());
    }

    /// Notes something about an object that its wire form does not show.
    pub(crate) fn note(&mut self, id: &str, name: &str, value: impl Into<Value>) {
        self.work.note(id, name, value);
    }

    /// What was noted, null if nothing.
    pub(crate) fn noted(&self, id: &str, name: &str) -> Value {
        let notes = self.work.record(id).map(|record| &record.notes);
        notes.and_then(|notes| notes.get(name)).cloned().unwrap_or_default()
    }

    /// The object of this kind that a path names.
    pub(crate) fn find(&self, kind: &str, id: &str) -> Result<Value, Refusal> {
        self.find_param(kind, id, "id")
    }

    /// The object of this kind that a parameter names.
    pub(crate) fn find_param(&self, kind: &str, id: &str, param: &str) -> Result<Value, Refusal> {
        let record = self.work.record(id).filter(|record| record.kind() == kind);
        let object = record.map(|record| record.object.clone());
        object.ok_or_else(|| Refusal::no_such(kind, id, param))
    }

    /// The object with this id, whatever it is.
    pub(crate) fn any(&self, id: &str) -> Option<&Value> {
        self.work.record(id).map(|record| &record.object)
    }

    /// All objects of a kind, newest first.
    pub(crate) fn newest(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.work.of_kind(kind).rev().map(|record| &record.object)
    }

    /// Tells the webhook target that something has happened to an object.
    pub(crate) fn emit(&mut self, name: &str, object: &Value) {
        self.post(name, json!({ "object": object }));
    }

    /// Tells that an object has changed, with what the changed fields were before.
    pub(crate) fn emit_change(&mut self, name: &str, before: &Value, after: &Value) {
        let changed = changed_fields(before, after);
        self.post(name, json!({ "object": after, "previous_attributes": changed }));
    }

    /// The answer kept for an idempotency key.
    pub(crate) fn kept(&self, key: &str) -> Option<&Kept> {
        self.work.kept(key, self.now)
    }

    pub(crate) fn keep(&mut self, kept: Kept) {
        self.work.keep(kept);
    }

    pub(crate) fn parcel(&self, event: &str) -> Option<&crate::outbox::Parcel> {
        self.work.parcel(event)
    }

    fn post(&mut self, name: &str, data: Value) {
        let id = self.fresh_id("evt_");
        let event = json!({
            "id": id,
            "object": "event",
            "api_version": VERSION,
            "created": self.now,
            "data": data,
            "livemode": false,
            "pending_webhooks": 1,
            "request": { "id": self.cause.request, "idempotency_key": self.cause.key },
            "type": name,
        });
        // There are many events and each holds a whole object: only what finds one is kept as a
        // record, the rest as the text that is sent.
        let head = json!({ "id": id, "object": "event", "created": self.now, "type": name });
        self.work.put(head);
        self.work.send(&id, event.to_string());
        self.posted = true;
    }
}

fn changed_fields(before: &Value, after: &Value) -> Value {
    let fields = before.as_object().into_iter().flatten();
    let changed = fields.filter(|(field, value)| after.get(field) != Some(value));
    Value::Object(changed.map(|(field, value)| (field.clone(), value.clone())).collect())
}
