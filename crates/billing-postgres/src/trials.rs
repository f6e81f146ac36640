//! Trials, and who has had one.

use anyhow::Context;
use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{Claimant, TrialClaim, Trials},
};
use billing_domain::{
    checkout::Charging,
    event::Event,
    id::{CheckoutId, OrganizationId, PlanVersionId, SubscriptionId},
    trial::{Trial, TrialState},
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::failed,
    schema::{trial_claims, trials},
    unit_of_work::PostgresUnit,
};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = trials, check_for_backend(diesel::pg::Pg), treat_none_as_null = true)]
pub(crate) struct TrialRow {
    organization_id: Uuid,
    subscription_id: Uuid,
    plan_version_id: Uuid,
    started_at: OffsetDateTime,
    ends_at: OffsetDateTime,
    extensions: i32,
    extra_days: i32,
    reminded: Option<i16>,
    status: String,
    status_at: Option<OffsetDateTime>,
    checkout_id: Option<Uuid>,
    next_due_at: Option<OffsetDateTime>,
}

impl From<&Trial> for TrialRow {
    fn from(it: &Trial) -> Self {
        let Trial {
            organization_id,
            subscription_id,
            plan_version_id,
            started_at,
            ends_at,
            extensions,
            extra_days,
            reminded,
            state,
            next_due_at,
        } = it;
        let (status_at, checkout) = match state {
            TrialState::Running => (None, None),
            TrialState::Charging(Charging { checkout, since }) => (Some(*since), Some(*checkout)),
            TrialState::Converted { at }
            | TrialState::Expired { at }
            | TrialState::Cancelled { at } => (Some(*at), None),
        };
        Self {
            organization_id: organization_id.0,
            subscription_id: subscription_id.0,
            plan_version_id: plan_version_id.0,
            started_at: *started_at,
            ends_at: *ends_at,
            extensions: i32::from(*extensions),
            extra_days: i32::from(*extra_days),
            reminded: reminded.map(i16::from),
            status: state.name().to_owned(),
            status_at,
            checkout_id: checkout.map(|id| id.0),
            next_due_at: *next_due_at,
        }
    }
}

impl TryFrom<TrialRow> for Trial {
    type Error = Error;

    fn try_from(row: TrialRow) -> Result<Self, Error> {
        let id = row.organization_id;
        let read = move || -> anyhow::Result<Self> {
            let at = row.status_at.context("since when");
            let state = match row.status.as_str() {
                "running" => TrialState::Running,
                "charging" => TrialState::Charging(Charging {
                    checkout: CheckoutId(row.checkout_id.context("checkout")?),
                    since: at?,
                }),
                "converted" => TrialState::Converted { at: at? },
                "expired" => TrialState::Expired { at: at? },
                _ => TrialState::Cancelled { at: at? },
            };
            Ok(Self {
                organization_id: OrganizationId(row.organization_id),
                subscription_id: SubscriptionId(row.subscription_id),
                plan_version_id: PlanVersionId(row.plan_version_id),
                started_at: row.started_at,
                ends_at: row.ends_at,
                extensions: u16::try_from(row.extensions)?,
                extra_days: u16::try_from(row.extra_days)?,
                reminded: row.reminded.map(u8::try_from).transpose()?,
                state,
                next_due_at: row.next_due_at,
            })
        };
        Ok(read().with_context(|| format!("the trial of {id} cannot be read"))?)
    }
}

#[async_trait]
impl Trials for PostgresUnit {
    async fn find(&mut self, organization: OrganizationId) -> Result<Option<Trial>, Error> {
        let query =
            trials::table.find(organization.0).select(TrialRow::as_select()).for_no_key_update();
        self.record::<TrialRow, _, _>(query).await
    }

    async fn claim(
        &mut self,
        organization: OrganizationId,
        claims: &[TrialClaim],
    ) -> Result<Option<Claimant>, Error> {
        // In one order for everybody, so that of two who wait neither waits for ever.
        let mut claims = claims.to_vec();
        claims.sort();
        for TrialClaim { by, digest } in claims {
            let row = (
                trial_claims::claimant.eq(by.name()),
                trial_claims::digest.eq(digest.to_vec()),
                trial_claims::organization_id.eq(organization.0),
            );
            let insert =
                diesel::insert_into(trial_claims::table).values(row).on_conflict_do_nothing();
            if insert.execute(self.connection()).await.map_err(failed)? == 0 {
                return Ok(Some(by));
            }
        }
        Ok(None)
    }

    async fn save(&mut self, trial: &Trial, events: &[Event]) -> Result<(), Error> {
        let row = TrialRow::from(trial);
        diesel::insert_into(trials::table)
            .values(&row)
            .on_conflict(trials::organization_id)
            .do_update()
            .set(&row)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        self.publish(events).await
    }
}
