//! A plan is bought.

use billing_app::ports::About;
use billing_testkit::Call;
use serde_json::{Value, json};

use crate::world::World;

fn starter(world: &World) -> Value {
    json!({
        "organization_id": world.acme,
        "plan": "starter",
        "success_url": "https://example.com/paid",
        "cancel_url": "https://example.com/no",
    })
}

/// Pays for the starter plan, and lets the webhook have its effect.
pub(crate) async fn subscribed(world: &World) -> Value {
    let opened =
        world.post("/api/billing/subscription/checkout", &world.backend, starter(world)).await;
    let opened = opened.ok();
    let session = opened["session_id"].as_str().unwrap();
    world.gateway.pay(session);
    crate::webhooks::delivered(world, About::Checkout(session.to_owned())).await;
    opened
}

#[actix_web::test]
async fn without_a_subscription_an_organization_is_on_the_free_plan() {
    let world = World::new().await;
    let path = format!("/api/billing/subscription/{}", world.acme);
    let body = world.get(&path, &world.reader).await.ok();
    insta::assert_json_snapshot!(body, {
        ".organization_id" => "[acme]", ".plan_version_id" => "[version]",
    }, @r#"
    {
      "allowed_actions": [],
      "billed_by": null,
      "cancel_at_period_end": false,
      "created_at": null,
      "current_period_end": null,
      "current_period_start": null,
      "ended_at": null,
      "entitled_plan": "free",
      "gateway": null,
      "gateway_subscription_id": null,
      "id": null,
      "interval": null,
      "organization_id": "[acme]",
      "past_due_since": null,
      "pending_changes": [],
      "plan": "free",
      "plan_version": 1,
      "plan_version_id": "[version]",
      "price": null,
      "quantity": null,
      "resumes_at": null,
      "status": "none",
      "trial": null,
      "trial_ends_at": null
    }
    "#);
    assert_eq!(world.get("/api/billing/subscription", &world.bound).await.json(), body);
}

#[actix_web::test]
async fn a_checkout_gives_a_page_and_paying_on_it_a_subscription() {
    let world = World::new().await;
    let opened = subscribed(&world).await;
    insta::assert_json_snapshot!(opened, {
        ".checkout_id" => "[id]", ".session_id" => "[session]", ".url" => "[url]",
    }, @r#"
    {
      "checkout_id": "[id]",
      "expires_at": "2026-03-15T12:00:00.535897Z",
      "gateway": "stripe",
      "session_id": "[session]",
      "status": "open",
      "url": "[url]"
    }
    "#);
    let path = format!("/api/billing/subscription/{}", world.acme);
    let body = world.get(&path, &world.reader).await.ok();
    insta::assert_json_snapshot!(body, {
        ".organization_id" => "[acme]", ".plan_version_id" => "[version]", ".id" => "[id]",
        ".gateway_subscription_id" => "[reference]",
    }, @r#"
    {
      "allowed_actions": [
        "change",
        "cancel",
        "pause"
      ],
      "billed_by": "gateway",
      "cancel_at_period_end": false,
      "created_at": "2026-03-14T12:00:00.535897Z",
      "current_period_end": "2026-04-14T12:00:00.535897Z",
      "current_period_start": "2026-03-14T12:00:00.535897Z",
      "ended_at": null,
      "entitled_plan": "starter",
      "gateway": "stripe",
      "gateway_subscription_id": "[reference]",
      "id": "[id]",
      "interval": "month",
      "organization_id": "[acme]",
      "past_due_since": null,
      "pending_changes": [],
      "plan": "starter",
      "plan_version": 1,
      "plan_version_id": "[version]",
      "price": {
        "amount": 900,
        "currency": "USD"
      },
      "quantity": 1,
      "resumes_at": null,
      "status": "active",
      "trial": null,
      "trial_ends_at": null
    }
    "#);

    let again = world.post("/api/billing/checkout", &world.backend, starter(&world)).await;
    assert_eq!(again.refused(), (409, "ALREADY_SUBSCRIBED".to_owned()));
    let details = json!({ "plan": "starter", "status": "active" });
    assert_eq!(again.json()["error"]["details"], details);
}

#[actix_web::test]
async fn every_path_opens_the_same_page() {
    let world = World::new().await;
    let paths = ["subscription/checkout", "checkout", "subscription"]
        .map(|path| format!("/api/billing/{path}"));
    let mut pages = Vec::new();
    for path in paths.iter().map(String::as_str).chain(["/api/stripe/create-checkout"]) {
        let opened = world.post(path, &world.backend, starter(&world)).await;
        assert_eq!(opened.status, 201);
        pages.push(opened.json());
    }
    assert!(pages.iter().all(|page| *page == pages[0]), "it is open already");
    assert_eq!(world.gateway.calls(Call::OpenCheckout), 1);
}

#[actix_web::test]
async fn interval_and_currency_choose_the_price() {
    let world = World::new().await;
    let mut yearly = starter(&world);
    yearly["interval"] = json!("year");
    yearly["currency"] = json!("EUR");
    let opened = world.post("/api/billing/checkout", &world.backend, yearly).await;
    assert_eq!(opened.status, 201);
    let asked = format!("{:?}", world.gateway.opened()[0].item);
    assert!(asked.contains("8000") && asked.contains("EUR"), "{asked}");
}

#[actix_web::test]
async fn what_cannot_be_bought_is_refused() {
    let world = World::new().await;
    for (field, value, status, code) in [
        ("plan", json!("platinum"), 404, "PLAN_NOT_FOUND"),
        ("plan", json!("free"), 422, "PLAN_IS_FREE"),
        ("currency", json!("JPY"), 422, "NO_SUCH_PRICE"),
        ("interval", json!("quarter"), 422, "NO_SUCH_PRICE"),
        ("interval", json!("week"), 400, "VALIDATION_ERROR"),
        ("currency", json!("usd"), 400, "VALIDATION_ERROR"),
        ("currency", json!("BTC"), 400, "VALIDATION_ERROR"),
        ("success_url", json!("javascript:alert(1)"), 400, "VALIDATION_ERROR"),
        ("cancel_url", json!("/relative"), 400, "VALIDATION_ERROR"),
        ("organization_id", json!("acme"), 400, "VALIDATION_ERROR"),
    ] {
        let mut body = starter(&world);
        body[field] = value;
        let answer = world.post("/api/billing/checkout", &world.backend, body).await;
        assert_eq!(answer.refused(), (status, code.to_owned()), "{field}: {}", answer.text());
        if status == 400 {
            assert_eq!(answer.json()["error"]["details"]["field"], field);
        }
    }
    assert_eq!(world.gateway.calls(Call::OpenCheckout), 0);
}

#[actix_web::test]
async fn a_gateway_that_refuses_or_does_not_answer_is_told_apart() {
    let world = World::new().await;
    world.gateway.refusing();
    let refused = world.post("/api/billing/checkout", &world.backend, starter(&world)).await;
    assert_eq!(refused.refused(), (422, "GATEWAY_REFUSED".to_owned()));
    world.clock.advance(time::Duration::MINUTE);
    world.gateway.down();
    let down = world.post("/api/billing/checkout", &world.backend, starter(&world)).await;
    assert_eq!(down.refused(), (503, "SERVICE_UNAVAILABLE".to_owned()));
    assert_eq!(down.header("retry-after"), Some("5"));
    assert!(!down.text().contains("connection refused"), "the cause is for the log");
}

#[actix_web::test]
async fn the_portal_is_for_those_whom_the_gateway_knows() {
    let world = World::new().await;
    let body = json!({ "return_url": "https://example.com/billing" });
    let nobody = world.post("/api/billing/portal", &world.bound, body.clone()).await;
    assert_eq!(nobody.refused(), (404, "CUSTOMER_NOT_FOUND".to_owned()));
    subscribed(&world).await;
    for path in ["/api/billing/portal", "/api/billing/subscription/portal"] {
        let opened = world.post(path, &world.bound, body.clone()).await;
        assert!(opened.ok()["url"].as_str().unwrap().starts_with("https://"));
    }
    let wrong = json!({ "return_url": "not a url" });
    let wrong = world.post("/api/billing/portal", &world.bound, wrong).await;
    assert_eq!(wrong.refused(), (400, "VALIDATION_ERROR".to_owned()));
}

#[actix_web::test]
async fn a_checkout_that_began_ends_though_nobody_waits() {
    let world = World::new().await;
    let held = billing_app::ports::Store::begin(
        &world.store,
        billing_app::ports::Scope::Organization(world.acme),
    );
    let held = held.await.unwrap();
    let path = "/api/billing/checkout";
    let mut asked = Box::pin(world.post(path, &world.backend, starter(&world)));
    for _ in 0..20 {
        // Begun, and waiting for the unit that we hold.
        let once = futures_util::future::poll_immediate(&mut asked).await;
        assert!(once.is_none());
        tokio::task::yield_now().await;
    }
    drop(asked);
    drop(held);
    for _ in 0..1000 {
        if world.gateway.calls(Call::OpenCheckout) == 1 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the page was never opened");
}
