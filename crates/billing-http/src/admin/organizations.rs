//! Organizations: what is billed.

use actix_web::{
    HttpResponse,
    http::header::LOCATION,
    web::{Data, Json},
};
use billing_app::{Error, Missing, NewOrganization};
use billing_domain::{
    currency::Currency,
    locale::Locale,
    organization::{Country, Organization as Record},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::Owned,
    body::{Body, Params},
    moment::Moment,
    page::{List, page, ten},
    problem::Problem,
    state::Http,
};

/// What is billed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Organization {
    id: Uuid,
    /// The product's own id of it.
    external_id: Option<String>,
    #[schema(example = "Acme")]
    name: String,
    billing_email: Option<String>,
    /// ISO 3166-1, two letters.
    #[schema(example = "DE")]
    country: Option<String>,
    /// What it pays in; ISO 4217.
    #[schema(example = "EUR")]
    currency: String,
    /// Under what number it pays tax.
    tax_id: Option<String>,
    /// The language in which it is written to: `en` or `ar`.
    #[schema(example = "en")]
    locale: &'static str,
    created_at: Moment,
}

/// An organization to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Acme",
    "external_id": "acme-1",
    "billing_email": "billing@acme.example",
    "country": "DE"
}))]
pub(crate) struct Register {
    #[schema(example = "Acme", min_length = 1, max_length = 200)]
    name: String,
    /// The product's own id of it; unique.
    #[schema(min_length = 1, max_length = 200)]
    external_id: Option<String>,
    /// Where receipts go.
    #[schema(example = "billing@acme.example")]
    billing_email: Option<String>,
    /// ISO 3166-1, two capital letters.
    #[schema(value_type = Option<String>, example = "DE")]
    country: Option<Country>,
    /// By default what its country pays in.
    #[schema(value_type = Option<String>, example = "EUR")]
    currency: Option<Currency>,
    /// Under what number it pays tax; a business of the EU needs it for the reverse charge.
    #[schema(min_length = 1, max_length = 50, example = "DE136695976")]
    tax_id: Option<String>,
    /// The language in which it is written to: `en` or `ar`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "en")]
    locale: Locale,
}

/// Which organizations.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Only the one with this external id.
    external_id: Option<String>,
    /// How many, from 1 to 100.
    #[serde(default = "ten")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    limit: i64,
    /// The id of the last one on the page before.
    starting_after: Option<String>,
}

/// Registers an organization, on the free plan.
#[utoipa::path(post, path = "/api/admin/organizations", tag = "Administration",
    request_body = Register,
    responses(
        (status = 201, description = "It is registered; `Location` says where it is", body = Organization),
        (status = 409, description = "`EXTERNAL_ID_TAKEN`, `REQUEST_IN_PROGRESS`"),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn register(
    http: Data<Http>,
    Body(body): Body<Register>,
) -> Result<HttpResponse, Problem> {
    let registered = http.billing.register_organization(body.into()).await?;
    let location = format!("/api/admin/organizations/{}", registered.id);
    let mut answer = HttpResponse::Created();
    Ok(answer.insert_header((LOCATION, location)).json(Organization::from(registered)))
}

/// Lists organizations, the newest first.
#[utoipa::path(get, path = "/api/admin/organizations", tag = "Administration",
    params(Which),
    responses((status = 200, description = "A page of them", body = List<Organization>)))]
pub(crate) async fn list(
    http: Data<Http>,
    Params(which): Params<Which>,
) -> Result<Json<List<Organization>>, Problem> {
    if let Some(external_id) = which.external_id {
        return match http.billing.organization_of(&external_id).await {
            Ok(found) => Ok(Json(List::all(vec![found.into()]))),
            Err(Error::NotFound(Missing::Organization)) => Ok(Json(List::all(Vec::new()))),
            Err(error) => Err(error.into()),
        };
    }
    let page = page(which.limit, which.starting_after.as_deref())?;
    let found = http.billing.list_organizations(page).await?;
    Ok(Json(List::of(found, page, Organization::from)))
}

/// Shows an organization.
#[utoipa::path(get, path = "/api/admin/organizations/{org_id}", tag = "Administration",
    params(("org_id" = Uuid, Path, description = "The organization")),
    responses(
        (status = 200, description = "What is known of it", body = Organization),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
    ))]
pub(crate) async fn one(http: Data<Http>, which: Owned) -> Result<Json<Organization>, Problem> {
    Ok(Json(http.billing.organization(which.0).await?.into()))
}

impl From<Register> for NewOrganization {
    fn from(body: Register) -> Self {
        let Register { name, external_id, billing_email, country, currency, tax_id, locale } = body;
        Self { name, external_id, billing_email, country, currency, tax_id, locale }
    }
}

impl From<Record> for Organization {
    fn from(organization: Record) -> Self {
        let Record {
            id,
            external_id,
            name,
            billing_email,
            country,
            currency,
            tax_id,
            locale,
            created_at,
        } = organization;
        Self {
            id: id.0,
            external_id,
            name,
            billing_email,
            country: country.map(|country| country.code().to_owned()),
            currency: currency.code().to_owned(),
            tax_id,
            locale: locale.name(),
            created_at: Moment(created_at),
        }
    }
}
