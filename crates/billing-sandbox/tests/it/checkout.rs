//! A buyer pays, or fails to, and the gateway's events arrive.

use crate::scene::{BEGIN, DAY, Scene};

const ONCE: &str = "mode=payment&success_url=https://app.example/ok\
    &line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=500\
    &line_items[0][price_data][product_data][name]=Credits&line_items[0][quantity]=3";

#[tokio::test]
async fn a_paid_checkout_makes_customer_subscription_and_invoice() {
    let scene = Scene::new().await;
    let session = scene
        .monthly_checkout(
            "&client_reference_id=org_1&metadata[org]=1&subscription_data[metadata][plan]=pro",
        )
        .await;
    assert_eq!(session["status"], "open");
    assert_eq!(session["amount_total"], 2000);
    assert_eq!(session["expires_at"], BEGIN + DAY);

    let done = scene.complete(&session, "success").await;
    assert_eq!(done["result"], "complete");
    let id = session["id"].as_str().unwrap();
    assert_eq!(done["redirect_url"], format!("https://app.example/ok?s={id}"));

    assert_eq!(
        scene.receiver.types(12).await,
        [
            "customer.created",
            "payment_method.attached",
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "invoice.created",
            "invoice.finalized",
            "customer.subscription.created",
            "invoice.paid",
            "invoice.payment_succeeded",
            "invoice_payment.paid",
            "checkout.session.completed",
        ]
    );
    let completed = scene.receiver.event("checkout.session.completed").await.event;
    assert_eq!(completed["data"]["object"]["payment_status"], "paid");
    assert_eq!(completed["data"]["object"]["client_reference_id"], "org_1");

    let path = format!("/v1/checkout/sessions/{id}");
    let expand =
        "?expand[0]=subscription.latest_invoice.payments&expand[1]=customer&expand[2]=line_items";
    let session = scene.get(&format!("{path}{expand}")).await;
    let subscription = &session["subscription"];
    assert_eq!(subscription["status"], "active");
    assert_eq!(subscription["metadata"]["plan"], "pro");
    let item = &subscription["items"]["data"][0];
    assert_eq!(item["current_period_start"], BEGIN);
    assert_eq!(item["current_period_end"], BEGIN + 31 * DAY);
    let invoice = &subscription["latest_invoice"];
    assert_eq!((&invoice["status"], &invoice["amount_paid"]), (&"paid".into(), &2000.into()));
    assert_eq!(invoice["parent"]["subscription_details"]["subscription"], subscription["id"]);
    let line = &invoice["lines"]["data"][0];
    assert_eq!(line["period"]["end"], BEGIN + 31 * DAY);
    assert_eq!(line["parent"]["subscription_item_details"]["subscription_item"], item["id"]);
    assert_eq!(session["line_items"]["data"][0]["description"], "Pro");
    assert_eq!(session["customer"]["email"], "buyer@example.com");

    let payment = &invoice["payments"]["data"][0]["payment"]["payment_intent"];
    let found = scene
        .get(&format!(
            "/v1/invoice_payments?payment[type]=payment_intent&payment[payment_intent]={}",
            payment.as_str().unwrap()
        ))
        .await;
    assert_eq!(found["data"][0]["invoice"], invoice["id"]);
    let again = scene.client.post(scene.url(&format!("/sandbox/checkout/{id}/complete")));
    scene.refused(again.json(&serde_json::json!({"outcome": "success"})), 400).await;
    scene.stop().await;
}

#[tokio::test]
async fn a_trial_starts_without_a_payment() {
    let scene = Scene::new().await;
    let session = scene.monthly_checkout("&subscription_data[trial_period_days]=14").await;
    assert_eq!(session["amount_total"], 0);
    let done = scene.complete(&session, "success").await;
    assert_eq!(done["payment_status"], "no_payment_required");
    assert!(done["payment_intent"].is_null());
    let path = format!("/v1/subscriptions/{}", done["subscription"].as_str().unwrap());
    let subscription = scene.get(&format!("{path}?expand[]=latest_invoice")).await;
    assert_eq!(subscription["status"], "trialing");
    assert_eq!(subscription["trial_end"], BEGIN + 14 * DAY);
    assert_eq!(subscription["items"]["data"][0]["current_period_end"], BEGIN + 14 * DAY);
    assert_eq!(subscription["latest_invoice"]["amount_paid"], 0);
    assert_eq!(subscription["latest_invoice"]["status"], "paid");
    scene.receiver.event("invoice.paid").await;
    scene.stop().await;
}

