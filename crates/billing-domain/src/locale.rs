//! The language in which people are written to.

use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// A language.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Arabic, written from right to left.
    Ar,
}

/// Nobody writes in this language here.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a locale: use en or ar")]
pub struct UnknownLocale(pub String);

impl Locale {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::En, Self::Ar];

    /// Its name by BCP 47.
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ar => "ar",
        }
    }
}

impl FromStr for Locale {
    type Err = UnknownLocale;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|locale| locale.name() == name);
        found.ok_or_else(|| UnknownLocale(name.to_owned()))
    }
}
