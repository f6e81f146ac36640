//! Hosted checkouts.

use anyhow::Context;
use async_trait::async_trait;
use billing_app::{Error, ports::Checkouts};
use billing_domain::{
    checkout::{Checkout, CheckoutStatus, HostedPage, PaidBy, Purpose},
    event::Event,
    gateway::{Gateway, GatewayRef},
    id::{CheckoutId, CreditProductId, InvoiceId, OrganizationId, PlanVersionId, PriceId},
    money::Money,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{error::failed, organizations::Kind, schema::checkouts, unit_of_work::PostgresUnit};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = checkouts, check_for_backend(diesel::pg::Pg), treat_none_as_null = true)]
struct CheckoutRow {
    organization_id: Uuid,
    checkout_id: Uuid,
    gateway: String,
    purpose: String,
    plan_version_id: Option<Uuid>,
    price_id: Option<Uuid>,
    credit_product_id: Option<Uuid>,
    credits: Option<i64>,
    amount: Option<i64>,
    currency: Option<String>,
    status: String,
    session_id: Option<String>,
    url: Option<String>,
    expires_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
    saves_method: bool,
    saved_method: Option<String>,
    invoice_id: Option<Uuid>,
    attempt: Option<i32>,
}

impl From<&Checkout> for CheckoutRow {
    fn from(checkout: &Checkout) -> Self {
        let Checkout { id, organization_id, gateway, purpose, paid_by, status, created_at } =
            checkout;
        let mut row = Self {
            organization_id: organization_id.0,
            checkout_id: id.0,
            gateway: gateway.to_string(),
            purpose: String::new(),
            plan_version_id: None,
            price_id: None,
            credit_product_id: None,
            credits: None,
            amount: None,
            currency: None,
            status: status.name().to_owned(),
            session_id: None,
            url: None,
            expires_at: None,
            created_at: *created_at,
            saves_method: false,
            saved_method: None,
            invoice_id: None,
            attempt: None,
        };
        match paid_by {
            PaidBy::Page { saves_method } => row.saves_method = *saves_method,
            PaidBy::SavedMethod(method) => row.saved_method = Some(method.id.clone()),
        }
        match purpose {
            Purpose::Subscription { plan_version_id, price_id } => {
                "subscription".clone_into(&mut row.purpose);
                row.plan_version_id = Some(plan_version_id.0);
                row.price_id = Some(price_id.0);
            }
            Purpose::Credits { credit_product_id, credits, price } => {
                "credits".clone_into(&mut row.purpose);
                row.credit_product_id = Some(credit_product_id.0);
                row.credits = Some(*credits);
                row.amount = Some(price.minor());
                row.currency = Some(price.currency().to_string());
            }
            Purpose::Invoice { invoice_id, attempt, amount } => {
                "invoice".clone_into(&mut row.purpose);
                row.invoice_id = Some(invoice_id.0);
                row.attempt = Some(i32::try_from(*attempt).unwrap_or(i32::MAX));
                row.amount = Some(amount.minor());
                row.currency = Some(amount.currency().to_string());
            }
        }
        match status {
            CheckoutStatus::Open(HostedPage { session, url, expires_at }) => {
                row.session_id = Some(session.id.clone());
                row.url = Some(url.clone());
                row.expires_at = Some(*expires_at);
            }
            CheckoutStatus::Completed(session) => row.session_id = Some(session.id.clone()),
            CheckoutStatus::Pending | CheckoutStatus::Expired => {}
        }
        row
    }
}

impl TryFrom<CheckoutRow> for Checkout {
    type Error = Error;

