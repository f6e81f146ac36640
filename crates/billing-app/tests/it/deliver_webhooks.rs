//! Events become deliveries, which are tried again when they fail, and given up in the end.

use std::{sync::Arc, time::Duration as Wait};

use billing_app::{Billing, EndpointTerms, Error, Ports, Refusal, Settings};
use billing_domain::{
    event::{INSTALLATION, What},
    id::{EndpointId, OrganizationId},
    webhook_endpoint::{DisabledFor, EndpointStatus},
};
use billing_testkit::{FakeGateway, FakeReceivers, MemoryStore, Stopped};
use serde_json::{Value, json};
use time::Duration;

use crate::scene::{acme, everything, ports};

const HERE: &str = "https://product.example/events";
const THERE: &str = "https://other.example/events";

struct Town {
    billing: Billing,
    store: MemoryStore,
    clock: Arc<Stopped>,
    receivers: Arc<FakeReceivers>,
}

impl Town {
    fn new() -> Self {
        let (store, clock) = (MemoryStore::new(), Arc::new(Stopped::default()));
        let receivers = Arc::new(FakeReceivers::default());
        let gateway = Arc::new(FakeGateway::new(clock.clone()));
        let webhook_sender = receivers.clone();
        let ports = Ports { webhook_sender, ..ports(&store, gateway, &clock) };
        Self { billing: Billing::new(ports, Settings::default()), store, clock, receivers }
    }

    async fn endpoint(&self, url: &str, of: Option<OrganizationId>, types: &[&str]) -> EndpointId {
        let terms = EndpointTerms {
            url: Some(url.to_owned()),
            event_types: Some(types.iter().map(|it| (*it).to_owned()).collect()),
            ..EndpointTerms::default()
        };
        let made = self.billing.create_endpoint(of, terms).await;
        made.expect("nothing is wrong with it").endpoint.id
    }

    async fn registered(&self) -> OrganizationId {
        self.billing.register_organization(acme()).await.expect("it is new").id
    }

    /// Hands on all that happened, and sends what is due.
    async fn round(&self) -> usize {
        while self.billing.hand_on_events().await.expect("the store answers") > 0 {}
        self.billing.deliver_webhooks().await.expect("the store answers")
    }

    /// What was sent to an address.
    fn got(&self, url: &str) -> Vec<Value> {
        let got = self.receivers.got().into_iter().filter(|it| it.url == url);
        got.map(|it| serde_json::from_slice(&it.body).expect("it is JSON")).collect()
    }

    async fn status(&self, id: EndpointId) -> EndpointStatus {
        self.billing.endpoint(id).await.expect("it is there").status
    }
}

#[tokio::test]
async fn an_event_goes_to_those_who_want_it() {
    let town = Town::new();
    let own = town.registered().await;
    town.endpoint(HERE, None, &[]).await;
    town.endpoint(THERE, Some(own), &["organization.*"]).await;
    assert_eq!(town.round().await, 2, "each is told once");
    let other = town.registered().await;
    assert_eq!(town.round().await, 1);
    let [first, second] = town.got(HERE).try_into().expect("both");
    let expected = json!({
        "id": first["id"], "type": "organization.created", "version": 1, "created": first["created"],
        "organization_id": own.0, "data": { "name": "Acme" },
    });
    assert_eq!(first, expected);
    assert_eq!(second["organization_id"], json!(other.0));
    assert_eq!(town.got(THERE), [first]);
    let sent = town.receivers.got();
    assert!(sent.iter().all(|it| it.id.starts_with("evt_") && it.secrets.len() == 1));
    assert_eq!(town.round().await, 0);
}

