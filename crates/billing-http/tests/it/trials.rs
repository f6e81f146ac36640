//! A plan is tried, extended, and paid or lost at the end.

use billing_app::ports::About;
use serde_json::{Value, json};
use time::Duration;

use crate::world::{Answer, World};

const TRIALS: &str = "/api/billing/trials";
const EXTEND: &str = "/api/billing/trials/extend";

fn a_trial(world: &World) -> Value {
    json!({ "organization_id": world.acme, "plan": "starter", "user_id": "user_ann",
            "email": "ann@gmail.com" })
}

/// The same with one field changed.
fn with(mut body: Value, field: &str, value: impl Into<Value>) -> Value {
    body[field] = value.into();
    body
}

impl World {
    async fn try_starter(&self) -> Value {
        self.post(TRIALS, &self.backend, a_trial(self)).await.ok()
    }

    async fn extend(&self, by: &str) -> Answer {
        let body = json!({ "organization_id": self.acme, "by": by, "reason": "They asked" });
        self.post(EXTEND, &self.admin, body).await
    }

    /// Buys a pack and has the gateway keep the card.
    pub(crate) async fn keep_a_card(&self) {
        let buy = json!({ "credit_product": "credits_100", "save_payment_method": true,
                          "success_url": "https://example.com/a",
                          "cancel_url": "https://example.com/b" });
        let page = self.post("/api/billing/credit-products/checkout", &self.bound, buy).await.ok();
        let session = page["session_id"].as_str().unwrap().to_owned();
        self.gateway.pay(&session);
        crate::webhooks::delivered(self, About::Checkout(session)).await;
    }

    pub(crate) async fn do_what_is_due(&self) {
        let billing = &self.http.billing;
        loop {
            let trials = billing.end_due_trials(10).await.unwrap();
            let renewals = billing.renew_due_subscriptions(10).await.unwrap();
            let collections = billing.collect_due_invoices(10).await.unwrap();
            if trials + renewals + collections == 0 {
                return;
            }
        }
    }

    async fn days_later(&self, days: i64) {
        self.clock.advance(Duration::days(days));
        self.do_what_is_due().await;
    }

    async fn shown(&self) -> Value {
        let path = format!("/api/billing/subscription/{}", self.acme);
        self.get(&path, &self.reader).await.ok()
    }
}

#[actix_web::test]
async fn a_trial_begins_and_is_shown() {
    let world = World::new().await;
    let begun = world.try_starter().await;
    insta::assert_json_snapshot!(begun, {
        ".organization_id" => "[acme]", ".subscription_id" => "[id]",
    }, @r#"
    {
      "converted_at": null,
      "ends_at": "2026-03-28T12:00:00.535897Z",
      "extensions": 0,
      "extensions_left": 2,
      "extra_days": 0,
      "extra_days_left": 14,
      "organization_id": "[acme]",
      "started_at": "2026-03-14T12:00:00.535897Z",
      "status": "running",
      "subscription_id": "[id]"
    }
    "#);
    let shown = world.shown().await;
    assert_eq!(shown["trial"], begun);
    assert_eq!(
        (&shown["status"], &shown["entitled_plan"]),
        (&json!("trialing"), &json!("starter"))
    );
    assert_eq!((&shown["billed_by"], &shown["gateway"]), (&json!("engine"), &Value::Null));
    assert_eq!(shown["trial_ends_at"], begun["ends_at"]);
    let credits = world.get(&format!("/api/billing/credits/{}", world.acme), &world.bound).await;
    assert_eq!(credits.ok()["balance"], 1_000);
}

#[actix_web::test]
async fn the_same_request_begins_one_trial() {
    let world = World::new().await;
    let first = world.once(TRIALS, "t", a_trial(&world)).await;
    let again = world.once(TRIALS, "t", a_trial(&world)).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.bytes, first.bytes);
}

#[actix_web::test]
async fn nobody_tries_twice() {
    let world = World::new().await;
    world.try_starter().await;
    let other = with(a_trial(&world), "organization_id", world.other.to_string());
    let used = "TRIAL_USED";
    for (body, by) in [
        (a_trial(&world), "organization"),
        (with(other.clone(), "user_id", "user_bob"), "email"),
        (with(with(other.clone(), "email", "A.N.N+1@GoogleMail.com"), "user_id", "bob"), "email"),
        (with(other.clone(), "email", "bob@example.com"), "user"),
    ] {
        let answer = world.post(TRIALS, &world.backend, body).await;
        assert_eq!(answer.refused(), (409, used.to_owned()), "{}", answer.text());
        assert_eq!(answer.json()["error"]["details"]["by"], by);
    }
    let path = format!("/api/billing/subscription/{}", world.other);
    assert_eq!(world.get(&path, &world.reader).await.ok()["status"], "none", "nothing changed");
    let bob = with(with(other, "email", "bob@example.com"), "user_id", "user_bob");
    world.post(TRIALS, &world.backend, bob).await.ok();
}

