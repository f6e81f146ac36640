//! A code makes a plan cheaper, for whom it is and as often as it may.

use billing_app::ports::{About, HostedCheckouts as _};
use serde_json::{Value, json};
use time::Duration;

use crate::world::{Answer, World};

const DISCOUNTS: &str = "/api/admin/discounts";
const VALIDATE: &str = "/api/billing/discounts/validate";
const CHECKOUT: &str = "/api/billing/subscription/checkout";

/// Makes a code with these terms.
pub(crate) async fn made(world: &World, terms: Value) -> Value {
    let mut body = json!({ "percent": 20, "reason": "Spring" });
    for (name, value) in terms.as_object().unwrap() {
        body[name] = value.clone();
    }
    world.post(DISCOUNTS, &world.admin, body).await.ok()
}

impl World {
    async fn validate(&self, code: &str, plan: &str) -> Answer {
        let body = json!({ "organization_id": self.acme, "code": code, "plan": plan });
        self.post(VALIDATE, &self.backend, body).await
    }

    async fn check_out(&self, of: impl ToString, plan: &str, code: Option<&str>) -> Answer {
        let body = json!({ "organization_id": of.to_string(), "plan": plan, "discount_code": code,
            "success_url": "https://example.com/paid", "cancel_url": "https://example.com/no" });
        self.post(CHECKOUT, &self.backend, body).await
    }

    async fn paid(&self, opened: &Value) {
        let session = opened["session_id"].as_str().unwrap().to_owned();
        self.gateway.pay(&session);
        crate::webhooks::delivered(self, About::Checkout(session)).await;
    }

    async fn taken(&self) -> i64 {
        let listed = self.get(DISCOUNTS, &self.admin).await.ok();
        listed["data"][0]["taken"].as_i64().unwrap()
    }
}

