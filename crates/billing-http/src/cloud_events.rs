//! Use as `CloudEvents` 1.0.

use core::fmt::Write as _;

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload, web::Data};
use billing_app::RecordUsage;
use billing_domain::{id::OrganizationId, usage::UsageOperation};
use futures_util::future::LocalBoxFuture;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    auth::Known,
    body::{parse, read, unread},
    moment::Moment,
    problem::Problem,
    quantity::Quantity,
    state::Http,
    usage::Use,
};

const JSON: &str = "application/json";
const CLOUD_EVENT: &str = "application/cloudevents+json";
/// The longest idempotency key.
const MOST_KEY: usize = 255;

/// Use of a meter, as a `CloudEvent`. Extension attributes are ignored.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "specversion": "1.0", "id": "4711", "source": "/gateways/eu-1", "type": "api_calls",
    "time": "2026-03-01T12:00:00Z", "data": { "quantity": 3, "region": "eu" }
}))]
pub(crate) struct CloudEvent {
    /// `1.0`.
    specversion: String,
    /// Unique for the source: both together count once.
    id: String,
    source: String,
    /// The key of the meter.
    #[serde(rename = "type")]
    kind: String,
    /// The id or external id of the organization; by default the one of the key.
    subject: Option<String>,
    /// When; now by default.
    time: Option<Moment>,
    /// `quantity`, 1 by default; the rest is remembered with it.
    #[schema(value_type = Option<Object>)]
    data: Option<Map<String, Value>>,
    #[schema(ignore)]
    data_base64: Option<Value>,
}

/// One use, as an object of ours or as a `CloudEvent`.
pub(crate) enum OneUse {
    Ours(Use),
    CloudEvent(CloudEvent),
}

impl FromRequest for OneUse {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let is_cloud_event = one_of(&request, &[JSON, CLOUD_EVENT])? == CLOUD_EVENT;
            let most = request.app_data::<Data<Http>>().map(|http| http.limits.json_bytes);
            let bytes = read(&request, payload, most.unwrap_or_default()).await?;
            Ok(if is_cloud_event {
                Self::CloudEvent(parse(&bytes)?)
            } else {
                Self::Ours(parse(&bytes)?)
            })
        })
    }
}

/// The type of the body, which must be one of these.
pub(crate) fn one_of<'a>(request: &HttpRequest, kinds: &[&'a str]) -> Result<&'a str, Problem> {
    let sent = request.content_type();
    let found = kinds.iter().find(|kind| sent.eq_ignore_ascii_case(kind));
    found.copied().ok_or_else(|| unread(kinds))
}

impl CloudEvent {
    /// Whose use it is, by name.
    pub(crate) fn named(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// Whose use it is.
    pub(crate) async fn subject(
        &self,
        http: &Http,
        caller: &Known,
    ) -> Result<OrganizationId, Problem> {
        subject(http, caller, self.named()).await
    }

    /// What it asks for, on behalf of its subject.
    pub(crate) fn request(
        self,
        http: &Http,
        caller: &Known,
        organization: OrganizationId,
    ) -> Result<RecordUsage, Problem> {
        let key = self.key(http)?;
        let Self { specversion, kind, time, data, data_base64, .. } = self;
        if specversion != "1.0" {
            return Err(Problem::invalid("specversion", "must be 1.0"));
        }
        if data_base64.is_some() {
            return Err(Problem::invalid("data_base64", "is not read: send `data` as JSON"));
        }
        let mut properties = data.unwrap_or_default();
        let quantity = match properties.remove("quantity") {
            None => Quantity::default(),
            Some(quantity) => serde_json::from_value(quantity)
                .map_err(|error| Problem::invalid("data.quantity", error))?,
        };
        Ok(RecordUsage {
            organization_id: caller.organization(Some(organization))?,
            meter: kind,
            quantity: quantity.count(),
            at: time.map(|at| at.0),
            key: Some(key),
            properties: Some(properties).filter(|it| !it.is_empty()),
            operation: UsageOperation::Track,
            decrement: false,
        })
    }

    /// Source and id together: no two pairs make the same key.
    fn key(&self, http: &Http) -> Result<String, Problem> {
        let Self { id, source, .. } = self;
        for (name, text) in [("id", id), ("source", source)] {
            if text.is_empty() {
                return Err(Problem::invalid(name, "must not be empty"));
            }
        }
        let plain = format!("ce:{}:{source}{id}", source.len());
        Ok(as_key(http, plain))
    }
}

/// The same, where it can be a key; else its digest.
pub(crate) fn as_key(http: &Http, text: String) -> String {
    let is_key = text.len() <= MOST_KEY && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_key {
        return text;
    }
    let digest = http.billing.secrets().digest(text.as_bytes());
    digest.iter().fold("sha256:".to_owned(), |mut key, byte| {
        // Writing into a text cannot fail.
        let _: Result<(), _> = write!(key, "{byte:02x}");
        key
    })
}

/// Whom a subject names: by id, or by the product's own.
pub(crate) async fn subject(
    http: &Http,
    caller: &Known,
    subject: Option<&str>,
) -> Result<OrganizationId, Problem> {
    let Some(subject) = subject else { return Ok(caller.organization(None)?) };
    if let Ok(id) = subject.parse() {
        return Ok(caller.organization(Some(id))?);
    }
    let found = http.billing.organization_of(subject).await?;
    Ok(caller.organization(Some(found.id))?)
}