#[tokio::test]
async fn a_failed_delivery_is_tried_ten_times() {
    let town = Town::new();
    let id = town.endpoint(HERE, None, &[]).await;
    town.receivers.go_down(HERE);
    let well = town.endpoint(THERE, None, &[]).await;
    town.registered().await;
    let began = billing_app::ports::Clock::wall(&*town.clock);
    assert_eq!(town.round().await, 2);
    assert_eq!(town.got(THERE).len(), 1, "it holds up nobody else");
    let mut tries = 1;
    for _ in 0..400 {
        town.clock.advance_wall(Duration::minutes(15));
        tries += town.round().await;
    }
    assert_eq!(tries, 10);
    let rows = town.billing.endpoint_deliveries(id, &Default::default(), everything()).await;
    let rows = rows.expect("the store answers");
    assert_eq!((rows[0].status.name(), rows[0].attempts), ("dead", 10));
    let (_, _, history) = town.billing.inspect_delivery(id, rows[0].id).await.expect("it is there");
    let took = history[9].ended_at - began;
    assert!(Duration::hours(60) < took && took < Duration::hours(93), "{took}");
    town.receivers.answer(HERE, 200, None);
    town.billing.resend_delivery(id, rows[0].id).await.expect("it is there");
    assert_eq!(town.round().await, 1);
    assert_eq!(town.status(well).await, EndpointStatus::Enabled);
}

#[tokio::test]
async fn an_endpoint_that_asks_for_less_gets_less() {
    for (status, retry_after, held) in [(503, Some(600), 600), (429, None, 30), (502, None, 30)] {
        let town = Town::new();
        town.endpoint(HERE, None, &[]).await;
        town.receivers.answer(HERE, status, retry_after.map(Wait::from_secs));
        town.registered().await;
        assert_eq!(town.round().await, 1);
        town.registered().await;
        town.clock.advance_wall(Duration::seconds(held - 1));
        assert_eq!(town.round().await, 0, "{status}: it is left alone");
        town.clock.advance_wall(Duration::seconds(1));
        assert_eq!(town.round().await, 1, "{status}: one is tried");
    }
}

#[tokio::test]
async fn a_redirect_and_a_refusal_are_failures() {
    for status in [301, 307, 400, 404, 500] {
        let town = Town::new();
        let id = town.endpoint(HERE, None, &[]).await;
        town.receivers.answer(HERE, status, None);
        town.registered().await;
        town.round().await;
        let rows = town.billing.endpoint_deliveries(id, &Default::default(), everything()).await;
        let rows = rows.expect("the store answers");
        assert_eq!(rows[0].status.name(), "retrying", "{status}");
        assert_eq!(rows[0].error.as_deref(), Some(format!("it answered {status}").as_str()));
    }
}

#[tokio::test]
async fn who_is_gone_is_told_nothing_any_more() {
    let town = Town::new();
    let own = town.registered().await;
    let id = town.endpoint(HERE, Some(own), &[]).await;
    let watching = town.endpoint(THERE, None, &["webhook_endpoint.*"]).await;
    town.receivers.answer(HERE, 410, None);
    town.round().await;
    assert_eq!(town.status(id).await, EndpointStatus::Disabled(DisabledFor::Gone));
    let told = town.store.events().pop().expect("it is told");
    let (url, reason) = (HERE.to_owned(), DisabledFor::Gone);
    let what = What::WebhookEndpointDisabled { endpoint_id: id, url, reason };
    assert_eq!((told.organization_id, told.what), (own, what));
    town.round().await;
    assert_eq!(town.got(THERE)[0]["data"]["reason"], "gone");
    assert_eq!(town.status(watching).await, EndpointStatus::Enabled);
    town.clock.advance_wall(Duration::days(1));
    assert_eq!(town.round().await, 0);
}

#[tokio::test]
async fn five_days_of_failure_are_enough() {
    let town = Town::new();
    let id = town.endpoint(HERE, None, &[]).await;
    town.receivers.go_down(HERE);
    for _ in 0..11 {
        assert_eq!(town.status(id).await, EndpointStatus::Enabled);
        town.registered().await;
        town.round().await;
        town.clock.advance_wall(Duration::hours(12));
    }
    assert_eq!(town.status(id).await, EndpointStatus::Disabled(DisabledFor::Failing));
    let alert = town.store.events().pop().expect("it is told");
    assert_eq!(alert.organization_id, INSTALLATION);
    let terms = EndpointTerms { status: Some(EndpointStatus::Enabled), ..Default::default() };
    town.billing.change_endpoint(id, terms).await.expect("it is there");
    town.receivers.answer(HERE, 200, None);
    assert!(town.round().await > 0, "it begins anew");
    assert_eq!(town.status(id).await, EndpointStatus::Enabled);
}

