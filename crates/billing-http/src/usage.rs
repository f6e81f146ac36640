//! Usage: may this much more be used, and counting it.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use billing_app::{RecordUsage, UsageAnswer};
use billing_domain::{id::OrganizationId, usage::UsageOperation};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::Known,
    body::{Body, Params},
    cloud_events::{CloudEvent, OneUse},
    codes::Code,
    idempotency::{self, GivenKey},
    moment::Moment,
    problem::Problem,
    quantity::Quantity,
    quota::{Grounds, Standing},
    state::Http,
};

/// How much more of which meter.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    /// By default the organization of the key.
    #[param(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
    /// The key of the meter.
    #[param(example = "api_calls")]
    meter: String,
    /// How much more; 1 by default.
    #[serde(default)]
    #[param(value_type = Option<u64>, minimum = 1)]
    quantity: Quantity,
}

/// Use of a meter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "meter": "api_calls", "quantity": 1, "properties": { "region": "eu" } }))]
pub(crate) struct Use {
    /// Who uses; by default the organization of the key.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
    /// The key of the meter.
    #[schema(example = "api_calls")]
    meter: String,
    #[serde(default)]
    quantity: Quantity,
    /// When; now by default, at most 35 days ago. In a batch also called `at`.
    #[serde(alias = "at")]
    timestamp: Option<Moment>,
    /// The same as the header `Idempotency-Key`; one is made where there is none.
    #[schema(min_length = 1, max_length = 255)]
    idempotency_key: Option<String>,
    /// What to remember with it; at most 50 fields and 8 KiB.
    #[schema(value_type = Option<Object>)]
    properties: Option<Map<String, Value>>,
    /// Whether it has ceased to exist, and is taken away from what is used; for tracking only.
    #[serde(default)]
    decrement: bool,
}

/// Whether so much more may be used.
#[derive(Serialize, ToSchema)]
pub(crate) struct Checked {
    organization_id: Uuid,
    meter: String,
    quantity: u64,
    #[serde(flatten)]
    standing: Standing,
    #[serde(flatten)]
    grounds: Grounds,
    /// When the count was read.
    as_of: Moment,
}

/// What was decided on a use, and where the quota stands after it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Recorded {
    decision_id: Uuid,
    organization_id: Uuid,
    meter: String,
    quantity: u64,
    /// Whether it was counted.
    recorded: bool,
    #[serde(flatten)]
    standing: Standing,
    #[serde(flatten)]
    grounds: Grounds,
    idempotency_key: String,
}

/// Says whether so much more of a meter may be used. Changes nothing.
#[utoipa::path(get, path = "/api/billing/check-quota", tag = "Usage",
    params(Check),
    responses(
        (status = 200, description = "Whether it may: see `allowed`", body = Checked),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `METER_NOT_FOUND`"),
    ))]
pub(crate) async fn check(
    http: Data<Http>,
    caller: Known,
    Params(Check { organization_id, meter, quantity }): Params<Check>,
) -> Result<Json<Checked>, Problem> {
    let organization = caller.organization(organization_id)?;
    let report = http.billing.check_quota(organization, &meter, quantity.count()).await?;
    let (standing, grounds, as_of) = Grounds::of(report);
    let (organization_id, quantity) = (organization.0, quantity.count());
    Ok(Json(Checked { organization_id, meter, quantity, standing, grounds, as_of }))
}

/// Counts use if the quota allows it, in one step.
///
/// A key is decided once: asking again with the same key and request gives the same answer, a
/// denial included; a new attempt takes a new key.
#[utoipa::path(post, path = "/api/billing/check-quota", tag = "Usage",
    request_body = Use,
    responses(
        (status = 200, description = "It is counted", body = Recorded),
        (status = 403, description = "`LIMIT_REACHED`: nothing was counted; `details` has the fields of the answer and the `upgrade` that would allow it. `INSUFFICIENT_SCOPE`"),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `METER_NOT_FOUND`"),
        (status = 422, description = "`EVENT_OUT_OF_TIME`, `IDEMPOTENCY_KEY_REUSED`, `NOT_ON_THIS_METER`, `USAGE_TOO_LARGE`"),
    ))]
