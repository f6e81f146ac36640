//! Subscriptions: pages on which to begin and to change them, and what an organization is on.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use billing_app::{Opened, ReturnUrls, StartSubscription};
use billing_domain::{currency::Currency, gateway::Gateway, id::OrganizationId, period::Interval};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::{Known, Owned},
    body::{Body, Params},
    moment::Moment,
    problem::Problem,
    state::Http,
    subscription::Subscription,
};

/// A plan to pay for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "plan": "starter",
    "interval": "month",
    "success_url": "https://example.com/paid",
    "cancel_url": "https://example.com/cancelled"
}))]
pub(crate) struct Subscribe {
    /// Who pays; by default the organization of the key.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
    /// The key of the plan.
    #[schema(example = "starter")]
    plan: String,
    /// `month`, `quarter`, `half_year`, `year` or `two_years`; `month` by default.
    #[schema(value_type = Option<String>, example = "month")]
    interval: Option<Interval>,
    /// By default what the organization pays in.
    #[schema(value_type = Option<String>, example = "USD")]
    currency: Option<Currency>,
    /// A code that makes it cheaper. It is reserved while the page is open, and redeemed when it is
    /// paid; on a page with a code no other can be typed in.
    #[schema(example = json!(null))]
    discount_code: Option<String>,
    /// Where the payer goes afterwards.
    #[schema(example = "https://example.com/paid")]
    success_url: String,
    /// Where the payer goes instead.
    #[schema(example = "https://example.com/cancelled")]
    cancel_url: String,
}

/// A page on which to pay.
#[derive(Serialize, ToSchema)]
pub(crate) struct Checkout {
    checkout_id: Uuid,
    #[schema(example = "stripe")]
    gateway: &'static str,
    /// What the gateway calls the page.
    session_id: String,
    /// Where to send the payer.
    url: String,
    /// Until when it can be paid on.
    expires_at: Moment,
    #[schema(example = "open")]
    status: &'static str,
}

/// A page of the gateway to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "return_url": "https://example.com/billing" }))]
pub(crate) struct OpenPortal {
    /// Whose; by default the organization of the key.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
    /// Where the customer goes afterwards.
    #[schema(example = "https://example.com/billing")]
    return_url: String,
}

/// The gateway's page for a customer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Portal {
    /// Where to send the customer; it works for a short time.
    url: String,
}

/// Whose.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whose {
    /// By default the organization of the key.
    #[param(value_type = Option<Uuid>)]
    pub(crate) organization_id: Option<OrganizationId>,
}

/// Opens a page on which to pay for a plan.
///
/// The subscription begins when the gateway reports the payment. Asking again while the page is
/// open gives the same page.
#[utoipa::path(post, path = "/api/billing/subscription/checkout", tag = "Subscriptions",
    request_body = Subscribe,
    responses(
        (status = 201, description = "The page is open", body = Checkout),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `PLAN_NOT_FOUND`, `GATEWAY_NOT_FOUND`, `DISCOUNT_NOT_FOUND`"),
        (status = 409, description = "`ALREADY_SUBSCRIBED`, `CONFLICT`, `REQUEST_IN_PROGRESS`"),
        (status = 422, description = "`PLAN_IS_FREE`, `NO_SUCH_PRICE`, `GATEWAY_REFUSED`, `NOT_AT_THIS_GATEWAY`, `DISCOUNT_…`, `IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn checkout(
    http: Data<Http>,
    caller: Known,
    Body(body): Body<Subscribe>,
) -> Result<HttpResponse, Problem> {
    let request = body.request(&caller, None)?;
    let opened = http.billing.start_subscription(request).await?;
    Ok(HttpResponse::Created().json(Checkout::from(opened)))
}

/// Opens a page of Stripe on which to pay for a plan.
#[utoipa::path(post, path = "/api/stripe/create-checkout", tag = "Subscriptions",
    request_body = Subscribe,
    responses(
        (status = 201, description = "The page is open", body = Checkout),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `PLAN_NOT_FOUND`, `GATEWAY_NOT_FOUND`, `DISCOUNT_NOT_FOUND`"),
        (status = 409, description = "`ALREADY_SUBSCRIBED`, `CONFLICT`, `REQUEST_IN_PROGRESS`"),
        (status = 422, description = "`PLAN_IS_FREE`, `NO_SUCH_PRICE`, `GATEWAY_REFUSED`, `NOT_AT_THIS_GATEWAY`, `DISCOUNT_…`, `IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn checkout_at_stripe(
    http: Data<Http>,
    caller: Known,
    Body(body): Body<Subscribe>,
) -> Result<HttpResponse, Problem> {
    let request = body.request(&caller, Some(Gateway::Stripe))?;
    let opened = http.billing.start_subscription(request).await?;
    Ok(HttpResponse::Created().json(Checkout::from(opened)))
}

/// Opens the gateway's page for payment methods, invoices and subscriptions.
#[utoipa::path(post, path = "/api/billing/subscription/portal", tag = "Subscriptions",
    request_body = OpenPortal,
    responses(
        (status = 200, description = "The page is open", body = Portal),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `CUSTOMER_NOT_FOUND`, `GATEWAY_NOT_FOUND`"),
        (status = 422, description = "`NOT_AT_THIS_GATEWAY`, `GATEWAY_REFUSED`, `IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn portal(
    http: Data<Http>,
    caller: Known,
    Body(body): Body<OpenPortal>,
) -> Result<Json<Portal>, Problem> {
    let organization = caller.organization(body.organization_id)?;
    let url = http.billing.open_portal(organization, None, &body.return_url).await?;
    Ok(Json(Portal { url }))
}

/// Says what an organization is on.
///
/// Without a subscription: `status` is `none` and `plan` is the free one.
#[utoipa::path(get, path = "/api/billing/subscription/{org_id}", tag = "Subscriptions",
    params(("org_id" = Uuid, Path, description = "The organization")),
    responses(
        (status = 200, description = "Its subscription, or that it has none", body = Subscription),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
    ))]
pub(crate) async fn of(http: Data<Http>, whose: Owned) -> Result<Json<Subscription>, Problem> {
    Ok(Json(Subscription::shown(&http, whose.0).await?))
}

/// Says what the organization of the key, or the named one, is on.
#[utoipa::path(get, path = "/api/billing/subscription", tag = "Subscriptions",
    params(Whose),
    responses(
        (status = 200, description = "Its subscription, or that it has none", body = Subscription),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
    ))]
pub(crate) async fn own(
    http: Data<Http>,
    caller: Known,
    Params(whose): Params<Whose>,
) -> Result<Json<Subscription>, Problem> {
    let organization = caller.organization(whose.organization_id)?;
    Ok(Json(Subscription::shown(&http, organization).await?))
}

impl Subscribe {
    fn request(
        self,
        caller: &Known,
        gateway: Option<Gateway>,
    ) -> Result<StartSubscription, Problem> {
        Ok(StartSubscription {
            organization_id: caller.organization(self.organization_id)?,
            plan: self.plan,
            interval: self.interval.unwrap_or(Interval::Month),
            currency: self.currency,
            discount_code: self.discount_code,
            gateway,
            urls: ReturnUrls { success: self.success_url, cancel: self.cancel_url },
        })
    }
}

impl From<Opened> for Checkout {
    fn from(Opened { checkout, page }: Opened) -> Self {
        Self {
            checkout_id: checkout.id.0,
            gateway: checkout.gateway.name(),
            session_id: page.session.id,
            url: page.url,
            expires_at: Moment(page.expires_at),
            status: checkout.status.name(),
        }
    }
}
