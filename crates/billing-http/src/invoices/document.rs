//! Invoices for people: HTML and PDF.

use actix_web::{
    HttpResponse,
    http::header::{CONTENT_DISPOSITION, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY},
    web::Data,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use billing_app::Error;
use billing_documents::{Document, STYLE};
use billing_domain::locale::Locale;
use ring::digest::{SHA256, digest};
use serde::Deserialize;

use super::Named;
use crate::{auth::Owned, body::Params, problem::Problem, state::Http};

/// In which language.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Language {
    /// `en` or `ar`; by default the language of the organization.
    #[param(value_type = Option<String>, example = "ar")]
    locale: Option<Locale>,
}

/// Shows an invoice as a page to read and to print.
#[utoipa::path(get, path = "/api/billing/invoices/{org_id}/{id}.html", tag = "Money",
    params(
        ("org_id" = Uuid, Path, description = "The organization"),
        ("id" = Uuid, Path, description = "The invoice"),
        Language,
    ),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `INVOICE_NOT_FOUND`"),
    ))]
pub(crate) async fn html(
    http: Data<Http>,
    whose: Owned,
    named: Named,
    Params(language): Params<Language>,
) -> Result<HttpResponse, Problem> {
    let (document, _, locale) = read(&http, (&whose, &named), &language).await?;
    let page = billing_documents::html(&document).map_err(Error::from)?;
    let digest = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'; base-uri 'none'"
    );
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_LANGUAGE, locale.name()))
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .body(page))
}

/// Shows an invoice as a PDF.
#[utoipa::path(get, path = "/api/billing/invoices/{org_id}/{id}.pdf", tag = "Money",
    params(
        ("org_id" = Uuid, Path, description = "The organization"),
        ("id" = Uuid, Path, description = "The invoice"),
        Language,
    ),
    responses(
        (status = 200, description = "The document", body = Vec<u8>, content_type = "application/pdf"),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `INVOICE_NOT_FOUND`"),
    ))]
pub(crate) async fn pdf(
    http: Data<Http>,
    whose: Owned,
    named: Named,
    Params(language): Params<Language>,
) -> Result<HttpResponse, Problem> {
    let (document, name, locale) = read(&http, (&whose, &named), &language).await?;
    let bytes = actix_web::web::block(move || billing_documents::pdf(&document));
    let bytes = bytes.await.map_err(|error| Error::Internal(error.into()))?;
    let bytes = bytes.map_err(Error::from)?;
    Ok(HttpResponse::Ok()
        .content_type("application/pdf")
        .insert_header((CONTENT_LANGUAGE, locale.name()))
        .insert_header((CONTENT_DISPOSITION, format!("inline; filename=\"invoice-{name}.pdf\"")))
        .body(bytes))
}

/// The invoice in the language that is wanted, with a name for its file.
async fn read(
    http: &Http,
    (whose, named): (&Owned, &Named),
    language: &Language,
) -> Result<(Document, String, Locale), Problem> {
    let organization = http.billing.organization(whose.0).await?;
    let (invoice, notes) = http.billing.invoice(whose.0, named.0).await?;
    let locale = language.locale.unwrap_or(organization.locale);
    let number = invoice.number.clone().unwrap_or_else(|| invoice.id.to_string());
    // A gateway's number may be anything.
    let plain = |sign: &char| sign.is_ascii_alphanumeric() || *sign == '-';
    let name = number.chars().filter(plain).collect();
    Ok((Document::of(&invoice, &notes, locale), name, locale))
}
