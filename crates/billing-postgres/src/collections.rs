//! How the money of invoices is taken.

mod queries;

use std::collections::HashMap;

use anyhow::Context;
use async_trait::async_trait;
use billing_app::{Error, ports::Collections};
use billing_domain::{
    checkout::Charging,
    collection::{AskedFor, Attempt, AttemptOutcome, Collection, CollectionState, MethodRecord},
    event::Event,
    gateway::GatewayRef,
    id::{CheckoutId, InvoiceId, OrganizationId, SubscriptionId},
    payment::{ChargeFailure, DeclineKind},
};
use diesel::{prelude::*, upsert::excluded};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::failed,
    schema::{collections, payment_attempts},
    unit_of_work::PostgresUnit,
};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = collections, check_for_backend(diesel::pg::Pg), treat_none_as_null = true)]
struct CollectionRow {
    organization_id: Uuid,
    invoice_id: Uuid,
    subscription_id: Option<Uuid>,
    status: String,
    status_at: Option<OffsetDateTime>,
    checkout_id: Option<Uuid>,
    failed_at: Option<OffsetDateTime>,
    failure: Option<String>,
    retry_at: Option<OffsetDateTime>,
    next_due_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = payment_attempts, check_for_backend(diesel::pg::Pg))]
struct AttemptRow {
    organization_id: Uuid,
    invoice_id: Uuid,
    number: i32,
    checkout_id: Uuid,
    gateway: String,
    method: String,
    at: OffsetDateTime,
    outcome: String,
    failure: Option<String>,
    kind: Option<String>,
    ended_at: Option<OffsetDateTime>,
    actor: Option<String>,
    reason: Option<String>,
}

impl From<&Collection> for CollectionRow {
    fn from(it: &Collection) -> Self {
        let (status_at, checkout) = match it.state {
            CollectionState::Open => (None, None),
            CollectionState::Charging(Charging { checkout, since }) => {
                (Some(since), Some(checkout))
            }
            CollectionState::Collected { at }
            | CollectionState::GivenUp { at }
            | CollectionState::Void { at } => (Some(at), None),
        };
        Self {
            organization_id: it.organization_id.0,
            invoice_id: it.invoice_id.0,
            subscription_id: it.subscription_id.map(|id| id.0),
            status: it.state.name().to_owned(),
            status_at,
            checkout_id: checkout.map(|id| id.0),
            failed_at: it.failed_at,
            failure: it.failure.map(|failure| failure.name().to_owned()),
            retry_at: it.retry_at,
            next_due_at: it.next_due_at,
            created_at: it.created_at,
        }
    }
}

impl CollectionRow {
    /// The collection with its attempts.
    fn with(self, attempts: Vec<AttemptRow>) -> Result<Collection, Error> {
        let id = self.invoice_id;
        let read = || self.read(attempts);
        Ok(read().with_context(|| format!("the collection of {id} cannot be read"))?)
    }

    fn read(self, attempts: Vec<AttemptRow>) -> anyhow::Result<Collection> {
        let at = self.status_at.context("since when");
        let state = match self.status.as_str() {
            "open" => CollectionState::Open,
            "charging" => CollectionState::Charging(Charging {
                checkout: CheckoutId(self.checkout_id.context("checkout")?),
                since: at?,
            }),
            "collected" => CollectionState::Collected { at: at? },
            "given_up" => CollectionState::GivenUp { at: at? },
            _ => CollectionState::Void { at: at? },
        };
        Ok(Collection {
            organization_id: OrganizationId(self.organization_id),
            invoice_id: InvoiceId(self.invoice_id),
            subscription_id: self.subscription_id.map(SubscriptionId),
            state,
            attempts: attempts.into_iter().map(AttemptRow::read).collect::<Result<_, _>>()?,
            failed_at: self.failed_at,
            failure: self.failure.map(|name| name.parse()).transpose()?,
            retry_at: self.retry_at,
            next_due_at: self.next_due_at,
            created_at: self.created_at,
        })
    }
}

impl AttemptRow {
    fn of(collection: &Collection, number: i32, attempt: &Attempt) -> Self {
        let failure = attempt.outcome.failure();
        Self {
            organization_id: collection.organization_id.0,
            invoice_id: collection.invoice_id.0,
            number,
            checkout_id: attempt.checkout_id.0,
            gateway: attempt.method.gateway.name().to_owned(),
            method: attempt.method.id.clone(),
            at: attempt.at,
            outcome: attempt.outcome.name().to_owned(),
            failure: failure.map(|failure| failure.name().to_owned()),
            kind: failure.map(|failure| failure.kind().name().to_owned()),
            ended_at: attempt.ended_at,
            actor: attempt.asked_for.as_ref().map(|it| it.actor.clone()),
            reason: attempt.asked_for.as_ref().map(|it| it.reason.clone()),
        }
    }

