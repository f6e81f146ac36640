//! Changes of subscriptions: previews, pinned instants, declined charges and schedules.

use serde_json::Value;

use crate::scene::{BEGIN, DAY, Scene};

/// A monthly subscription for 20 dollars: its id, its item, and a dearer price of its product.
async fn subscribed(scene: &Scene, dear: &str) -> (String, String, String) {
    let session = scene.monthly_checkout("").await;
    let done = scene.complete(&session, "success").await;
    let id = done["subscription"].as_str().unwrap().to_owned();
    let subscription = scene.get(&format!("/v1/subscriptions/{id}")).await;
    let item = &subscription["items"]["data"][0];
    let form =
        format!("currency=usd&product={}&{dear}", item["price"]["product"].as_str().unwrap());
    let price = scene.post("/v1/prices", &form).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (id, text(&item["id"]), text(&price["id"]))
}

const DEAR: &str = "unit_amount=6200&recurring[interval]=month";
const YEARLY: &str = "unit_amount=20000&recurring[interval]=year";

/// What a line says, without what differs between two invoices.
fn lines(invoice: &Value) -> Vec<Value> {
    let lines = invoice["lines"]["data"].as_array().unwrap().iter();
    let told = lines.map(|line| {
        let mut line = line.clone();
        for own in ["id", "invoice"] {
            line[own] = Value::Null;
        }
        line
    });
    told.collect()
}

