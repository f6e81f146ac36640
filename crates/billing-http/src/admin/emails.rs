//! Emails: the list, all of one, and sending them again.

use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use billing_app::{
    Missing,
    ports::{EmailAction, EmailFilter, EmailHealth, EmailRow, EmailStatus, EmailTry},
};
use billing_domain::id::{EmailId, OrganizationId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::inbox_actions::mandate;
use crate::{
    auth::Known,
    body::{Body, Params, id_in_path},
    moment::Moment,
    page::{List, page, ten},
    problem::Problem,
    state::Http,
};

/// An email.
#[derive(Serialize, ToSchema)]
pub(crate) struct Email {
    id: Uuid,
    /// Whose event it tells of; alerts of the installation are of the nil id.
    organization_id: Uuid,
    /// The event that it tells of.
    event_id: Uuid,
    #[schema(example = "billing@acme.example")]
    recipient: String,
    #[schema(example = "en")]
    locale: &'static str,
    /// What it says.
    #[schema(example = "trial_ends")]
    letter: &'static str,
    /// `queued`, `retrying`, `sent`, `dead`, or `unsent` where there was no way to send it.
    #[schema(example = "sent")]
    status: &'static str,
    /// How often it was tried since it was written down, or put back.
    attempts: i32,
    /// What the last try said, if it failed.
    error: Option<String>,
    created_at: Moment,
    /// When it is tried again, if it is.
    next_attempt_at: Option<Moment>,
    /// When a server took it.
    sent_at: Option<Moment>,
}

/// All that is known of an email.
#[derive(Serialize, ToSchema)]
pub(crate) struct InspectedEmail {
    #[serde(flatten)]
    email: Email,
    /// What it says, by what is known now.
    subject: String,
    text: String,
    html: String,
    /// The names of the files that come along.
    attachments: Vec<String>,
    /// Every try that came to an end, the first one first.
    history: Vec<EmailAttempt>,
    /// Who had it sent again.
    actions: Vec<SentAgain>,
}

/// A try.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmailAttempt {
    ended_at: Moment,
    /// `sent`, `failed`, or `lapsed` where its server died or was too slow.
    #[schema(example = "sent")]
    outcome: &'static str,
    error: Option<String>,
}

/// Who had it sent again.
#[derive(Serialize, ToSchema)]
pub(crate) struct SentAgain {
    /// The same for all emails that were sent again at once.
    id: Uuid,
    at: Moment,
    #[schema(example = "api_key 4f0c1d2e")]
    actor: String,
    reason: String,
}

/// Which emails.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichEmails {
    /// To one organization; all by default.
    organization_id: Option<Uuid>,
    /// What they say; all by default.
    letter: Option<String>,
    /// `queued`, `retrying`, `sent`, `dead` or `unsent`; all by default.
    status: Option<String>,
    /// Written down then or later.
    since: Option<Moment>,
    /// Written down before then.
    until: Option<Moment>,
    /// How many, from 1 to 100.
    #[serde(default = "ten")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    limit: i64,
    /// The id of the last one on the page before.
    starting_after: Option<String>,
}

/// Why an email is sent again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The mail server is mended" }))]
pub(crate) struct WhyAgain {
    /// Why; it is kept.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Which emails to send again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "status": "dead", "dry_run": true }))]
pub(crate) struct EmailsAgain {
    /// To one organization; all by default.
    organization_id: Option<Uuid>,
    /// What they say; all by default.
    letter: Option<String>,
    /// Where they stand; `dead` by default. Those that are `queued` will be tried anyway.
    #[serde(default = "dead")]
    #[schema(default = "dead")]
    status: String,
    /// Written down then or later.
    since: Option<Moment>,
    /// Written down before then.
    until: Option<Moment>,
    /// How many, the oldest first.
    #[serde(default = "hundred")]
    #[schema(minimum = 1, maximum = 1000, default = 100)]
    limit: i64,
    /// Only say which: nothing is changed, and no reason is needed.
    #[serde(default)]
    dry_run: bool,
    /// Why; it is kept with each of them.
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// Which emails are sent again.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmailsRetried {
    /// Whether nothing was changed.
    dry_run: bool,
    /// How many match.
    matched: i64,
    /// How many of them are put back, or would be.
    retried: usize,
    /// These, as they stood before.
    emails: Vec<Email>,
}

/// It is put back.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmailQueued {
    id: Uuid,
    #[schema(example = "queued")]
    status: &'static str,
}

/// How emails do.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmailFigures {
    /// How they are sent: `smtp`, or `mailbox` in a sandbox; nothing where they are only kept.
    #[schema(example = "smtp")]
    mailer: Option<&'static str>,
    /// To be sent, first or again.
    pending: i64,
    /// Failed for good.
    dead: i64,
    /// Kept, because there was no way to send them.
    unsent: i64,
}

fn dead() -> String {
    "dead".to_owned()
}

const fn hundred() -> i64 {
    100
}

/// Lists emails, the newest first.
#[utoipa::path(get, path = "/api/admin/emails", tag = "Administration",
    params(WhichEmails),
    responses((status = 200, description = "A page of them", body = List<Email>)))]
