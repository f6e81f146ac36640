//! The API as a strict gateway: keys, parameters, errors, pages of lists.

use serde_json::Value;

use crate::scene::{BEGIN, KEY, Scene};

#[tokio::test]
async fn a_wrong_key_version_or_path_is_refused_as_stripe_does() {
    let scene = Scene::new().await;
    let url = scene.url("/v1/customers");
    let bare = scene.refused(scene.client.get(&url), 401).await;
    assert_eq!(bare["type"], "invalid_request_error");
    let wrong = scene.refused(scene.client.get(&url).bearer_auth("sk_test_other_key"), 401).await;
    assert_eq!(wrong["message"], "Invalid API Key provided: sk_te********_key");
    scene.refused(scene.client.get(&url).bearer_auth("sk_live_1"), 401).await;
    let basic = scene.client.get(&url).basic_auth(KEY, None::<&str>).send().await.unwrap();
    assert_eq!(basic.status(), 200);
    let request_id = basic.headers()["request-id"].to_str().unwrap();
    assert!(request_id.starts_with("req_"), "{request_id}");
    assert_eq!(basic.headers()["stripe-version"], "2026-10-28.endive");

    let old = scene.get_raw("/v1/customers").header("stripe-version", "2023-08-16");
    assert!(scene.refused(old, 400).await["message"].as_str().unwrap().contains("version"));
    let unknown = scene.refused(scene.get_raw("/v1/unicorns"), 404).await;
    let message = unknown["message"].as_str().unwrap();
    assert!(message.starts_with("Unrecognized request URL (GET: /v1/unicorns)"), "{message}");
    scene.refused(scene.get_raw("/nowhere"), 404).await;
    scene.stop().await;
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let scene = Scene::new().await;
    let cases = [
        ("/v1/customers", "emial=a%40b.co", "emial", "parameter_unknown"),
        ("/v1/customers", "email=nobody", "email", "email_invalid"),
        ("/v1/products", "", "name", "parameter_missing"),
        (
            "/v1/prices",
            "currency=usd&product=prod_none&unit_amount=1",
            "product",
            "resource_missing",
        ),
        (
            "/v1/checkout/sessions",
            "mode=payment&success_url=https://a.b/&line_items[0][price_data][currency]=usd\
             &line_items[0][price_data][product_data][name]=x\
             &line_items[0][price_data][unit_amount]=1.5&line_items[0][quantity]=1",
            "line_items[0][price_data][unit_amount]",
            "parameter_invalid_integer",
        ),
        (
            "/v1/checkout/sessions",
            "mode=payment&success_url=here&line_items[0][price_data][currency]=usd\
             &line_items[0][price_data][product_data][name]=x\
             &line_items[0][price_data][unit_amount]=15&line_items[0][quantity]=1",
            "success_url",
            "url_invalid",
        ),
        (
            "/v1/checkout/sessions",
            "mode=payment&success_url=https://a.b/",
            "line_items",
            "parameter_missing",
        ),
    ];
    for (path, form, param, code) in cases {
        let error = scene.refused(scene.post_raw(path, form), 400).await;
        assert_eq!((&error["param"], &error["code"]), (&param.into(), &code.into()), "{error}");
    }
    let missing = scene.refused(scene.get_raw("/v1/customers/cus_none"), 404).await;
    assert_eq!(missing["code"], "resource_missing");
    assert_eq!(missing["message"], "No such customer: 'cus_none'");
    assert_eq!(scene.get("/v1/products").await["data"], serde_json::json!([]), "undone");
    scene.stop().await;
}

#[tokio::test]
async fn nonsense_is_refused_and_harms_nothing() {
    let scene = Scene::new().await;
    for body in ["a[b=1", "=", "a=%zz", "metadata[a][b]=c", "line_items=1", "a[]=1&a[b]=2"] {
        for path in ["/v1/customers", "/v1/checkout/sessions", "/v1/refunds"] {
            scene.refused(scene.post_raw(path, body), 400).await;
        }
    }
    let json = scene.client.post(scene.url("/v1/customers")).bearer_auth(KEY).json(&1);
    scene.refused(json, 400).await;
    let huge = scene.post_raw("/v1/customers", &format!("name={}", "x".repeat(1 << 20)));
    scene.refused(huge, 413).await;
    let told = scene.client.post(scene.url("/sandbox/checkout/cs_x/complete"));
    scene.refused(told.try_clone().unwrap().body("{"), 400).await;
    scene.refused(told.body("{\"outcome\":\"success\"}"), 404).await;
    scene.stop().await;
}

#[tokio::test]
async fn lists_are_paged_from_the_newest() {
    let scene = Scene::new().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        scene.move_to(number);
        let customer =
            scene.post("/v1/customers", &format!("name=N{number}&metadata[n]={number}")).await;
        ids.insert(0, customer["id"].as_str().unwrap().to_owned());
    }
    let found = |page: &Value| -> Vec<String> {
        let data = page["data"].as_array().unwrap().iter();
        data.map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    let first = scene.get("/v1/customers?limit=2").await;
    assert_eq!((found(&first), &first["has_more"]), (ids[..2].to_vec(), &true.into()));
    let next = scene.get(&format!("/v1/customers?limit=2&starting_after={}", ids[1])).await;
    assert_eq!((found(&next), &next["has_more"]), (ids[2..4].to_vec(), &true.into()));
    let last = scene.get(&format!("/v1/customers?limit=2&starting_after={}", ids[3])).await;
    assert_eq!((found(&last), &last["has_more"]), (ids[4..].to_vec(), &false.into()));
    let back = scene.get(&format!("/v1/customers?limit=2&ending_before={}", ids[3])).await;
    assert_eq!((found(&back), &back["has_more"]), (ids[1..3].to_vec(), &true.into()));
    let late = scene.get(&format!("/v1/customers?created[gte]={}", BEGIN + 3)).await;
    assert_eq!(found(&late), ids[..2]);
    let few = scene.get_raw("/v1/customers?limit=101");
    scene.refused(few, 400).await;
    scene.stop().await;
}

#[tokio::test]
async fn a_deleted_customer_is_gone() {
    let scene = Scene::new().await;
    let session = scene.monthly_checkout("&customer_email=a%40b.example").await;
    let done = scene.complete(&session, "success").await;
    let path = format!("/v1/customers/{}", done["customer"].as_str().unwrap());
    let updated = scene.post(&path, "name=Ann&metadata[org]=1").await;
    assert_eq!((&updated["name"], &updated["email"]), (&"Ann".into(), &"a@b.example".into()));
    let changed = scene.receiver.event("customer.updated").await.event;
    assert_eq!(changed["data"]["previous_attributes"]["name"], Value::Null);

    assert_eq!(scene.delete(&path).await["deleted"], true);
    assert_eq!(scene.get(&path).await["deleted"], true);
    scene.refused(scene.post_raw(&path, "name=Bob"), 404).await;
    scene.receiver.event("customer.deleted").await;
    scene.receiver.event("customer.subscription.deleted").await;
    scene.stop().await;
}
