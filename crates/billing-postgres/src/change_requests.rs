//! Changes of subscriptions that somebody asked for.

use anyhow::{Context, anyhow};
use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{ChangeRequests, Scope, SubscriptionQueries},
};
use billing_domain::{
    event::Event,
    gateway::GatewayRef,
    id::{ChangeId, InvoiceId, OrganizationId, PriceId, SubscriptionId},
    subscription::{Actor, ChangeRequest, Fate, Resumption, Subscription, When, Wish},
};
use diesel::{dsl::min, prelude::*};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Database,
    error::failed,
    schema::{change_requests, duplicate_subscriptions, subscriptions},
    subscriptions::SubscriptionRow,
    unit_of_work::PostgresUnit,
};

/// The fates from which something is still to come.
const OPEN: [&str; 2] = ["pending", "scheduled"];

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = change_requests, check_for_backend(diesel::pg::Pg), treat_none_as_null = true)]
struct ChangeRequestRow {
    organization_id: Uuid,
    change_id: Uuid,
    subscription_id: Uuid,
    action: String,
    price_id: Option<Uuid>,
    quantity: Option<i32>,
    effective: Option<String>,
    takes_back: Option<String>,
    resumes_at: Option<OffsetDateTime>,
    fate: String,
    scheduled_at: Option<OffsetDateTime>,
    failure: Option<String>,
    actor: String,
    reason: String,
    proration_at: OffsetDateTime,
    invoice_id: Option<Uuid>,
    created_at: OffsetDateTime,
    look_at: OffsetDateTime,
}

impl From<&ChangeRequest> for ChangeRequestRow {
    fn from(it: &ChangeRequest) -> Self {
        let ChangeRequest {
            id,
            organization_id,
            subscription_id,
            wish,
            fate,
            actor,
            reason,
            proration_at,
            invoice_id,
            created_at,
            look_at,
        } = it;
        let mut row = Self {
            organization_id: organization_id.0,
            change_id: id.0,
            subscription_id: subscription_id.0,
            action: wish.action().name().to_owned(),
            price_id: None,
            quantity: None,
            effective: None,
            takes_back: None,
            resumes_at: None,
            fate: fate.name().to_owned(),
            scheduled_at: None,
            failure: None,
            actor: actor.name().to_owned(),
            reason: reason.clone(),
            proration_at: *proration_at,
            invoice_id: invoice_id.map(|it| it.0),
            created_at: *created_at,
            look_at: *look_at,
        };
        match wish {
            Wish::Change { price_id, quantity, when } => {
                row.price_id = Some(price_id.0);
                row.quantity = Some(i32::try_from(*quantity).unwrap_or(i32::MAX));
                row.effective = Some(when.name().to_owned());
            }
            Wish::Cancel { when } => row.effective = Some(when.name().to_owned()),
            Wish::Pause { resumes_at } => row.resumes_at = *resumes_at,
            Wish::Resume(takes_back) => row.takes_back = Some(taken_back(*takes_back).to_owned()),
        }
        match fate {
            Fate::Scheduled { at } => row.scheduled_at = Some(*at),
            Fate::Failed { why } => row.failure = Some(why.clone()),
            Fate::Pending | Fate::Done | Fate::Withdrawn => {}
        }
        row
    }
}

const fn taken_back(what: Resumption) -> &'static str {
    match what {
        Resumption::Cancellation => "cancellation",
        Resumption::ScheduledChange => "scheduled_change",
        Resumption::Pause => "pause",
    }
}

impl ChangeRequestRow {
    fn wish(&self) -> anyhow::Result<Wish> {
        let when = || match self.effective.as_deref() {
            Some("now") => Ok(When::Now),
            Some("period_end") => Ok(When::PeriodEnd),
            other => Err(anyhow!("effective {other:?}")),
        };
        Ok(match self.action.as_str() {
            "change" => Wish::Change {
                price_id: PriceId(self.price_id.context("price")?),
                quantity: u32::try_from(self.quantity.context("quantity")?)?,
                when: when()?,
            },
            "cancel" => Wish::Cancel { when: when()? },
            "pause" => Wish::Pause { resumes_at: self.resumes_at },
            "resume" => Wish::Resume(match self.takes_back.as_deref() {
                Some("cancellation") => Resumption::Cancellation,
                Some("scheduled_change") => Resumption::ScheduledChange,
                Some("pause") => Resumption::Pause,
                other => return Err(anyhow!("takes back {other:?}")),
            }),
            other => return Err(anyhow!("action {other}")),
        })
    }

    fn fate(&self) -> anyhow::Result<Fate> {
        Ok(match self.fate.as_str() {
            "pending" => Fate::Pending,
            "scheduled" => Fate::Scheduled { at: self.scheduled_at.context("instant")? },
            "done" => Fate::Done,
            "failed" => Fate::Failed { why: self.failure.clone().context("failure")? },
            "withdrawn" => Fate::Withdrawn,
            other => return Err(anyhow!("fate {other}")),
        })
    }
}

impl TryFrom<ChangeRequestRow> for ChangeRequest {
    type Error = Error;

