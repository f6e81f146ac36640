//! Our own server.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::{Context, bail, ensure};
use ring::hmac;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    http::{Request, Site},
    machine,
    target::{Book, Next, Target, Work},
};

/// What is used of.
const METER: &str = "api_calls";
/// How the ids of events begin that are ours.
pub(crate) const EVENTS: &str = "evt_load_";

/// Our own server.
pub(crate) struct Billing {
    site: Site,
    /// What its webhooks are signed with, where that is known.
    webhooks: Option<hmac::Key>,
    /// The number of the next event; it begins with the time, so that no run repeats another.
    event: AtomicU64,
}

#[derive(Deserialize)]
struct Registered {
    id: String,
}

#[derive(Deserialize)]
struct Consumed {
    cost: i64,
}

#[derive(Deserialize)]
struct Held {
    organization_id: String,
    hold_id: String,
}

#[derive(Deserialize)]
struct Settled {
    settled: i64,
}

#[derive(Deserialize)]
struct Recorded {
    recorded: bool,
    quantity: i64,
}

#[derive(Deserialize)]
struct Batch {
    duplicates: Count,
    rejected: Count,
}

/// A number, or the things themselves.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Number(usize),
    Things(Vec<Value>),
}

#[derive(Deserialize)]
struct Kept {
    duplicate: bool,
}

#[derive(Deserialize)]
struct Credits {
    balance: i64,
    overdrawn: i64,
}

#[derive(Deserialize)]
struct Usage {
    meters: Vec<Meter>,
}

#[derive(Deserialize)]
struct Meter {
    meter: String,
    used: i64,
}

impl Billing {
    /// The server at an address, asked with an administrator's key.
    pub(crate) fn new(url: &str, key: &str, webhook_secret: Option<&str>) -> anyhow::Result<Self> {
        let key_of = |secret: &str| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let micros = machine::since_1970()?.as_micros();
        let event = AtomicU64::new(u64::try_from(micros)?);
        Ok(Self { site: Site::at(url, key)?, webhooks: webhook_secret.map(key_of), event })
    }

    /// An event of a type that means nothing to us, signed as Stripe does.
    fn webhook(&self) -> Option<Request> {
        let key = self.webhooks.as_ref()?;
        let nth = self.event.fetch_add(1, Relaxed);
        let body = format!(
            r#"{{"id":"{EVENTS}{nth}","object":"event","type":"product.updated","livemode":false,"data":{{"object":{{"id":"prod_{nth}","object":"product"}}}}}}"#
        );
        let now = machine::since_1970().ok()?.as_secs();
        let tag = hmac::sign(key, format!("{now}.{body}").as_bytes());
        let hex = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let signature = format!("Stripe-Signature: t={now},v1={hex}\r\n");
        Some(self.site.deliver("/api/billing/webhook/stripe", &signature, &body))
    }
}

impl Target for Billing {
    fn site(&self) -> &Site {
        &self.site
    }

    fn most(&self, _book: Book) -> i64 {
        1
    }

    fn register(&self, nth: usize) -> Request {
        self.site.post("/api/admin/organizations", &json!({ "name": format!("Load {nth}") }))
    }

    fn registered(&self, body: &[u8]) -> anyhow::Result<String> {
        Ok(serde_json::from_slice::<Registered>(body)?.id)
    }

    fn endow(&self, organization: &str, amount: i64) -> Vec<Request> {
        let path = format!("/api/admin/organizations/{organization}/grants");
        let bonus = json!({ "kind": "bonus", "amount": amount, "meter": METER, "reason": "load" });
        let credits = json!({ "kind": "promotional", "amount": amount });
        [credits, bonus].iter().map(|body| self.site.post(&path, body)).collect()
    }

    fn read(&self, book: Book, organization: &str) -> Request {
        match book {
            Book::Credits => self.site.get(&format!("/api/billing/credits/{organization}")),
            Book::Uses => self.site.get(&format!("/api/billing/usage/{organization}")),
        }
    }

    fn found(&self, book: Book, body: &[u8]) -> anyhow::Result<i64> {
        match book {
            Book::Credits => {
                let Credits { balance, overdrawn } = serde_json::from_slice(body)?;
                Ok(balance - overdrawn)
            }
            Book::Uses => {
                let Usage { meters } = serde_json::from_slice(body)?;
                let meter = meters.into_iter().find(|it| it.meter == METER);
                Ok(meter.context("the meter is not there")?.used)
            }
        }
    }

    fn begin(&self, work: Work, organizations: &[&str]) -> Option<Request> {
        let site = &self.site;
        let one = organizations.first().copied().unwrap_or_default();
        Some(match work {
            Work::Hello => site.get("/api/hello"),
            Work::Consume => {
                let body = json!({ "organization_id": one, "event": "api_call_basic" });
                site.post("/api/billing/credits/consume", &body)
            }
            Work::Settle => {
                let body = json!({ "organization_id": one, "event": "api_call_basic",
                    "quantity": 1, "ttl_seconds": 600 });
                site.post("/api/billing/credits/holds", &body)
            }
            Work::Check => {
                let path = "/api/billing/check-quota";
                site.get(&format!("{path}?meter={METER}&organization_id={one}"))
            }
            Work::Record => {
                let body = json!({ "organization_id": one, "meter": METER });
                site.post("/api/billing/check-quota", &body)
            }
            Work::Batch => {
                let used = |id| json!({ "organization_id": id, "meter": METER, "quantity": 1 });
                let events: Vec<_> = organizations.iter().map(used).collect();
                site.post("/api/billing/track-usage/batch", &json!({ "events": events }))
            }
            Work::Webhook => return self.webhook(),
        })
    }

    fn next(&self, work: Work, step: usize, body: &[u8]) -> anyhow::Result<Next> {
        let said = || String::from_utf8_lossy(body).into_owned();
        Ok(Next::Done(match (work, step) {
            (Work::Hello | Work::Check, _) => 0,
            (Work::Consume, _) => serde_json::from_slice::<Consumed>(body)?.cost,
            (Work::Settle, 0) => {
                let Held { organization_id, hold_id } = serde_json::from_slice(body)?;
                let path = format!("/api/billing/credits/holds/{hold_id}/settle");
                let whose = json!({ "organization_id": organization_id });
                return Ok(Next::Ask(self.site.post(&path, &whose)));
            }
            (Work::Settle, _) => serde_json::from_slice::<Settled>(body)?.settled,
            (Work::Record, _) => {
                let Recorded { recorded, quantity } = serde_json::from_slice(body)?;
                if recorded { quantity } else { 0 }
            }
            (Work::Batch, _) => {
                let Batch { duplicates, rejected } = serde_json::from_slice(body)?;
                ensure!(duplicates.is_zero() && rejected.is_zero(), "not all: {}", said());
                1
            }
            (Work::Webhook, _) => match serde_json::from_slice(body)? {
                Kept { duplicate: false } => 1,
                Kept { duplicate: true } => bail!("a new event is called a duplicate"),
            },
        }))
    }
}

impl Count {
    const fn is_zero(&self) -> bool {
        match self {
            Self::Number(number) => *number == 0,
            Self::Things(things) => things.is_empty(),
        }
    }
}
