//! Changes to a running subscription.

use serde_json::Value;

use crate::scene::{BEGIN, DAY, Scene};

async fn subscribed(scene: &Scene) -> String {
    let session = scene.monthly_checkout("").await;
    let done = scene.complete(&session, "success").await;
    format!("/v1/subscriptions/{}", done["subscription"].as_str().unwrap())
}

#[tokio::test]
async fn an_end_can_be_planned_taken_back_and_reached() {
    let scene = Scene::new().await;
    let path = subscribed(&scene).await;
    let planned = scene.post(&path, "cancel_at_period_end=true").await;
    assert_eq!(
        (&planned["status"], &planned["cancel_at_period_end"]),
        (&"active".into(), &true.into())
    );
    assert_eq!(planned["cancel_at"], BEGIN + 31 * DAY);
    let told = scene.receiver.event("customer.subscription.updated").await.event;
    assert_eq!(told["data"]["previous_attributes"]["cancel_at_period_end"], false);
    let kept = scene.post(&path, "cancel_at_period_end=false&metadata[seen]=1").await;
    assert_eq!((&kept["cancel_at"], &kept["metadata"]["seen"]), (&Value::Null, &"1".into()));
    scene.post(&path, "cancel_at_period_end=true").await;
    scene.move_to(31 * DAY);
    let ended = scene.get(&path).await;
    assert_eq!(
        (&ended["status"], &ended["ended_at"]),
        (&"canceled".into(), &(BEGIN + 31 * DAY).into())
    );
    scene.receiver.event("customer.subscription.deleted").await;
    assert_eq!(scene.get("/v1/invoices").await["data"].as_array().unwrap().len(), 1);
    assert_eq!(scene.get("/v1/subscriptions").await["data"].as_array().unwrap().len(), 0);
    assert_eq!(
        scene.get("/v1/subscriptions?status=all").await["data"].as_array().unwrap().len(),
        1
    );
    scene.refused(scene.post_raw(&path, "metadata[a]=b"), 404).await;
    scene.stop().await;
}

#[tokio::test]
async fn it_ends_at_once_when_it_is_deleted() {
    let scene = Scene::new().await;
    let path = subscribed(&scene).await;
    let url =
        format!("{path}?cancellation_details[comment]=too%20dear&invoice_now=false&prorate=false");
    let ended = scene.delete(&url).await;
    assert_eq!(ended["status"], "canceled");
    assert_eq!(ended["cancellation_details"]["comment"], "too dear");
    scene.receiver.event("customer.subscription.deleted").await;
    scene.stop().await;
}

#[tokio::test]
async fn no_period_passes_while_it_is_paused() {
    let scene = Scene::new().await;
    let path = subscribed(&scene).await;
    let paused = scene.post(&format!("{path}/pause"), "type=subscription").await;
    assert_eq!(paused["status"], "paused");
    scene.receiver.event("customer.subscription.paused").await;
    scene.move_to(100 * DAY);
    assert_eq!(scene.get("/v1/invoices").await["data"].as_array().unwrap().len(), 1);
    let resumed = scene.post(&format!("{path}/resume"), "billing_cycle_anchor[type]=now").await;
    assert_eq!(
        (&resumed["status"], &resumed["billing_cycle_anchor"]),
        (&"active".into(), &(BEGIN + 100 * DAY).into())
    );
    scene.receiver.event("customer.subscription.resumed").await;
    assert_eq!(scene.get("/v1/invoices").await["data"].as_array().unwrap().len(), 2);
    scene.stop().await;
}

/// A price of the product that the subscription at this path has.
async fn another_price(scene: &Scene, path: &str, amount: i64, interval: &str) -> (String, String) {
    let subscription = scene.get(path).await;
    let item = &subscription["items"]["data"][0];
    let product = item["price"]["product"].as_str().unwrap();
    let price = scene
        .post(
            "/v1/prices",
            &format!(
                "currency=usd&product={product}&unit_amount={amount}&recurring[interval]={interval}"
            ),
        )
        .await;
    (item["id"].as_str().unwrap().to_owned(), price["id"].as_str().unwrap().to_owned())
}

fn amounts(invoice: &Value) -> Vec<i64> {
    let lines = invoice["lines"]["data"].as_array().unwrap().iter();
    lines.map(|line| line["amount"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_dearer_price_is_prorated_now_or_on_the_next_invoice() {
    let scene = Scene::new().await;
    let path = subscribed(&scene).await;
    let (item, dear) = another_price(&scene, &path, 6200, "month").await;
    // 15.5 of 31 days are left.
    scene.move_to(31 * DAY / 2);
    let form =
        format!("items[0][id]={item}&items[0][price]={dear}&proration_behavior=always_invoice");
    let changed = scene.post(&path, &format!("{form}&expand[]=latest_invoice")).await;
    assert_eq!(changed["items"]["data"][0]["price"]["unit_amount"], 6200);
    let invoice = &changed["latest_invoice"];
    assert_eq!(amounts(invoice), [-1000, 3100]);
    assert_eq!((&invoice["amount_paid"], &invoice["status"]), (&2100.into(), &"paid".into()));
    assert_eq!(invoice["billing_reason"], "subscription_update");

    scene.post(&path, &format!("items[0][id]={item}&items[0][quantity]=2")).await;
    assert_eq!(scene.get("/v1/invoices").await["data"].as_array().unwrap().len(), 2);
    scene.move_to(31 * DAY);
    let next = &scene.get("/v1/invoices").await["data"][0];
    assert_eq!(amounts(next), [-3100, 6200, 12400]);
    assert_eq!(next["amount_paid"], 15500);
    scene.stop().await;
}

#[tokio::test]
async fn a_cheaper_price_leaves_a_credit_that_is_used_up() {
    let scene = Scene::new().await;
    let path = subscribed(&scene).await;
    let (item, cheap) = another_price(&scene, &path, 200, "month").await;
    scene.move_to(31 * DAY / 2);
    let form =
        format!("items[0][id]={item}&items[0][price]={cheap}&proration_behavior=always_invoice");
    let changed =
        scene.post(&path, &format!("{form}&expand[]=latest_invoice&expand[]=customer")).await;
    assert_eq!(amounts(&changed["latest_invoice"]), [-1000, 100]);
    assert_eq!(changed["latest_invoice"]["amount_due"], 0);
    assert_eq!(changed["customer"]["balance"], -900);
    scene.move_to(31 * DAY);
    let next = &scene.get("/v1/invoices").await["data"][0];
    assert_eq!(
        (&next["starting_balance"], &next["ending_balance"]),
        (&(-900).into(), &(-700).into())
    );
    assert_eq!((&next["total"], &next["amount_due"]), (&200.into(), &0.into()));
    scene.stop().await;
}

#[tokio::test]
async fn another_interval_begins_a_new_period() {
    let scene = Scene::new().await;
    let path = subscribed(&scene).await;
    let (item, yearly) = another_price(&scene, &path, 20000, "year").await;
    scene.move_to(31 * DAY / 2);
    let form = format!("items[0][id]={item}&items[0][price]={yearly}&expand[]=latest_invoice");
    let changed = scene.post(&path, &form).await;
    assert_eq!(amounts(&changed["latest_invoice"]), [-1000, 20000]);
    let begin = BEGIN + 31 * DAY / 2;
    assert_eq!(changed["billing_cycle_anchor"], begin);
    assert_eq!(changed["items"]["data"][0]["current_period_end"], begin + 365 * DAY);
    scene.stop().await;
}
