//! What the gateway sends us.

use std::collections::BTreeMap;

use billing_app::ports::{About, Delivery, Forged, Notice, Unreadable, Webhooks};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{FakeGateway, books::Books};

const SIGNATURE: &str = "x-fake-signature";
const TIMESTAMP: &str = "x-fake-timestamp";
/// How old, or how early, a delivery may be.
const TOLERANCE_SECONDS: i64 = 300;

impl FakeGateway {
    /// Headers and body of a new event, signed now.
    pub fn webhook(&self, about: About) -> (BTreeMap<String, String>, Vec<u8>) {
        let (id, subject) = self.change(|books| {
            let id = books.number("evt");
            let subject = books.customer_behind(&about).unwrap_or_else(|| id.clone());
            (id, subject)
        });
        let (kind, place, thing) = match about {
            About::Checkout(id) => ("checkout.session.completed", "checkout", Some(id)),
            About::Subscription(id) => ("customer.subscription.updated", "subscription", Some(id)),
            About::Invoice(id) => ("invoice.paid", "invoice", Some(id)),
            About::Payment(id) => ("payment_intent.succeeded", "payment", Some(id)),
            About::Customer(id) => ("customer.updated", "customer", Some(id)),
            About::Nothing => ("plan.created", "nothing", None),
        };
        let body = json!({
            "id": id, "type": kind, "subject": subject, "at": place, "thing": thing,
        });
        let headers = BTreeMap::from([
            (SIGNATURE.to_owned(), "good".to_owned()),
            (TIMESTAMP.to_owned(), self.clock.wall().unix_timestamp().to_string()),
        ]);
        (headers, body.to_string().into_bytes())
    }
}

impl Books {
    /// The customer to whom a thing belongs.
    fn customer_behind(&self, about: &About) -> Option<String> {
        let of_subscription = |id: &String| Some(self.subscriptions.get(id)?.customer.clone());
        match about {
            About::Checkout(id) => Some(self.pages.get(id)?.request.customer.clone()),
            About::Subscription(id) => of_subscription(id),
            About::Invoice(id) => of_subscription(&self.invoices.get(id)?.subscription),
            About::Payment(id) => Some(self.payments.get(id)?.customer.clone()?.id),
            About::Customer(id) => Some(id.clone()),
            About::Nothing => None,
        }
    }
}

impl Webhooks for FakeGateway {
    fn verify(&self, delivery: &Delivery<'_>, wall: OffsetDateTime) -> Result<(), Forged> {
        let header = |name| delivery.headers.get(name).map(String::as_str);
        if header(SIGNATURE) != Some("good") {
            return Err(Forged("it is not signed"));
        }
        let sent: i64 = header(TIMESTAMP)
            .and_then(|seconds| seconds.parse().ok())
            .ok_or(Forged("it has no timestamp"))?;
        if wall.unix_timestamp().abs_diff(sent) > TOLERANCE_SECONDS.unsigned_abs() {
            return Err(Forged("it is not fresh"));
        }
        Ok(())
    }

    fn read(&self, body: &[u8]) -> Result<Notice, Unreadable> {
        let value: Value =
            serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))?;
        let text = |field: &str| {
            let found = value.get(field).and_then(Value::as_str).map(str::to_owned);
            found.ok_or_else(|| Unreadable(format!("`{field}` is missing")))
        };
        let about = match text("at")?.as_str() {
            "checkout" => About::Checkout(text("thing")?),
            "subscription" => About::Subscription(text("thing")?),
            "invoice" => About::Invoice(text("thing")?),
            "payment" => About::Payment(text("thing")?),
            "customer" => About::Customer(text("thing")?),
            _ => About::Nothing,
        };
        let critical = text("type")? == "checkout.session.completed";
        let [event_id, kind, subject] = ["id", "type", "subject"].map(text);
        Ok(Notice { event_id: event_id?, kind: kind?, subject: subject?, about, critical })
    }
}
