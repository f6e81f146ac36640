//! Subscriptions are changed: looked at first, then done.

use actix_web::web::{Data, Json};
use billing_app::{Asked, ChangePreview, ChangeSubscription, NewTerms, ports::SeenLine};
use billing_domain::{
    id::OrganizationId,
    period::Interval,
    subscription::{Actor, When},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    auth::{Known, Owned},
    body::Body,
    moment::Moment,
    money::Money,
    problem::Problem,
    state::Http,
    subscription::Subscription,
};

/// A dearer plan, interval or quantity, at once.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "plan": "growth" }))]
pub(crate) struct UpgradeSubscription {
    /// Whose; by default the organization of the key.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
    /// The key of the plan; by default it stays.
    #[schema(example = "growth")]
    plan: Option<String>,
    /// By default it stays.
    #[schema(value_type = Option<String>, example = "month")]
    interval: Option<Interval>,
    /// By default it stays.
    #[schema(minimum = 1)]
    quantity: Option<u32>,
    /// Of a preview: then exactly that is done, or nothing.
    preview_token: Option<String>,
    /// Why, in a few words.
    #[schema(max_length = 200)]
    reason: Option<String>,
}

/// Another plan, interval or quantity.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "plan": "scale", "interval": "year" }))]
pub(crate) struct ChangeTerms {
    /// The key of the plan; by default it stays.
    #[schema(example = "scale")]
    plan: Option<String>,
    /// By default it stays.
    #[schema(value_type = Option<String>, example = "year")]
    interval: Option<Interval>,
    /// By default it stays.
    #[schema(minimum = 1)]
    quantity: Option<u32>,
    /// `now` or `period_end`; by default now where it becomes dearer, else at the end of the
    /// period.
    #[schema(value_type = Option<String>, example = "now")]
    when: Option<When>,
    /// Of a preview: then exactly that is done, or nothing.
    preview_token: Option<String>,
    /// Why, in a few words.
    #[schema(max_length = 200)]
    reason: Option<String>,
}

/// An end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "when": "now", "reason": "too dear" }))]
pub(crate) struct CancelSubscription {
    /// `now`, with nothing given back, or `period_end`, which is the default.
    #[schema(value_type = Option<String>, example = "period_end")]
    when: Option<When>,
    /// Of a preview: then exactly that is done, or nothing.
    preview_token: Option<String>,
    /// Why, in a few words.
    #[schema(max_length = 200)]
    reason: Option<String>,
}

/// A rest.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "resumes_at": "2031-01-01T00:00:00Z" }))]
pub(crate) struct PauseSubscription {
    /// Until when; by default until it is resumed.
    resumes_at: Option<Moment>,
    /// Of a preview: then exactly that is done, or nothing.
    preview_token: Option<String>,
    /// Why, in a few words.
    #[schema(max_length = 200)]
    reason: Option<String>,
}

/// To go on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub(crate) struct ResumeSubscription {
    /// Of a preview: then exactly that is done, or nothing.
    preview_token: Option<String>,
    /// Why, in a few words.
    #[schema(max_length = 200)]
    reason: Option<String>,
}

/// What to look at.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PreviewAction {
    /// As `POST /api/billing/upgrade`.
    Upgrade,
    /// As `…/change`.
    Change,
    /// As `…/cancel`.
    Cancel,
    /// As `…/pause`.
    Pause,
    /// As `…/resume`.
    Resume,
}

/// A change to look at, with the fields of the change itself.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "action": "change", "plan": "scale" }))]
pub(crate) struct PreviewChange {
    action: PreviewAction,
    #[schema(example = "scale")]
    plan: Option<String>,
    #[schema(value_type = Option<String>, example = "month")]
    interval: Option<Interval>,
    #[schema(minimum = 1)]
    quantity: Option<u32>,
    #[schema(value_type = Option<String>, example = "now")]
    when: Option<When>,
    resumes_at: Option<Moment>,
}