    fn try_from(row: CheckoutRow) -> Result<Self, Error> {
        let id = row.checkout_id;
        let read = move || -> anyhow::Result<Self> {
            let gateway: Gateway = row.gateway.parse()?;
            let session = row.session_id.map(|id| GatewayRef::new(gateway, id));
            let purpose = match row.purpose.as_str() {
                "subscription" => Purpose::Subscription {
                    plan_version_id: PlanVersionId(row.plan_version_id.context("plan")?),
                    price_id: PriceId(row.price_id.context("price")?),
                },
                // A charge from before there was an invoice first stands for itself.
                "period" | "invoice" => Purpose::Invoice {
                    invoice_id: InvoiceId(row.invoice_id.unwrap_or(row.checkout_id)),
                    attempt: row.attempt.unwrap_or(1).try_into()?,
                    amount: money(row.amount, row.currency)?,
                },
                _ => Purpose::Credits {
                    credit_product_id: CreditProductId(row.credit_product_id.context("product")?),
                    credits: row.credits.context("credits")?,
                    price: money(row.amount, row.currency)?,
                },
            };
            let paid_by = match row.saved_method {
                Some(method) => PaidBy::SavedMethod(GatewayRef::new(gateway, method)),
                None => PaidBy::Page { saves_method: row.saves_method },
            };
            let status = match row.status.as_str() {
                "pending" => CheckoutStatus::Pending,
                "open" => CheckoutStatus::Open(HostedPage {
                    session: session.context("session")?,
                    url: row.url.context("url")?,
                    expires_at: row.expires_at.context("expiry")?,
                }),
                "completed" => CheckoutStatus::Completed(session.context("session")?),
                _ => CheckoutStatus::Expired,
            };
            Ok(Self {
                id: CheckoutId(row.checkout_id),
                organization_id: OrganizationId(row.organization_id),
                gateway,
                purpose,
                paid_by,
                status,
                created_at: row.created_at,
            })
        };
        Ok(read().with_context(|| format!("checkout {id} cannot be read"))?)
    }
}

fn money(amount: Option<i64>, currency: Option<String>) -> anyhow::Result<Money> {
    Ok(Money::new(amount.context("amount")?, currency.context("currency")?.parse()?))
}

#[async_trait]
impl Checkouts for PostgresUnit {
    async fn find(
        &mut self,
        organization: OrganizationId,
        id: CheckoutId,
    ) -> Result<Option<Checkout>, Error> {
        let query = checkouts::table
            .find((organization.0, id.0))
            .select(CheckoutRow::as_select())
            .for_no_key_update();
        self.record::<CheckoutRow, _, _>(query).await
    }

    async fn unfinished(&mut self, organization: OrganizationId) -> Result<Vec<Checkout>, Error> {
        let rows: Vec<CheckoutRow> = checkouts::table
            .filter(checkouts::organization_id.eq(organization.0))
            .filter(checkouts::status.eq_any(["pending", "open"]))
            .order((checkouts::created_at.desc(), checkouts::checkout_id.desc()))
            .select(CheckoutRow::as_select())
            .for_no_key_update()
            .load(self.connection())
            .await
            .map_err(failed)?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn charged_since(
        &mut self,
        organization: OrganizationId,
        since: OffsetDateTime,
    ) -> Result<Vec<Checkout>, Error> {
        let rows: Vec<CheckoutRow> = checkouts::table
            .filter(checkouts::organization_id.eq(organization.0))
            .filter(checkouts::saved_method.is_not_null())
            .filter(checkouts::created_at.ge(since))
            .select(CheckoutRow::as_select())
            .load(self.connection())
            .await
            .map_err(failed)?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn owner(&mut self, id: CheckoutId) -> Result<Option<OrganizationId>, Error> {
        for gateway in Gateway::ALL {
            let found =
                PostgresUnit::owner(self, gateway, (Kind::Checkout, &id.to_string())).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    async fn save(&mut self, checkout: &Checkout, events: &[Event]) -> Result<(), Error> {
        let owner = checkout.organization_id;
        let object = checkout.id.to_string();
        self.own(checkout.gateway, (Kind::Checkout, &object), owner).await?;
        let row = CheckoutRow::from(checkout);
        diesel::insert_into(checkouts::table)
            .values(&row)
            .on_conflict((checkouts::organization_id, checkouts::checkout_id))
            .do_update()
            .set(&row)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        self.publish(events).await
    }
}
