//! What a gateway has is compared with what we have: enough by itself if every webhook is lost.

use std::sync::Arc;

use billing_app::{
    CircuitBreaker,
    ports::{About, Circuit, Clock as _, GatewayError, PaymentGateway, Scope, Store as _},
};
use billing_domain::{currency::Currency, event::What, money::Money, organization::Customer};
use billing_testkit::{
    Call,
    builders::{a_new_customer, a_plan_checkout_request, an_organization, the_default_catalogue},
};
use serde_json::{Value, json};
use time::Duration;

use crate::world::{World, request};

const RECONCILIATIONS: &str = "/api/admin/reconciliations";

/// Whether webhooks arrive.
#[derive(Clone, Copy, PartialEq)]
enum Line {
    Works,
    Dead,
}

impl Line {
    async fn tell(self, world: &World, about: About) {
        if self == Self::Works {
            crate::webhooks::delivered(world, about).await;
        }
    }
}

async fn session(world: &World, path: &str, what: Value) -> String {
    let mut body = json!({ "success_url": "https://example.com/a",
                           "cancel_url": "https://example.com/b" });
    for (name, value) in what.as_object().unwrap() {
        body[name] = value.clone();
    }
    let opened = world.post(path, &world.bound, body).await.ok();
    opened["session_id"].as_str().unwrap().to_owned()
}

/// A plan is paid, upgraded, renewed and about to end; credits are bought, and a part of them is
/// paid back; another page is closed.
async fn a_customer_lives(world: &World, line: Line) {
    let plan = session(world, "/api/billing/subscription/checkout", json!({ "plan": "starter" }));
    let plan = plan.await;
    let subscription = world.gateway.pay(&plan).subscription.unwrap();
    line.tell(world, About::Checkout(plan)).await;
    let invoiced = async || {
        let seen = world.gateway.subscriptions().unwrap().find(&subscription).await.unwrap();
        seen.unwrap().latest_invoice.unwrap().reference.id
    };
    line.tell(world, About::Invoice(invoiced().await)).await;

    let pack = json!({ "credit_product": "credits_1000" });
    let pack = session(world, "/api/billing/credit-products/checkout", pack).await;
    let payment = world.gateway.pay(&pack).payment.unwrap().reference.id;
    line.tell(world, About::Checkout(pack)).await;

    let catalogue = the_default_catalogue();
    let growth = catalogue.plans.iter().find(|plan| plan.key == "growth").unwrap();
    let price = growth.versions[0]
        .prices
        .iter()
        .find(|price| price.amount.currency() == Currency::USD && price.interval.months() == 1);
    let price = price.unwrap();
    world.gateway.change_price(&subscription, price.id, price.amount);
    line.tell(world, About::Subscription(subscription.clone())).await;

    world.clock.advance(Duration::days(31));
    world.gateway.renew(&subscription);
    line.tell(world, About::Invoice(invoiced().await)).await;
    world.gateway.refund(&payment, Money::new(1_000, Currency::USD));
    line.tell(world, About::Payment(payment)).await;
    world.gateway.cancel_at_period_end(&subscription, true);
    line.tell(world, About::Subscription(subscription)).await;
}

/// All that counts in the end, without ids and instants of our own.
async fn records(world: &World) -> Value {
    let get = async |what: &str| {
        world.get(&format!("/api/billing/{what}/{}?limit=100", world.acme), &world.admin).await
    };
    let live = world.get(&format!("/api/billing/subscription/{}", world.acme), &world.admin).await;
    let live = live.ok();
    let credits = world.get(&format!("/api/billing/credits/{}", world.acme), &world.admin).await;
    let credits = credits.ok();
    let rows = |list: Value, fields: &[&str]| {
        let row = |it: &Value| {
            fields.iter().map(|field| it[*field].to_string()).collect::<Vec<_>>().join(" ")
        };
        let mut rows: Vec<_> = list["data"].as_array().unwrap().iter().map(row).collect();
        rows.sort();
        rows
    };
    let fields = [
        "status",
        "plan",
        "price",
        "quantity",
        "current_period_start",
        "current_period_end",
        "cancel_at_period_end",
        "gateway_subscription_id",
    ];
    let live: Vec<_> = fields.iter().map(|field| live[*field].clone()).collect();
    let payments = ["type", "status", "amount", "refunded", "description"];
    json!({
        "subscription": live,
        "balance": [credits["balance"], credits["by_kind"]],
        "history": rows(get("history").await.ok(), &payments),
        "invoices": rows(get("invoices").await.ok(), &["status", "total", "issuer"]),
    })
}

