//! Use by day, rolled up from raw events.
//!
//! Raw events of an organization are numbered without gaps, in the order of their commits: the
//! number up to which they are rolled up is all that there is to know. It is moved, under the lock
//! of its row, in the transaction that adds the events up to it. So each event is added once,
//! however late it came and however many processes roll up.

use core::ops::RangeInclusive;

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{DayOfAll, MeterDay, Page, RolledUp, Scope, UsageDays},
};
use billing_domain::{id::OrganizationId, usage::DayOfUse};
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use self::statements::{
    AddDays, AllUntil, BeginRollup, Behind, Days, DaysOfAll, FirstDay, ForgetValues, LastEvent,
    LockRollup, MoveRollup, Until, Users,
};
use crate::{Database, database::bounded, error::failed, usage::counted};

mod statements;

/// How many events are rolled up in one transaction.
const AT_ONCE: i64 = 20_000;

type DayRow = (String, Date, i64, i64);
type DayOfAllRow = (String, Date, i64, i64, i64);

#[async_trait]
impl UsageDays for Database {
    async fn behind(&self, page: Page<OrganizationId>) -> Result<Vec<OrganizationId>, Error> {
        let asked = Behind { after: page.after.map(|id| id.0), limit: page.limit };
        let ids: Vec<Uuid> = self.rows(Scope::Engine, asked).await?;
        Ok(ids.into_iter().map(OrganizationId).collect())
    }

    async fn roll_up(&self, organization: OrganizationId) -> Result<bool, Error> {
        bounded(async {
            let mut session = self.session(Scope::Engine).await?;
            let more = roll_up(session.connection(), organization.0).await.map_err(failed)?;
            session.commit().await?;
            Ok(more)
        })
        .await
    }

    async fn forget_values(&self, before: Date) -> Result<(), Error> {
        bounded(async {
            let mut session = self.session(Scope::Engine).await?;
            let forget = ForgetValues { before };
            forget.execute(session.connection()).await.map_err(failed)?;
            session.commit().await
        })
        .await
    }

    async fn first_day(&self, organization: OrganizationId) -> Result<Option<Date>, Error> {
        let asked = FirstDay { organization: organization.0 };
        let day: Option<Option<Date>> = self.row(Scope::Organization(organization), asked).await?;
        Ok(day.flatten())
    }

    async fn days(
        &self,
        organization: OrganizationId,
        meter: Option<&str>,
        days: RangeInclusive<Date>,
    ) -> Result<RolledUp<MeterDay<DayOfUse>>, Error> {
        bounded(async {
            let mut session = self.reading(Scope::Organization(organization)).await?;
            let connection = session.connection();
            let organization = organization.0;
            let until = Until { organization }.load(connection).await.map_err(failed)?;
            let (first, last) = days.into_inner();
            let asked = Days { organization, meter, first, last };
            let rows: Vec<DayRow> = asked.load(connection).await.map_err(failed)?;
            session.commit().await?;
            let day = |(meter, day, used, events): DayRow| {
                let of_use = DayOfUse { day, used, events: counted(events)? };
                Ok(MeterDay { meter, of_use })
            };
            let days = rows.into_iter().map(day).collect::<Result<_, Error>>()?;
            Ok(RolledUp { until: first_of(until), days })
        })
        .await
    }

    async fn days_of_all(
        &self,
        meter: Option<&str>,
        days: RangeInclusive<Date>,
    ) -> Result<RolledUp<MeterDay<DayOfAll>>, Error> {
        bounded(async {
            let mut session = self.reading(Scope::Operator).await?;
            let connection = session.connection();
            let until = AllUntil {}.load(connection).await.map_err(failed)?;
            let (first, last) = days.into_inner();
            let asked = DaysOfAll { meter, first, last };
            let rows: Vec<DayOfAllRow> = asked.load(connection).await.map_err(failed)?;
            session.commit().await?;
            let day = |(meter, day, used, events, organizations): DayOfAllRow| {
                let of_use = DayOfUse { day, used, events: counted(events)? };
                let of_use = DayOfAll { of_use, organizations: counted(organizations)? };
                Ok(MeterDay { meter, of_use })
            };
            let days = rows.into_iter().map(day).collect::<Result<_, Error>>()?;
            Ok(RolledUp { until: first_of(until), days })
        })
        .await
    }

    async fn users(
        &self,
        meter: Option<&str>,
        days: RangeInclusive<Date>,
        page: Page<OrganizationId>,
    ) -> Result<Vec<OrganizationId>, Error> {
        let (first, last) = days.into_inner();
        let after = page.after.map(|id| id.0);
        let asked = Users { meter, first, last, after, limit: page.limit };
        bounded(async {
            let mut session = self.reading(Scope::Operator).await?;
            let ids: Vec<Uuid> = asked.load(session.connection()).await.map_err(failed)?;
            session.commit().await?;
            Ok(ids.into_iter().map(OrganizationId).collect())
        })
        .await
    }
}

fn first_of(until: Vec<Option<OffsetDateTime>>) -> Option<OffsetDateTime> {
    until.into_iter().flatten().next()
}

/// Adds the next events; whether there are more.
async fn roll_up(connection: &mut AsyncPgConnection, organization: Uuid) -> QueryResult<bool> {
    BeginRollup { organization }.execute(connection).await?;
    let locked: Vec<i64> = LockRollup { organization }.load(connection).await?;
    let Some(rolled) = locked.into_iter().next() else { return Ok(false) };
    let last: Vec<i64> = LastEvent { organization }.load(connection).await?;
    let last = last.into_iter().next().unwrap_or(rolled);
    let next = last.min(rolled.saturating_add(AT_ONCE));
    if next > rolled {
        AddDays { organization, after: rolled, last: next }.execute(connection).await?;
        MoveRollup { organization, rolled: next }.execute(connection).await?;
    }
    Ok(next < last)
}