#[actix_web::test]
async fn a_code_is_made_listed_validated_and_ended() {
    let world = World::new().await;
    let terms = json!({ "code": "spring20", "duration": "repeating", "periods": 3 });
    let discount = made(&world, terms.clone()).await;
    insta::assert_json_snapshot!(discount, { ".id" => "[id]" }, @r#"
    {
      "active": true,
      "amount": null,
      "code": "SPRING20",
      "created_at": "2026-03-14T12:00:00.535897Z",
      "duration": "repeating",
      "ends_at": null,
      "first_time_only": false,
      "id": "[id]",
      "max_redemptions": null,
      "minimum": null,
      "name": "SPRING20",
      "once_per_customer": false,
      "percent": 20,
      "periods": 3,
      "plans": [],
      "starts_at": null,
      "taken": 0
    }
    "#);
    assert_eq!(world.get(DISCOUNTS, &world.admin).await.ok()["data"], json!([discount]));
    let again = json!({ "code": "Spring20", "percent": 5, "reason": "Again" });
    let again = world.post(DISCOUNTS, &world.admin, again).await;
    assert_eq!(again.refused(), (409, "DISCOUNT_CODE_TAKEN".to_owned()));

    let checked = world.validate("Spring20", "growth").await.ok();
    insta::assert_json_snapshot!(checked, @r#"
    {
      "amount": null,
      "code": "SPRING20",
      "discount": {
        "amount": 580,
        "currency": "USD"
      },
      "duration": "repeating",
      "name": "SPRING20",
      "percent": 20,
      "periods": 3,
      "price": {
        "amount": 2900,
        "currency": "USD"
      },
      "total": {
        "amount": 2320,
        "currency": "USD"
      }
    }
    "#);
    let end = format!("{DISCOUNTS}/{}/deactivate", discount["id"].as_str().unwrap());
    for _ in 0..2 {
        let ended = world.post(&end, &world.admin, json!({ "reason": "It is over" })).await.ok();
        assert_eq!(ended["active"], false);
    }
    let refused = world.validate("SPRING20", "growth").await;
    assert_eq!(refused.refused(), (422, "DISCOUNT_INACTIVE".to_owned()));
    let log = world.get("/api/admin/catalogue/changes", &world.admin).await.ok();
    let reasons: Vec<_> =
        log["data"].as_array().unwrap().iter().map(|it| it["reason"].clone()).collect();
    assert_eq!(reasons, ["It is over", "Spring"], "each once");
}

#[actix_web::test]
async fn each_reason_has_its_code() {
    let world = World::new().await;
    world.clock.advance(Duration::days(1));
    for (terms, plan, status, code) in [
        (json!({ "starts_at": "2027-01-01T00:00:00Z" }), "growth", 422, "DISCOUNT_NOT_STARTED"),
        (json!({ "ends_at": "2026-03-15T00:00:00Z" }), "growth", 422, "DISCOUNT_EXPIRED"),
        (json!({ "plans": ["scale"] }), "growth", 422, "DISCOUNT_NOT_FOR_PLAN"),
        (
            json!({ "minimum": { "amount": 3000, "currency": "USD" } }),
            "growth",
            422,
            "DISCOUNT_BELOW_MINIMUM",
        ),
        (
            json!({ "percent": null, "amount": { "amount": 500, "currency": "EUR" } }),
            "growth",
            422,
            "DISCOUNT_CURRENCY",
        ),
        (json!({}), "free", 422, "PLAN_IS_FREE"),
        (json!({}), "platinum", 404, "PLAN_NOT_FOUND"),
    ] {
        let name = format!("CODE_{}_{plan}", code.len());
        let mut terms = terms;
        terms["code"] = json!(name);
        made(&world, terms.clone()).await;
        let refused = world.validate(&name, plan).await;
        assert_eq!(refused.refused(), (status, code.to_owned()), "{terms}");
        let page = world.check_out(world.acme, plan, Some(&name)).await;
        assert_eq!(page.refused(), (status, code.to_owned()), "{terms}");
    }
    for unknown in ["NOBODY", "two words", ""] {
        let refused = world.validate(unknown, "growth").await;
        assert_eq!(refused.refused(), (404, "DISCOUNT_NOT_FOUND".to_owned()));
    }
    assert!(world.gateway.opened().is_empty());
}

#[actix_web::test]
async fn terms_that_make_no_sense_are_refused() {
    let world = World::new().await;
    for (field, value) in [
        ("percent", json!(0)),
        ("percent", json!(101)),
        ("percent", json!(null)),
        ("code", json!("a b")),
        ("duration", json!("weekly")),
        ("periods", json!(3)),
        ("max_redemptions", json!(0)),
        ("plans", json!(["platinum"])),
        ("ends_at", json!("2020-01-01T00:00:00Z")),
        ("name", json!("x".repeat(41))),
        ("reason", json!(" ")),
    ] {
        let mut body = json!({ "code": "SPRING20", "percent": 20, "reason": "Spring",
            "starts_at": "2026-01-01T00:00:00Z" });
        body[field] = value;
        let refused = world.post(DISCOUNTS, &world.admin, body).await;
        assert_eq!(refused.refused(), (400, "VALIDATION_ERROR".to_owned()), "{field}");
        assert_eq!(refused.json()["error"]["details"]["field"], field, "{}", refused.text());
    }
}

#[actix_web::test]
async fn a_code_is_redeemed_once_paid_and_the_invoice_names_it() {
    let world = World::new().await;
    made(&world, json!({ "code": "ONCE", "once_per_customer": true })).await;
    let opened = world.check_out(world.acme, "growth", Some("once")).await.ok();
    let again = world.check_out(world.acme, "growth", Some("ONCE")).await.ok();
    assert_eq!(again, opened, "it is the same page");
    assert_eq!((world.taken().await, world.gateway.coupons_made().len()), (1, 1));
    world.paid(&opened).await;
    assert_eq!(world.taken().await, 1);
    let invoices = format!("/api/billing/invoices/{}", world.acme);
    let invoice = world.get(&invoices, &world.reader).await.ok()["data"][0].clone();
    let usd = |amount: i64| json!({ "amount": amount, "currency": "USD" });
    assert_eq!((&invoice["discount"], &invoice["total"]), (&usd(580), &usd(2_320)));
    assert_eq!(invoice["subtotal"], usd(2_900));

    let refused = world.validate("ONCE", "scale").await;
    assert_eq!(refused.refused(), (422, "DISCOUNT_ALREADY_USED".to_owned()));
    made(&world, json!({ "code": "NEWCOMERS", "first_time_only": true })).await;
    let refused = world.validate("NEWCOMERS", "scale").await;
    assert_eq!(refused.refused(), (422, "DISCOUNT_FIRST_TIME_ONLY".to_owned()));
}

#[actix_web::test]
async fn an_open_page_reserves_a_code_and_one_that_ends_frees_it() {
    let world = World::new().await;
    made(&world, json!({ "code": "ONLYONE", "max_redemptions": 1 })).await;
    let opened = world.check_out(world.acme, "growth", Some("ONLYONE")).await.ok();
    let refused = world.check_out(world.other, "growth", Some("ONLYONE")).await;
    assert_eq!(refused.refused(), (422, "DISCOUNT_EXHAUSTED".to_owned()));

    // Who changes their mind keeps the code: the first page is closed.
    let second = world.check_out(world.acme, "scale", Some("ONLYONE")).await.ok();
    assert_ne!(second["session_id"], opened["session_id"]);
    assert_eq!(world.taken().await, 1);

    let session = second["session_id"].as_str().unwrap().to_owned();
    world.gateway.expire(&session).await.unwrap();
    crate::webhooks::delivered(&world, About::Checkout(session)).await;
    assert_eq!(world.taken().await, 0);
    let opened = world.check_out(world.other, "growth", Some("ONLYONE")).await.ok();
    world.paid(&opened).await;
    assert_eq!(world.taken().await, 1);
    let refused = world.validate("ONLYONE", "growth").await;
    assert_eq!(refused.refused(), (422, "DISCOUNT_EXHAUSTED".to_owned()));
}

#[actix_web::test]
async fn a_page_of_which_nothing_is_heard_frees_its_code_in_time() {
    let world = World::new().await;
    made(&world, json!({ "code": "ONLYONE", "max_redemptions": 1 })).await;
    let opened = world.check_out(world.acme, "growth", Some("ONLYONE")).await.ok();
    let free = async || {
        let run = "/api/admin/jobs/discount-reservations/run";
        world.post(run, &world.admin, json!({})).await.ok();
        world.taken().await
    };
    world.clock.advance(Duration::hours(24));
    assert_eq!(free().await, 1);
    world.clock.advance(Duration::hours(1));
    assert_eq!(free().await, 0);
    assert_eq!(world.check_out(world.other, "growth", Some("ONLYONE")).await.status, 201);
    assert!(opened["url"].is_string());
}

#[actix_web::test]
async fn the_other_paths_take_a_code_too() {
    let world = World::new().await;
    made(&world, json!({ "code": "SPRING20" })).await;
    let body = json!({ "plan": "growth", "discount_code": "SPRING20",
        "success_url": "https://example.com/paid", "cancel_url": "https://example.com/no" });
    let mut pages = Vec::new();
    for path in [CHECKOUT, "/api/stripe/create-checkout", "/api/billing/checkout"] {
        pages.push(world.post(path, &world.bound, body.clone()).await.ok());
    }
    assert!(pages.iter().all(|page| *page == pages[0]));
    let plain = world.check_out(world.acme, "growth", None).await.ok();
    assert_ne!(plain["session_id"], pages[0]["session_id"], "without a code it is another page");
    assert_eq!(world.taken().await, 0, "and the first is closed");
}