    fn try_from(row: ChangeRequestRow) -> Result<Self, Error> {
        let id = row.change_id;
        let read = move || -> anyhow::Result<Self> {
            let actor = Actor::ALL.into_iter().find(|actor| actor.name() == row.actor);
            Ok(Self {
                id: ChangeId(row.change_id),
                organization_id: OrganizationId(row.organization_id),
                subscription_id: SubscriptionId(row.subscription_id),
                wish: row.wish()?,
                fate: row.fate()?,
                actor: actor.context("actor")?,
                reason: row.reason,
                proration_at: row.proration_at,
                invoice_id: row.invoice_id.map(InvoiceId),
                created_at: row.created_at,
                look_at: row.look_at,
            })
        };
        Ok(read().with_context(|| format!("change request {id} cannot be read"))?)
    }
}

#[async_trait]
impl ChangeRequests for PostgresUnit {
    async fn find(
        &mut self,
        organization: OrganizationId,
        id: ChangeId,
    ) -> Result<Option<ChangeRequest>, Error> {
        let query = change_requests::table
            .find((organization.0, id.0))
            .select(ChangeRequestRow::as_select())
            .for_no_key_update();
        self.record::<ChangeRequestRow, _, _>(query).await
    }

    async fn open(
        &mut self,
        organization: OrganizationId,
        subscription: SubscriptionId,
    ) -> Result<Vec<ChangeRequest>, Error> {
        let rows: Vec<ChangeRequestRow> = change_requests::table
            .filter(change_requests::organization_id.eq(organization.0))
            .filter(change_requests::subscription_id.eq(subscription.0))
            .filter(change_requests::fate.eq_any(OPEN.map(str::to_owned)))
            .order((change_requests::created_at, change_requests::change_id))
            .select(ChangeRequestRow::as_select())
            .for_no_key_update()
            .load(self.connection())
            .await
            .map_err(failed)?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn save(&mut self, request: &ChangeRequest, events: &[Event]) -> Result<(), Error> {
        let row = ChangeRequestRow::from(request);
        diesel::insert_into(change_requests::table)
            .values(&row)
            .on_conflict((change_requests::organization_id, change_requests::change_id))
            .do_update()
            .set(&row)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        self.publish(events).await
    }
}

#[async_trait]
impl SubscriptionQueries for Database {
    async fn open_changes(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<ChangeRequest>, Error> {
        let query = change_requests::table
            .filter(change_requests::organization_id.eq(organization.0))
            .filter(change_requests::fate.eq_any(OPEN.map(str::to_owned)))
            .order((change_requests::created_at, change_requests::change_id))
            .select(ChangeRequestRow::as_select());
        let rows: Vec<ChangeRequestRow> =
            self.rows(Scope::Organization(organization), query).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn subscription(
        &self,
        organization: OrganizationId,
        id: SubscriptionId,
    ) -> Result<Option<Subscription>, Error> {
        let query =
            subscriptions::table.find((organization.0, id.0)).select(SubscriptionRow::as_select());
        let row: Option<SubscriptionRow> =
            self.row(Scope::Organization(organization), query).await?;
        row.map(TryInto::try_into).transpose()
    }

    async fn changes_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, ChangeId)>, Error> {
        let query = change_requests::table
            .filter(change_requests::fate.eq_any(OPEN.map(str::to_owned)))
            .filter(change_requests::look_at.le(now))
            .order((
                change_requests::look_at,
                change_requests::organization_id,
                change_requests::change_id,
            ))
            .limit(limit)
            .select((change_requests::organization_id, change_requests::change_id));
        let due: Vec<(Uuid, Uuid)> = self.rows(Scope::Engine, query).await?;
        Ok(due.into_iter().map(|(owner, id)| (OrganizationId(owner), ChangeId(id))).collect())
    }

    async fn next_change_due_at(&self) -> Result<Option<OffsetDateTime>, Error> {
        let query = change_requests::table
            .filter(change_requests::fate.eq_any(OPEN.map(str::to_owned)))
            .select(min(change_requests::look_at));
        let next: Option<Option<OffsetDateTime>> = self.row(Scope::Engine, query).await?;
        Ok(next.flatten())
    }

    async fn duplicates_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, GatewayRef)>, Error> {
        let query = duplicate_subscriptions::table
            .filter(duplicate_subscriptions::settled.eq(false))
            .filter(duplicate_subscriptions::look_at.le(now))
            .order((
                duplicate_subscriptions::look_at,
                duplicate_subscriptions::organization_id,
                duplicate_subscriptions::gateway_id,
            ))
            .limit(limit)
            .select((
                duplicate_subscriptions::organization_id,
                duplicate_subscriptions::gateway,
                duplicate_subscriptions::gateway_id,
            ));
        let due: Vec<(Uuid, String, String)> = self.rows(Scope::Engine, query).await?;
        due.into_iter()
            .map(|(owner, gateway, id)| {
                let gateway = gateway.parse().map_err(anyhow::Error::from)?;
                Ok((OrganizationId(owner), GatewayRef::new(gateway, id)))
            })
            .collect()
    }
}
