//! What time brings about, when the clock is moved.

use serde_json::{Value, json};

use crate::scene::{BEGIN, DAY, Scene};

/// A monthly subscription, by its path.
async fn subscribed(scene: &Scene, more: &str) -> (String, Value) {
    let session = scene.monthly_checkout(more).await;
    let done = scene.complete(&session, "success").await;
    (format!("/v1/subscriptions/{}", done["subscription"].as_str().unwrap()), done)
}

#[tokio::test]
async fn every_period_that_has_passed_is_billed_in_order() {
    let scene = Scene::new().await;
    let (path, _) = subscribed(&scene, "").await;
    scene.move_to(31 * DAY - 1);
    scene.get(&path).await;
    let before = scene.get("/v1/invoices").await;
    assert_eq!(before["data"].as_array().unwrap().len(), 1);

    // 15 February, March and April have passed.
    scene.move_to(95 * DAY);
    let subscription = scene.get(&path).await;
    let invoices = scene.get("/v1/invoices").await;
    let starts: Vec<i64> = invoices["data"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|it| it["lines"]["data"][0]["period"]["start"].as_i64().unwrap() - BEGIN)
        .collect();
    assert_eq!(starts, [0, 31 * DAY, 59 * DAY, 90 * DAY]);
    assert_eq!(invoices["data"][0]["billing_reason"], "subscription_cycle");
    assert_eq!(invoices["data"][0]["created"], BEGIN + 90 * DAY);
    assert_eq!(invoices["data"][0]["period_start"], BEGIN + 59 * DAY);
    assert_eq!(subscription["latest_invoice"], invoices["data"][0]["id"]);
    assert_eq!(subscription["items"]["data"][0]["current_period_end"], BEGIN + 120 * DAY);
    let paid = scene.get("/v1/events?type=invoice.paid").await;
    assert_eq!(paid["data"].as_array().unwrap().len(), 4);
    let changed = scene.get("/v1/events?type=customer.subscription.updated").await;
    assert_eq!(changed["data"].as_array().unwrap().len(), 3);
    let last = &changed["data"][0]["data"];
    assert_eq!(last["object"], subscription);
    assert_eq!(last["previous_attributes"]["latest_invoice"], invoices["data"][1]["id"]);
    scene.stop().await;
}

#[tokio::test]
async fn a_trial_is_announced_and_becomes_a_paid_period() {
    let scene = Scene::new().await;
    let session = scene.monthly_checkout("&subscription_data[trial_period_days]=14").await;
    // The days count from the payment, not from the session.
    scene.move_to(3600);
    let done = scene.complete(&session, "success").await;
    let path = format!("/v1/subscriptions/{}", done["subscription"].as_str().unwrap());
    scene.move_to(11 * DAY + 3599);
    assert_eq!(scene.get(&path).await["trial_end"], BEGIN + 14 * DAY + 3600);
    scene.move_to(11 * DAY + 3600);
    scene.receiver.event("customer.subscription.trial_will_end").await;
    assert_eq!(scene.get(&path).await["status"], "trialing");
    scene.move_to(14 * DAY + 3600);
    let subscription = scene.get(&format!("{path}?expand[]=latest_invoice")).await;
    assert_eq!(subscription["status"], "active");
    assert_eq!(subscription["latest_invoice"]["amount_paid"], 2000);
    let updated = scene.receiver.event("customer.subscription.updated").await.event;
    assert_eq!(updated["data"]["previous_attributes"]["status"], "trialing");
    scene.stop().await;
}

#[tokio::test]
async fn a_short_trial_is_announced_at_once() {
    let scene = Scene::new().await;
    subscribed(&scene, "&subscription_data[trial_period_days]=2").await;
    let told = scene.receiver.event("customer.subscription.trial_will_end").await.event;
    assert_eq!(told["created"], BEGIN);
    scene.stop().await;
}

#[tokio::test]
async fn a_failed_renewal_is_past_due_until_it_is_paid() {
    let scene = Scene::new().await;
    let (path, done) = subscribed(&scene, "").await;
    let customer = format!("/sandbox/customers/{}", done["customer"].as_str().unwrap());
    scene.tell(&customer, json!({"payments": "insufficient_funds"})).await;
    scene.move_to(31 * DAY);
    let subscription = scene.get(&path).await;
    assert_eq!(subscription["status"], "past_due");
    let failed = scene.receiver.event("invoice.payment_failed").await.event;
    assert_eq!(failed["data"]["object"]["attempt_count"], 1);
    assert_eq!(failed["data"]["object"]["next_payment_attempt"], BEGIN + 34 * DAY);
    let pay = format!("/v1/invoices/{}/pay", subscription["latest_invoice"].as_str().unwrap());
    let declined = scene.refused(scene.post_raw(&pay, ""), 402).await;
    assert_eq!(declined["decline_code"], "insufficient_funds");
    scene.tell(&customer, json!({"payments": "succeed"})).await;
    assert_eq!(scene.post(&pay, "").await["status"], "paid");
    assert_eq!(scene.get(&path).await["status"], "active");
    scene.stop().await;
}

#[tokio::test]
async fn a_renewal_that_keeps_failing_ends_the_subscription() {
    let scene = Scene::new().await;
    let (path, done) = subscribed(&scene, "").await;
    let customer = format!("/sandbox/customers/{}", done["customer"].as_str().unwrap());
    scene.tell(&customer, json!({"payments": "expired_card"})).await;
    scene.move_to(400 * DAY);
    let subscription = scene.get(&path).await;
    assert_eq!(subscription["status"], "canceled");
    assert_eq!(subscription["ended_at"], BEGIN + (31 + 3 + 5 + 7) * DAY);
    assert_eq!(subscription["cancellation_details"]["reason"], "payment_failed");
    let failed = scene.get("/v1/events?type=invoice.payment_failed").await;
    assert_eq!(failed["data"].as_array().unwrap().len(), 4);
    scene.stop().await;
}