/// What a change would come to.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewedChange {
    /// `change`, `cancel`, `pause` or `resume`.
    #[schema(example = "change")]
    action: &'static str,
    /// When it would take effect; that is also when it is charged.
    effective_at: Moment,
    /// The lines of the invoice that it makes; none where it makes none.
    lines: Vec<PreviewLine>,
    /// The sum of the lines with tax; below zero, what is credited.
    total: Money,
    /// What would be charged, after the customer's credit.
    amount_due: Money,
    /// Sent with the change, exactly this is done, or nothing.
    preview_token: String,
    /// Until when.
    valid_until: Moment,
}

/// A line of an invoice.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewLine {
    description: String,
    /// Below zero for a credit.
    amount: Money,
    period_start: Moment,
    period_end: Moment,
    /// Whether it settles a part of a period.
    proration: bool,
}

/// Makes a subscription dearer at once.
///
/// The rest of the period is settled to the second and charged now. Where the charge fails nothing
/// changes: nobody has what is not paid.
#[utoipa::path(post, path = "/api/billing/upgrade", tag = "Subscriptions",
    request_body = UpgradeSubscription,
    responses(
        (status = 200, description = "It is so now", body = Subscription),
        (status = 402, description = "`PAYMENT_DECLINED`"),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `SUBSCRIPTION_NOT_FOUND`, `PLAN_NOT_FOUND`"),
        (status = 409, description = "`CHANGE_PENDING`, `PAYMENT_PENDING`, `PREVIEW_STALE`, `CONFLICT`, `REQUEST_IN_PROGRESS`"),
        (status = 422, description = "`NOT_AN_UPGRADE`, `NOTHING_TO_CHANGE`, `NO_SUCH_PRICE`, `PLAN_IS_FREE`, `INVALID_TRANSITION`, `SEATS_IN_USE`, `NOT_AT_THIS_GATEWAY`, `GATEWAY_REFUSED`"),
    ))]
pub(crate) async fn upgrade(
    http: Data<Http>,
    caller: Known,
    Body(body): Body<UpgradeSubscription>,
) -> Result<Json<Subscription>, Problem> {
    let organization = caller.organization(body.organization_id)?;
    let UpgradeSubscription { organization_id: _, plan, interval, quantity, preview_token, reason } =
        body;
    let terms = NewTerms { plan, interval, quantity, when: None, upgrade: true };
    let how = How { preview_token, reason };
    carry_out(&http, &caller, organization, Asked::Change(terms), how).await
}

/// Says what a change of a subscription would come to.
///
/// Nothing is changed. The token that it answers makes the change do exactly this.
#[utoipa::path(post, path = "/api/billing/subscription/{org_id}/preview", tag = "Subscriptions",
    params(("org_id" = Uuid, Path, description = "The organization")),
    request_body = PreviewChange,
    responses(
        (status = 200, description = "Lines, total and date", body = PreviewedChange),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `SUBSCRIPTION_NOT_FOUND`, `PLAN_NOT_FOUND`"),
        (status = 409, description = "`CHANGE_PENDING`, `PAYMENT_PENDING`"),
        (status = 422, description = "`NOT_AN_UPGRADE`, `NOTHING_TO_CHANGE`, `NO_SUCH_PRICE`, `PLAN_IS_FREE`, `INVALID_TRANSITION`, `SEATS_IN_USE`, `NOT_AT_THIS_GATEWAY`, `GATEWAY_REFUSED`"),
    ))]
pub(crate) async fn preview(
    http: Data<Http>,
    whose: Owned,
    Body(body): Body<PreviewChange>,
) -> Result<Json<PreviewedChange>, Problem> {
    let preview = http.billing.preview_change(whose.0, &body.asked()?).await?;
    Ok(Json(preview.into()))
}

