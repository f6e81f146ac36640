//! Cards that are charged while nobody is there.

use serde_json::Value;

use crate::scene::Scene;

const PACK: &str = "mode=payment&success_url=https%3A%2F%2Fapp.example%2Fok\
     &line_items[0][price_data][currency]=usd\
     &line_items[0][price_data][unit_amount]=1500\
     &line_items[0][price_data][product_data][name]=Credits\
     &line_items[0][quantity]=1";

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

/// The form that charges a card.
fn charge(customer: &str, method: &str) -> String {
    format!(
        "amount=1500&currency=usd&customer={customer}&payment_method={method}&confirm=true\
         &off_session=true&description=Credits&metadata[checkout_id]=c1"
    )
}

async fn a_customer(scene: &Scene) -> String {
    id(&scene.post("/v1/customers", "email=ann%40example.com").await).to_owned()
}

/// A test card of Stripe, given to a customer.
async fn attached(scene: &Scene, customer: &str, card: &str) -> String {
    let path = format!("/v1/payment_methods/{card}/attach");
    id(&scene.post(&path, &format!("customer={customer}")).await).to_owned()
}

#[tokio::test]
async fn a_purchase_keeps_the_card_when_it_is_asked_to() {
    let scene = Scene::new().await;
    let customer = a_customer(&scene).await;
    let methods = format!("/v1/customers/{customer}/payment_methods");
    let buy = async |more: &str, outcome: &str| {
        let form = format!("{PACK}&customer={customer}{more}");
        let session = scene.post("/v1/checkout/sessions", &form).await;
        scene.complete(&session, outcome).await;
        scene.get(&methods).await["data"].as_array().unwrap().len()
    };
    let keeping = "&payment_intent_data[setup_future_usage]=off_session";
    assert_eq!(buy("", "success").await, 0);
    assert_eq!(buy(keeping, "insufficient_funds").await, 0);
    assert_eq!(buy(keeping, "success").await, 1);
    let found = scene.get(&methods).await;
    let card = found["data"][0].clone();

    let intent = scene.post("/v1/payment_intents", &charge(&customer, id(&card))).await;
    assert_eq!(
        (&intent["status"], &intent["amount_received"]),
        (&"succeeded".into(), &1500.into())
    );
    assert_eq!(intent["metadata"]["checkout_id"], "c1");
    assert_eq!(intent["payment_method"], card["id"]);
    let told = scene.receiver.event("charge.succeeded").await.event;
    assert_eq!(told["data"]["object"]["currency"], "usd");
    let list = scene.get(&format!("/v1/payment_intents?customer={customer}")).await;
    assert_eq!(list["data"][0]["id"], intent["id"]);
    scene.stop().await;
}

#[tokio::test]
async fn a_refused_card_is_an_error_with_the_intent_that_stays() {
    let scene = Scene::new().await;
    let customer = a_customer(&scene).await;
    for (card, code, decline) in [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_authenticationRequired", "authentication_required", "authentication_required"),
    ] {
        let method = attached(&scene, &customer, card).await;
        let form = charge(&customer, &method);
        let asked = || scene.post_raw("/v1/payment_intents", &form).header("idempotency-key", card);
        let error = scene.refused(asked(), 402).await;
        assert_eq!((&error["type"], &error["code"]), (&"card_error".into(), &code.into()));
        assert_eq!(error["decline_code"], decline);
        let intent = &error["payment_intent"];
        assert_eq!(intent["status"], "requires_payment_method", "{card}");
        assert_eq!(intent["last_payment_error"]["code"], code);
        assert_eq!(scene.refused(asked(), 402).await, error, "the same key, the same answer");
        let kept = scene.get(&format!("/v1/payment_intents/{}", id(intent))).await;
        assert_eq!(kept, *intent);
    }
    let told = scene.receiver.event("payment_intent.payment_failed").await.event;
    assert_eq!(told["data"]["object"]["metadata"]["checkout_id"], "c1");
    let list = scene.get(&format!("/v1/payment_intents?customer={customer}")).await;
    assert_eq!(list["data"].as_array().unwrap().len(), 7);
    scene.stop().await;
}

#[tokio::test]
async fn a_customers_next_payments_can_be_told() {
    let scene = Scene::new().await;
    let customer = a_customer(&scene).await;
    let method = attached(&scene, &customer, "pm_card_visa").await;
    let switch = format!("/sandbox/customers/{customer}");
    scene.tell(&switch, serde_json::json!({ "payments": "authentication_required" })).await;
    let asked = scene.post_raw("/v1/payment_intents", &charge(&customer, &method));
    assert_eq!(scene.refused(asked, 402).await["code"], "authentication_required");
    scene.tell(&switch, serde_json::json!({ "payments": "succeed" })).await;
    let paid = scene.post("/v1/payment_intents", &charge(&customer, &method)).await;
    assert_eq!(paid["status"], "succeeded");
    scene.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_charges_nobody() {
    let scene = Scene::new().await;
    let (ann, bob) = (a_customer(&scene).await, a_customer(&scene).await);
    let method = attached(&scene, &ann, "pm_card_visa").await;
    let good = charge(&ann, &method);
    for (wrong, param) in [
        (charge(&bob, &method), "payment_method"),
        (charge(&ann, "pm_nobody"), "payment_method"),
        (charge("cus_nobody", &method), "customer"),
        (good.replace("amount=1500", "amount=0"), "amount"),
        (good.replace("currency=usd", "currency=dollars"), "currency"),
        (good.replace("&confirm=true", ""), "confirm"),
        (good.replace("off_session=true", "off_session=false"), "off_session"),
        (format!("{good}&payment_method_types[0]=card"), "payment_method_types[0]"),
    ] {
        let error = scene.refused(scene.post_raw("/v1/payment_intents", &wrong), 400).await;
        assert_eq!(error["param"], param, "{wrong}: {error}");
    }
    let unknown = scene.post_raw("/v1/payment_methods/pm_x/attach", &format!("customer={ann}"));
    scene.refused(unknown, 404).await;
    assert_eq!(scene.get("/v1/payment_intents").await["data"], serde_json::json!([]));
    scene.stop().await;
}
