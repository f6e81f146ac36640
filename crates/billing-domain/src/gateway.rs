//! Which gateway, and what it calls a thing.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A payment gateway.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gateway {
    /// Stripe.
    Stripe,
}

/// No gateway of this name is known.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a gateway")]
pub struct UnknownGateway(pub String);

impl Gateway {
    /// Every gateway there is.
    pub const ALL: [Self; 1] = [Self::Stripe];

    /// Its name in tables, paths and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
        }
    }
}

impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Gateway {
    type Err = UnknownGateway;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|gateway| gateway.name() == name)
            .ok_or_else(|| UnknownGateway(name.to_owned()))
    }
}

/// A gateway's own id of an object; never one of ours.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct GatewayRef {
    /// Whose id it is.
    pub gateway: Gateway,
    /// The id, as the gateway writes it.
    pub id: String,
}

impl GatewayRef {
    /// An object at a gateway.
    pub fn new(gateway: Gateway, id: impl Into<String>) -> Self {
        Self { gateway, id: id.into() }
    }
}

impl fmt::Display for GatewayRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.gateway, self.id)
    }
}
