//! Trials: a plan is used before the first payment.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use billing_app::{ExtendTrial, StartTrial};
use billing_domain::{
    currency::Currency,
    id::OrganizationId,
    period::Interval,
    trial::{Extension, Trial as Record, TrialState},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{auth::Known, body::Body, moment::Moment, problem::Problem, state::Http};

/// A plan to try.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "organization_id": "0192d3a4-0000-7000-8000-00000000000b",
    "plan": "starter",
    "interval": "month",
    "user_id": "user_2Nq3",
    "email": "ann@example.com"
}))]
pub(crate) struct StartsTrial {
    /// Who tries; by default the organization of the key.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
    /// The key of the plan.
    #[schema(example = "starter")]
    plan: String,
    /// How often to pay afterwards: `month`, `quarter`, `half_year`, `year` or `two_years`; `month`
    /// by default.
    #[schema(value_type = Option<String>, example = "month")]
    interval: Option<Interval>,
    /// By default what the organization pays in.
    #[schema(value_type = Option<String>, example = "USD")]
    currency: Option<Currency>,
    /// Your id of the user who asks for it. Kept as a hash.
    #[schema(min_length = 1, max_length = 255, example = "user_2Nq3")]
    user_id: Option<String>,
    /// The address of the user; by default the organization's. Kept as a hash of the mailbox: case
    /// does not count, nor do, at known hosts, dots and what follows a `+`.
    #[schema(example = "ann@example.com")]
    email: Option<String>,
}

/// A trial to be made longer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "organization_id": "0192d3a4-0000-7000-8000-00000000000b",
    "reason": "They asked for a few more days"
}))]
pub(crate) struct ExtendsTrial {
    /// Whose; by default the organization of the key.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
    /// What gives the days: `operator` or `promotion` 3, `referral` 7; `operator` by default.
    #[schema(value_type = Option<String>, example = "operator")]
    by: Option<Extension>,
    /// Why, in a few words.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// The one trial of an organization.
#[derive(Serialize, ToSchema)]
pub(crate) struct Trial {
    organization_id: Uuid,
    subscription_id: Uuid,
    /// `running`; `charging` while the first payment is under way; `converted`, `expired` or
    /// `cancelled`.
    #[schema(example = "running")]
    status: &'static str,
    started_at: Moment,
    /// When it ends, or has ended.
    ends_at: Moment,
    /// How often it was extended.
    extensions: u16,
    /// By how many days in all.
    extra_days: u16,
    /// How often it may still be extended.
    extensions_left: u16,
    /// By how many days in all.
    extra_days_left: u16,
    /// When the first paid period began.
    converted_at: Option<Moment>,
}

impl Trial {
    pub(crate) fn of(record: &Record, http: &Http) -> Self {
        let rules = http.billing.trial_rules();
        let open = record.state == TrialState::Running;
        let left = |most: u16, used: u16| if open { most.saturating_sub(used) } else { 0 };
        Self {
            organization_id: record.organization_id.0,
            subscription_id: record.subscription_id.0,
            status: record.state.name(),
            started_at: Moment(record.started_at),
            ends_at: Moment(record.ends_at),
            extensions: record.extensions,
            extra_days: record.extra_days,
            extensions_left: left(rules.most_extensions, record.extensions),
            extra_days_left: left(rules.most_extra_days, record.extra_days),
            converted_at: match record.state {
                TrialState::Converted { at } => Some(Moment(at)),
                TrialState::Running
                | TrialState::Charging(_)
                | TrialState::Expired { .. }
                | TrialState::Cancelled { .. } => None,
            },
        }
    }
}

/// Begins a trial of a plan.
///
/// Once for each organization, user and mailbox, for ever, and with no live subscription. It is 14
/// days long, unless the price says otherwise, and gives a month's worth of the plan's credits. Pages
/// on which a plan could still be paid are closed. At its end the payment method is charged that the
/// gateway has kept; without one, or when the charge is refused, the organization is on the free
/// plan.
#[utoipa::path(post, path = "/api/billing/trials", tag = "Trials",
    request_body = StartsTrial,
    responses(
        (status = 201, description = "The trial has begun", body = Trial),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `PLAN_NOT_FOUND`"),
        (status = 409, description = "`TRIAL_USED`, `ALREADY_SUBSCRIBED`, `CONFLICT`, `REQUEST_IN_PROGRESS`"),
        (status = 422, description = "`PLAN_IS_FREE`, `NO_SUCH_PRICE`, `IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn start(
    http: Data<Http>,
    caller: Known,
    Body(body): Body<StartsTrial>,
) -> Result<HttpResponse, Problem> {
    let request = StartTrial {
        organization_id: caller.organization(body.organization_id)?,
        plan: body.plan,
        interval: body.interval.unwrap_or(Interval::Month),
        currency: body.currency,
        user_id: body.user_id,
        email: body.email,
    };
    let trial = http.billing.start_trial(request).await?;
    Ok(HttpResponse::Created().json(Trial::of(&trial, &http)))
}

/// Makes a trial longer.
///
/// By 3 days for an operator or a promotion, by 7 for a referral that converted; twice at most, and by
/// 14 days in all. What is left of its credits lasts as long.
#[utoipa::path(post, path = "/api/billing/trials/extend", tag = "Trials",
    request_body = ExtendsTrial,
    responses(
        (status = 200, description = "The trial is longer", body = Trial),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `TRIAL_NOT_FOUND`"),
        (status = 409, description = "`CONFLICT`, `REQUEST_IN_PROGRESS`"),
        (status = 422, description = "`TRIAL_OVER`, `TRIAL_EXTENSION_LIMIT`, `INVALID_TRANSITION`, `IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn extend(
    http: Data<Http>,
    caller: Known,
    Body(body): Body<ExtendsTrial>,
) -> Result<Json<Trial>, Problem> {
    let request = ExtendTrial {
        organization_id: caller.organization(body.organization_id)?,
        by: body.by.unwrap_or(Extension::Operator),
        reason: body.reason,
    };
    let trial = http.billing.extend_trial(request).await?;
    Ok(Json(Trial::of(&trial, &http)))
}
