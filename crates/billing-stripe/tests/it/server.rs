//! A server in Stripe's place.

use std::time::Duration;

use billing_app::ports::{ChargeRequest, CheckoutItem, CheckoutRequest, NewCustomer};
use billing_domain::{
    currency::Currency,
    id::{CheckoutId, OrganizationId, PriceId},
    money::Money,
    period::Interval,
};
use billing_stripe::{Stripe, StripeConfig};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path},
};

pub(crate) const WEBHOOK_SECRET: &str = "whsec_test_secret";

/// The adapter and the server that it talks to.
pub(crate) struct Played {
    pub(crate) server: MockServer,
    pub(crate) stripe: Stripe,
}

/// A configuration that waits for nothing.
pub(crate) fn config(base_url: String) -> StripeConfig {
    StripeConfig {
        base_url,
        retry_pause: Duration::ZERO,
        ..StripeConfig::new("sk_test_123".into(), vec![WEBHOOK_SECRET.into()])
    }
}

pub(crate) fn stripe(config: &StripeConfig) -> anyhow::Result<Stripe> {
    // Whichever test comes first installs it.
    drop(rustls::crypto::ring::default_provider().install_default());
    Stripe::new(config.clone())
}

impl Played {
    pub(crate) async fn new() -> Self {
        let server = MockServer::start().await;
        let stripe = stripe(&config(server.uri())).expect("the adapter starts");
        Self { server, stripe }
    }

    /// Answers a read with a recorded object.
    pub(crate) async fn shows(&self, at: &str, body: &Value) {
        self.answers("GET", at, body).await;
    }

    pub(crate) async fn answers(&self, verb: &str, at: &str, body: &Value) {
        let response = ResponseTemplate::new(200).set_body_json(body);
        self.responds(verb, at, response).await;
    }

    /// Answers anything; what is mounted first comes first.
    pub(crate) async fn responds(&self, verb: &str, at: &str, response: ResponseTemplate) {
        Mock::given(method(verb)).and(path(at)).respond_with(response).mount(&self.server).await;
    }

    pub(crate) async fn responds_once(&self, verb: &str, at: &str, response: ResponseTemplate) {
        let mock = Mock::given(method(verb)).and(path(at)).respond_with(response);
        mock.up_to_n_times(1).mount(&self.server).await;
    }

    pub(crate) async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap_or_default()
    }
}

/// What Stripe says when it refuses.
pub(crate) fn refusal(status: u16, kind: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .set_body_json(serde_json::json!({"error": {"type": kind, "message": message}}))
}

/// The id of a recorded object.
pub(crate) fn id_of(object: &Value) -> &str {
    object.get("id").and_then(Value::as_str).expect("an object has an id")
}

/// A recorded object, with some members replaced.
pub(crate) fn with(mut object: Value, changes: Value) -> Value {
    let (Some(members), Value::Object(changes)) = (object.as_object_mut(), changes) else {
        panic!("only objects have members");
    };
    members.extend(changes);
    object
}

/// The text of a fixture as JSON.
macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str::<serde_json::Value>(include_str!(concat!("../fixtures/", $name)))
            .expect("a fixture is JSON")
    };
}
pub(crate) use fixture;

pub(crate) fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).expect("a time")
}

pub(crate) fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

pub(crate) fn organization() -> OrganizationId {
    OrganizationId(Uuid::from_u128(0xa))
}

pub(crate) fn checkout() -> CheckoutId {
    CheckoutId(Uuid::from_u128(0xc))
}

pub(crate) fn price() -> PriceId {
    PriceId(Uuid::from_u128(0xd))
}

pub(crate) fn a_customer() -> NewCustomer {
    NewCustomer {
        organization_id: organization(),
        name: "Ann".to_owned(),
        email: Some("a@example.com".to_owned()),
        country: Some("EG".to_owned()),
    }
}

pub(crate) fn a_plan() -> CheckoutItem {
    CheckoutItem::Subscription {
        price_id: price(),
        gateway_price: None,
        name: "Pro & more".to_owned(),
        amount: usd(4900),
        interval: Interval::Month,
        trial_days: 0,
    }
}

pub(crate) fn credits() -> CheckoutItem {
    CheckoutItem::Credits { name: "1000 credits".to_owned(), amount: usd(1900) }
}

/// A charge of a card that Stripe has kept.
pub(crate) fn a_charge() -> ChargeRequest {
    ChargeRequest {
        checkout_id: checkout(),
        organization_id: organization(),
        customer: "cus_1".to_owned(),
        method: "pm_1".to_owned(),
        amount: usd(1500),
        description: "100 credits".to_owned(),
    }
}

pub(crate) fn a_page_for(item: CheckoutItem) -> CheckoutRequest {
    CheckoutRequest {
        checkout_id: checkout(),
        organization_id: organization(),
        customer: "cus_1".to_owned(),
        item,
        success_url: "https://example.com/ok?session={CHECKOUT_SESSION_ID}&x=1".to_owned(),
        cancel_url: "https://example.com/cancel".to_owned(),
        coupon: None,
        promotion_codes: false,
        automatic_tax: false,
        saves_method: false,
    }
}
