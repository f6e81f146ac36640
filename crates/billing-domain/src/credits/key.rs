//! Keys: a command under a key is decided once.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A name that the caller gives to a request, so that it is decided once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyKey(String);

/// Such a key is not accepted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an idempotency key has 1 to 255 printable ASCII characters")]
pub struct InvalidKey;

impl IdempotencyKey {
    /// Checks a caller's key.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let printable = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if printable && (1..=255).contains(&text.len()) && !text.trim().is_empty() {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidKey)
    }

    /// The key as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is decided under a key. A key is unique within an organization and operation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Operation {
    /// Credits are used.
    Consume,
    /// Credits are reserved.
    Hold,
    /// What was used is given back.
    Refund,
    /// Credits go to another organization.
    Transfer,
}

/// No operation has this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not an operation on credits")]
pub struct UnknownOperation(pub String);

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 4] = [Self::Consume, Self::Hold, Self::Refund, Self::Transfer];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consume => "consume",
            Self::Hold => "hold",
            Self::Refund => "refund",
            Self::Transfer => "transfer",
        }
    }
}

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.name() == name)
            .ok_or_else(|| UnknownOperation(name.to_owned()))
    }
}

/// The request behind a key: the same key must ask for the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// Of what: the credit event, the row to refund, the organization to give to.
    pub what: String,
    /// How much of it; 0 for all there is.
    pub quantity: i64,
}
