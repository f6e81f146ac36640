//! Money on the wire.

use serde::Serialize;
use utoipa::ToSchema;

/// Money in minor units of its currency: 4900 USD is 49.00 dollars.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "amount": 4900, "currency": "USD" }))]
pub(crate) struct Money {
    /// Minor units; how many make one is in ISO 4217.
    pub(crate) amount: i64,
    /// ISO 4217.
    #[schema(min_length = 3, max_length = 3)]
    pub(crate) currency: String,
}

impl From<billing_domain::money::Money> for Money {
    fn from(money: billing_domain::money::Money) -> Self {
        Self { amount: money.minor(), currency: money.currency().code().to_owned() }
    }
}
