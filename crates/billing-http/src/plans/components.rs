//! What is charged beside the amount of a price.

use billing_domain::catalogue::{Charged, Component as ComponentRecord, Rate, Tier as TierRecord};
use serde::Serialize;
use utoipa::ToSchema;

/// What is charged beside the amount of a price. Amounts are in minor units of the price's
/// currency, with fractions of them, as text.
#[derive(Serialize, ToSchema)]
pub(crate) struct Component {
    #[schema(example = "API calls")]
    name: String,
    /// `seats` beyond those included, in advance; all `use` of a meter, or `overage` beyond its
    /// limit, in arrears.
    #[schema(example = "use")]
    charged: &'static str,
    /// How many seats the amount includes.
    #[serde(skip_serializing_if = "Option::is_none")]
    included: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "api_calls")]
    meter: Option<String>,
    /// `per_unit`; `graduated`, where each unit costs what its tier says; `volume`, where all cost
    /// what the tier of the last one says; or `package`, of which a begun one is paid.
    #[schema(example = "graduated")]
    model: &'static str,
    /// What one unit costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0.25")]
    unit_amount: Option<String>,
    /// How many units are in a package.
    #[serde(skip_serializing_if = "Option::is_none")]
    package_size: Option<u64>,
    /// What one package costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    package_amount: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tiers: Vec<Tier>,
}

/// What units cost up to one of them.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tier {
    /// The last unit in it; nothing where it has no end.
    up_to: Option<u64>,
    /// What each unit in it costs.
    #[schema(example = "0.25")]
    unit_amount: String,
    /// What is paid once where a unit falls into it.
    #[schema(example = "0")]
    flat_amount: String,
}

impl From<&ComponentRecord> for Component {
    fn from(component: &ComponentRecord) -> Self {
        let ComponentRecord { name, charged, rate } = component;
        let included = match charged {
            Charged::Seats { included } => Some(*included),
            Charged::Use { .. } | Charged::Overage { .. } => None,
        };
        let plain = Self {
            name: name.clone(),
            charged: charged.name(),
            included,
            meter: charged.meter().map(str::to_owned),
            model: rate.name(),
            unit_amount: None,
            package_size: None,
            package_amount: None,
            tiers: Vec::new(),
        };
        match rate {
            Rate::PerUnit { unit_amount } => {
                Self { unit_amount: Some(unit_amount.normalize().to_string()), ..plain }
            }
            Rate::Package { size, amount } => Self {
                package_size: Some(size.get()),
                package_amount: Some(amount.normalize().to_string()),
                ..plain
            },
            Rate::Graduated { tiers } | Rate::Volume { tiers } => {
                Self { tiers: tiers.as_slice().iter().map(Tier::from).collect(), ..plain }
            }
        }
    }
}

impl From<&TierRecord> for Tier {
    fn from(tier: &TierRecord) -> Self {
        Self {
            up_to: tier.up_to,
            unit_amount: tier.unit_amount.normalize().to_string(),
            flat_amount: tier.flat_amount.normalize().to_string(),
        }
    }
}
