//! What was invoiced, paid and given back.

use actix_web::web::{Data, Json};
use billing_app::{HistoryEntry, HistoryPage};
use billing_domain::{invoice::Invoice as InvoiceRecord, payment::Payment as Record};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::Owned,
    body::Params,
    invoices::CreditNote,
    moment::Moment,
    money::Money,
    page::{List, Paging, page},
    problem::Problem,
    state::Http,
};

/// Something that stands in the history.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// A payment, with how much of it was given back.
    Payment(Payment),
    /// An invoice: the whole of it is at `GET /api/billing/invoices/{org_id}/{id}`.
    Invoice(Invoiced),
    /// A document on money that was given back.
    CreditNote(CreditNote),
}

/// An invoice, in short.
#[derive(Serialize, ToSchema)]
pub(crate) struct Invoiced {
    id: Uuid,
    /// Who draws it up: `us`, or the gateway of which it is a copy.
    #[schema(example = "us")]
    issuer: &'static str,
    #[schema(example = "2026-000123")]
    number: Option<String>,
    /// `draft`, `open`, `uncollectible`, `paid` or `void`.
    #[schema(example = "paid")]
    status: &'static str,
    total: Money,
    amount_due: Money,
    payment_id: Option<Uuid>,
    subscription_id: Option<Uuid>,
    created_at: Moment,
}

/// A payment.
#[derive(Serialize, ToSchema)]
pub(crate) struct Payment {
    id: Uuid,
    /// `pending`, `unknown`, `failed`, `completed`, `partially_refunded`, `refunded` or `disputed`.
    #[schema(example = "completed")]
    status: &'static str,
    /// All that was charged, tax included.
    amount: Money,
    /// The tax in it.
    tax: Money,
    /// How much was given back.
    refunded: Money,
    description: String,
    #[schema(example = "stripe")]
    gateway: &'static str,
    /// What the gateway calls it.
    gateway_payment_id: String,
    checkout_id: Option<Uuid>,
    subscription_id: Option<Uuid>,
    /// The gateway's page that shows the invoice or receipt.
    document_url: Option<String>,
    /// Why it failed, in the gateway's word.
    failure: Option<String>,
    created_at: Moment,
}

/// Lists what was invoiced, paid and given back, the newest first.
///
/// `type` says what an entry is.
#[utoipa::path(get, path = "/api/billing/history/{org_id}", tag = "Money",
    params(("org_id" = Uuid, Path, description = "The organization"), Paging),
    responses(
        (status = 200, description = "A page of it", body = List<Entry>),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
    ))]
pub(crate) async fn of(
    http: Data<Http>,
    whose: Owned,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Entry>>, Problem> {
    let page: HistoryPage = page(paging.limit, paging.starting_after.as_deref())?;
    let found = http.billing.history(whose.0, page).await?;
    Ok(Json(List::of(found, page, Entry::from)))
}

impl From<HistoryEntry> for Entry {
    fn from(entry: HistoryEntry) -> Self {
        match entry {
            HistoryEntry::Payment(payment) => Self::Payment(payment.into()),
            HistoryEntry::Invoice(invoice) => Self::Invoice(Invoiced::from(&*invoice)),
            HistoryEntry::CreditNote(note) => Self::CreditNote(note.into()),
        }
    }
}

impl From<&InvoiceRecord> for Invoiced {
    fn from(invoice: &InvoiceRecord) -> Self {
        Self {
            id: invoice.id.0,
            issuer: invoice.issuer.name(),
            number: invoice.number.clone(),
            status: invoice.status.name(),
            total: invoice.bill.total().into(),
            amount_due: invoice.due().into(),
            payment_id: invoice.payment_id.map(|id| id.0),
            subscription_id: invoice.subscription_id.map(|id| id.0),
            created_at: Moment(invoice.created_at),
        }
    }
}

impl From<Record> for Payment {
    fn from(payment: Record) -> Self {
        let Record {
            id,
            organization_id: _,
            reference,
            status,
            amount,
            tax,
            refunded,
            description,
            checkout_id,
            subscription_id,
            document_url,
            failure,
            created_at,
        } = payment;
        Self {
            id: id.0,
            status: status.name(),
            amount: Money::from(amount),
            tax: Money::from(tax),
            refunded: Money::from(refunded),
            description,
            gateway: reference.gateway.name(),
            gateway_payment_id: reference.id,
            checkout_id: checkout_id.map(|id| id.0),
            subscription_id: subscription_id.map(|id| id.0),
            document_url,
            failure,
            created_at: Moment(created_at),
        }
    }
}
