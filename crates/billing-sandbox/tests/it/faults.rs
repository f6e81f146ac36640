//! What goes wrong on purpose.

use serde_json::{Value, json};

use crate::scene::Scene;

async fn tell(scene: &Scene, faults: Value) -> Value {
    let told = scene.client.post(scene.url("/sandbox/faults")).json(&json!({ "faults": faults }));
    told.send().await.unwrap().json().await.unwrap()
}

async fn customers(scene: &Scene) -> usize {
    scene.get("/v1/customers").await["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn calls_fail_before_and_after_their_effect() {
    let scene = Scene::new().await;
    for (fault, status) in [("error", 500), ("rate_limit", 429)] {
        tell(&scene, json!({ fault: { "times": 1 } })).await;
        let refused = scene.post_raw("/v1/customers", "name=Ann").send().await.unwrap();
        assert_eq!(refused.status(), status, "{fault}");
        let body: Value = refused.json().await.unwrap();
        assert!(body["error"]["message"].as_str().unwrap().contains(fault));
    }
    assert_eq!(customers(&scene).await, 0, "nothing was done");

    tell(&scene, json!({ "timeout": { "times": 1, "millis": 1 } })).await;
    let create = || scene.post_raw("/v1/customers", "name=Ann").header("idempotency-key", "ann");
    let cut = async { create().send().await?.bytes().await }.await;
    assert!(cut.is_err(), "the answer is cut off");
    assert_eq!(customers(&scene).await, 1, "and yet it is done");
    tell(&scene, json!({ "slow_drip": { "times": 1, "millis": 20 } })).await;
    let again = create().send().await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    let whole: Value = again.json().await.unwrap();
    assert_eq!(whole["name"], "Ann", "all of it comes in the end");
    assert_eq!(customers(&scene).await, 1);

    tell(&scene, json!({ "outage": { "times": 1, "millis": 600_000 } })).await;
    for _ in 0..2 {
        assert_eq!(scene.get_raw("/v1/customers").send().await.unwrap().status(), 503);
    }
    let cleared = scene.client.delete(scene.url("/sandbox/faults")).send().await.unwrap();
    let cleared: Value = cleared.json().await.unwrap();
    assert_eq!(cleared["faults"], json!({}));
    assert_eq!(cleared["happened"]["timeout"], 1);
    assert_eq!(customers(&scene).await, 1);
    scene.stop().await;
}

#[tokio::test]
async fn webhooks_are_lost_doubled_mixed_up_and_missigned() {
    let scene = Scene::new().await;
    let make = async |name: &str| {
        scene.post("/v1/customers", &format!("name={name}")).await;
    };
    let names = |count: usize| {
        let of = move |all: &[crate::receiver::Received]| {
            let name = |it: &crate::receiver::Received| {
                it.event["data"]["object"]["name"].as_str().unwrap().to_owned()
            };
            (all.len() >= count).then(|| all.iter().map(name).collect::<Vec<_>>())
        };
        scene.receiver.until(of, "names")
    };
    tell(&scene, json!({ "drop": { "times": 1 } })).await;
    make("Lost").await;
    make("Ann").await;
    assert_eq!(names(1).await, ["Ann"]);
    tell(&scene, json!({ "duplicate": { "times": 1 } })).await;
    make("Twin").await;
    assert_eq!(names(3).await, ["Ann", "Twin", "Twin"]);
    tell(&scene, json!({ "reorder": { "times": 1 } })).await;
    make("Late").await;
    make("Early").await;
    assert_eq!(names(5).await[3..], ["Early", "Late"]);
    tell(&scene, json!({ "missign": { "times": 1 } })).await;
    make("Forged").await;
    make("Signed").await;
    names(7).await;
    let all = scene.receiver.all();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, crate::scene::SECRET.as_bytes());
    let good: Vec<bool> = all[5..7]
        .iter()
        .map(|it| {
            let text = format!("{}.{}", crate::scene::WALL, it.body);
            let signed = ring::hmac::sign(&key, text.as_bytes());
            let hex: String = signed.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            it.signature.ends_with(&hex)
        })
        .collect();
    assert_eq!(good, [false, true]);

    // What was lost can be sent again by hand.
    let state: Value = scene.get("/sandbox/state").await;
    let events = state["objects"]["event"].as_array().unwrap();
    let lost = events.iter().find(|it| it["data"]["object"]["name"] == "Lost").unwrap();
    let path = format!("/sandbox/events/{}/resend", lost["id"].as_str().unwrap());
    scene.client.post(scene.url(&path)).send().await.unwrap();
    assert_eq!(names(8).await[7], "Lost");
    scene.stop().await;
}

#[tokio::test]
async fn the_page_sets_and_clears_faults_and_nonsense_is_refused() {
    let scene = Scene::new().await;
    let form = |path: &str, form: &str| {
        let request = scene.client.post(scene.url(path)).body(form.to_owned());
        request.header("content-type", "application/x-www-form-urlencoded").send()
    };
    let set = form("/sandbox/faults/form", "fault=drop&per_mille=300&times=").await.unwrap();
    assert_eq!(set.status(), 303);
    let page = scene.client.get(scene.url("/")).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("<code>drop</code> in 300 of 1000"), "{page}");
    assert_eq!(form("/sandbox/faults/form/clear", "").await.unwrap().status(), 303);
    let faults: Value = scene.get("/sandbox/faults").await;
    assert_eq!(faults["faults"], json!({}));
    for nonsense in [json!({ "drop": { "per_mille": 0 } }), json!({ "explode": {} })] {
        assert!(tell(&scene, nonsense).await["error"].is_string());
    }
    let foreign = scene.client.post(scene.url("/sandbox/faults")).header("origin", "http://evil");
    assert_eq!(foreign.body("{}").send().await.unwrap().status(), 403);
    scene.stop().await;
}
