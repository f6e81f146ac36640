//! The same key gives the same answer, and never does a thing twice.

use std::collections::BTreeSet;

use crate::scene::{DAY, Scene};

#[tokio::test]
async fn a_repeated_key_replays_its_answer() {
    let scene = Scene::new().await;
    let ask = |form: &'static str| {
        scene.post_raw("/v1/customers", form).header("idempotency-key", "k1").send()
    };
    let first = ask("name=Ann&email=a%40b.co").await.unwrap();
    assert!(first.headers().get("idempotent-replayed").is_none());
    let first_request = first.headers()["request-id"].clone();
    let first: serde_json::Value = first.json().await.unwrap();

    // The order of parameters makes no difference.
    let second = ask("email=a%40b.co&name=Ann").await.unwrap();
    assert_eq!(second.headers()["idempotent-replayed"], "true");
    assert_eq!(second.headers()["idempotency-key"], "k1");
    assert_eq!(second.headers()["original-request"], first_request);
    assert_eq!(second.json::<serde_json::Value>().await.unwrap(), first);

    let other = scene.post_raw("/v1/customers", "name=Bob").header("idempotency-key", "k1");
    assert_eq!(scene.refused(other, 400).await["type"], "idempotency_error");
    let created = scene.receiver.event("customer.created").await.event;
    assert_eq!(created["request"]["idempotency_key"], "k1");

    scene.move_to(DAY);
    assert_eq!(
        ask("name=Ann&email=a%40b.co").await.unwrap().headers()["idempotent-replayed"],
        "true"
    );
    scene.move_to(3 * DAY);
    assert!(
        ask("name=Ann&email=a%40b.co")
            .await
            .unwrap()
            .headers()
            .get("idempotent-replayed")
            .is_none()
    );
    scene.stop().await;
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let scene = Scene::new().await;
    let wrong = scene.post_raw("/v1/customers", "nmae=Ann").header("idempotency-key", "k1");
    scene.refused(wrong, 400).await;
    let right = scene.post_raw("/v1/customers", "name=Ann").header("idempotency-key", "k1");
    assert_eq!(right.send().await.unwrap().status(), 200);
    let long = scene.post_raw("/v1/customers", "").header("idempotency-key", "k".repeat(256));
    assert_eq!(scene.refused(long, 400).await["type"], "idempotency_error");
    scene.stop().await;
}

#[tokio::test]
async fn a_key_in_use_is_a_conflict_and_never_a_second_object() {
    let folder = crate::journal::folder("conflict");
    let scene = Scene::with_journal(Some(&folder.join("journal")), crate::scene::BEGIN).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..24 {
        let request = scene.post_raw("/v1/customers", "name=Ann").header("idempotency-key", "k1");
        tasks.spawn(async move {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
        });
    }
    let mut ids = BTreeSet::new();
    for (status, body) in tasks.join_all().await {
        match status {
            200 => {
                ids.insert(body["id"].as_str().unwrap().to_owned());
            }
            409 => assert_eq!(body["error"]["code"], "idempotency_key_in_use"),
            other => panic!("{other}: {body}"),
        }
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(scene.get("/v1/customers").await["data"].as_array().unwrap().len(), 1);
    scene.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}
