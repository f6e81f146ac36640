//! One organization's year with our own engine, told as it happened: a trial, its conversion, an
//! upgrade, a seat more, a cheaper plan, a rest, another interval, and an end. Time passes by the
//! clock of the sandbox, and everything is asked over HTTP.

use billing_app::ports::About;
use serde_json::{Value, json};

use crate::world::{Answer, World};

/// What is told of a year, line by line.
struct Year {
    world: World,
    told: Vec<String>,
    /// So many invoices are told of.
    invoices: usize,
}

fn day(moment: &Value) -> &str {
    moment.as_str().map_or("-", |it| &it[..10])
}

fn money(amount: &Value) -> String {
    let minor = amount["amount"].as_i64().unwrap();
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", minor.abs() / 100, minor.abs() % 100)
}

fn lines(of: &Value) -> String {
    let all = of["lines"].as_array().unwrap().iter();
    let said = all.map(|line| {
        format!("{} {}", line["description"].as_str().unwrap(), money(&line["amount"]))
    });
    said.collect::<Vec<_>>().join(", ")
}

impl Year {
    /// Acme has bought a pack of credits, and its card is kept.
    async fn begun() -> Self {
        let world = World::new().await;
        let buy = json!({ "credit_product": "credits_100", "save_payment_method": true,
                          "success_url": "https://example.com/a",
                          "cancel_url": "https://example.com/b" });
        let page = world.post("/api/billing/credit-products/checkout", &world.bound, buy).await;
        let session = page.ok()["session_id"].as_str().unwrap().to_owned();
        world.gateway.pay(&session);
        crate::webhooks::delivered(&world, About::Checkout(session)).await;
        Self { world, told: Vec::new(), invoices: 1 }
    }

    async fn subscription(&self) -> Value {
        let path = format!("/api/billing/subscription/{}", self.world.acme);
        self.world.get(&path, &self.world.reader).await.ok()
    }

    async fn verb(&self, verb: &str, body: Value) -> Answer {
        let path = format!("/api/billing/subscription/{}/{verb}", self.world.acme);
        self.world.post(&path, &self.world.bound, body).await
    }

    /// Tells how it stands, and of the invoices that are new.
    async fn tell(&mut self, what: &str) {
        let it = self.subscription().await;
        let mut line = format!(
            "{what}: {} {} x{} a {}, {} to {}",
            it["status"].as_str().unwrap(),
            it["plan"].as_str().unwrap(),
            it["quantity"],
            it["interval"].as_str().unwrap(),
            day(&it["current_period_start"]),
            day(&it["current_period_end"]),
        );
        if it["plan"] != it["entitled_plan"] {
            line += &format!(", entitled to {}", it["entitled_plan"].as_str().unwrap());
        }
        if it["cancel_at_period_end"] == true {
            line += ", ends with the period";
        }
        for planned in it["pending_changes"].as_array().unwrap() {
            let (action, at) = (planned["action"].as_str().unwrap(), &planned["effective_at"]);
            line += &format!(", planned: {action} on {}", day(at));
        }
        self.told.push(line);
        let path = format!("/api/billing/invoices/{}?limit=100", self.world.acme);
        let all = self.world.get(&path, &self.world.bound).await.ok();
        let all = all["data"].as_array().unwrap();
        for invoice in all.iter().rev().skip(self.invoices) {
            self.told.push(format!(
                "  {} {} {}: {}",
                invoice["number"].as_str().unwrap(),
                invoice["status"].as_str().unwrap(),
                money(&invoice["total"]),
                lines(invoice),
            ));
        }
        self.invoices = all.len();
    }

    /// Lets time pass, as the sandbox does.
    async fn until(&mut self, day: &str, what: &str) {
        let to = json!({ "to": format!("{day}T18:00:00Z") });
        self.world.post("/api/admin/sandbox/clock", &self.world.admin, to).await.ok();
        self.tell(&format!("{day} {what}")).await;
    }

