//! Discount codes, as customers meet them.

use actix_web::web::{Data, Json};
use billing_app::{CheckDiscount, CheckedDiscount};
use billing_domain::{
    currency::Currency,
    discount::{Discount, Off},
    id::OrganizationId,
    period::Interval,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{auth::Known, body::Body, money::Money, problem::Problem, state::Http};

/// A code that somebody would like to use for a plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "code": "SPRING20", "plan": "growth", "interval": "month" }))]
pub(crate) struct Validate {
    /// Who would use it; by default the organization of the key.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
    /// In any case.
    #[schema(example = "SPRING20")]
    code: String,
    /// The key of the plan.
    #[schema(example = "growth")]
    plan: String,
    /// `month`, `quarter`, `half_year`, `year` or `two_years`; `month` by default.
    #[schema(value_type = Option<String>, example = "month")]
    interval: Option<Interval>,
    /// By default what the organization pays in.
    #[schema(value_type = Option<String>, example = "USD")]
    currency: Option<Currency>,
}

/// What a code comes to.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reduced {
    #[schema(example = "SPRING20")]
    code: String,
    name: String,
    #[serde(flatten)]
    terms: Terms,
    /// What a period costs without it.
    price: Money,
    /// What it takes off the first period.
    discount: Money,
    /// What is left to pay for the first period, before tax.
    total: Money,
}

/// How much a code takes off, and for how long.
#[derive(Serialize, ToSchema)]
pub(crate) struct Terms {
    /// So many percent; nothing where it is an amount.
    #[schema(example = 20)]
    percent: Option<u8>,
    /// An amount, each period; nothing where it is a percentage.
    amount: Option<Money>,
    /// `once`, `repeating` or `forever`.
    #[schema(example = "once")]
    duration: &'static str,
    /// For how many periods; nothing for all.
    periods: Option<u16>,
}

/// Says what a code would come to for a plan, or why it would not. Nothing is reserved.
///
/// Checkouts refuse a code for the same reasons, with the same codes.
#[utoipa::path(post, path = "/api/billing/discounts/validate", tag = "Subscriptions",
    request_body = Validate,
    responses(
        (status = 200, description = "What it comes to", body = Reduced),
        (status = 404, description = "`DISCOUNT_NOT_FOUND`, `ORGANIZATION_NOT_FOUND`, `PLAN_NOT_FOUND`"),
        (status = 422, description = "`DISCOUNT_INACTIVE`, `DISCOUNT_NOT_STARTED`, `DISCOUNT_EXPIRED`, \
            `DISCOUNT_NOT_FOR_PLAN`, `DISCOUNT_CURRENCY`, `DISCOUNT_BELOW_MINIMUM`, \
            `DISCOUNT_FIRST_TIME_ONLY`, `DISCOUNT_ALREADY_USED`, `DISCOUNT_EXHAUSTED`, \
            `PLAN_IS_FREE`, `NO_SUCH_PRICE`"),
    ))]
pub(crate) async fn validate(
    http: Data<Http>,
    caller: Known,
    Body(body): Body<Validate>,
) -> Result<Json<Reduced>, Problem> {
    let wanted = CheckDiscount {
        organization_id: caller.organization(body.organization_id)?,
        code: body.code,
        plan: body.plan,
        interval: body.interval.unwrap_or(Interval::Month),
        currency: body.currency,
    };
    let CheckedDiscount { discount, price, off, total } =
        http.billing.check_discount(&wanted).await?;
    Ok(Json(Reduced {
        code: discount.code.to_string(),
        name: discount.name.clone(),
        terms: Terms::of(&discount),
        price: price.into(),
        discount: off.into(),
        total: total.into(),
    }))
}

impl Terms {
    pub(crate) fn of(discount: &Discount) -> Self {
        let (percent, amount) = match discount.off {
            Off::Percent(percent) => (Some(percent), None),
            Off::Amount(amount) => (None, Some(amount.into())),
        };
        let lasts = discount.lasts;
        Self { percent, amount, duration: lasts.name(), periods: lasts.periods() }
    }
}
