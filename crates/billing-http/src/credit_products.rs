//! Packs of credits on sale, and the page on which to pay for one.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use billing_app::{BuyCredits, Error, Missing, ReturnUrls};
use billing_domain::{
    catalogue::{Catalogue, CreditProduct as Pack},
    currency::Currency,
    id::{CreditProductId, OrganizationId},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::Known, body::Body, money::Money, page::List, problem::Problem, state::Http,
    subscriptions::Checkout,
};

/// A pack of credits.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreditProduct {
    id: Uuid,
    #[schema(example = "credits_1000")]
    key: String,
    name: String,
    credits: i64,
    /// One per currency.
    prices: Vec<Money>,
    /// Whether the prices contain tax: `inclusive` or `exclusive`.
    #[schema(example = "inclusive")]
    tax_behavior: &'static str,
}

/// A pack to pay for; named by its id or its key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "credit_product": "credits_1000",
    "success_url": "https://example.com/paid",
    "cancel_url": "https://example.com/cancelled"
}))]
pub(crate) struct BuyPack {
    /// Who pays; by default the organization of the key.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
    #[schema(value_type = Option<Uuid>)]
    credit_product_id: Option<CreditProductId>,
    #[schema(example = "credits_1000")]
    credit_product: Option<String>,
    /// By default what the organization pays in.
    #[schema(value_type = Option<String>, example = "USD")]
    currency: Option<Currency>,
    /// Whether the gateway keeps the payment method, so that auto top-up can charge it.
    #[serde(default)]
    save_payment_method: bool,
    #[schema(example = "https://example.com/paid")]
    success_url: String,
    #[schema(example = "https://example.com/cancelled")]
    cancel_url: String,
}

/// Lists the packs of credits on sale, the smallest first.
#[utoipa::path(get, path = "/api/billing/credit-products", tag = "Catalogue",
    responses((status = 200, description = "All of them", body = List<CreditProduct>)))]
pub(crate) async fn list(http: Data<Http>) -> Result<Json<List<CreditProduct>>, Problem> {
    let catalogue = http.billing.catalogue().await?;
    let on_sale = catalogue.credit_products.iter().filter(|pack| pack.active);
    Ok(Json(List::all(on_sale.map(CreditProduct::from).collect())))
}

/// Opens a page on which to pay for a pack of credits.
///
/// The credits are granted when the payment succeeds. Asking again while the page is open gives
/// the same page.
#[utoipa::path(post, path = "/api/billing/credit-products/checkout", tag = "Credits",
    request_body = BuyPack,
    responses(
        (status = 201, description = "The page is open", body = Checkout),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `CREDIT_PRODUCT_NOT_FOUND`, `GATEWAY_NOT_FOUND`"),
        (status = 422, description = "`NO_SUCH_PRICE`, `GATEWAY_REFUSED`, `IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn checkout(
    http: Data<Http>,
    caller: Known,
    Body(body): Body<BuyPack>,
) -> Result<HttpResponse, Problem> {
    let catalogue = http.billing.catalogue().await?;
    let pack = named(&catalogue, body.credit_product_id, body.credit_product.as_deref())?;
    let request = body.request(&caller, pack)?;
    let opened = http.billing.buy_credits(request).await?;
    Ok(HttpResponse::Created().json(Checkout::from(opened)))
}

/// The pack that a request names by its id or its key.
pub(crate) fn named(
    catalogue: &Catalogue,
    id: Option<CreditProductId>,
    key: Option<&str>,
) -> Result<CreditProductId, Error> {
    match (id, key) {
        (Some(id), None) => Ok(id),
        (None, Some(key)) => {
            let found = catalogue.credit_products.iter().find(|pack| pack.key == key);
            Ok(found.ok_or(Error::NotFound(Missing::CreditProduct))?.id)
        }
        (Some(_), Some(_)) => {
            Err(Error::invalid("credit_product", "must not stand beside `credit_product_id`"))
        }
        (None, None) => Err(Error::invalid("credit_product_id", "or `credit_product` is required")),
    }
}

impl BuyPack {
    fn request(self, caller: &Known, pack: CreditProductId) -> Result<BuyCredits, Error> {
        Ok(BuyCredits {
            organization_id: caller.organization(self.organization_id)?,
            credit_product_id: pack,
            currency: self.currency,
            gateway: None,
            saves_method: self.save_payment_method,
            urls: ReturnUrls { success: self.success_url, cancel: self.cancel_url },
        })
    }
}

impl From<&Pack> for CreditProduct {
    fn from(pack: &Pack) -> Self {
        let Pack { id, key, name, credits, prices, tax, active: _ } = pack;
        Self {
            id: id.0,
            key: key.clone(),
            name: name.clone(),
            credits: *credits,
            prices: prices.iter().copied().map(Money::from).collect(),
            tax_behavior: tax.name(),
        }
    }
}