pub(crate) async fn check_and_record(
    http: Data<Http>,
    caller: Known,
    key: GivenKey,
    Body(body): Body<Use>,
) -> Result<HttpResponse, Problem> {
    let key = key.or(body.idempotency_key.clone())?;
    let request = body.request(&caller, key, UsageOperation::CheckAndRecord)?;
    record(&http, request).await
}

/// Counts use, whatever the quota says.
///
/// Duplicates by key count once. A `CloudEvent` counts once by its `source` and `id`.
#[utoipa::path(post, path = "/api/billing/track-usage", tag = "Usage",
    request_body(content((Use = "application/json"), (CloudEvent = "application/cloudevents+json"))),
    responses(
        (status = 200, description = "It is counted", body = Recorded),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `METER_NOT_FOUND`"),
        (status = 422, description = "`EVENT_OUT_OF_TIME`, `IDEMPOTENCY_KEY_REUSED`, `NOT_ON_THIS_METER`, `USAGE_TOO_LARGE`"),
    ))]
pub(crate) async fn track(
    http: Data<Http>,
    caller: Known,
    key: GivenKey,
    body: OneUse,
) -> Result<HttpResponse, Problem> {
    let request = match body {
        OneUse::Ours(body) => {
            let key = key.or(body.idempotency_key.clone())?;
            body.request(&caller, key, UsageOperation::Track)?
        }
        OneUse::CloudEvent(event) => {
            let subject = event.subject(&http, &caller).await?;
            event.request(&http, &caller, subject)?
        }
    };
    record(&http, request).await
}

async fn record(http: &Http, request: RecordUsage) -> Result<HttpResponse, Problem> {
    let asked = (request.organization_id, request.meter.clone(), request.quantity);
    let answer = http.to_the_end(|it| async move { it.record_usage(request).await }).await?;
    let replayed = answer.replayed;
    let recorded = Recorded::of(asked, answer);
    if !recorded.recorded {
        return Err(denied(&recorded)?.replayed(replayed));
    }
    Ok(idempotency::answer(HttpResponse::Ok(), replayed).json(recorded))
}

fn denied(recorded: &Recorded) -> Result<Problem, Problem> {
    let (meter, quantity) = (&recorded.meter, recorded.quantity);
    let message = format!("The plan does not allow {quantity} more of `{meter}`");
    let details = serde_json::to_value(recorded);
    let details = details.map_err(|error| billing_app::Error::Internal(error.into()))?;
    let details = details.as_object().cloned().unwrap_or_default();
    Ok(Problem::new(Code::LimitReached, message).with_details(details))
}

impl Use {
    /// The key that it brings along.
    pub(crate) fn key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// What it asks for, under a key.
    pub(crate) fn request(
        self,
        caller: &Known,
        key: Option<String>,
        operation: UsageOperation,
    ) -> Result<RecordUsage, Problem> {
        Ok(RecordUsage {
            organization_id: caller.organization(self.organization_id)?,
            meter: self.meter,
            quantity: self.quantity.count(),
            at: self.timestamp.map(|at| at.0),
            key,
            properties: self.properties,
            operation,
            decrement: self.decrement,
        })
    }
}

impl Recorded {
    fn of(asked: (OrganizationId, String, u64), answer: UsageAnswer) -> Self {
        let (organization, meter, quantity) = asked;
        let UsageAnswer { decision, key, recorded, replayed: _, report } = answer;
        // When it is asked again is no part of the answer: it would not be the same again.
        let (standing, grounds, _) = Grounds::of(report);
        Self {
            decision_id: decision.0,
            organization_id: organization.0,
            meter,
            quantity,
            recorded,
            standing,
            grounds,
            idempotency_key: key.as_str().to_owned(),
        }
    }
}
