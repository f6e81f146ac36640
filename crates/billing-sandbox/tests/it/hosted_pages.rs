//! The pages a person meets, as a browser without script meets them.

use serde_json::Value;

use crate::scene::{DAY, Scene};

/// A page's text; its policy must allow no script.
async fn page(scene: &Scene, path: &str) -> String {
    let answer = scene.client.get(scene.url(path)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let policy = answer.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!policy.contains("script-src") && !policy.contains("unsafe"), "{policy}");
    answer.text().await.unwrap()
}

/// Where a form sends the browser.
async fn submit(scene: &Scene, path: &str, form: &str) -> String {
    let answer = scene.post_raw(path, form).header("sec-fetch-site", "same-origin").send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 303);
    answer.headers()["location"].to_str().unwrap().to_owned()
}

fn path_of(scene: &Scene, url: &Value) -> String {
    url.as_str().unwrap().strip_prefix(&scene.sandbox.url()).unwrap().to_owned()
}

#[tokio::test]
async fn a_buyer_is_declined_challenged_and_then_pays() {
    let scene = Scene::new().await;
    let session = scene.monthly_checkout("&customer_email=ann%40noor.example").await;
    let path = path_of(&scene, &session["url"]);
    let open = page(&scene, &path).await;
    for text in [
        "Pagewell",
        "Subscribe to Pro",
        "$20.00",
        "ann@noor.example",
        "insufficient_funds",
        "no real card number",
    ] {
        assert!(open.contains(text), "{text}");
    }
    assert!(!open.contains("<script") && !open.contains("style="));
    assert!(!open.to_lowercase().contains("cardnumber") && !open.contains("cc-number"));

    let form = |outcome: &str| format!("outcome={outcome}&email=ann%40noor.example");
    let missing = submit(&scene, &path, "outcome=success&email=nobody").await;
    assert_eq!(missing, path);
    assert!(page(&scene, &path).await.contains("Enter an email address"));
    assert_eq!(submit(&scene, &path, &form("expired_card")).await, path);
    assert!(page(&scene, &path).await.contains("Your card has expired."));

    let challenge = submit(&scene, &path, &form("requires_action")).await;
    assert_eq!(challenge, format!("{path}/challenge"));
    scene.receiver.event("payment_intent.requires_action").await;
    assert!(page(&scene, &challenge).await.contains("Approve"));
    assert_eq!(submit(&scene, &challenge, "answer=fail").await, path);
    assert!(page(&scene, &path).await.contains("unable to authenticate"));
    submit(&scene, &path, &form("requires_action")).await;
    let place = submit(&scene, &challenge, "answer=approve").await;
    assert_eq!(place, format!("https://app.example/ok?s={}", session["id"].as_str().unwrap()));
    assert!(page(&scene, &path).await.contains("This checkout is complete"));
    assert_eq!(submit(&scene, &path, &form("success")).await, path);
    let completed = scene.receiver.event("checkout.session.completed").await.event;
    assert_eq!(completed["data"]["object"]["customer_details"]["email"], "ann@noor.example");
    scene.stop().await;
}

#[tokio::test]
async fn a_trial_page_says_what_follows_and_an_expired_one_leads_back() {
    let scene = Scene::new().await;
    let session = scene.monthly_checkout("&subscription_data[trial_period_days]=14").await;
    let path = path_of(&scene, &session["url"]);
    let open = page(&scene, &path).await;
    assert!(open.contains("$0.00") && open.contains("$20.00 every month from 29 Jan 2027"));
    scene.move_to(DAY);
    let gone = page(&scene, &path).await;
    assert!(gone.contains("This checkout has expired") && gone.contains("https://app.example/no"));
    assert_eq!(scene.client.get(scene.url("/c/pay/cs_none")).send().await.unwrap().status(), 404);
    scene.stop().await;
}

#[tokio::test]
async fn a_page_of_another_origin_cannot_pay() {
    let scene = Scene::new().await;
    let session = scene.monthly_checkout("").await;
    let path = path_of(&scene, &session["url"]);
    let form = "outcome=success&email=a%40b.example";
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let answer = scene.post_raw(&path, form).header(name, value).send().await.unwrap();
        assert_eq!(answer.status(), 403);
        let told = scene.client.post(scene.url("/sandbox/customers/cus_1")).header(name, value);
        assert_eq!(told.body("{}").send().await.unwrap().status(), 403);
    }
    scene.stop().await;
}

#[tokio::test]
async fn a_customer_cancels_and_keeps_on_the_portal() {
    let scene = Scene::new().await;
    let session = scene.monthly_checkout("").await;
    let done = scene.complete(&session, "success").await;
    let customer = done["customer"].as_str().unwrap();
    let form = format!("customer={customer}&return_url=https%3A%2F%2Fapp.example%2Fbilling");
    let portal = scene.post("/v1/billing_portal/sessions", &form).await;
    let path = path_of(&scene, &portal["url"]);
    let shown = page(&scene, &path).await;
    for text in
        ["Renews on 15 Feb 2027", "https://app.example/billing", "-0001", "Return to Pagewell"]
    {
        assert!(shown.contains(text), "{text}");
    }
    let subscription = done["subscription"].as_str().unwrap();
    let form = format!("{path}/subscriptions/{subscription}");
    assert_eq!(submit(&scene, &form, "action=cancel_at_period_end").await, path);
    assert!(page(&scene, &path).await.contains("Ends on 15 Feb 2027"));
    submit(&scene, &form, "action=keep").await;
    let kept = scene.get(&format!("/v1/subscriptions/{subscription}")).await;
    assert_eq!(kept["cancel_at_period_end"], false);
    submit(&scene, &form, "action=cancel_now").await;
    scene.receiver.event("customer.subscription.deleted").await;
    assert!(page(&scene, &path).await.contains("Ended on 15 Jan 2027"));

    let invoice = scene.get(&format!("/v1/invoices/{}", done["invoice"].as_str().unwrap())).await;
    let shown = page(&scene, &path_of(&scene, &invoice["hosted_invoice_url"])).await;
    assert!(shown.contains("1 × Pro (at $20.00 / month)"));
    scene.move_to(DAY);
    assert!(page(&scene, &path).await.contains("This link has expired"));
    scene.stop().await;
}

#[tokio::test]
async fn the_index_lists_what_is_there() {
    let scene = Scene::new().await;
    let session = scene.monthly_checkout("").await;
    scene.complete(&session, "success").await;
    scene.receiver.event("checkout.session.completed").await;
    let index = page(&scene, "/").await;
    assert!(index.contains(session["id"].as_str().unwrap()) && index.contains("invoice.paid"));
    let state = scene.get("/sandbox/state").await;
    assert_eq!(state["objects"]["subscription"].as_array().unwrap().len(), 1);
    assert_eq!(
        scene.client.get(scene.url("/assets/sandbox.css")).send().await.unwrap().status(),
        200
    );
    scene.stop().await;
}
