use serde::Deserialize;
use serde_json::{Map, Value};

/// A notice of Stripe.
#[derive(Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    data: Option<EventData>,
}

#[derive(Deserialize)]
struct EventData {
    object: Option<Subject>,
}

/// What an event is about: anything at all, so nothing is required of it.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Subject(Map<String, Value>);

impl Event {
    /// What it is about; nothing in an event that only says where to look.
    pub(crate) fn subject(&self) -> Option<&Subject> {
        self.data.as_ref()?.object.as_ref()
    }
}

impl Subject {
    pub(crate) fn id(&self) -> Option<&str> {
        self.0.get("id")?.as_str()
    }

    /// Which kind of object it is.
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.0.get("object").and_then(Value::as_str) == Some(kind)
    }

    /// The id of a linked object, whether it came as that or whole.
    pub(crate) fn link(&self, name: &str) -> Option<&str> {
        let link = self.0.get(name)?;
        link.as_str().or_else(|| link.get("id")?.as_str())
    }
}
