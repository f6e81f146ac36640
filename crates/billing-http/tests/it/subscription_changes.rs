//! A subscription is changed.

use billing_app::ports::About;
use serde_json::{Value, json};
use time::Duration;

use crate::{
    subscriptions::subscribed,
    world::{Answer, World},
};

/// An organization on the plan `starter`.
async fn world() -> World {
    let world = World::new().await;
    subscribed(&world).await;
    world
}

impl World {
    async fn verb(&self, verb: &str, body: Value) -> Answer {
        let path = format!("/api/billing/subscription/{}/{verb}", self.acme);
        self.post(&path, &self.bound, body).await
    }

    async fn subscription(&self) -> Value {
        let path = format!("/api/billing/subscription/{}", self.acme);
        self.get(&path, &self.reader).await.ok()
    }
}

#[actix_web::test]
async fn a_preview_shows_lines_total_and_date_and_an_upgrade_does_just_that() {
    let world = world().await;
    world.clock.advance(Duration::days(10));
    let preview = world.verb("preview", json!({ "action": "upgrade", "plan": "scale" })).await.ok();
    insta::assert_json_snapshot!(preview, { ".preview_token" => "[token]" }, @r#"
    {
      "action": "change",
      "amount_due": {
        "amount": 3387,
        "currency": "USD"
      },
      "effective_at": "2026-03-24T12:00:00Z",
      "lines": [
        {
          "amount": {
            "amount": -610,
            "currency": "USD"
          },
          "description": "Unused time on Starter",
          "period_end": "2026-04-14T12:00:00.535897Z",
          "period_start": "2026-03-24T12:00:00Z",
          "proration": true
        },
        {
          "amount": {
            "amount": 3997,
            "currency": "USD"
          },
          "description": "Remaining time on Scale",
          "period_end": "2026-04-14T12:00:00.535897Z",
          "period_start": "2026-03-24T12:00:00Z",
          "proration": true
        }
      ],
      "preview_token": "[token]",
      "total": {
        "amount": 3387,
        "currency": "USD"
      },
      "valid_until": "2026-03-24T12:10:00Z"
    }
    "#);

    let body = json!({ "plan": "scale", "preview_token": preview["preview_token"] });
    let done = world.post("/api/billing/upgrade", &world.bound, body).await.ok();
    assert_eq!((&done["plan"], &done["status"]), (&json!("scale"), &json!("active")));
    assert_eq!(done, world.subscription().await);
    let history = world.get(&format!("/api/billing/history/{}", world.acme), &world.bound).await;
    let history = history.ok();
    assert_eq!([&history["data"][0]["type"], &history["data"][1]["type"]], ["invoice", "payment"]);
    let paid = [&history["data"][0]["total"], &history["data"][1]["amount"]];
    assert_eq!(paid, [&preview["amount_due"]; 2]);
}

#[actix_web::test]
async fn what_is_planned_is_shown_stands_in_the_way_and_is_taken_back() {
    let world = world().await;
    world.post("/api/billing/upgrade", &world.bound, json!({ "plan": "scale" })).await.ok();
    let before = world.subscription().await;
    assert_eq!(before["allowed_actions"], json!(["change", "cancel", "pause"]));
    let body = json!({ "plan": "starter", "reason": "a quiet year" });
    let planned = world.verb("change", body).await.ok();
    insta::assert_json_snapshot!(planned["pending_changes"], { "[].id" => "[id]" }, @r#"
    [
      {
        "action": "change",
        "effective_at": "2026-04-14T12:00:00.535897Z",
        "id": "[id]",
        "interval": "month",
        "plan": "starter",
        "price": {
          "amount": 900,
          "currency": "USD"
        },
        "quantity": 1,
        "reason": "a quiet year",
        "requested_at": "2026-03-14T12:00:00.535897Z",
        "requested_by": "customer",
        "status": "scheduled"
      }
    ]
    "#);
    assert_eq!((&planned["plan"], &planned["quantity"]), (&json!("scale"), &json!(1)));
    assert_eq!(planned["allowed_actions"], json!(["cancel", "resume"]));

    let second = world.verb("change", json!({ "plan": "growth" })).await;
    assert_eq!(second.refused(), (409, "CHANGE_PENDING".to_owned()));
    assert_eq!(second.json()["error"]["details"], json!({ "allowed": ["cancel", "resume"] }));
    assert_eq!(world.verb("resume", json!({})).await.ok(), before);

    let ends = world.verb("cancel", json!({})).await.ok();
    assert_eq!(ends["cancel_at_period_end"], true);
    let again = world.verb("cancel", json!({})).await;
    assert_eq!(again.refused(), (409, "CHANGE_PENDING".to_owned()));
    assert_eq!(world.verb("resume", json!({})).await.ok(), before);
}

#[actix_web::test]
async fn a_pause_ends_when_it_was_said() {
    let world = world().await;
    let until = json!({ "resumes_at": "2026-06-01T00:00:00Z" });
    let paused = world.verb("pause", until).await.ok();
    assert_eq!((&paused["status"], &paused["plan"]), (&json!("paused"), &json!("starter")));
    assert_eq!(paused["entitled_plan"], "free");
    assert_eq!(paused["resumes_at"], "2026-06-01T00:00:00Z");
    assert_eq!(paused["pending_changes"][0]["action"], "resume");
    assert_eq!(paused["pending_changes"][0]["effective_at"], "2026-06-01T00:00:00Z");
    let resumed = world.verb("resume", json!({})).await.ok();
    assert_eq!((&resumed["status"], &resumed["pending_changes"]), (&json!("active"), &json!([])));
}

#[actix_web::test]
async fn what_cannot_be_is_refused_with_what_can() {
    let world = world().await;
    let table = [
        ("resume", json!({}), 422, "INVALID_TRANSITION"),
        ("change", json!({ "plan": "starter" }), 422, "NOTHING_TO_CHANGE"),
        ("change", json!({ "plan": "platinum" }), 404, "PLAN_NOT_FOUND"),
        ("change", json!({ "plan": "free" }), 422, "PLAN_IS_FREE"),
        ("change", json!({ "interval": "quarter" }), 422, "NO_SUCH_PRICE"),
        ("change", json!({ "quantity": 0 }), 400, "VALIDATION_ERROR"),
        ("change", json!({ "quantity": -1 }), 400, "VALIDATION_ERROR"),
        ("change", json!({ "when": "soon" }), 400, "VALIDATION_ERROR"),
        ("change", json!({ "currency": "EUR" }), 400, "VALIDATION_ERROR"),
        ("change", json!({ "plan": "scale", "preview_token": "x" }), 400, "VALIDATION_ERROR"),
        ("change", json!({ "plan": "scale", "preview_token": "1.2" }), 409, "PREVIEW_STALE"),
        ("pause", json!({ "resumes_at": "2020-01-01T00:00:00Z" }), 400, "VALIDATION_ERROR"),
        ("cancel", json!({ "reason": "x".repeat(201) }), 400, "VALIDATION_ERROR"),
        ("preview", json!({ "action": "pause", "plan": "scale" }), 400, "VALIDATION_ERROR"),
        ("preview", json!({ "action": "upgrade", "quantity": 1 }), 422, "NOTHING_TO_CHANGE"),
    ];
    let before = world.subscription().await;
    for (verb, body, status, code) in table {
        let answer = world.verb(verb, body.clone()).await;
        assert_eq!(answer.refused(), (status, code.to_owned()), "{verb} {body}");
    }
    let resume = world.verb("resume", json!({})).await.json();
    let details = json!({ "status": "active", "allowed": ["change", "cancel", "pause"] });
    assert_eq!(resume["error"]["details"], details);
    world.post("/api/billing/upgrade", &world.bound, json!({ "plan": "growth" })).await.ok();
    let down = json!({ "plan": "starter" });
    let down = world.post("/api/billing/upgrade", &world.bound, down).await;
    assert_eq!(down.refused(), (422, "NOT_AN_UPGRADE".to_owned()));
    assert_ne!(world.subscription().await, before);

    world.verb("cancel", json!({ "when": "now" })).await.ok();
    for verb in ["cancel", "pause", "resume"] {
        let late = world.verb(verb, json!({})).await;
        assert_eq!(late.refused(), (422, "INVALID_TRANSITION".to_owned()));
        let details = json!({ "status": "cancelled", "allowed": [] });
        assert_eq!(late.json()["error"]["details"], details);
    }
}

#[actix_web::test]
async fn a_declined_payment_and_a_silent_gateway_are_told_apart() {
    let world = world().await;
    let upgrade = || world.post("/api/billing/upgrade", &world.bound, json!({ "plan": "growth" }));
    world.gateway.declining();
    let declined = upgrade().await;
    assert_eq!(declined.refused(), (402, "PAYMENT_DECLINED".to_owned()));
    assert_eq!(declined.json()["error"]["details"], json!({ "why": "declined" }));
    world.gateway.timing_out_after_accepting();
    assert_eq!(upgrade().await.refused(), (503, "SERVICE_UNAVAILABLE".to_owned()));
    let unknown = world.subscription().await;
    assert_eq!((&unknown["plan"], &unknown["allowed_actions"]), (&json!("starter"), &json!([])));
    assert_eq!(unknown["pending_changes"][0]["status"], "pending");
    let id = unknown["gateway_subscription_id"].as_str().unwrap().to_owned();
    crate::webhooks::delivered(&world, About::Subscription(id)).await;
    assert_eq!(world.subscription().await["plan"], "growth", "it was done");
}

#[actix_web::test]
async fn nobody_changes_what_is_anothers_and_who_asked_is_kept() {
    let world = world().await;
    let others = format!("/api/billing/subscription/{}/cancel", world.other);
    let foreign = world.post(&others, &world.bound, json!({})).await;
    assert_eq!(foreign.refused(), (404, "ORGANIZATION_NOT_FOUND".to_owned()));
    let reader = format!("/api/billing/subscription/{}/cancel", world.acme);
    let reader = world.post(&reader, &world.reader, json!({})).await;
    assert_eq!(reader.refused(), (403, "INSUFFICIENT_SCOPE".to_owned()));
    let none = world.post(&others, &world.backend, json!({})).await;
    assert_eq!(none.refused(), (404, "SUBSCRIPTION_NOT_FOUND".to_owned()));

    let path = format!("/api/billing/subscription/{}/change", world.acme);
    let more = |quantity: u32| json!({ "quantity": quantity });
    world.post(&path, &world.backend, more(2)).await.ok();
    world.post(&path, &world.admin, more(3)).await.ok();
    let id = world.subscription().await["id"].as_str().unwrap().parse().unwrap();
    let changes = world.store.changes(id);
    let actors: Vec<_> = changes.iter().map(|change| change.actor.name()).collect();
    assert_eq!(actors, ["customer", "admin"]);
}
