//! What there is to be told: every type of event.

use actix_web::web::Json;
use billing_app::{envelope, ports::ToldEvent};
use billing_domain::{
    event::{EVENT_TYPES, EventType as Kind, Field, FieldKind},
    id::{EventId, OrganizationId},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use time::macros::datetime;
use utoipa::ToSchema;
use uuid::uuid;

use crate::{page::List, problem::Problem};

/// A type of event.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventType {
    /// Its name: endpoints ask for it, or for a beginning such as `trial.*`.
    #[serde(rename = "type")]
    #[schema(example = "trial.started")]
    name: &'static str,
    /// The version of what it says: greater when a field goes or changes its meaning. New fields, and
    /// new values of texts, come without a new version.
    version: u16,
    /// What happened, when one comes.
    description: &'static str,
    /// The JSON Schema of its `data`.
    #[schema(value_type = Object)]
    schema: Value,
    /// A whole message, as an endpoint gets it.
    #[schema(value_type = Object)]
    example: Value,
}

/// Lists the types of events that endpoints can be told, with schema and example of each.
#[utoipa::path(get, path = "/api/billing/event-types", tag = "Webhooks",
    responses((status = 200, description = "All of them, by name", body = List<EventType>)))]
pub(crate) async fn list() -> Result<Json<List<EventType>>, Problem> {
    let types = EVENT_TYPES.iter().map(shown).collect::<Result<_, _>>();
    Ok(Json(List::all(types.map_err(anyhow::Error::from).map_err(billing_app::Error::from)?)))
}

fn shown(kind: &'static Kind) -> Result<EventType, serde_json::Error> {
    let mut said = serde_json::to_value((kind.example)())?;
    let event = ToldEvent {
        id: EventId(uuid!("0192d3a4-0000-7000-8000-0000000000ee")),
        organization_id: OrganizationId(uuid!("0192d3a4-0000-7000-8000-00000000000a")),
        at: datetime!(2026-03-01 12:00 UTC),
        kind: kind.name.to_owned(),
        data: said.get_mut("data").map(Value::take).unwrap_or_default(),
    };
    Ok(EventType {
        name: kind.name,
        version: kind.version,
        description: kind.about,
        schema: schema(kind.fields),
        example: envelope(&event),
    })
}

/// The JSON Schema of what an event says. It allows more fields: new ones come.
fn schema(fields: &[Field]) -> Value {
    let properties = fields.iter().map(|field| (field.name.to_owned(), property(field)));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties.collect::<Map<_, _>>(),
        "required": fields.iter().map(|field| field.name).collect::<Vec<_>>(),
    })
}

fn property(field: &Field) -> Value {
    let mut schema = match field.kind {
        FieldKind::Id => json!({ "type": "string", "format": "uuid" }),
        FieldKind::Text => json!({ "type": "string" }),
        FieldKind::Instant => json!({ "type": "string", "format": "date-time" }),
        FieldKind::Integer => json!({ "type": "integer" }),
        FieldKind::Boolean => json!({ "type": "boolean" }),
        FieldKind::Money => json!({
            "type": "object",
            "properties": {
                "amount": { "type": "integer", "description": "Minor units." },
                "currency": { "type": "string", "pattern": "^[A-Z]{3}$" },
            },
            "required": ["amount", "currency"],
        }),
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), field.about.into());
        if field.nullable
            && let Some(kind) = schema.remove("type")
        {
            schema.insert("type".to_owned(), json!([kind, "null"]));
        }
    }
    schema
}
