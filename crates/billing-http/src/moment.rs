//! Instants on the wire: RFC 3339, in UTC on the way out.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};
use utoipa::ToSchema;

/// An instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-03-01T12:00:00Z")]
pub(crate) struct Moment(pub(crate) OffsetDateTime);

impl From<OffsetDateTime> for Moment {
    fn from(at: OffsetDateTime) -> Self {
        Self(at)
    }
}

impl Moment {
    /// As it goes out.
    pub(crate) fn text(self) -> Result<String, time::error::Format> {
        self.0.checked_to_offset(UtcOffset::UTC).unwrap_or(self.0).format(&Rfc3339)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text().map_err(ser::Error::custom)?)
    }
}

/// In whole microseconds, as it will be kept.
impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const WRONG: &str = "expected a time of RFC 3339, such as 2026-03-01T12:00:00Z";
        let text = String::deserialize(deserializer)?;
        let at = OffsetDateTime::parse(&text, &Rfc3339).map_err(|_| de::Error::custom(WRONG))?;
        let at = at.checked_to_offset(UtcOffset::UTC).ok_or_else(|| de::Error::custom(WRONG))?;
        let whole = at.replace_nanosecond(at.microsecond() * 1000);
        whole.map(Self).map_err(de::Error::custom)
    }
}