/// Changes plan, interval or quantity.
///
/// What becomes dearer changes now, and the rest of the period is charged; what becomes cheaper
/// changes at the end of the period, or with `when: now` at once, and what is left is credited.
#[utoipa::path(post, path = "/api/billing/subscription/{org_id}/change", tag = "Subscriptions",
    params(("org_id" = Uuid, Path, description = "The organization")),
    request_body = ChangeTerms,
    responses(
        (status = 200, description = "It is so now, or planned", body = Subscription),
        (status = 402, description = "`PAYMENT_DECLINED`"),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `SUBSCRIPTION_NOT_FOUND`, `PLAN_NOT_FOUND`"),
        (status = 409, description = "`CHANGE_PENDING`, `PAYMENT_PENDING`, `PREVIEW_STALE`, `CONFLICT`, `REQUEST_IN_PROGRESS`"),
        (status = 422, description = "`NOTHING_TO_CHANGE`, `NO_SUCH_PRICE`, `PLAN_IS_FREE`, `INVALID_TRANSITION`, `SEATS_IN_USE`, `NOT_AT_THIS_GATEWAY`, `GATEWAY_REFUSED`"),
    ))]
pub(crate) async fn change(
    http: Data<Http>,
    caller: Known,
    whose: Owned,
    Body(body): Body<ChangeTerms>,
) -> Result<Json<Subscription>, Problem> {
    let ChangeTerms { plan, interval, quantity, when, preview_token, reason } = body;
    let terms = NewTerms { plan, interval, quantity, when, upgrade: false };
    let how = How { preview_token, reason };
    carry_out(&http, &caller, whose.0, Asked::Change(terms), how).await
}

/// Ends a subscription, with its period or now.
#[utoipa::path(post, path = "/api/billing/subscription/{org_id}/cancel", tag = "Subscriptions",
    params(("org_id" = Uuid, Path, description = "The organization")),
    request_body = CancelSubscription,
    responses(
        (status = 200, description = "It has ended, or ends with its period", body = Subscription),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `SUBSCRIPTION_NOT_FOUND`"),
        (status = 409, description = "`CHANGE_PENDING`, `PAYMENT_PENDING`, `PREVIEW_STALE`, `CONFLICT`, `REQUEST_IN_PROGRESS`"),
        (status = 422, description = "`INVALID_TRANSITION`, `NOT_AT_THIS_GATEWAY`, `GATEWAY_REFUSED`"),
    ))]
pub(crate) async fn cancel(
    http: Data<Http>,
    caller: Known,
    whose: Owned,
    Body(body): Body<CancelSubscription>,
) -> Result<Json<Subscription>, Problem> {
    let CancelSubscription { when, preview_token, reason } = body;
    let asked = Asked::Cancel { when: when.unwrap_or(When::PeriodEnd) };
    carry_out(&http, &caller, whose.0, asked, How { preview_token, reason }).await
}

/// Lets a subscription go on: after a pause, or in spite of an end or a change that was planned.
#[utoipa::path(post, path = "/api/billing/subscription/{org_id}/resume", tag = "Subscriptions",
    params(("org_id" = Uuid, Path, description = "The organization")),
    request_body = ResumeSubscription,
    responses(
        (status = 200, description = "It goes on", body = Subscription),
        (status = 402, description = "`PAYMENT_DECLINED`"),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `SUBSCRIPTION_NOT_FOUND`"),
        (status = 409, description = "`CHANGE_PENDING`, `PAYMENT_PENDING`, `PREVIEW_STALE`, `CONFLICT`, `REQUEST_IN_PROGRESS`"),
        (status = 422, description = "`INVALID_TRANSITION`, `NOT_AT_THIS_GATEWAY`, `GATEWAY_REFUSED`"),
    ))]
pub(crate) async fn resume(
    http: Data<Http>,
    caller: Known,
    whose: Owned,
    Body(body): Body<ResumeSubscription>,
) -> Result<Json<Subscription>, Problem> {
    let ResumeSubscription { preview_token, reason } = body;
    carry_out(&http, &caller, whose.0, Asked::Resume, How { preview_token, reason }).await
}

