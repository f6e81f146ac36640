//! Meters: what is counted, and how.

use serde::{Deserialize, Serialize};

use crate::catalogue::{Limit, Window};

/// Something that is counted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Meter {
    /// Its key, by which backends track.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// How its events become one number.
    pub aggregation: Aggregation,
}

/// How the events of a window become one number.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// How many events there are.
    Count,
    /// The sum of their quantities.
    Sum,
    /// The largest quantity.
    Max,
    /// The quantity of the latest one, by the time of use.
    Latest,
    /// How many distinct values of a property there are.
    Unique(String),
}

/// No aggregation has this name, or it lacks its property.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not an aggregation, or its property is not there")]
pub struct UnknownAggregation(pub String);

/// The limit cannot be counted on its meter.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidLimit {
    /// Only counts and sums add up over buckets.
    #[error("`{0}` cannot have a rolling window: only count and sum meters can")]
    NotRolling(String),
    /// Too short, or too long.
    #[error("the rolling window on `{0}` must be 1 to 48 hours or 1 to 366 days long")]
    Length(String),
}

impl Aggregation {
    /// Its name in tables.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Max => "max",
            Self::Latest => "latest",
            Self::Unique(_) => "unique",
        }
    }

    /// The property whose distinct values are counted.
    pub fn property(&self) -> Option<&str> {
        match self {
            Self::Unique(property) => Some(property),
            Self::Count | Self::Sum | Self::Max | Self::Latest => None,
        }
    }

    /// From its name and the property.
    pub fn of(name: &str, property: Option<String>) -> Result<Self, UnknownAggregation> {
        match (name, property) {
            ("count", None) => Ok(Self::Count),
            ("sum", None) => Ok(Self::Sum),
            ("max", None) => Ok(Self::Max),
            ("latest", None) => Ok(Self::Latest),
            ("unique", Some(property)) => Ok(Self::Unique(property)),
            (name, _) => Err(UnknownAggregation(name.to_owned())),
        }
    }

    /// Whether it grows by what each use brings: such use can be checked and recorded in one
    /// step, and adds up over the buckets of a rolling window.
    pub const fn adds_up(&self) -> bool {
        match self {
            Self::Count | Self::Sum => true,
            Self::Max | Self::Latest | Self::Unique(_) => false,
        }
    }
}

impl Meter {
    /// Whether a limit can be counted on it.
    pub fn check(&self, limit: &Limit) -> Result<(), InvalidLimit> {
        match limit.window {
            Window::BillingPeriod | Window::CalendarMonth | Window::Lifetime => Ok(()),
            Window::Rolling(rolling) if !rolling.is_possible() => {
                Err(InvalidLimit::Length(self.key.clone()))
            }
            Window::Rolling(_) if !self.aggregation.adds_up() => {
                Err(InvalidLimit::NotRolling(self.key.clone()))
            }
            Window::Rolling(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Amount, Overage, Rolling};

    fn checked(aggregation: Aggregation, window: Window) -> Result<(), InvalidLimit> {
        let (key, name) = ("steps".to_owned(), "Steps".to_owned());
        let (amount, overage) = (Amount::AtMost(1), Overage::Block);
        let limit = Limit { meter: key.clone(), amount, window, overage };
        Meter { key, name, aggregation }.check(&limit)
    }

    #[test]
    fn only_what_adds_up_can_roll() {
        let day = Window::Rolling(Rolling::Hours(24));
        for aggregation in [Aggregation::Count, Aggregation::Sum] {
            assert_eq!(checked(aggregation, day), Ok(()));
        }
        let unique = Aggregation::Unique("user".to_owned());
        for aggregation in [Aggregation::Max, Aggregation::Latest, unique] {
            assert_eq!(checked(aggregation.clone(), Window::Lifetime), Ok(()));
            assert_eq!(
                checked(aggregation, day),
                Err(InvalidLimit::NotRolling("steps".to_owned()))
            );
        }
        for rolling in [Rolling::Hours(0), Rolling::Hours(49), Rolling::Days(367)] {
            let wrong = Err(InvalidLimit::Length("steps".to_owned()));
            assert_eq!(checked(Aggregation::Sum, Window::Rolling(rolling)), wrong);
        }
    }

    #[test]
    fn an_aggregation_is_known_by_its_name() {
        let unique = Aggregation::Unique("user".to_owned());
        for known in [Aggregation::Count, Aggregation::Max, Aggregation::Latest, unique] {
            let property = known.property().map(str::to_owned);
            assert_eq!(Aggregation::of(known.name(), property), Ok(known));
        }
        assert!(Aggregation::of("unique", None).is_err());
        assert!(Aggregation::of("sum", Some("user".to_owned())).is_err());
    }
}