pub(crate) async fn list(
    http: Data<Http>,
    Params(which): Params<WhichEmails>,
) -> Result<Json<List<Email>>, Problem> {
    let page = page(which.limit, which.starting_after.as_deref())?;
    let filter = EmailFilter {
        organization_id: which.organization_id.map(OrganizationId),
        letter: which.letter,
        status: which.status.as_deref().map(status).transpose()?,
        since: which.since.map(|at| at.0),
        until: which.until.map(|at| at.0),
    };
    let found = http.billing.list_emails(&filter, page).await?;
    Ok(Json(List::of(found, page, Email::from)))
}

/// Shows all of an email: what it says, every try, and who had it sent again.
#[utoipa::path(get, path = "/api/admin/emails/{id}", tag = "Administration",
    params(("id" = Uuid, Path, description = "The email")),
    responses(
        (status = 200, description = "All that is known of it", body = InspectedEmail),
        (status = 404, description = "`EMAIL_NOT_FOUND`"),
    ))]
pub(crate) async fn inspect(
    http: Data<Http>,
    id: Path<String>,
) -> Result<Json<InspectedEmail>, Problem> {
    let id = id_in_path::<EmailId>(&id, Missing::Email)?;
    let (detail, written) = http.billing.inspect_email(id).await?;
    Ok(Json(InspectedEmail {
        email: detail.row.into(),
        subject: written.subject,
        text: written.text,
        html: written.html,
        attachments: written.attachments.into_iter().map(|file| file.name).collect(),
        history: detail.tries.into_iter().map(EmailAttempt::from).collect(),
        actions: detail.actions.into_iter().map(SentAgain::from).collect(),
    }))
}

/// Sends an email again, whatever became of it.
#[utoipa::path(post, path = "/api/admin/emails/{id}/retry", tag = "Administration",
    params(("id" = Uuid, Path, description = "The email")),
    request_body = WhyAgain,
    responses(
        (status = 202, description = "It will be sent within seconds", body = EmailQueued),
        (status = 404, description = "`EMAIL_NOT_FOUND`"),
        (status = 422, description = "`EMAIL_NOT_CONFIGURED`, `IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn retry(
    http: Data<Http>,
    Known(caller): Known,
    id: Path<String>,
    Body(why): Body<WhyAgain>,
) -> Result<HttpResponse, Problem> {
    let id = id_in_path::<EmailId>(&id, Missing::Email)?;
    http.billing.retry_email(id, mandate(&caller, why.reason)).await?;
    Ok(HttpResponse::Accepted().json(EmailQueued { id: id.0, status: "queued" }))
}

/// Sends emails again that match, the oldest first; with `dry_run` only says which.
#[utoipa::path(post, path = "/api/admin/emails/retry", tag = "Administration",
    request_body = EmailsAgain,
    responses(
        (status = 200, description = "How many match, and which are put back", body = EmailsRetried),
        (status = 422, description = "`EMAIL_NOT_CONFIGURED`, `IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn retry_many(
    http: Data<Http>,
    Known(caller): Known,
    Body(again): Body<EmailsAgain>,
) -> Result<Json<EmailsRetried>, Problem> {
    let filter = EmailFilter {
        organization_id: again.organization_id.map(OrganizationId),
        letter: again.letter,
        status: Some(status(&again.status)?),
        since: again.since.map(|at| at.0),
        until: again.until.map(|at| at.0),
    };
    let mandate = if again.dry_run {
        None
    } else {
        let reason = again.reason.ok_or_else(|| Problem::invalid("reason", "is required"))?;
        Some(mandate(&caller, reason))
    };
    let (matched, rows) = http.billing.retry_emails(&filter, again.limit, mandate).await?;
    let (retried, emails) = (rows.len(), rows.into_iter().map(Email::from).collect());
    Ok(Json(EmailsRetried { dry_run: again.dry_run, matched, retried, emails }))
}

/// Says how emails are sent, and how many stand where.
#[utoipa::path(get, path = "/api/admin/metrics/emails", tag = "Administration",
    responses((status = 200, description = "The figures", body = EmailFigures)))]
pub(crate) async fn figures(http: Data<Http>) -> Result<Json<EmailFigures>, Problem> {
    let EmailHealth { pending, dead, unsent } = http.billing.email_health().await?;
    Ok(Json(EmailFigures { mailer: http.billing.mailer(), pending, dead, unsent }))
}

fn status(name: &str) -> Result<EmailStatus, Problem> {
    let names = || EmailStatus::ALL.map(EmailStatus::name).join(", ");
    let wrong = || Problem::invalid("status", format!("must be one of {}", names()));
    EmailStatus::named(name).ok_or_else(wrong)
}

impl From<EmailRow> for Email {
    fn from(row: EmailRow) -> Self {
        Self {
            id: row.id.0,
            organization_id: row.organization_id.0,
            event_id: row.event_id.0,
            locale: row.locale.name(),
            letter: row.letter.name(),
            status: row.status.name(),
            recipient: row.recipient,
            attempts: row.attempts,
            error: row.error,
            created_at: Moment(row.created_at),
            next_attempt_at: row.next_attempt_at.map(Moment),
            sent_at: row.sent_at.map(Moment),
        }
    }
}

impl From<EmailTry> for EmailAttempt {
    fn from(EmailTry { ended_at, outcome, error }: EmailTry) -> Self {
        Self { ended_at: Moment(ended_at), outcome, error }
    }
}

impl From<EmailAction> for SentAgain {
    fn from(EmailAction { id, at, actor, reason }: EmailAction) -> Self {
        Self { id, at: Moment(at), actor, reason }
    }
}
