//! Events reach their target, signed, however long it was away.

use ring::hmac;

use crate::{
    receiver::Receiver,
    scene::{BEGIN, SECRET, Scene, WALL},
};

#[tokio::test]
async fn an_event_is_signed_over_the_body_that_was_sent() {
    let scene = Scene::new().await;
    scene.post("/v1/customers", "name=Ann").await;
    let received = scene.receiver.event("customer.created").await;
    let hex = received.signature.strip_prefix(&format!("t={WALL},v1=")).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signed = hmac::sign(&key, format!("{WALL}.{}", received.body).as_bytes());
    let expected: String = signed.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected);
    let event = &received.event;
    assert_eq!(event["api_version"], "2026-10-28.endive");
    assert_eq!((&event["object"], &event["livemode"]), (&"event".into(), &false.into()));
    assert_eq!(event["created"], BEGIN);
    assert!(event["request"]["id"].as_str().unwrap().starts_with("req_"));
    scene.stop().await;
}

#[tokio::test]
async fn events_wait_for_a_target_that_is_down() {
    let folder = crate::journal::folder("down");
    let journal = folder.join("journal");
    let scene = Scene::with_journal(Some(&journal), BEGIN).await;
    let port = scene.receiver.port();
    let Scene { sandbox, receiver, client, .. } = scene;
    receiver.stop().await;
    let url = format!("{}/v1/customers", sandbox.url());
    for _ in 0..3 {
        let made = client.post(&url).bearer_auth(crate::scene::KEY).send().await.unwrap();
        assert_eq!(made.status(), 200);
    }
    // The target comes back on its old port, and gets all three, in order.
    let receiver = Receiver::start(port).await;
    assert_eq!(receiver.types(3).await, ["customer.created"; 3]);
    let ids: Vec<_> =
        receiver.all().iter().map(|it| it.event["data"]["object"]["id"].clone()).collect();
    let list: serde_json::Value =
        client.get(&url).bearer_auth(crate::scene::KEY).send().await.unwrap().json().await.unwrap();
    let made = list["data"].as_array().unwrap().iter().rev().map(|it| it["id"].clone());
    assert_eq!(ids, made.collect::<Vec<_>>());
    sandbox.stop().await;
    receiver.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn an_event_that_is_not_taken_holds_up_no_other_and_outlives_a_restart() {
    let folder = crate::journal::folder("refusing");
    let journal = folder.join("journal");
    let scene = Scene::with_journal(Some(&journal), BEGIN).await;
    scene.receiver.answer(500);
    scene.post("/v1/customers", "name=Ann").await;
    scene.post("/v1/customers", "name=Bob").await;
    // Both are tried before the first has its second turn.
    let tried = scene.receiver.types(2).await;
    assert_eq!(tried, ["customer.created", "customer.created"]);
    let all = scene.receiver.all();
    assert_ne!(all[0].event["id"], all[1].event["id"]);
    let first = all[0].event["id"].clone();
    scene.stop().await;

    let again = Scene::with_journal(Some(&journal), BEGIN).await;
    assert_eq!(again.receiver.types(2).await.len(), 2);
    assert_eq!(again.receiver.all()[0].event["id"], first);
    let path = format!("/sandbox/events/{}", first.as_str().unwrap());
    // The answer is written down a moment after it was given.
    let pending = async {
        loop {
            let event = again.get(&format!("/v1/events/{}", first.as_str().unwrap())).await;
            if event["pending_webhooks"] == 0 {
                return;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), pending).await.unwrap();
    let deliveries = again.get(&format!("{path}/deliveries")).await;
    assert_eq!(deliveries["state"], "delivered");
    assert_eq!(deliveries["attempts"].as_array().unwrap().last().unwrap()["status"], 200);
    again.tell(&format!("{path}/resend"), serde_json::json!({})).await;
    again.receiver.types(3).await;
    assert_eq!(again.receiver.all()[2].event["id"], first);
    again.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn events_are_listed_by_type_and_time() {
    let scene = Scene::new().await;
    scene.post("/v1/customers", "name=Ann").await;
    scene.move_to(10);
    scene.post("/v1/products", "name=Pro").await;
    scene.post("/v1/customers", "name=Bob").await;
    let count = |list: serde_json::Value| list["data"].as_array().unwrap().len();
    assert_eq!(count(scene.get("/v1/events?type=customer.created").await), 2);
    let late = format!(
        "/v1/events?types[0]=customer.*&types[1]=product.created&created[gte]={}",
        BEGIN + 10
    );
    let late = scene.get(&late).await;
    assert_eq!(late["data"][0]["type"], "customer.created");
    assert_eq!(count(late), 2);
    scene.stop().await;
}
