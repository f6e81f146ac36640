//! What a denial says: what is missing, and what would help.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{error::Problem, money::Money, quota::Quota};

/// The plan or the credits do not allow it. Nothing was counted or taken.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Denied {
    /// What is missing.
    pub reason: Reason,
    /// The same as the API says it.
    pub problem: Problem,
}

/// What is missing.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// 402: there are not enough credits.
    InsufficientCredits(Shortfall),
    /// 403: the plan does not allow so much.
    LimitReached(LimitReached),
}

/// Credits that are missing.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct Shortfall {
    /// The denial is kept under this id.
    pub decision_id: Option<Uuid>,
    /// What it costs, in credits.
    pub required: i64,
    /// What there is.
    pub available: i64,
    /// The difference.
    pub missing: i64,
    /// The cheapest pack that would be enough.
    pub top_up: Option<TopUp>,
}

/// A pack of credits to buy.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct TopUp {
    /// Which pack.
    pub credit_product_id: Uuid,
    /// Its name in the catalogue.
    pub key: String,
    /// How many credits one has.
    pub credits: i64,
    /// How many of it.
    pub quantity: i64,
    /// Of one, where it is on sale in the organization's currency.
    pub price: Option<Money>,
    /// The path of the API where it is bought.
    pub checkout: String,
}

/// A use that the plan does not allow.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[non_exhaustive]
pub struct LimitReached {
    /// The denial is kept under this id.
    pub decision_id: Option<Uuid>,
    /// Of what.
    pub meter: String,
    /// How much was asked for.
    pub quantity: u64,
    /// Where the quota stands.
    #[serde(flatten)]
    pub quota: Quota,
}

/// The cheapest plan that would allow it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Upgrade {
    /// The plan that does not.
    pub current_plan: String,
    /// The key of the one that would.
    pub plan: String,
    /// Its name for people.
    pub plan_name: String,
    /// `month`, `quarter`, `half_year`, `year` or `two_years`.
    pub interval: String,
    /// For one interval.
    pub price: Money,
    /// The path of the API where it is bought.
    pub checkout: String,
}

impl Reason {
    /// What a code and its details say; nothing if it is no denial.
    pub(crate) fn of(code: &str, details: &Map<String, Value>) -> serde_json::Result<Option<Self>> {
        let details = || Value::Object(details.clone());
        Ok(match code {
            "INSUFFICIENT_CREDITS" => {
                Some(Self::InsufficientCredits(serde_json::from_value(details())?))
            }
            "LIMIT_REACHED" => Some(Self::LimitReached(serde_json::from_value(details())?)),
            _ => None,
        })
    }
}

impl Denied {
    /// The credits that are missing, if it is that.
    pub fn shortfall(&self) -> Option<&Shortfall> {
        match &self.reason {
            Reason::InsufficientCredits(shortfall) => Some(shortfall),
            Reason::LimitReached(_) => None,
        }
    }

    /// The plan that would allow it, if there is one.
    pub fn upgrade(&self) -> Option<&Upgrade> {
        match &self.reason {
            Reason::InsufficientCredits(_) => None,
            Reason::LimitReached(reached) => reached.quota.upgrade.as_ref(),
        }
    }
}