#[tokio::test]
async fn a_preview_is_the_invoice_that_comes_and_leaves_no_trace() {
    let scene = Scene::new().await;
    let (id, item, dear) = subscribed(&scene, DEAR).await;
    let path = format!("/v1/subscriptions/{id}");
    scene.move_to(7 * DAY + 12_345);
    let at = BEGIN + 7 * DAY + 12_345;
    let before = (scene.get(&path).await, scene.get("/v1/invoices").await);
    let told = async || {
        let events = scene.get("/v1/events?limit=100").await;
        let events = events["data"].as_array().unwrap().iter();
        events.map(|event| event["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let events = told().await;
    let preview = format!(
        "subscription={id}&subscription_details[items][0][id]={item}\
         &subscription_details[items][0][price]={dear}&subscription_details[items][0][quantity]=3\
         &subscription_details[proration_behavior]=always_invoice\
         &subscription_details[proration_date]={at}"
    );
    let preview = scene.post("/v1/invoices/create_preview", &preview).await;
    assert_eq!((&preview["status"], &preview["amount_paid"]), (&"draft".into(), &0.into()));
    assert!(preview["amount_due"].as_i64().unwrap() > 0);
    assert_eq!((scene.get(&path).await, scene.get("/v1/invoices").await), before);
    assert_eq!(told().await, events);

    // Some time later it is the same, for the same instant.
    scene.move_to(7 * DAY + 12_900);
    let form = format!(
        "items[0][id]={item}&items[0][price]={dear}&items[0][quantity]=3\
         &proration_behavior=always_invoice&proration_date={at}\
         &payment_behavior=error_if_incomplete&expand[]=latest_invoice"
    );
    let changed = scene.post(&path, &form).await;
    let invoice = &changed["latest_invoice"];
    assert_eq!(lines(invoice), lines(&preview));
    for same in ["total", "subtotal", "amount_due", "currency"] {
        assert_eq!(invoice[same], preview[same], "{same}");
    }
    let early = form.replace(&at.to_string(), &(BEGIN - 1).to_string());
    let refused = scene.refused(scene.post_raw(&path, &early.replace("=3", "=4")), 400).await;
    assert_eq!(refused["param"], "proration_date");
    scene.stop().await;
}

#[tokio::test]
async fn a_change_that_is_not_paid_for_does_not_happen() {
    let scene = Scene::new().await;
    let (id, item, dear) = subscribed(&scene, DEAR).await;
    let path = format!("/v1/subscriptions/{id}");
    let before = scene.get(&path).await;
    let customer = before["customer"].as_str().unwrap();
    let declining = serde_json::json!({ "payments": "insufficient_funds" });
    scene.tell(&format!("/sandbox/customers/{customer}"), declining).await;
    let form = format!(
        "items[0][id]={item}&items[0][price]={dear}&proration_behavior=always_invoice\
         &payment_behavior=error_if_incomplete"
    );
    let refused = scene.refused(scene.post_raw(&path, &form), 402).await;
    assert_eq!(refused["decline_code"], "insufficient_funds");
    assert_eq!(scene.get(&path).await, before);
    assert_eq!(scene.get("/v1/invoices").await["data"].as_array().unwrap().len(), 1);
    scene.stop().await;
}

#[tokio::test]
async fn a_schedule_changes_the_price_with_the_period_and_lets_go() {
    let scene = Scene::new().await;
    let (id, item, yearly) = subscribed(&scene, YEARLY).await;
    let path = format!("/v1/subscriptions/{id}");
    // A price that was made for one page cannot be named again: the same is made once more.
    let product = scene.get(&path).await["items"]["data"][0]["price"]["product"].clone();
    let same = format!(
        "currency=usd&product={}&unit_amount=2000&recurring[interval]=month",
        product.as_str().unwrap()
    );
    let same = scene.post("/v1/prices", &same).await["id"].as_str().unwrap().to_owned();
    let swap = format!("items[0][id]={item}&items[0][price]={same}&proration_behavior=none");
    scene.post(&path, &swap).await;
    let begun = scene.post("/v1/subscription_schedules", &format!("from_subscription={id}")).await;
    let schedule = begun["id"].as_str().unwrap();
    let first = &begun["phases"][0];
    let form = format!(
        "end_behavior=release&metadata[change_id]=c1&phases[0][start_date]={}\
         &phases[0][end_date]={}&phases[0][items][0][price]={}&phases[1][items][0][price]={yearly}\
         &phases[1][items][0][quantity]=2&phases[1][billing_cycle_anchor]=phase_start\
         &phases[1][proration_behavior]=none&phases[1][duration][interval]=year",
        first["start_date"],
        first["end_date"],
        first["items"][0]["price"].as_str().unwrap(),
    );
    let at = format!("/v1/subscription_schedules/{schedule}");
    scene.post(&at, &form).await;
    let seen = scene.get(&format!("{path}?expand[]=schedule")).await;
    assert_eq!(seen["schedule"]["metadata"]["change_id"], "c1");
    assert_eq!(seen["schedule"]["phases"][1]["start_date"], BEGIN + 31 * DAY);
    assert_eq!(seen["items"]["data"][0]["price"]["unit_amount"], 2000);
    let managed = scene.post_raw(&path, "cancel_at_period_end=true");
    let managed = scene.refused(managed, 400).await;
    assert!(managed["message"].as_str().unwrap().contains(schedule), "{managed}");
    let twice = scene.post_raw("/v1/subscription_schedules", &format!("from_subscription={id}"));
    scene.refused(twice, 400).await;

    scene.move_to(31 * DAY);
    let renewed = scene.get(&format!("{path}?expand[]=latest_invoice")).await;
    let item = &renewed["items"]["data"][0];
    assert_eq!((&item["price"]["unit_amount"], &item["quantity"]), (&20000.into(), &2.into()));
    assert_eq!(item["current_period_end"], BEGIN + (31 + 365) * DAY);
    assert_eq!(renewed["latest_invoice"]["amount_paid"], 40000);
    scene.move_to((31 + 365) * DAY);
    let released = scene.get(&path).await;
    assert_eq!(released["schedule"], Value::Null);
    assert_eq!(scene.get(&at).await["status"], "released");
    scene.stop().await;
}

#[tokio::test]
async fn a_schedule_is_released_or_ends_with_its_subscription() {
    let scene = Scene::new().await;
    let (id, ..) = subscribed(&scene, DEAR).await;
    let path = format!("/v1/subscriptions/{id}");
    let from = format!("from_subscription={id}");
    let first = scene.post("/v1/subscription_schedules", &from).await;
    let at = |schedule: &Value| {
        format!("/v1/subscription_schedules/{}", schedule["id"].as_str().unwrap())
    };
    scene.post(&format!("{}/release", at(&first)), "").await;
    assert_eq!(scene.get(&path).await["schedule"], Value::Null);
    scene.refused(scene.post_raw(&format!("{}/release", at(&first)), ""), 400).await;
    let second = scene.post("/v1/subscription_schedules", &from).await;
    scene.delete(&path).await;
    assert_eq!(scene.get(&at(&second)).await["status"], "canceled");
    scene.stop().await;
}

#[tokio::test]
async fn what_cannot_be_paid_for_stays_paused() {
    let scene = Scene::new().await;
    let (id, ..) = subscribed(&scene, DEAR).await;
    let path = format!("/v1/subscriptions/{id}");
    let paused = scene.post(&format!("{path}/pause"), "type=subscription").await;
    let customer = paused["customer"].as_str().unwrap();
    let tell = async |payments: &str| {
        let told = serde_json::json!({ "payments": payments });
        scene.tell(&format!("/sandbox/customers/{customer}"), told).await
    };
    tell("insufficient_funds").await;
    scene.move_to(40 * DAY);
    let form = "billing_cycle_anchor[type]=now&payment_behavior=resume_on_payment_success";
    let declined = scene.post(&format!("{path}/resume"), form).await;
    assert_eq!(declined, paused);
    assert_eq!(scene.get("/v1/invoices").await["data"][0]["status"], "void");
    scene.stop().await;
}
