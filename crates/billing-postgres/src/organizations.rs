//! Organizations, their customers at gateways, and the lookup tables that lead to them.

use async_trait::async_trait;
use billing_app::{Error, Refusal, ports::Organizations};
use billing_domain::{
    event::Event,
    gateway::{Gateway, GatewayRef},
    id::OrganizationId,
    organization::{Customer, Organization},
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::failed,
    schema::{
        credit_accounts, customers, external_ids, gateway_objects, organizations, usage_accounts,
    },
    unit_of_work::PostgresUnit,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = organizations, check_for_backend(diesel::pg::Pg))]
pub(crate) struct OrganizationRow {
    organization_id: Uuid,
    external_id: Option<String>,
    name: String,
    billing_email: Option<String>,
    country: Option<String>,
    currency: String,
    created_at: OffsetDateTime,
    tax_id: Option<String>,
    locale: String,
}

impl From<&Organization> for OrganizationRow {
    fn from(it: &Organization) -> Self {
        let Organization {
            id,
            external_id,
            name,
            billing_email,
            country,
            currency,
            tax_id,
            locale,
            created_at,
        } = it;
        Self {
            organization_id: id.0,
            external_id: external_id.clone(),
            name: name.clone(),
            billing_email: billing_email.clone(),
            country: country.map(|country| country.to_string()),
            currency: currency.to_string(),
            created_at: *created_at,
            tax_id: tax_id.clone(),
            locale: locale.name().to_owned(),
        }
    }
}

impl TryFrom<OrganizationRow> for Organization {
    type Error = Error;

    fn try_from(row: OrganizationRow) -> Result<Self, Error> {
        let OrganizationRow {
            organization_id,
            external_id,
            name,
            billing_email,
            country,
            currency,
            created_at,
            tax_id,
            locale,
        } = row;
        Ok(Self {
            id: OrganizationId(organization_id),
            external_id,
            name,
            billing_email,
            country: country.map(|it| it.parse()).transpose().map_err(anyhow::Error::from)?,
            currency: currency.parse().map_err(anyhow::Error::from)?,
            tax_id,
            locale: locale.parse().map_err(anyhow::Error::from)?,
            created_at,
        })
    }
}

/// The kinds of things that gateways name, as the lookup table writes them.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Customer,
    Checkout,
    Subscription,
    Payment,
    Invoice,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Checkout => "checkout",
            Self::Subscription => "subscription",
            Self::Payment => "payment",
            Self::Invoice => "invoice",
        }
    }
}

impl PostgresUnit {
    /// Records whose object that is. The first record of it stays.
    pub(crate) async fn own(
        &mut self,
        gateway: Gateway,
        (kind, id): (Kind, &str),
        owner: OrganizationId,
    ) -> Result<(), Error> {
        let row = (
            gateway_objects::gateway.eq(gateway.name()),
            gateway_objects::kind.eq(kind.name()),
            gateway_objects::object_id.eq(id),
            gateway_objects::organization_id.eq(owner.0),
        );
        let insert =
            diesel::insert_into(gateway_objects::table).values(row).on_conflict_do_nothing();
        insert.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }

    /// Whose object that is.
    pub(crate) async fn owner(
        &mut self,
        gateway: Gateway,
        (kind, id): (Kind, &str),
    ) -> Result<Option<OrganizationId>, Error> {
        let found: Option<Uuid> = gateway_objects::table
            .find((gateway.name(), kind.name(), id))
            .select(gateway_objects::organization_id)
            .first(self.connection())
            .await
            .optional()
            .map_err(failed)?;
        Ok(found.map(OrganizationId))
    }
}

#[async_trait]
impl Organizations for PostgresUnit {
    async fn find(&mut self, id: OrganizationId) -> Result<Option<Organization>, Error> {
        let query = organizations::table
            .find(id.0)
            .select(OrganizationRow::as_select())
            .for_no_key_update();
        self.record::<OrganizationRow, _, _>(query).await
    }

    async fn look(&mut self, id: OrganizationId) -> Result<Option<Organization>, Error> {
        let row: Option<OrganizationRow> = organizations::table
            .find(id.0)
            .select(OrganizationRow::as_select())
            .first(self.connection())
            .await
            .optional()
            .map_err(failed)?;
        row.map(TryInto::try_into).transpose()
    }

    async fn insert(&mut self, organization: &Organization, events: &[Event]) -> Result<(), Error> {
        let id = organization.id.0;
        if let Some(external_id) = &organization.external_id {
            let row =
                (external_ids::external_id.eq(external_id), external_ids::organization_id.eq(id));
            let insert =
                diesel::insert_into(external_ids::table).values(row).on_conflict_do_nothing();
            if insert.execute(self.connection()).await.map_err(failed)? == 0 {
                return Err(Refusal::ExternalIdTaken(external_id.clone()).into());
            }
        }
        diesel::insert_into(organizations::table)
            .values(OrganizationRow::from(organization))
            .execute(self.connection())
            .await
            .map_err(failed)?;
        diesel::insert_into(credit_accounts::table)
            .values((
                credit_accounts::organization_id.eq(id),
                credit_accounts::last_seq.eq(0),
                credit_accounts::last_at.eq(OffsetDateTime::UNIX_EPOCH),
                credit_accounts::balance.eq(0),
                credit_accounts::overdrawn.eq(0),
                credit_accounts::overdraft_limit.eq(0),
            ))
            .execute(self.connection())
            .await
            .map_err(failed)?;
        diesel::insert_into(usage_accounts::table)
            .values((usage_accounts::organization_id.eq(id), usage_accounts::last_seq.eq(0)))
            .execute(self.connection())
            .await
            .map_err(failed)?;
        self.publish(events).await
    }

    async fn describe(
        &mut self,
        organization: &Organization,
        events: &[Event],
    ) -> Result<(), Error> {
        diesel::update(organizations::table.find(organization.id.0))
            .set((
                organizations::name.eq(&organization.name),
                organizations::billing_email.eq(&organization.billing_email),
            ))
            .execute(self.connection())
            .await
            .map_err(failed)?;
        self.publish(events).await
    }

    async fn customer(
        &mut self,
        id: OrganizationId,
        gateway: Gateway,
    ) -> Result<Option<Customer>, Error> {
        let row: Option<(String, OffsetDateTime)> = customers::table
            .find((id.0, gateway.name()))
            .select((customers::gateway_id, customers::created_at))
            .first(self.connection())
            .await
            .optional()
            .map_err(failed)?;
        Ok(row.map(|(gateway_id, created_at)| Customer {
            organization_id: id,
            reference: GatewayRef::new(gateway, gateway_id),
            created_at,
        }))
    }

    async fn link_customer(&mut self, customer: &Customer) -> Result<Customer, Error> {
        let Customer { organization_id, reference, created_at } = customer;
        let row = (
            customers::organization_id.eq(organization_id.0),
            customers::gateway.eq(reference.gateway.name()),
            customers::gateway_id.eq(&reference.id),
            customers::created_at.eq(created_at),
        );
        let insert = diesel::insert_into(customers::table).values(row).on_conflict_do_nothing();
        if insert.execute(self.connection()).await.map_err(failed)? == 1 {
            let object = (Kind::Customer, reference.id.as_str());
            self.own(reference.gateway, object, *organization_id).await?;
        }
        let kept = self.customer(*organization_id, reference.gateway).await?;
        kept.ok_or(Error::Conflict("the customer"))
    }

    async fn by_customer(
        &mut self,
        reference: &GatewayRef,
    ) -> Result<Option<OrganizationId>, Error> {
        self.owner(reference.gateway, (Kind::Customer, &reference.id)).await
    }
}
