//! Use is billed in arrears, by the engine.

use billing_app::ports::{Scope, Store};
use billing_domain::{
    catalogue::{
        Amount, Charged, Component, Feature, FeatureValue, Limit, Model, Overage, Plan,
        PlanVersion, Price, Rate, Tier, Tiers, Window,
    },
    currency::Currency,
    money::Money,
    period::Interval,
};
use billing_testkit::builders::a_fresh_id;
use serde_json::{Value, json};

use crate::world::World;

const CLOCK: &str = "/api/admin/sandbox/clock";
const TRACK: &str = "/api/billing/track-usage";

fn limit(meter: &str, amount: Amount, overage: Overage) -> Feature {
    let (meter, window) = (meter.to_owned(), Window::BillingPeriod);
    Feature {
        key: meter.clone(),
        value: FeatureValue::Limit(Limit { meter, amount, window, overage }),
    }
}

fn component(name: &str, charged: Charged, rate: Rate) -> Component {
    Component { name: name.to_owned(), charged, rate }
}

/// 10 dollars a month; 100 calls free, then half a cent each, and a quarter from the 1,001st on;
/// exports above ten at 25 cents.
fn pro() -> Plan {
    let tier = |up_to, unit: &str| Tier {
        up_to,
        unit_amount: unit.parse().unwrap(),
        flat_amount: 0.into(),
    };
    let tiers = vec![tier(Some(100), "0"), tier(Some(1_000), "0.5"), tier(None, "0.25")];
    let tiers = Tiers::new(tiers).unwrap();
    let calls = Charged::Use { meter: "api_calls".to_owned() };
    let exports = Charged::Overage { meter: "exports".to_owned() };
    let price = Price {
        id: a_fresh_id(),
        interval: Interval::Month,
        amount: Money::new(1_000, Currency::USD),
        trial_days: 14,
        active: true,
        stripe_price: None,
        model: Model::Flat,
        components: vec![
            component("API calls", calls, Rate::Graduated { tiers }),
            component("Exports", exports, Rate::PerUnit { unit_amount: 25.into() }),
        ],
    };
    let version = PlanVersion {
        id: a_fresh_id(),
        number: 1,
        included_credits: 0,
        prices: vec![price],
        features: vec![
            limit("api_calls", Amount::Unlimited, Overage::Block),
            limit("exports", Amount::AtMost(10), Overage::Allow),
        ],
    };
    Plan {
        id: a_fresh_id(),
        key: "pro".to_owned(),
        name: "Pro".to_owned(),
        description: "By use.".to_owned(),
        product_group: "main".to_owned(),
        active: true,
        versions: vec![version],
    }
}

impl World {
    async fn sell(&self, plan: &Plan) {
        let mut work = self.store.begin(Scope::Operator).await.unwrap();
        work.catalogue().add_plan(plan, 9).await.unwrap();
        work.commit().await.unwrap();
    }

    async fn advance(&self, by: &str) {
        self.post(CLOCK, &self.admin, json!({ "advance": by })).await.ok();
    }

    async fn to(&self, at: &str) {
        self.post(CLOCK, &self.admin, json!({ "to": at })).await.ok();
    }

    async fn track(&self, meter: &str, quantity: u64, at: Option<&str>) {
        let body = json!({ "meter": meter, "quantity": quantity, "timestamp": at });
        self.post(TRACK, &self.bound, body).await.ok();
    }

    /// On trial of `pro` until the 28th of March, with a card.
    async fn try_pro(&self) {
        self.sell(&pro()).await;
        self.keep_a_card().await;
        let body = json!({ "organization_id": self.acme, "plan": "pro", "user_id": "ann" });
        self.post("/api/billing/trials", &self.backend, body).await.ok();
    }

    /// The newest invoice, as lines of text.
    async fn billed(&self) -> (i64, Vec<String>) {
        let path = format!("/api/billing/invoices/{}?limit=1", self.acme);
        let page = self.get(&path, &self.bound).await.ok();
        let id = page["data"][0]["id"].as_str().unwrap();
        let path = format!("/api/billing/invoices/{}/{id}", self.acme);
        let invoice = self.get(&path, &self.bound).await.ok();
        assert_eq!(invoice["status"], "paid", "{invoice}");
        let lines = invoice["lines"].as_array().unwrap().iter().map(text);
        (invoice["total"]["amount"].as_i64().unwrap(), lines.collect())
    }
}

fn text(line: &Value) -> String {
    let day = |at: &Value| at.as_str().map_or("", |at| &at[5..10]).to_owned();
    format!(
        "{} {} x {} = {} ({} to {})",
        line["kind"].as_str().unwrap(),
        line["description"].as_str().unwrap(),
        line["quantity"],
        line["amount"]["amount"],
        day(&line["period_start"]),
        day(&line["period_end"]),
    )
}