async fn reconciled(world: &World, wish: Value) -> Value {
    let ran = world.post(RECONCILIATIONS, &world.admin, wish).await.ok();
    ran["data"][0].clone()
}

#[actix_web::test]
async fn with_every_webhook_lost_the_records_end_alike() {
    let (told, silent) = (World::new().await, World::new().await);
    let since = silent.clock.now().format(&time::format_description::well_known::Rfc3339).unwrap();
    a_customer_lives(&told, Line::Works).await;
    a_customer_lives(&silent, Line::Dead).await;
    let expected = records(&told).await;
    assert_eq!(expected["subscription"][1], "growth", "{expected}");
    assert_ne!(records(&silent).await, expected);

    let dry = reconciled(&silent, json!({ "since": since, "dry_run": true })).await;
    assert!(dry["found"].as_u64().unwrap() > 4 && dry["healed"] == 0, "{dry}");
    let path = format!("/api/billing/subscription/{}", silent.acme);
    let live = silent.get(&path, &silent.admin).await.ok();
    assert_eq!(live["status"], "none", "a dry run changes nothing");

    let run = reconciled(&silent, json!({ "since": since })).await;
    assert_eq!(
        (&run["left"], &run["unanswered"], &run["error"]),
        (&json!(0), &json!(0), &Value::Null),
        "{run}"
    );
    assert_eq!(run["found"], run["healed"]);
    assert_eq!(records(&silent).await, expected);
    let again = reconciled(&silent, json!({ "since": since })).await;
    assert_eq!((&again["found"], &again["compared"]), (&json!(0), &run["compared"]), "{again}");
    let none = reconciled(&told, json!({ "since": since })).await;
    assert_eq!(none["left"], 0, "{none}");

    let path = format!("{RECONCILIATIONS}/{}", run["id"].as_str().unwrap());
    let shown = silent.get(&path, &silent.admin).await.ok();
    let differences = shown["differences"].as_array().unwrap();
    assert!(differences.iter().all(|it| it["status"] == "healed" && it["gateway"] == "stripe"));
    let kinds: Vec<_> = differences.iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"missing_here"), "{kinds:?}");
    let runs = silent.get(RECONCILIATIONS, &silent.admin).await.ok();
    assert_eq!(runs["data"].as_array().unwrap().len(), 3);
    assert_eq!(runs["data"][0]["id"], again["id"]);
}

#[actix_web::test]
async fn a_job_heals_what_the_last_run_did_not_cover() {
    let world = World::new().await;
    world.post("/api/admin/jobs/reconciliation/run", &world.admin, json!({})).await.ok();
    a_customer_lives(&world, Line::Dead).await;
    let ran = world.post("/api/admin/jobs/reconciliation/run", &world.admin, json!({})).await.ok();
    assert_eq!((&ran["outcome"], &ran["failed"]), (&json!("done"), &json!(0)), "{ran}");
    let told = World::new().await;
    a_customer_lives(&told, Line::Works).await;
    assert_eq!(records(&world).await, records(&told).await, "it goes back for 31 days");
}

#[actix_web::test]
async fn pages_and_payments_under_way_are_asked_for() {
    let world = World::new().await;
    let pack = json!({ "credit_product": "credits_1000" });
    let pack = session(&world, "/api/billing/credit-products/checkout", pack).await;
    let run = async || {
        let job = "/api/admin/jobs/pending-payments/run";
        world.post(job, &world.admin, json!({})).await.ok()["done"].clone()
    };
    assert_eq!(run().await, 0);
    world.gateway.pay(&pack);
    assert_eq!((run().await, run().await), (json!(2), json!(0)), "the page and its payment");
    let credits = world.get(&format!("/api/billing/credits/{}", world.acme), &world.bound).await;
    assert_eq!(credits.ok()["by_kind"]["purchased"], 1000);
    assert_eq!(world.gateway.calls(Call::List), 0, "nothing is listed for it");
}

fn alerts(world: &World) -> usize {
    let is_alert = |what: &What| matches!(what, What::DifferenceOpen { .. });
    world.store.events().iter().filter(|event| is_alert(&event.what)).count()
}

