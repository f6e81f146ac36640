//! Discount codes: made, listed and ended by administrators.

use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use billing_app::{Missing, NewDiscount};
use billing_domain::{
    discount::{Conditions, Discount as Record, Lasts, Off},
    id::DiscountId,
    money::Money as Amount,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::inbox_actions::{Why, mandate};
use crate::{
    auth::Known,
    body::{Body, Params, id_in_path},
    discounts::Terms,
    moment::Moment,
    money::Money,
    page::{List, Paging, page},
    problem::Problem,
    state::Http,
};

/// A code to be made. Its terms never change: who has it keeps it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "code": "WELCOME20",
    "percent": 20,
    "duration": "repeating",
    "periods": 3,
    "max_redemptions": 100,
    "first_time_only": true,
    "reason": "Campaign of spring"
}))]
pub(crate) struct Make {
    /// 3 to 40 letters, digits, `-` or `_`, in any case.
    #[schema(example = "WELCOME20", min_length = 3, max_length = 40)]
    code: String,
    /// What stands on pages and invoices, 40 characters at most; by default the code.
    name: Option<String>,
    /// 1 to 100. Either this or `amount`.
    #[schema(example = 20, minimum = 1, maximum = 100)]
    percent: Option<u8>,
    /// How much is taken off each period, and no more than it costs.
    #[schema(value_type = Option<Money>)]
    amount: Option<Amount>,
    /// `once`, `repeating` or `forever`; `once` by default.
    #[schema(example = "repeating")]
    duration: Option<String>,
    /// For how many periods, where it repeats.
    #[schema(example = 3, minimum = 1, maximum = 120)]
    periods: Option<u16>,
    /// How often it may be redeemed by all together; any number by default.
    #[schema(minimum = 1)]
    max_redemptions: Option<u32>,
    /// Whether a customer may redeem it once only.
    #[serde(default)]
    once_per_customer: bool,
    /// Whether it is only for those who have never paid anything.
    #[serde(default)]
    first_time_only: bool,
    /// The least price of a period.
    #[schema(value_type = Option<Money>)]
    minimum: Option<Amount>,
    /// The keys of the plans that it is for; all by default.
    #[serde(default)]
    plans: Vec<String>,
    /// From when.
    starts_at: Option<Moment>,
    /// Until when, exclusively.
    ends_at: Option<Moment>,
    /// Why; it is kept.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// A discount code.
#[derive(Serialize, ToSchema)]
pub(crate) struct Discount {
    id: Uuid,
    #[schema(example = "WELCOME20")]
    code: String,
    name: String,
    #[serde(flatten)]
    terms: Terms,
    max_redemptions: Option<u32>,
    /// How often it is redeemed, or reserved for an open checkout.
    taken: u32,
    once_per_customer: bool,
    first_time_only: bool,
    minimum: Option<Money>,
    /// None: all of them.
    plans: Vec<String>,
    starts_at: Option<Moment>,
    ends_at: Option<Moment>,
    /// Whether it may be used.
    active: bool,
    created_at: Moment,
}

/// Makes a discount code.
#[utoipa::path(post, path = "/api/admin/discounts", tag = "Administration",
    request_body = Make,
    responses(
        (status = 201, description = "It may be used from `starts_at` on", body = Discount),
        (status = 409, description = "`DISCOUNT_CODE_TAKEN`, `REQUEST_IN_PROGRESS`"),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn make(
    http: Data<Http>,
    Known(caller): Known,
    Body(body): Body<Make>,
) -> Result<HttpResponse, Problem> {
    let mandate = mandate(&caller, body.reason.clone());
    let made = http.billing.make_discount(body.try_into()?, mandate).await?;
    Ok(HttpResponse::Created().json(Discount::from(made)))
}

/// Lists discount codes, the newest first.
#[utoipa::path(get, path = "/api/admin/discounts", tag = "Administration",
    params(Paging),
    responses((status = 200, description = "A page of them", body = List<Discount>)))]
pub(crate) async fn list(
    http: Data<Http>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Discount>>, Problem> {
    let page = page(paging.limit, paging.starting_after.as_deref())?;
    let found = http.billing.list_discounts(page).await?;
    Ok(Json(List::of(found, page, Discount::from)))
}

/// Ends a discount code: nobody else may use it, and who has it keeps it.
#[utoipa::path(post, path = "/api/admin/discounts/{id}/deactivate", tag = "Administration",
    params(("id" = Uuid, Path, description = "The discount")),
    request_body = Why,
    responses(
        (status = 200, description = "It has ended", body = Discount),
        (status = 404, description = "`DISCOUNT_NOT_FOUND`"),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn deactivate(
    http: Data<Http>,
    Known(caller): Known,
    id: Path<String>,
    Body(why): Body<Why>,
) -> Result<Json<Discount>, Problem> {
    let id = id_in_path::<DiscountId>(&id, Missing::Discount)?;
    let ended = http.billing.deactivate_discount(id, mandate(&caller, why.reason)).await?;
    Ok(Json(ended.into()))
}

impl TryFrom<Make> for NewDiscount {
    type Error = Problem;

    fn try_from(body: Make) -> Result<Self, Problem> {
        let off = match (body.percent, body.amount) {
            (Some(percent), None) => Off::Percent(percent),
            (None, Some(amount)) => Off::Amount(amount),
            (None, None) | (Some(_), Some(_)) => {
                return Err(Problem::invalid("percent", "or `amount` is required, and not both"));
            }
        };
        let lasts = match (body.duration.as_deref().unwrap_or("once"), body.periods) {
            ("once", None) => Lasts::Once,
            ("forever", None) => Lasts::Forever,
            ("repeating", Some(periods)) => Lasts::Repeating(periods),
            ("once" | "forever", Some(_)) => {
                return Err(Problem::invalid("periods", "goes with the duration `repeating`"));
            }
            ("repeating", None) => {
                return Err(Problem::invalid("periods", "is required: it repeats"));
            }
            (_, _) => {
                let known = "must be `once`, `repeating` or `forever`";
                return Err(Problem::invalid("duration", known));
            }
        };
        Ok(Self {
            code: body.code,
            name: body.name,
            off,
            lasts,
            conditions: Conditions {
                max_redemptions: body.max_redemptions,
                once_per_customer: body.once_per_customer,
                first_time_only: body.first_time_only,
                minimum: body.minimum,
                plans: body.plans,
                starts_at: body.starts_at.map(|at| at.0),
                ends_at: body.ends_at.map(|at| at.0),
            },
        })
    }
}

impl From<Record> for Discount {
    fn from(record: Record) -> Self {
        let terms = Terms::of(&record);
        let Conditions {
            max_redemptions,
            once_per_customer,
            first_time_only,
            minimum,
            plans,
            starts_at,
            ends_at,
        } = record.conditions;
        Self {
            id: record.id.0,
            code: record.code.to_string(),
            name: record.name,
            terms,
            max_redemptions,
            taken: record.taken,
            once_per_customer,
            first_time_only,
            minimum: minimum.map(Money::from),
            plans,
            starts_at: starts_at.map(Moment),
            ends_at: ends_at.map(Moment),
            active: record.active,
            created_at: Moment(record.created_at),
        }
    }
}