#[tokio::test]
async fn what_happens_while_it_is_paused_is_told_later() {
    let town = Town::new();
    let id = town.endpoint(HERE, None, &[]).await;
    let set = |status| EndpointTerms { status: Some(status), ..Default::default() };
    town.billing.change_endpoint(id, set(EndpointStatus::Paused)).await.expect("it is there");
    town.registered().await;
    assert_eq!(town.round().await, 0);
    town.billing.change_endpoint(id, set(EndpointStatus::Enabled)).await.expect("it is there");
    assert_eq!(town.round().await, 1);
}

#[tokio::test]
async fn two_secrets_sign_for_a_day() {
    let town = Town::new();
    let id = town.endpoint(HERE, None, &[]).await;
    let rotated = town.billing.rotate_endpoint_secret(id).await.expect("there is a key");
    for (hours, signatures) in [(0, 2), (23, 2), (1, 1)] {
        town.clock.advance_wall(Duration::hours(hours));
        town.billing.test_endpoint(id).await.expect("it is there");
        assert_eq!(town.round().await, 1);
        let sent = town.receivers.got().pop().expect("it was sent");
        assert_eq!((sent.secrets.len(), sent.secrets[0]), (signatures, rotated.secret));
    }
}

#[tokio::test]
async fn what_is_old_is_forgotten() {
    let town = Town::new();
    let id = town.endpoint(HERE, None, &[]).await;
    town.billing.test_endpoint(id).await.expect("it is there");
    town.round().await;
    town.clock.advance_wall(Duration::days(29));
    town.forget().await;
    let listed = || town.billing.endpoint_deliveries(id, &NONE, everything());
    assert_eq!(listed().await.expect("the store answers").len(), 1);
    town.clock.advance_wall(Duration::days(1) + Duration::SECOND);
    town.forget().await;
    assert_eq!(listed().await.expect("the store answers").len(), 0);
}

const NONE: billing_app::ports::DeliveryFilter =
    billing_app::ports::DeliveryFilter { status: None, kind: None, since: None, until: None };

impl Town {
    async fn forget(&self) {
        let asked_by = billing_app::ports::AskedBy::Operator;
        let run = self.billing.run_job("delivery-cleanup", asked_by, &Unhurried).await;
        assert!(run.expect("nobody else runs it").is_some());
    }
}

struct Unhurried;

#[async_trait::async_trait]
impl billing_app::Pace for Unhurried {
    fn is_over(&self) -> bool {
        false
    }

    async fn beat(&self) {
        std::future::pending().await
    }
}

#[tokio::test]
async fn without_a_key_there_is_no_endpoint() {
    let town = Town::new();
    let none = Arc::new(Keyless);
    let gateway = Arc::new(FakeGateway::new(town.clock.clone()));
    let ports = Ports { secrets: none, ..ports(&town.store, gateway, &town.clock) };
    let billing = Billing::new(ports, Settings::default());
    let terms = EndpointTerms { url: Some(HERE.to_owned()), ..Default::default() };
    let refused = billing.create_endpoint(None, terms).await.map(drop);
    assert!(matches!(refused, Err(Error::Refused(Refusal::NoSecretKey))), "{refused:?}");
}

struct Keyless;

impl billing_app::ports::Secrets for Keyless {
    fn random(&self) -> [u8; 32] {
        [0; 32]
    }

    fn digest(&self, _: &[u8]) -> [u8; 32] {
        [0; 32]
    }

    fn derived(&self, _: &str) -> Vec<[u8; 32]> {
        Vec::new()
    }
}