#[actix_web::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::new().await;
    let trial = a_trial(&world);
    let mut nameless = trial.clone();
    nameless.as_object_mut().unwrap().retain(|name, _| name != "email" && name != "user_id");
    for (body, status, code) in [
        (with(trial.clone(), "plan", "platinum"), 404, "PLAN_NOT_FOUND"),
        (with(trial.clone(), "plan", "free"), 422, "PLAN_IS_FREE"),
        (with(trial.clone(), "interval", "quarter"), 422, "NO_SUCH_PRICE"),
        (with(trial.clone(), "currency", "JPY"), 422, "NO_SUCH_PRICE"),
        (with(trial.clone(), "interval", "week"), 400, "VALIDATION_ERROR"),
        (with(trial.clone(), "email", "ann"), 400, "VALIDATION_ERROR"),
        (with(trial.clone(), "email", 7), 400, "VALIDATION_ERROR"),
        (with(trial.clone(), "user_id", ""), 400, "VALIDATION_ERROR"),
        (with(trial.clone(), "user_id", "u".repeat(256)), 400, "VALIDATION_ERROR"),
        (with(trial.clone(), "days", 90), 400, "VALIDATION_ERROR"),
        (nameless, 400, "VALIDATION_ERROR"),
    ] {
        let answer = world.post(TRIALS, &world.backend, body).await;
        assert_eq!(answer.refused(), (status, code.to_owned()), "{}", answer.text());
    }
    let reader = world.post(TRIALS, &world.reader, trial.clone()).await;
    assert_eq!(reader.refused(), (403, "INSUFFICIENT_SCOPE".to_owned()));
    crate::subscriptions::subscribed(&world).await;
    let answer = world.post(TRIALS, &world.backend, trial).await;
    assert_eq!(answer.refused(), (409, "ALREADY_SUBSCRIBED".to_owned()));
    assert_eq!(world.shown().await["trial"], Value::Null);
}

#[actix_web::test]
async fn a_trial_is_extended_within_limits() {
    let world = World::new().await;
    assert_eq!(world.extend("operator").await.refused(), (404, "TRIAL_NOT_FOUND".to_owned()));
    world.try_starter().await;
    let body = json!({ "organization_id": world.acme, "reason": "They asked" });
    let backend = world.post(EXTEND, &world.backend, body.clone()).await;
    assert_eq!(backend.refused(), (403, "INSUFFICIENT_SCOPE".to_owned()));
    for wrong in [with(body.clone(), "reason", ""), with(body.clone(), "by", "bribe")] {
        let answer = world.post(EXTEND, &world.admin, wrong).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()), "{}", answer.text());
    }
    let extended = world.once(EXTEND, "e", body.clone()).await.ok();
    assert_eq!(extended["ends_at"], "2026-03-31T12:00:00.535897Z");
    assert_eq!(world.once(EXTEND, "e", body).await.ok(), extended, "once for a key");
    let extended = world.extend("referral").await.ok();
    assert_eq!((&extended["extra_days"], &extended["extensions_left"]), (&json!(10), &json!(0)));
    let limit = world.extend("operator").await;
    assert_eq!(limit.refused(), (422, "TRIAL_EXTENSION_LIMIT".to_owned()));
    let details = json!({ "days": 3, "days_left": 4, "extensions_left": 0 });
    assert_eq!(limit.json()["error"]["details"], details);
    assert_eq!(world.shown().await["trial"], extended, "nothing changed");
    world.days_later(24).await;
    assert_eq!(world.extend("operator").await.refused(), (422, "TRIAL_OVER".to_owned()));
}

#[actix_web::test]
async fn who_has_a_card_pays_and_who_has_none_does_not() {
    for has_card in [true, false] {
        let world = World::new().await;
        if has_card {
            world.keep_a_card().await;
        }
        world.try_starter().await;
        world.days_later(14).await;
        let shown = world.shown().await;
        let (status, trial, plan) = if has_card {
            ("active", "converted", "starter")
        } else {
            ("expired", "expired", "free")
        };
        assert_eq!((&shown["status"], &shown["trial"]["status"]), (&json!(status), &json!(trial)));
        assert_eq!(shown["entitled_plan"], plan);
        let metrics = world.get("/api/admin/metrics/trials", &world.admin).await.ok();
        let rate = if has_card { "1.0000" } else { "0.0000" };
        assert_eq!(metrics["total"]["conversion_rate_30_days"], rate);
        assert_eq!(metrics["by_plan"][0]["plan"], "starter");
        assert_eq!(metrics["by_cohort"][0]["month"], "2026-03");
        let history =
            world.get(&format!("/api/billing/history/{}", world.acme), &world.bound).await;
        let history = history.ok();
        let entries = history["data"].as_array().unwrap().iter();
        let payments = entries.filter(|it| it["type"] == "payment");
        let paid: Vec<_> = payments.map(|it| it["amount"]["amount"].clone()).collect();
        assert_eq!(paid, if has_card { vec![json!(900), json!(1500)] } else { vec![] });
    }
}

#[actix_web::test]
async fn figures_of_nothing_are_nothing() {
    let world = World::new().await;
    let metrics = world.get("/api/admin/metrics/trials", &world.admin).await.ok();
    insta::assert_json_snapshot!(metrics["total"], @r#"
    {
      "active": 0,
      "cancelled": 0,
      "conversion_rate": null,
      "conversion_rate_30_days": null,
      "converted": 0,
      "converted_30_days": 0,
      "ended_30_days": 0,
      "expired": 0,
      "mean_days_to_convert": null,
      "started": 0
    }
    "#);
    let backend = world.get("/api/admin/metrics/trials", &world.backend).await;
    assert_eq!(backend.refused(), (403, "INSUFFICIENT_SCOPE".to_owned()));
}
