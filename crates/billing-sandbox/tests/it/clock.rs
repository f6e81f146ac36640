//! The time of billing, told from outside.

use serde_json::{Value, json};

use crate::scene::{BEGIN, DAY, Scene};

async fn stands(scene: &Scene) -> Value {
    scene.get("/sandbox/clock").await
}

#[tokio::test]
async fn what_is_due_up_to_an_instant_is_done_and_told_before_the_answer() {
    let scene = Scene::new().await;
    let session = scene.monthly_checkout("").await;
    let done = scene.complete(&session, "success").await;
    let before = scene.tell("/sandbox/clock", json!({ "to": BEGIN })).await;
    assert_eq!(before, json!({ "now": BEGIN, "next_due_at": BEGIN + 31 * DAY, "undelivered": 0 }));

    let moved = scene.tell("/sandbox/clock", json!({ "to": BEGIN + 31 * DAY })).await;
    assert_eq!(
        moved,
        json!({
            "now": BEGIN + 31 * DAY, "next_due_at": BEGIN + 59 * DAY, "undelivered": 0,
        })
    );
    let path = format!("/v1/subscriptions/{}", done["subscription"].as_str().unwrap());
    let subscription = scene.get(&path).await;
    assert_eq!(subscription["items"]["data"][0]["current_period_end"], BEGIN + 59 * DAY);
    scene.stop().await;
}

#[tokio::test]
async fn it_does_not_go_back_and_follows_its_clock_again() {
    let scene = Scene::new().await;
    scene.tell("/sandbox/clock", json!({ "to": BEGIN + DAY })).await;
    let moved = scene.tell("/sandbox/clock", json!({ "to": BEGIN })).await;
    assert_eq!(moved["now"], BEGIN + DAY);
    scene.move_to(3600);
    assert_eq!(stands(&scene).await["now"], BEGIN + DAY, "its clock is behind");
    scene.move_to(2 * DAY);
    assert_eq!(stands(&scene).await["now"], BEGIN + 2 * DAY, "its clock has overtaken");
    scene.stop().await;
}

#[tokio::test]
async fn what_is_no_instant_is_refused() {
    let scene = Scene::new().await;
    for told in [json!({}), json!({ "to": "tomorrow" }), json!({ "to": i64::MAX })] {
        let asked = scene.client.post(scene.url("/sandbox/clock")).json(&told);
        assert_eq!(asked.send().await.unwrap().status(), 400, "{told}");
    }
    let foreign = scene.client.post(scene.url("/sandbox/clock"));
    let foreign = foreign.header("origin", "https://elsewhere.example").json(&json!({ "to": 1 }));
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    scene.stop().await;
}
