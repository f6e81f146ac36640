//! What people did to the catalogue.

use time::OffsetDateTime;
use uuid::Uuid;

/// What somebody did to the catalogue, as it is kept for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CatalogueChange {
    /// Our id of it.
    pub id: Uuid,
    /// When, by the business clock.
    pub at: OffsetDateTime,
    /// Who did it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// What was done, in a word.
    pub what: String,
    /// What is different now, line by line, for people.
    pub lines: Vec<String>,
}