#[actix_web::test]
async fn use_is_billed_when_its_period_has_closed() {
    let world = World::new().await;
    world.try_pro().await;
    world.track("api_calls", 777, None).await;
    world.advance("14d").await;
    let first = vec!["recurring Pro x 1 = 1000 (03-28 to 04-28)".to_owned()];
    assert_eq!(world.billed().await, (1_000, first), "what was used on trial is free");

    world.track("api_calls", 1_003, None).await;
    world.track("exports", 14, None).await;
    world.to("2026-04-28T12:00:01Z").await;
    let second = [
        "recurring Pro x 1 = 1000 (04-28 to 05-28)",
        "metered API calls (1 to 100) x 100 = 0 (03-28 to 04-28)",
        "metered API calls (101 to 1000) x 900 = 450 (03-28 to 04-28)",
        "metered API calls (1001 and more) x 3 = 1 (03-28 to 04-28)",
        "metered Exports x 4 = 100 (03-28 to 04-28)",
    ];
    assert_eq!(world.billed().await, (1_551, second.map(str::to_owned).to_vec()));
    let charged = world.gateway.charged();
    assert!(charged.iter().any(|it| it.amount.minor() == 1_551), "{charged:?}");

    world.to("2026-05-28T12:00:01Z").await;
    let third = [
        "recurring Pro x 1 = 1000 (05-28 to 06-28)",
        "metered API calls x 0 = 0 (04-28 to 05-28)",
        "metered Exports x 0 = 0 (04-28 to 05-28)",
    ];
    assert_eq!(world.billed().await, (1_000, third.map(str::to_owned).to_vec()));
}

#[actix_web::test]
async fn use_that_comes_late_is_on_the_next_invoice_once() {
    let world = World::new().await;
    world.try_pro().await;
    world.advance("14d").await;
    world.track("api_calls", 999, None).await;
    world.to("2026-04-28T12:00:01Z").await;
    world.track("api_calls", 12, Some("2026-04-20T00:00:00Z")).await;
    world.track("exports", 13, Some("2026-04-28T11:00:00Z")).await;
    world.track("api_calls", 50, None).await;
    world.to("2026-05-28T12:00:01Z").await;
    let late = [
        "recurring Pro x 1 = 1000 (05-28 to 06-28)",
        "metered API calls (1 to 100) x 50 = 0 (04-28 to 05-28)",
        "metered Exports x 0 = 0 (04-28 to 05-28)",
        // 1,011 calls cost 452.75 cents, and 999 of them 449.5, each rounded.
        "metered API calls, counted late x 12 = 3 (03-28 to 04-28)",
        "metered Exports, counted late x 3 = 75 (03-28 to 04-28)",
    ];
    assert_eq!(world.billed().await, (1_078, late.map(str::to_owned).to_vec()));
    world.track("api_calls", 1, Some("2026-04-28T01:00:00Z")).await;
    world.to("2026-06-28T12:00:01Z").await;
    let again = [
        "recurring Pro x 1 = 1000 (06-28 to 07-28)",
        "metered API calls x 0 = 0 (05-28 to 06-28)",
        "metered Exports x 0 = 0 (05-28 to 06-28)",
    ];
    let (total, lines) = world.billed().await;
    assert_eq!((total, &lines[..3]), (1_000, &again.map(str::to_owned)[..]));
    // 1,012 calls cost 453 cents, as 1,011 did; yet each is billed.
    assert_eq!(lines[3..], ["metered API calls, counted late x 1 = 0 (03-28 to 04-28)".to_owned()]);
}

#[actix_web::test]
async fn a_price_shows_what_it_is_made_of() {
    let world = World::new().await;
    world.sell(&pro()).await;
    let plans = world.get("/api/billing/plans", "").await.ok();
    let plans = plans["data"].as_array().unwrap();
    let price = &plans.iter().find(|plan| plan["key"] == "pro").unwrap()["prices"][0];
    insta::assert_json_snapshot!(price["components"], @r#"
    [
      {
        "charged": "use",
        "meter": "api_calls",
        "model": "graduated",
        "name": "API calls",
        "tiers": [
          {
            "flat_amount": "0",
            "unit_amount": "0",
            "up_to": 100
          },
          {
            "flat_amount": "0",
            "unit_amount": "0.5",
            "up_to": 1000
          },
          {
            "flat_amount": "0",
            "unit_amount": "0.25",
            "up_to": null
          }
        ]
      },
      {
        "charged": "overage",
        "meter": "exports",
        "model": "per_unit",
        "name": "Exports",
        "unit_amount": "25"
      }
    ]
    "#);
}

#[actix_web::test]
async fn what_no_gateway_can_bill_is_not_sold_at_one() {
    let world = World::new().await;
    world.sell(&pro()).await;
    let body = json!({ "organization_id": world.acme, "plan": "pro",
        "success_url": "https://example.com/a", "cancel_url": "https://example.com/b" });
    let refused = world.post("/api/billing/subscription/checkout", &world.backend, body).await;
    assert_eq!(refused.refused(), (422, "NOT_AT_THIS_GATEWAY".to_owned()));
}