#[actix_web::test]
async fn what_does_not_heal_is_told_of_once_and_looked_at_again() {
    let world = World::new().await;
    let stranger = an_organization();
    let customer = world.gateway.customers().create(&a_new_customer(&stranger)).await.unwrap();
    let request_of = a_plan_checkout_request(stranger.id, &customer.id);
    let page = world.gateway.checkouts().open(&request_of).await.unwrap();
    world.gateway.pay(&page.session.id);
    for _ in 0..2 {
        let run = reconciled(&world, json!({})).await;
        assert_eq!((&run["healed"], &run["left"]), (&json!(0), &json!(3)), "{run}");
        assert_eq!(alerts(&world), 3, "a subscription, its payment and its invoice");
    }
    let open = world.get("/api/admin/differences?status=open", &world.admin).await.ok();
    let open = open["data"].as_array().unwrap().clone();
    assert_eq!(open.len(), 3);
    assert!(open.iter().all(|it| it["why"].as_str().unwrap().contains("no organization")));
    assert_eq!(world.get("/health/ready", "").await.ok()["open_differences"], 3);

    // Somebody finds out whose they are.
    let link = Customer {
        organization_id: world.acme,
        reference: customer,
        created_at: world.clock.now(),
    };
    let mut work = world.store.begin(Scope::Engine).await.unwrap();
    work.organizations().link_customer(&link).await.unwrap();
    work.commit().await.unwrap();
    let run = reconciled(&world, json!({})).await;
    assert_eq!((&run["healed"], &run["left"]), (&json!(3), &json!(0)), "{run}");
    let healed = world.get("/api/admin/differences?status=healed", &world.admin).await.ok();
    assert_eq!(healed["data"].as_array().unwrap().len(), 3, "the same ones");
    assert_eq!(world.get("/health/ready", "").await.ok()["open_differences"], 0);
}

#[actix_web::test]
async fn only_administrators_reconcile_and_wishes_are_checked() {
    let world = World::new().await;
    for (method, path) in
        [("POST", RECONCILIATIONS), ("GET", RECONCILIATIONS), ("GET", "/api/admin/differences")]
    {
        let answer = world.send(request(method, path, &world.backend).set_json(json!({}))).await;
        assert_eq!(answer.refused(), (403, "INSUFFICIENT_SCOPE".to_owned()), "{method} {path}");
    }
    for wish in [json!({ "gateway": "bank" }), json!({ "since": "then" }), json!({ "dry": true })] {
        let answer = world.post(RECONCILIATIONS, &world.admin, wish).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()));
    }
    let wrong = world.get("/api/admin/differences?status=lost", &world.admin).await;
    assert_eq!(wrong.refused(), (400, "VALIDATION_ERROR".to_owned()));
    let gone = world.get(&format!("{RECONCILIATIONS}/{}", world.acme), &world.admin).await;
    assert_eq!(gone.refused(), (404, "RECONCILIATION_NOT_FOUND".to_owned()));
}

#[actix_web::test]
async fn a_run_that_is_not_answered_fails_and_is_recorded() {
    let world = World::new().await;
    world.gateway.down();
    let answer = world.post(RECONCILIATIONS, &world.admin, json!({})).await;
    assert_eq!(answer.refused(), (503, "SERVICE_UNAVAILABLE".to_owned()));
    let runs = world.get(RECONCILIATIONS, &world.admin).await.ok();
    assert!(runs["data"][0]["error"].as_str().unwrap().contains("stripe"), "{runs}");
    assert!(runs["data"][0]["ended_at"].is_string());
}

#[actix_web::test]
async fn a_gateway_that_does_not_answer_is_left_alone() {
    let mut world = World::new().await;
    let (gateway, clock) = (world.gateway.clone(), world.clock.clone());
    let breaker = Arc::new(CircuitBreaker::before(gateway.clone(), clock.clone()));
    world.guard_gateway(breaker.clone());
    gateway.down();
    for _ in 0..5 {
        let asked = breaker.payments().find("pi_1").await;
        assert!(matches!(asked, Err(GatewayError::Unknown(_))), "{asked:?}");
    }
    assert!(matches!(breaker.circuit(), Circuit::Open { .. }));
    let before = gateway.calls(Call::OpenCheckout) + gateway.calls(Call::CreateCustomer);
    let body = json!({ "organization_id": world.acme, "plan": "starter",
                       "success_url": "https://example.com/a",
                       "cancel_url": "https://example.com/b" });
    let path = "/api/billing/subscription/checkout";
    let refused = world.post(path, &world.backend, body.clone()).await;
    assert_eq!(refused.refused(), (503, "GATEWAY_UNAVAILABLE".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("30"));
    assert_eq!(refused.json()["error"]["details"]["gateway"], "stripe");
    let after = gateway.calls(Call::OpenCheckout) + gateway.calls(Call::CreateCustomer);
    assert_eq!(before, after, "it is not asked");
    let ready = world.get("/health/ready", "").await.ok();
    assert_eq!(ready["gateways"][0]["circuit"], "open");

    gateway.working();
    clock.advance_wall(Duration::seconds(30));
    world.post(path, &world.backend, body).await.ok();
    assert_eq!(breaker.circuit(), Circuit::Closed);
}