#[tokio::test]
async fn something_is_bought_once_and_given_back() {
    let scene = Scene::new().await;
    let session = scene
        .post("/v1/checkout/sessions", &format!("{ONCE}&payment_intent_data[metadata][org]=1"))
        .await;
    let done = scene.complete(&session, "success").await;
    assert_eq!(done["payment_status"], "paid");
    let intent = done["payment_intent"].as_str().unwrap();
    let found = scene.get(&format!("/v1/payment_intents/{intent}?expand[]=latest_charge")).await;
    assert_eq!((&found["status"], &found["amount_received"]), (&"succeeded".into(), &1500.into()));
    assert_eq!(found["metadata"]["org"], "1");
    let card = &found["latest_charge"]["payment_method_details"]["card"];
    assert_eq!((&card["last4"], &card["brand"]), (&"4242".into(), &"visa".into()));

    let part = scene.post("/v1/refunds", &format!("payment_intent={intent}&amount=600")).await;
    assert_eq!(part["status"], "succeeded");
    let refunded = scene.receiver.event("charge.refunded").await.event;
    assert_eq!(refunded["data"]["object"]["amount_refunded"], 600);
    assert_eq!(refunded["data"]["object"]["refunded"], false);
    let much = scene.post_raw("/v1/refunds", &format!("payment_intent={intent}&amount=901"));
    assert_eq!(scene.refused(much, 400).await["param"], "amount");
    let rest = scene.post("/v1/refunds", &format!("payment_intent={intent}")).await;
    assert_eq!(rest["amount"], 900);
    let over = scene.post_raw("/v1/refunds", &format!("payment_intent={intent}"));
    assert_eq!(scene.refused(over, 400).await["code"], "charge_already_refunded");
    let charge = scene.get(&format!("/v1/charges/{}", part["charge"].as_str().unwrap())).await;
    assert_eq!(charge["refunded"], true);
    scene.stop().await;
}

#[tokio::test]
async fn after_a_decline_the_same_session_can_be_paid() {
    let scene = Scene::new().await;
    let session = scene.monthly_checkout("").await;
    let declined = scene.complete(&session, "insufficient_funds").await;
    assert_eq!((&declined["result"], &declined["status"]), (&"declined".into(), &"open".into()));
    let failed = scene.receiver.event("payment_intent.payment_failed").await.event;
    let error = &failed["data"]["object"]["last_payment_error"];
    assert_eq!(error["code"], "card_declined");
    assert_eq!(error["decline_code"], "insufficient_funds");
    let done = scene.complete(&session, "success").await;
    assert_eq!(done["result"], "complete");
    assert_eq!(done["payment_intent"], declined["payment_intent"]);
    scene.stop().await;
}

#[tokio::test]
async fn a_payment_may_settle_later() {
    let scene = Scene::new().await;
    let first = scene.post("/v1/checkout/sessions", ONCE).await;
    let done = scene.complete(&first, "processing").await;
    assert_eq!((&done["status"], &done["payment_status"]), (&"complete".into(), &"unpaid".into()));
    let path = format!("/sandbox/payments/{}/settle", done["payment_intent"].as_str().unwrap());
    scene.tell(&path, serde_json::json!({"outcome": "succeeded"})).await;
    let settled = scene.receiver.event("checkout.session.async_payment_succeeded").await.event;
    assert_eq!(settled["data"]["object"]["payment_status"], "paid");

    let second = scene.monthly_checkout("").await;
    let done = scene.complete(&second, "processing").await;
    let subscription = format!("/v1/subscriptions/{}", done["subscription"].as_str().unwrap());
    assert_eq!(scene.get(&subscription).await["status"], "incomplete");
    let path = format!("/sandbox/payments/{}/settle", done["payment_intent"].as_str().unwrap());
    scene.tell(&path, serde_json::json!({"outcome": "failed"})).await;
    scene.receiver.event("checkout.session.async_payment_failed").await;
    scene.receiver.event("invoice.payment_failed").await;
    scene.move_to(DAY);
    assert_eq!(scene.get(&subscription).await["status"], "incomplete_expired");
    scene.stop().await;
}

#[tokio::test]
async fn an_unpaid_session_expires() {
    let scene = Scene::new().await;
    let session = scene.monthly_checkout("").await;
    let path = format!("/v1/checkout/sessions/{}", session["id"].as_str().unwrap());
    scene.move_to(DAY - 1);
    assert_eq!(scene.get(&path).await["status"], "open");
    scene.move_to(DAY);
    // Nobody asks: the sandbox looks at its clock by itself.
    let expired = scene.receiver.event("checkout.session.expired").await.event;
    assert_eq!(expired["data"]["object"]["url"], serde_json::Value::Null);
    assert_eq!(scene.get(&path).await["status"], "expired");

    let other = scene.monthly_checkout("").await;
    let path = format!("/v1/checkout/sessions/{}/expire", other["id"].as_str().unwrap());
    assert_eq!(scene.post(&path, "").await["status"], "expired");
    scene.refused(scene.post_raw(&path, ""), 400).await;
    scene.stop().await;
}
