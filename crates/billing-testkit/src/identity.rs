//! An identity provider that says whatever is wanted.

use std::{collections::BTreeMap, sync::Arc};

use billing_app::ports::{Clock as _, Delivery, Forged, IdentityWebhooks, News, Told, Unreadable};
use billing_domain::identity::{IdentityProvider, SeenIdentity};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::Stopped;

const ID: &str = "x-fake-id";
const SIGNATURE: &str = "x-fake-signature";
const TIMESTAMP: &str = "x-fake-timestamp";
/// How old, or how early, a delivery may be.
const TOLERANCE_SECONDS: u64 = 300;

/// An identity provider: its deliveries are signed `good`, and say news in words of its own.
#[derive(Clone)]
pub struct FakeIdentity {
    clock: Arc<Stopped>,
}

impl FakeIdentity {
    /// One that goes by a clock.
    pub fn new(clock: Arc<Stopped>) -> Self {
        Self { clock }
    }

    /// Headers and body of an event, signed now.
    pub fn webhook(&self, event_id: &str, news: &News) -> (BTreeMap<String, String>, Vec<u8>) {
        let headers = [
            (ID, event_id.to_owned()),
            (SIGNATURE, "good".to_owned()),
            (TIMESTAMP, self.clock.wall().unix_timestamp().to_string()),
        ];
        let headers = headers.map(|(name, text)| (name.to_owned(), text));
        (BTreeMap::from(headers), said(news).to_string().into_bytes())
    }
}

fn said(news: &News) -> Value {
    match news {
        News::User(seen) => json!({ "type": "user.updated", "of": seen.id, "seen": told(seen) }),
        News::UserDeleted(id) => json!({ "type": "user.deleted", "of": id }),
        News::Organization(seen) => {
            json!({ "type": "organization.updated", "of": seen.id, "seen": told(seen) })
        }
        News::OrganizationDeleted(id) => json!({ "type": "organization.deleted", "of": id }),
        News::Membership { organization, user, role, joined_at, updated_at, removed } => json!({
            "type": "membership", "of": organization.id, "seen": told(organization), "user": user,
            "role": role, "joined_at": written(*joined_at), "at": written(*updated_at),
            "removed": removed,
        }),
        News::Nothing => json!({ "type": "session.created", "of": "sess_1" }),
    }
}

fn told(seen: &SeenIdentity) -> Value {
    let SeenIdentity { id, name, email, created_by, updated_at } = seen;
    json!({
        "id": id, "name": name, "email": email, "created_by": created_by,
        "updated_at": written(*updated_at),
    })
}

fn written(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

fn text(value: &Value, name: &str) -> Result<String, Unreadable> {
    let found = value.get(name).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| Unreadable(format!("`{name}` is missing")))
}

fn instant(value: &Value, name: &str) -> Result<OffsetDateTime, Unreadable> {
    let wrong = |_| Unreadable(format!("`{name}` is no time"));
    OffsetDateTime::parse(&text(value, name)?, &Rfc3339).map_err(wrong)
}

fn seen(event: &Value) -> Result<SeenIdentity, Unreadable> {
    let seen = event.get("seen").ok_or_else(|| Unreadable("nothing is seen".to_owned()))?;
    Ok(SeenIdentity {
        id: text(seen, "id")?,
        name: text(seen, "name")?,
        email: text(seen, "email").ok(),
        created_by: text(seen, "created_by").ok(),
        updated_at: instant(seen, "updated_at")?,
    })
}

impl IdentityWebhooks for FakeIdentity {
    fn provider(&self) -> IdentityProvider {
        IdentityProvider::Clerk
    }

    fn verify(&self, delivery: &Delivery<'_>, wall: OffsetDateTime) -> Result<String, Forged> {
        let header = |name| delivery.headers.get(name).map(String::as_str);
        if header(SIGNATURE) != Some("good") {
            return Err(Forged("it is not signed"));
        }
        let sent: Option<i64> = header(TIMESTAMP).and_then(|seconds| seconds.parse().ok());
        let sent = sent.ok_or(Forged("it has no timestamp"))?;
        if wall.unix_timestamp().abs_diff(sent) > TOLERANCE_SECONDS {
            return Err(Forged("it is not fresh"));
        }
        header(ID).map(str::to_owned).ok_or(Forged("it has no id"))
    }

    fn read(&self, body: &[u8]) -> Result<Told, Unreadable> {
        let event: Value =
            serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))?;
        let (kind, subject) = (text(&event, "type")?, text(&event, "of")?);
        let news = match kind.as_str() {
            "user.updated" => News::User(seen(&event)?),
            "user.deleted" => News::UserDeleted(subject.clone()),
            "organization.updated" => News::Organization(seen(&event)?),
            "organization.deleted" => News::OrganizationDeleted(subject.clone()),
            "membership" => News::Membership {
                organization: seen(&event)?,
                user: text(&event, "user")?,
                role: text(&event, "role")?,
                joined_at: instant(&event, "joined_at")?,
                updated_at: instant(&event, "at")?,
                removed: event.get("removed").and_then(Value::as_bool).unwrap_or_default(),
            },
            _ => News::Nothing,
        };
        Ok(Told { kind, subject, news })
    }
}
