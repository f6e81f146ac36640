//! Money on the wire.

use serde::{Deserialize, Serialize};

/// Money in minor units of its currency: 4900 USD is 49.00 dollars.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; how many make one is in ISO 4217.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
}
