//! What the sandbox remembers, one record per wire object.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json::Fields as _;

/// A wire object, and what the sandbox knows about it beside.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The order of creation over all kinds.
    pub(crate) seq: u64,
    /// What the gateway shows, field for field.
    pub(crate) object: Value,
    /// What only the simulator knows: never on the wire.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) notes: Map<String, Value>,
}

impl Record {
    pub(crate) fn id(&self) -> &str {
        self.object.text("id")
    }

    /// The wire name of the kind of object, such as `checkout.session`.
    pub(crate) fn kind(&self) -> &str {
        self.object.text("object")
    }
}

/// The stored answer to a request that carried an idempotency key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) key: String,
    /// What was asked: the same key with anything else is refused.
    pub(crate) asked: String,
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) request: String,
    /// Unix seconds of the sandbox clock.
    pub(crate) at: i64,
}