    /// Looks at a change, and does exactly that.
    async fn change(&mut self, verb: &str, body: Value, what: &str) {
        let mut look = body.clone();
        look["action"] = verb.into();
        let preview = self.verb("preview", look).await.ok();
        let due = money(&preview["amount_due"]);
        self.told.push(format!("  {what}? due {due}: {}", lines(&preview)));
        let mut body = body;
        body["preview_token"] = preview["preview_token"].clone();
        let done = match verb {
            "upgrade" => self.world.post("/api/billing/upgrade", &self.world.bound, body).await,
            verb => self.verb(verb, body).await,
        };
        done.ok();
        self.tell(&format!("  {what}")).await;
    }
}

#[actix_web::test]
async fn a_year_of_an_organization() {
    let mut year = Year::begun().await;
    let trial = json!({ "organization_id": year.world.acme, "plan": "starter",
                        "email": "ann@gmail.com" });
    year.world.post("/api/billing/trials", &year.world.bound, trial).await.ok();
    year.tell("2026-03-14 A trial begins").await;
    year.until("2026-03-28", "It converts").await;

    year.until("2026-04-10", "It goes well").await;
    year.change("upgrade", json!({ "plan": "growth" }), "Upgrade to growth").await;
    year.until("2026-04-20", "Somebody joins").await;
    year.change("change", json!({ "quantity": 2 }), "A seat more").await;
    year.until("2026-04-28", "It is renewed").await;

    year.until("2026-05-05", "It goes less well").await;
    year.change("change", json!({ "plan": "starter", "quantity": 1 }), "Back to starter").await;
    year.until("2026-05-28", "It is renewed").await;

    year.until("2026-06-10", "A rest is needed").await;
    let until = json!({ "resumes_at": "2026-07-10T09:00:00Z" });
    year.change("pause", until, "Pause until the 10th of July").await;
    year.until("2026-06-29", "The paid period is over").await;
    year.until("2026-07-10", "The pause ends").await;

    // A payment that fails, and its recovery, have their place here.

    year.until("2026-07-20", "It goes well again").await;
    let yearly = json!({ "interval": "year", "when": "now" });
    year.change("change", yearly, "Pay by the year").await;
    year.until("2026-09-01", "It goes very well").await;
    year.change("upgrade", json!({ "plan": "scale" }), "Upgrade to scale").await;
    year.until("2026-10-01", "That was too much").await;
    let now = json!({ "plan": "growth", "when": "now" });
    year.change("change", now, "Back to growth now").await;
    year.change("upgrade", json!({ "quantity": 3 }), "Two seats more").await;

    year.until("2027-03-01", "The company is sold").await;
    year.change("cancel", json!({}), "Cancel").await;
    year.change("resume", json!({}), "Or rather not").await;
    year.change("cancel", json!({}), "Cancel").await;
    year.until("2027-07-19", "What was paid is used").await;
    year.until("2027-07-20", "It is over").await;
    insta::assert_snapshot!(year.told.join("\n"), @r"
    2026-03-14 A trial begins: trialing starter x1 a month, 2026-03-14 to 2026-03-28
    2026-03-28 It converts: active starter x1 a month, 2026-03-28 to 2026-04-28
      2026-000002 paid 9.00: Starter 9.00
    2026-04-10 It goes well: active starter x1 a month, 2026-03-28 to 2026-04-28
      Upgrade to growth? due 11.45: Unused time on Starter -5.15, Remaining time on Growth 16.60
      Upgrade to growth: active growth x1 a month, 2026-03-28 to 2026-04-28
      2026-000003 paid 11.45: Unused time on Starter -5.15, Remaining time on Growth 16.60
    2026-04-20 Somebody joins: active growth x1 a month, 2026-03-28 to 2026-04-28
      A seat more? due 7.25: Unused time on Growth -7.25, Remaining time on Growth 14.50
      A seat more: active growth x2 a month, 2026-03-28 to 2026-04-28
      2026-000004 paid 7.25: Unused time on Growth -7.25, Remaining time on Growth 14.50
    2026-04-28 It is renewed: active growth x2 a month, 2026-04-28 to 2026-05-28
      2026-000005 paid 58.00: Growth 58.00
    2026-05-05 It goes less well: active growth x2 a month, 2026-04-28 to 2026-05-28
      Back to starter? due 9.00: Starter 9.00
      Back to starter: active growth x2 a month, 2026-04-28 to 2026-05-28, planned: change on 2026-05-28
    2026-05-28 It is renewed: active starter x1 a month, 2026-05-28 to 2026-06-28
      2026-000006 paid 9.00: Starter 9.00
    2026-06-10 A rest is needed: active starter x1 a month, 2026-05-28 to 2026-06-28
      Pause until the 10th of July? due 0.00: 
      Pause until the 10th of July: paused starter x1 a month, 2026-05-28 to 2026-06-28, entitled to free, planned: resume on 2026-07-10
    2026-06-29 The paid period is over: paused starter x1 a month, 2026-05-28 to 2026-06-28, entitled to free, planned: resume on 2026-07-10
    2026-07-10 The pause ends: active starter x1 a month, 2026-07-10 to 2026-08-10
      2026-000007 paid 9.00: Starter 9.00
    2026-07-20 It goes well again: active starter x1 a month, 2026-07-10 to 2026-08-10
      Pay by the year? due 84.01: Unused time on Starter -5.99, Starter 90.00
      Pay by the year: active starter x1 a year, 2026-07-20 to 2027-07-20
      2026-000008 paid 84.01: Unused time on Starter -5.99, Starter 90.00
    2026-09-01 It goes very well: active starter x1 a year, 2026-07-20 to 2027-07-20
      Upgrade to scale? due 441.09: Unused time on Starter -79.40, Remaining time on Scale 520.49
      Upgrade to scale: active scale x1 a year, 2026-07-20 to 2027-07-20
      2026-000009 paid 441.09: Unused time on Starter -79.40, Remaining time on Scale 520.49
    2026-10-01 That was too much: active scale x1 a year, 2026-07-20 to 2027-07-20
      Back to growth now? due 0.00: Unused time on Scale -472.00, Remaining time on Growth 232.00
      Back to growth now: active growth x1 a year, 2026-07-20 to 2027-07-20
      Two seats more? due 224.00: Unused time on Growth -232.00, Remaining time on Growth 696.00, Unused time on Scale -472.00, Remaining time on Growth 232.00
      Two seats more: active growth x3 a year, 2026-07-20 to 2027-07-20
      2026-000010 paid 224.00: Unused time on Growth -232.00, Remaining time on Growth 696.00, Unused time on Scale -472.00, Remaining time on Growth 232.00
    2027-03-01 The company is sold: active growth x3 a year, 2026-07-20 to 2027-07-20
      Cancel? due 0.00: 
      Cancel: active growth x3 a year, 2026-07-20 to 2027-07-20, ends with the period
      Or rather not? due 0.00: 
      Or rather not: active growth x3 a year, 2026-07-20 to 2027-07-20
      Cancel? due 0.00: 
      Cancel: active growth x3 a year, 2026-07-20 to 2027-07-20, ends with the period
    2027-07-19 What was paid is used: active growth x3 a year, 2026-07-20 to 2027-07-20, ends with the period
    2027-07-20 It is over: cancelled growth x3 a year, 2026-07-20 to 2027-07-20, entitled to free, ends with the period
    ");
}

/// An organization whose trial has converted to `growth`.
async fn converted() -> Year {
    let mut year = Year::begun().await;
    let trial = json!({ "organization_id": year.world.acme, "plan": "growth",
                        "email": "ann@gmail.com" });
    year.world.post("/api/billing/trials", &year.world.bound, trial).await.ok();
    year.until("2026-03-28", "It converts").await;
    year
}

#[actix_web::test]
async fn what_cannot_be_is_refused_with_what_can() {
    let year = converted().await;
    let before = year.subscription().await;
    assert_eq!(before["allowed_actions"], json!(["change", "cancel", "pause"]));
    for (verb, body, status, code) in [
        ("change", json!({ "plan": "growth" }), 422, "NOTHING_TO_CHANGE"),
        ("change", json!({ "quantity": 1 }), 422, "NOTHING_TO_CHANGE"),
        ("change", json!({ "plan": "platinum" }), 404, "PLAN_NOT_FOUND"),
        ("change", json!({ "plan": "free" }), 422, "PLAN_IS_FREE"),
        ("change", json!({ "interval": "quarter" }), 422, "NO_SUCH_PRICE"),
        ("change", json!({ "currency": "EUR", "plan": "scale" }), 400, "VALIDATION_ERROR"),
        ("change", json!({ "quantity": 0 }), 400, "VALIDATION_ERROR"),
        ("change", json!({ "quantity": 4_294_967_296_u64 }), 400, "VALIDATION_ERROR"),
        ("change", json!({ "when": "yesterday" }), 400, "VALIDATION_ERROR"),
        ("change", json!({ "plan": "scale", "preview_token": "1.2" }), 409, "PREVIEW_STALE"),
        ("pause", json!({ "resumes_at": "2020-01-01T00:00:00Z" }), 400, "VALIDATION_ERROR"),
        ("pause", json!({ "resumes_at": "2026-03-28T18:00:00Z" }), 400, "VALIDATION_ERROR"),
        ("resume", json!({}), 422, "INVALID_TRANSITION"),
        ("preview", json!({ "action": "upgrade", "plan": "starter" }), 422, "NOT_AN_UPGRADE"),
    ] {
        let answer = year.verb(verb, body.clone()).await;
        assert_eq!(answer.refused(), (status, code.to_owned()), "{verb} {body}: {}", answer.text());
        assert_eq!(year.subscription().await, before, "{verb} {body}");
    }
    let resume = year.verb("resume", json!({})).await.json();
    let details = json!({ "status": "active", "allowed": ["change", "cancel", "pause"] });
    assert_eq!(resume["error"]["details"], details);

    year.verb("change", json!({ "plan": "starter" })).await.ok();
    let planned = year.subscription().await;
    for (verb, body) in
        [("change", json!({ "plan": "scale" })), ("pause", json!({})), ("cancel", json!({}))]
    {
        let second = year.verb(verb, body).await;
        assert_eq!(second.refused(), (409, "CHANGE_PENDING".to_owned()));
        assert_eq!(second.json()["error"]["details"], json!({ "allowed": ["cancel", "resume"] }));
    }
    assert_eq!(year.subscription().await, planned);

    year.verb("cancel", json!({ "when": "now" })).await.ok();
    let ended = year.subscription().await;
    assert_eq!((&ended["status"], &ended["pending_changes"]), (&json!("cancelled"), &json!([])));
    for verb in ["pause", "resume", "cancel"] {
        let late = year.verb(verb, json!({})).await;
        assert_eq!(late.refused(), (422, "INVALID_TRANSITION".to_owned()));
        let details = json!({ "status": "cancelled", "allowed": [] });
        assert_eq!(late.json()["error"]["details"], details);
    }
    assert_eq!(year.subscription().await, ended);
}

#[actix_web::test]
async fn a_declined_payment_and_a_silent_gateway_are_told_apart() {
    let year = converted().await;
    let before = year.subscription().await;
    let upgrade = json!({ "plan": "scale" });
    let upgrade = || year.world.post("/api/billing/upgrade", &year.world.bound, upgrade.clone());
    year.world.gateway.declining();
    let declined = upgrade().await;
    assert_eq!(declined.refused(), (402, "PAYMENT_DECLINED".to_owned()));
    assert_eq!(declined.json()["error"]["details"], json!({ "why": "declined" }));
    assert_eq!(year.subscription().await, before, "nobody has what is not paid");
    year.world.gateway.timing_out_after_accepting();
    assert_eq!(upgrade().await.refused(), (503, "SERVICE_UNAVAILABLE".to_owned()));
    let unknown = year.subscription().await;
    assert_eq!((&unknown["plan"], &unknown["allowed_actions"]), (&json!("growth"), &json!([])));
    assert_eq!(unknown["pending_changes"][0]["status"], "pending");
    year.world.gateway.working();
    let later = json!({ "advance": "2m" });
    year.world.post("/api/admin/sandbox/clock", &year.world.admin, later).await.ok();
    assert_eq!(year.subscription().await["plan"], "scale", "it was paid");
}