    fn read(self) -> anyhow::Result<Attempt> {
        let asked_for = self.actor.zip(self.reason);
        let failure = self.failure.map(|name| name.parse::<ChargeFailure>()).transpose()?;
        let outcome = match (self.outcome.as_str(), failure) {
            ("succeeded", _) => AttemptOutcome::Succeeded,
            (_, Some(failure)) => AttemptOutcome::Failed(failure),
            (_, None) => AttemptOutcome::Pending,
        };
        Ok(Attempt {
            checkout_id: CheckoutId(self.checkout_id),
            method: GatewayRef::new(self.gateway.parse()?, self.method),
            at: self.at,
            outcome,
            ended_at: self.ended_at,
            asked_for: asked_for.map(|(actor, reason)| AskedFor { actor, reason }),
        })
    }
}

/// Rows, each with its attempts.
async fn with_attempts(
    connection: &mut AsyncPgConnection,
    rows: Vec<CollectionRow>,
) -> Result<Vec<Collection>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let owners: Vec<Uuid> = rows.iter().map(|row| row.organization_id).collect();
    let ids: Vec<Uuid> = rows.iter().map(|row| row.invoice_id).collect();
    let attempts: Vec<AttemptRow> = payment_attempts::table
        .filter(payment_attempts::organization_id.eq_any(owners))
        .filter(payment_attempts::invoice_id.eq_any(ids))
        .order((payment_attempts::invoice_id, payment_attempts::number))
        .select(AttemptRow::as_select())
        .load(connection)
        .await
        .map_err(failed)?;
    let mut of: HashMap<Uuid, Vec<AttemptRow>> = HashMap::new();
    for attempt in attempts {
        of.entry(attempt.invoice_id).or_default().push(attempt);
    }
    let read = |row: CollectionRow| {
        let own = of.remove(&row.invoice_id).unwrap_or_default();
        row.with(own)
    };
    rows.into_iter().map(read).collect()
}

#[async_trait]
impl Collections for PostgresUnit {
    async fn find(
        &mut self,
        organization: OrganizationId,
        invoice: InvoiceId,
    ) -> Result<Option<Collection>, Error> {
        let rows: Vec<CollectionRow> = collections::table
            .find((organization.0, invoice.0))
            .select(CollectionRow::as_select())
            .for_no_key_update()
            .load(self.connection())
            .await
            .map_err(failed)?;
        Ok(with_attempts(self.connection(), rows).await?.pop())
    }

    async fn open(&mut self, organization: OrganizationId) -> Result<Vec<Collection>, Error> {
        let rows: Vec<CollectionRow> = collections::table
            .filter(collections::organization_id.eq(organization.0))
            .filter(collections::status.eq_any(["open", "charging"]))
            .order(collections::invoice_id)
            .select(CollectionRow::as_select())
            .for_no_key_update()
            .load(self.connection())
            .await
            .map_err(failed)?;
        with_attempts(self.connection(), rows).await
    }

    async fn record_of(
        &mut self,
        organization: OrganizationId,
        method: &GatewayRef,
        since: OffsetDateTime,
    ) -> Result<MethodRecord, Error> {
        let own = || {
            payment_attempts::table
                .filter(payment_attempts::organization_id.eq(organization.0))
                .filter(payment_attempts::gateway.eq(method.gateway.name()))
                .filter(payment_attempts::method.eq(method.id.clone()))
        };
        let recent = own().filter(payment_attempts::at.gt(since)).count();
        let recent: i64 = recent.get_result(self.connection()).await.map_err(failed)?;
        let hard = own().filter(payment_attempts::kind.eq(DeclineKind::Hard.name())).count();
        let hard: i64 = hard.get_result(self.connection()).await.map_err(failed)?;
        Ok(MethodRecord {
            attempts: u32::try_from(recent).unwrap_or(u32::MAX),
            refused_for_good: hard > 0,
        })
    }

    async fn save(&mut self, collection: &Collection, events: &[Event]) -> Result<(), Error> {
        let row = CollectionRow::from(collection);
        diesel::insert_into(collections::table)
            .values(&row)
            .on_conflict((collections::organization_id, collections::invoice_id))
            .do_update()
            .set(&row)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        let attempts = (1..).zip(&collection.attempts);
        let attempts: Vec<AttemptRow> =
            attempts.map(|(number, it)| AttemptRow::of(collection, number, it)).collect();
        if !attempts.is_empty() {
            diesel::insert_into(payment_attempts::table)
                .values(attempts)
                .on_conflict((
                    payment_attempts::organization_id,
                    payment_attempts::invoice_id,
                    payment_attempts::number,
                ))
                .do_update()
                .set((
                    payment_attempts::outcome.eq(excluded(payment_attempts::outcome)),
                    payment_attempts::failure.eq(excluded(payment_attempts::failure)),
                    payment_attempts::kind.eq(excluded(payment_attempts::kind)),
                    payment_attempts::ended_at.eq(excluded(payment_attempts::ended_at)),
                ))
                .execute(self.connection())
                .await
                .map_err(failed)?;
        }
        self.publish(events).await
    }
}
