//! Days on the wire: `2026-03-01`, in UTC.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use time::{Date, format_description::BorrowedFormatItem, macros::format_description};
use utoipa::ToSchema;

const FORM: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// A day, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ToSchema)]
#[schema(value_type = String, format = Date, example = "2026-03-01")]
pub(crate) struct Day(pub(crate) Date);

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.format(FORM).map_err(ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let day = Date::parse(&text, FORM);
        day.map(Self).map_err(|_| de::Error::custom("expected a day such as 2026-03-01"))
    }
}
