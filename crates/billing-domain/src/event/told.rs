//! An event, and whose it is.

use time::OffsetDateTime;
use uuid::Uuid;

use super::What;
use crate::id::{EventId, OrganizationId};

/// Whose the events of the installation itself are: no organization has this id.
pub const INSTALLATION: OrganizationId = OrganizationId(Uuid::nil());

/// A committed change of a lifecycle record. It leaves with the save that it explains.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Unique for ever; consumers count it once.
    pub id: EventId,
    /// Whose change it is.
    pub organization_id: OrganizationId,
    /// When it happened, by the business clock.
    pub at: OffsetDateTime,
    /// What happened.
    pub what: What,
}
