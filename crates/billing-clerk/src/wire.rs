//! Events in Clerk's words.

use billing_app::ports::{News, Told, Unreadable};
use billing_domain::identity::SeenIdentity;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use time::OffsetDateTime;

/// An event, whatever it is about.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct User {
    id: String,
    first_name: Option<String>,
    last_name: Option<String>,
    username: Option<String>,
    primary_email_address_id: Option<String>,
    #[serde(default)]
    email_addresses: Vec<EmailAddress>,
    updated_at: i64,
}

#[derive(Deserialize)]
struct EmailAddress {
    id: Option<String>,
    email_address: String,
}

#[derive(Deserialize)]
struct Organization {
    id: String,
    name: String,
    created_by: Option<String>,
    updated_at: i64,
}

#[derive(Deserialize)]
struct Membership {
    role: String,
    organization: Organization,
    public_user_data: PublicUserData,
    created_at: i64,
    updated_at: i64,
}

#[derive(Deserialize)]
struct PublicUserData {
    user_id: String,
}

/// What is gone may have lost even its id.
#[derive(Deserialize)]
struct Deleted {
    id: Option<String>,
}

/// Of these there is nothing to tell apart.
const NOBODY: &str = "nobody";

/// What an event tells.
pub(crate) fn read(body: &[u8]) -> Result<Told, Unreadable> {
    let Event { kind, data } =
        serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))?;
    let (subject, news) = match kind.as_str() {
        "user.created" | "user.updated" => {
            let user: User = parse(data)?;
            (user.id.clone(), News::User(user.seen()?))
        }
        "organization.created" | "organization.updated" => {
            let organization: Organization = parse(data)?;
            (organization.id.clone(), News::Organization(organization.seen()?))
        }
        "user.deleted" => gone(parse(data)?, News::UserDeleted),
        "organization.deleted" => gone(parse(data)?, News::OrganizationDeleted),
        "organizationMembership.created"
        | "organizationMembership.updated"
        | "organizationMembership.deleted" => {
            let membership: Membership = parse(data)?;
            let subject = membership.organization.id.clone();
            (subject, membership.news(kind.ends_with(".deleted"))?)
        }
        _ => (NOBODY.to_owned(), News::Nothing),
    };
    Ok(Told { kind, subject, news })
}

fn parse<T: DeserializeOwned>(data: Value) -> Result<T, Unreadable> {
    serde_json::from_value(data).map_err(|error| Unreadable(error.to_string()))
}

fn gone(deleted: Deleted, news: fn(String) -> News) -> (String, News) {
    match deleted.id {
        Some(id) => (id.clone(), news(id)),
        None => (NOBODY.to_owned(), News::Nothing),
    }
}

impl User {
    fn seen(self) -> Result<SeenIdentity, Unreadable> {
        let updated_at = instant(self.updated_at)?;
        let primary = self.primary_email_address_id.as_deref();
        let mut emails = self.email_addresses.into_iter();
        let email = emails.find(|it| primary.is_some() && it.id.as_deref() == primary);
        let email = email.map(|it| it.email_address);
        let names = [self.first_name, self.last_name].into_iter().flatten();
        let name = names.collect::<Vec<_>>().join(" ");
        let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        let name = name.or(self.username).or_else(|| email.clone()).unwrap_or_default();
        Ok(SeenIdentity { id: self.id, name, email, created_by: None, updated_at })
    }
}

impl Organization {
    fn seen(self) -> Result<SeenIdentity, Unreadable> {
        let Self { id, name, created_by, updated_at } = self;
        let updated_at = instant(updated_at)?;
        Ok(SeenIdentity { id, name, email: None, created_by, updated_at })
    }
}

impl Membership {
    fn news(self, removed: bool) -> Result<News, Unreadable> {
        Ok(News::Membership {
            organization: self.organization.seen()?,
            user: self.public_user_data.user_id,
            role: self.role,
            joined_at: instant(self.created_at)?,
            updated_at: instant(self.updated_at)?,
            removed,
        })
    }
}

/// Later than the year 5000 in seconds: it is in milliseconds.
const MILLISECONDS: i64 = 100_000_000_000;

fn instant(time: i64) -> Result<OffsetDateTime, Unreadable> {
    let millis =
        if time.abs() >= MILLISECONDS { i128::from(time) } else { i128::from(time) * 1_000 };
    OffsetDateTime::from_unix_timestamp_nanos(millis * 1_000_000)
        .map_err(|_| Unreadable("a time is out of range".to_owned()))
}