/// Stops a subscription for a while: no period passes, nothing is billed, and the free plan holds.
#[utoipa::path(post, path = "/api/billing/subscription/{org_id}/pause", tag = "Subscriptions",
    params(("org_id" = Uuid, Path, description = "The organization")),
    request_body = PauseSubscription,
    responses(
        (status = 200, description = "It is paused", body = Subscription),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `SUBSCRIPTION_NOT_FOUND`"),
        (status = 409, description = "`CHANGE_PENDING`, `PAYMENT_PENDING`, `PREVIEW_STALE`, `CONFLICT`, `REQUEST_IN_PROGRESS`"),
        (status = 422, description = "`INVALID_TRANSITION`, `NOT_AT_THIS_GATEWAY`, `GATEWAY_REFUSED`"),
    ))]
pub(crate) async fn pause(
    http: Data<Http>,
    caller: Known,
    whose: Owned,
    Body(body): Body<PauseSubscription>,
) -> Result<Json<Subscription>, Problem> {
    let PauseSubscription { resumes_at, preview_token, reason } = body;
    let asked = Asked::Pause { resumes_at: resumes_at.map(|at| at.0) };
    carry_out(&http, &caller, whose.0, asked, How { preview_token, reason }).await
}

/// By which preview, and why.
struct How {
    preview_token: Option<String>,
    reason: Option<String>,
}

/// Who asks with an administrator's key is an operator; any other asks for its customer.
async fn carry_out(
    http: &Http,
    caller: &Known,
    organization_id: OrganizationId,
    asked: Asked,
    How { preview_token, reason }: How,
) -> Result<Json<Subscription>, Problem> {
    let operator = caller.0.may_administer().is_ok();
    let actor = if operator { Actor::Admin } else { Actor::Customer };
    let wanted = ChangeSubscription { organization_id, asked, actor, reason, preview_token };
    http.billing.change_subscription(wanted).await?;
    Ok(Json(Subscription::shown(http, organization_id).await?))
}

impl PreviewChange {
    fn asked(self) -> Result<Asked, Problem> {
        let Self { action, plan, interval, quantity, when, resumes_at } = self;
        let terms = |upgrade| NewTerms { plan: plan.clone(), interval, quantity, when, upgrade };
        let none = NewTerms { when, ..NewTerms::default() };
        let (asked, fits) = match action {
            PreviewAction::Upgrade => {
                (Asked::Change(terms(true)), when.is_none() && resumes_at.is_none())
            }
            PreviewAction::Change => (Asked::Change(terms(false)), resumes_at.is_none()),
            PreviewAction::Cancel => {
                let when = when.unwrap_or(When::PeriodEnd);
                (Asked::Cancel { when }, terms(false) == none && resumes_at.is_none())
            }
            PreviewAction::Pause => {
                let resumes_at = resumes_at.map(|at| at.0);
                (Asked::Pause { resumes_at }, terms(false) == NewTerms::default())
            }
            PreviewAction::Resume => {
                (Asked::Resume, terms(false) == NewTerms::default() && resumes_at.is_none())
            }
        };
        if fits { Ok(asked) } else { Err(Problem::invalid("action", "does not have these fields")) }
    }
}

impl From<ChangePreview> for PreviewedChange {
    fn from(preview: ChangePreview) -> Self {
        let ChangePreview { wish, effective_at, lines, total, amount_due, token, valid_until } =
            preview;
        Self {
            action: wish.action().name(),
            effective_at: Moment(effective_at),
            lines: lines.into_iter().map(PreviewLine::from).collect(),
            total: total.into(),
            amount_due: amount_due.into(),
            preview_token: token,
            valid_until: Moment(valid_until),
        }
    }
}

impl From<SeenLine> for PreviewLine {
    fn from(line: SeenLine) -> Self {
        let SeenLine { description, amount, period, proration } = line;
        Self {
            description,
            amount: amount.into(),
            period_start: Moment(period.start),
            period_end: Moment(period.end),
            proration,
        }
    }
}
