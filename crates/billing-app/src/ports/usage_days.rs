//! Use by day, rolled up from raw events.

use core::ops::RangeInclusive;

use async_trait::async_trait;
use billing_domain::{id::OrganizationId, usage::DayOfUse};
use time::{Date, OffsetDateTime};

use crate::{Error, ports::Page};

/// What was used of each meter on each day, in UTC. Each raw event is in it once, whenever it came
/// and however many processes roll up.
#[async_trait]
pub trait UsageDays: Send + Sync {
    /// Organizations of which some events are not rolled up, by their ids.
    async fn behind(&self, page: Page<OrganizationId>) -> Result<Vec<OrganizationId>, Error>;
    /// Rolls up the next events of an organization; whether it has more of them. Where somebody
    /// else is about it, nothing is done.
    async fn roll_up(&self, organization: OrganizationId) -> Result<bool, Error>;
    /// Forgets the distinct values of days before this one. No event of them may come any more.
    async fn forget_values(&self, before: Date) -> Result<(), Error>;
    /// The first day on which an organization used anything.
    async fn first_day(&self, organization: OrganizationId) -> Result<Option<Date>, Error>;
    /// Days of an organization on which something was used, by meter and day: of one meter, or of
    /// all.
    async fn days(
        &self,
        organization: OrganizationId,
        meter: Option<&str>,
        days: RangeInclusive<Date>,
    ) -> Result<RolledUp<MeterDay<DayOfUse>>, Error>;
    /// Days of all organizations together, likewise.
    async fn days_of_all(
        &self,
        meter: Option<&str>,
        days: RangeInclusive<Date>,
    ) -> Result<RolledUp<MeterDay<DayOfAll>>, Error>;
    /// Organizations that used something on these days, by their ids.
    async fn users(
        &self,
        meter: Option<&str>,
        days: RangeInclusive<Date>,
        page: Page<OrganizationId>,
    ) -> Result<Vec<OrganizationId>, Error>;
}

/// Days, as far as they are rolled up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RolledUp<T> {
    /// When the first event was recorded that is not in them; nothing where all are.
    pub until: Option<OffsetDateTime>,
    /// What is in them.
    pub days: Vec<T>,
}

/// A day of a meter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MeterDay<T> {
    /// Which meter.
    pub meter: String,
    /// What was used of it.
    pub of_use: T,
}

/// What all organizations used of a meter on one day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DayOfAll {
    /// The sum over the organizations; the largest of theirs, where the largest counts.
    pub of_use: DayOfUse,
    /// How many organizations.
    pub organizations: u64,
}
