//! What a sandbox keeps instead of sending it.

use actix_web::{
    HttpResponse,
    http::header::CONTENT_SECURITY_POLICY,
    web::{Data, Json, Path},
};
use billing_app::{Missing, ports::Posted};
use billing_domain::id::EmailId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    body::{Params, id_in_path},
    moment::Moment,
    page::{List, Paging, page},
    problem::Problem,
    state::Http,
};

/// Styles stand at the elements, as mail programs want them; nothing else comes along.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; \
     base-uri 'none'; form-action 'none'; sandbox";

/// An email that was kept instead of being sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailboxEmail {
    id: Uuid,
    #[schema(example = "billing@acme.example")]
    to: String,
    subject: String,
    text: String,
    /// A page of it: `GET /api/admin/sandbox/mailbox/{id}.html`.
    html: String,
    /// The names of the files that came along.
    attachments: Vec<String>,
    date: Moment,
}

/// Lists the emails that a sandbox has kept instead of sending them, the newest first.
#[utoipa::path(get, path = "/api/admin/sandbox/mailbox", tag = "Sandbox",
    params(Paging),
    responses(
        (status = 200, description = "A page of them", body = List<MailboxEmail>),
        (status = 422, description = "`NO_MAILBOX`"),
    ))]
pub(crate) async fn list(
    http: Data<Http>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<MailboxEmail>>, Problem> {
    let page = page(paging.limit, paging.starting_after.as_deref())?;
    let found = http.billing.sandbox_mailbox(page).await?;
    Ok(Json(List::of(found, page, MailboxEmail::from)))
}

/// Shows an email of the sandbox as its recipient would see it.
#[utoipa::path(get, path = "/api/admin/sandbox/mailbox/{id}.html", tag = "Sandbox",
    params(("id" = Uuid, Path, description = "The email")),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "`EMAIL_NOT_FOUND`"),
        (status = 422, description = "`NO_MAILBOX`"),
    ))]
pub(crate) async fn html(http: Data<Http>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = id_in_path::<EmailId>(&id, Missing::Email)?;
    let posted = http.billing.sandbox_email(id).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .body(posted.html))
}

impl From<Posted> for MailboxEmail {
    fn from(posted: Posted) -> Self {
        let Posted { id, to, subject, html, text, attachments, date } = posted;
        Self { id: id.0, to, subject, text, html, attachments, date: Moment(date) }
    }
}
