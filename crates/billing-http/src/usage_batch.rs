//! Many uses at once.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    web::{Bytes, Data, Json},
};
use billing_app::{Billing, RecordUsage};
use billing_domain::{id::OrganizationId, usage::UsageOperation};
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    auth::Known,
    body::{may_have_nul, parse_any, parse_one, read},
    cloud_events::{CloudEvent, as_key, one_of, subject},
    idempotency::GivenKey,
    problem::Problem,
    state::Http,
    usage::Use,
};

const JSON: &str = "application/json";
const CLOUD_EVENTS: &str = "application/cloudevents-batch+json";
const MOST_EVENTS: usize = 10_000;

/// Uses to be counted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "events": [
    { "meter": "api_calls", "quantity": 3, "idempotency_key": "req-1" },
    { "meter": "projects", "quantity": 1, "decrement": true }
] }))]
pub(crate) struct Batch<T = Use> {
    /// At most 10 000. Each counts once by its own key.
    events: Vec<T>,
}

/// What came of a batch.
#[derive(Serialize, ToSchema)]
pub(crate) struct Counted {
    /// How many were counted.
    accepted: usize,
    /// How many had been counted before, by their key.
    duplicates: usize,
    /// Those that were not counted.
    rejected: Vec<Rejected>,
}

/// An event that was not counted.
#[derive(Serialize, ToSchema)]
pub(crate) struct Rejected {
    /// Its place in the batch, from 0.
    index: usize,
    /// Why, as in errors.
    #[schema(example = "METER_NOT_FOUND")]
    code: &'static str,
    message: String,
}

/// A batch, as an object of ours or as `CloudEvents`.
pub(crate) enum Events {
    Ours(Vec<Result<Use, Problem>>),
    CloudEvents(Vec<Result<CloudEvent, Problem>>),
}

impl FromRequest for Events {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let are_cloud_events = one_of(&request, &[JSON, CLOUD_EVENTS])? == CLOUD_EVENTS;
            let most = request.app_data::<Data<Http>>().map(|http| http.limits.batch_bytes);
            let bytes = read(&request, payload, most.unwrap_or_default()).await?;
            if are_cloud_events {
                let each = |values: Vec<Value>| values;
                let all = |events: Vec<CloudEvent>| events;
                Ok(Self::CloudEvents(few(read_each(&bytes, all, each)?)?))
            } else {
                let each = |batch: Batch<Value>| batch.events;
                let all = |batch: Batch| batch.events;
                Ok(Self::Ours(few(read_each(&bytes, all, each)?)?))
            }
        })
    }
}

/// Reads all at once where all are well-formed, else one by one.
fn read_each<A: DeserializeOwned, V: DeserializeOwned, T: DeserializeOwned>(
    bytes: &Bytes,
    all: impl FnOnce(A) -> Vec<T>,
    each: impl FnOnce(V) -> Vec<Value>,
) -> Result<Vec<Result<T, Problem>>, Problem> {
    if !may_have_nul(bytes)
        && let Ok(read) = serde_json::from_slice::<A>(bytes)
    {
        return Ok(all(read).into_iter().map(Ok).collect());
    }
    Ok(each(parse_any(bytes)?).into_iter().map(parse_one).collect())
}

fn few<T>(events: Vec<T>) -> Result<Vec<T>, Problem> {
    if events.len() > MOST_EVENTS {
        return Err(Problem::invalid("events", "must be at most 10 000 at once"));
    }
    Ok(events)
}

/// Counts many uses, whatever the quotas say.
///
/// The good ones count, and each bad one says why it does not. Duplicates by key count once; with
/// an `Idempotency-Key`, events without a key of their own have that and their place.
#[utoipa::path(post, path = "/api/billing/track-usage/batch", tag = "Usage",
    request_body(content((Batch = "application/json"),
        (Vec<CloudEvent> = "application/cloudevents-batch+json"))),
    responses((status = 200, description = "What came of them", body = Counted)))]
pub(crate) async fn track(
    http: Data<Http>,
    caller: Known,
    key: GivenKey,
    events: Events,
) -> Result<Json<Counted>, Problem> {
    let key = key.or(None)?;
    let asked = match events {
        Events::Ours(events) => {
            let keyed = events.into_iter().enumerate();
            keyed.map(|(place, event)| ours(&http, &caller, (place, &key), event)).collect()
        }
        Events::CloudEvents(events) => cloud_events(&http, &caller, events).await,
    };
    Ok(Json(count(&http, asked).await?))
}

type Asked = Vec<Result<RecordUsage, Problem>>;

fn ours(
    http: &Http,
    caller: &Known,
    (place, key): (usize, &Option<String>),
    event: Result<Use, Problem>,
) -> Result<RecordUsage, Problem> {
    let event = event?;
    let in_place = || key.as_ref().map(|key| as_key(http, format!("{key}:{place}")));
    let key = event.key().map(str::to_owned).or_else(in_place);
    event.request(caller, key, UsageOperation::Track)
}

/// Each subject that is there is looked up once.
async fn cloud_events(
    http: &Http,
    caller: &Known,
    events: Vec<Result<CloudEvent, Problem>>,
) -> Asked {
    let mut known: BTreeMap<Option<String>, OrganizationId> = BTreeMap::new();
    let mut asked = Vec::with_capacity(events.len());
    for event in events {
        asked.push(match event {
            Ok(event) => cloud_event(http, caller, &mut known, event).await,
            Err(problem) => Err(problem),
        });
    }
    asked
}

async fn cloud_event(
    http: &Http,
    caller: &Known,
    known: &mut BTreeMap<Option<String>, OrganizationId>,
    event: CloudEvent,
) -> Result<RecordUsage, Problem> {
    let named = event.named().map(str::to_owned);
    let organization = match known.get(&named) {
        Some(found) => *found,
        None => {
            let found = subject(http, caller, named.as_deref()).await?;
            known.insert(named, found);
            found
        }
    };
    event.request(http, caller, organization)
}

async fn count(http: &Http, asked: Asked) -> Result<Counted, Problem> {
    let mut counted = Counted { accepted: 0, duplicates: 0, rejected: Vec::new() };
    let (mut places, mut requests) = (Vec::new(), Vec::new());
    for (index, asked) in asked.into_iter().enumerate() {
        match asked {
            Ok(request) => {
                places.push(index);
                requests.push(request);
            }
            Err(problem) => counted.rejected.push(Rejected::of(index, &problem)),
        }
    }
    let work = |it: Arc<Billing>| async move { it.record_usage_batch(requests).await };
    let answers = http.to_the_end(work).await?;
    for (index, answer) in places.into_iter().zip(answers) {
        match answer {
            Ok(tracked) if tracked.duplicate => counted.duplicates += 1,
            Ok(_) => counted.accepted += 1,
            Err(error) => counted.rejected.push(Rejected::of(index, &Problem::from(error))),
        }
    }
    counted.rejected.sort_by_key(|rejected| rejected.index);
    Ok(counted)
}

impl Rejected {
    fn of(index: usize, problem: &Problem) -> Self {
        problem.log();
        Self { index, code: problem.entry().code, message: problem.message().to_owned() }
    }
}
