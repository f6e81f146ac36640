//! The credit ledger as a table for spreadsheets, sent as it is read.

use std::sync::Arc;

use actix_web::{HttpResponse, http::header::CONTENT_DISPOSITION, web::Bytes};
use billing_app::{Billing, Error, ports::Page};
use billing_domain::{
    credits::{Entry, Origin},
    id::OrganizationId,
};
use futures_util::stream::try_unfold;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{moment::Moment, page::ten, problem::Problem, state::Http};

/// Which rows, and in which shape.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// How many, from 1 to 100.
    #[serde(default = "ten")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub(crate) limit: i64,
    /// The `seq` of the last one on the page before.
    pub(crate) starting_after: Option<String>,
    /// `csv` for all rows as a table.
    #[param(inline)]
    pub(crate) format: Option<Format>,
}

/// Shapes other than JSON.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Values separated by commas (RFC 4180).
    Csv,
}

/// How many rows are read at once.
const AT_ONCE: i64 = 1_000;
const HEAD: [&str; 11] = [
    "seq",
    "at",
    "kind",
    "cause",
    "amount",
    "balance_after",
    "overdrawn_change",
    "held_change",
    "decision_id",
    "what",
    "source",
];

/// Where the table goes on.
struct Rest {
    billing: Arc<Billing>,
    organization: OrganizationId,
    read: Vec<Entry>,
}

/// All rows after one, the newest first.
pub(crate) async fn table(
    http: &Http,
    organization: OrganizationId,
    after: Option<i64>,
) -> Result<HttpResponse, Problem> {
    let billing = http.billing.clone();
    // Read before the answer begins, so that what is wrong can still be said.
    let read = billing.credit_entries(organization, Page { after, limit: AT_ONCE }).await?;
    let head = lines(&[], true)?;
    let rest = Rest { billing, organization, read };
    let rows = try_unfold((head, rest), |(text, rest)| async move {
        if text.is_empty() {
            return Ok(None);
        }
        let (next, rest) =
            rest.next().await.map_err(|error| actix_web::Error::from(Problem::from(error)))?;
        Ok::<_, actix_web::Error>(Some((text, (next, rest))))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8; header=present")
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"credits.csv\""))
        .streaming(rows))
}

impl Rest {
    /// What was read, as lines, and what comes after it.
    async fn next(mut self) -> Result<(Bytes, Self), Error> {
        let text = if self.read.is_empty() { Bytes::new() } else { lines(&self.read, false)? };
        if let Some(last) = self.read.last().map(|entry| entry.seq) {
            let page = Page { after: Some(last), limit: AT_ONCE };
            self.read = self.billing.credit_entries(self.organization, page).await?;
        }
        Ok((text, self))
    }
}

fn lines(entries: &[Entry], head: bool) -> Result<Bytes, Error> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let written = || -> anyhow::Result<Vec<u8>> {
        if head {
            table.write_record(HEAD)?;
        }
        for entry in entries {
            table.write_record(line(entry)?)?;
        }
        Ok(table.into_inner()?)
    };
    Ok(Bytes::from(written()?))
}

fn line(entry: &Entry) -> anyhow::Result<[String; 11]> {
    let (decision, what, source) = match &entry.origin {
        Origin::Grant(it) | Origin::Expiry(it) | Origin::Revoke(it) => {
            (None, String::new(), format!("{}:{}", it.kind, it.id))
        }
        Origin::Consume { decision, event, quantity, .. } => {
            (Some(decision.0), format!("{quantity} {event}"), String::new())
        }
        Origin::Hold { hold, event, .. } | Origin::Settle { hold, event } => {
            (Some(hold.0), event.clone(), String::new())
        }
        Origin::Release(hold) | Origin::TimeOut(hold) => {
            (Some(hold.0), String::new(), String::new())
        }
        Origin::Refund { decision, draw, .. } => {
            (Some(decision.0), format!("row {draw}"), String::new())
        }
        Origin::Transfer { decision, to, .. } => {
            (Some(decision.0), format!("to {to}"), String::new())
        }
        Origin::Settings(_) => (None, String::new(), String::new()),
    };
    Ok([
        entry.seq.to_string(),
        Moment(entry.at).text()?,
        entry.kind.name().to_owned(),
        entry.origin.name().to_owned(),
        entry.amount.to_string(),
        entry.balance_after.to_string(),
        entry.overdrawn_change.to_string(),
        entry.held_change.to_string(),
        decision.map(|id| id.to_string()).unwrap_or_default(),
        inert(what),
        inert(source),
    ])
}

/// Text of others that a spreadsheet would take for a formula is made plain text.
fn inert(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}
