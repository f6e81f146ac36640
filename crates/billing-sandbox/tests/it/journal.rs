//! What a sandbox knows outlives it.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::scene::{BEGIN, DAY, Scene};

/// An empty folder of this name for one test.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[tokio::test]
async fn state_survives_a_kill_in_the_middle_of_a_line() {
    let folder = folder("killed");
    let journal = folder.join("journal");
    let scene = Scene::with_journal(Some(&journal), BEGIN).await;
    let ask = scene.post_raw("/v1/customers", "name=Ann").header("idempotency-key", "k1");
    let ann: serde_json::Value = ask.send().await.unwrap().json().await.unwrap();
    let session = scene.monthly_checkout("&customer_email=a%40b.example").await;
    let done = scene.complete(&session, "success").await;

    // A copy taken while it runs is what a kill leaves, here with half a line behind it.
    let copy = folder.join("copy");
    std::fs::copy(&journal, &copy).unwrap();
    let whole = std::fs::metadata(&copy).unwrap().len();
    let mut file = std::fs::OpenOptions::new().append(true).open(&copy).unwrap();
    file.write_all(b"[{\"put\":{\"seq\":99,\"obj").unwrap();
    let second = Scene::with_journal(Some(&copy), BEGIN + DAY / 2).await;
    assert_eq!(second.get("/v1/customers").await, scene.get("/v1/customers").await);
    let path = format!("/v1/subscriptions/{}", done["subscription"].as_str().unwrap());
    assert_eq!(second.get(&path).await, scene.get(&path).await);
    let replayed = second.post_raw("/v1/customers", "name=Ann").header("idempotency-key", "k1");
    let replayed = replayed.send().await.unwrap();
    assert_eq!(replayed.headers()["idempotent-replayed"], "true");
    assert_eq!(replayed.json::<serde_json::Value>().await.unwrap(), ann);
    assert!(std::fs::metadata(&copy).unwrap().len() < 2 * whole);
    second.stop().await;

    // It stays readable, and the time that has passed meanwhile is caught up.
    let third = Scene::with_journal(Some(&copy), BEGIN + 32 * DAY).await;
    let invoices = third.get("/v1/invoices").await;
    assert_eq!(invoices["data"].as_array().unwrap().len(), 2);
    third.stop().await;
    scene.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn one_journal_serves_one_sandbox() {
    let folder = folder("shared");
    let journal = folder.join("journal");
    let scene = Scene::with_journal(Some(&journal), BEGIN).await;
    let clock = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(BEGIN));
    let config = crate::scene::config("http://127.0.0.1:1/hook", Some(&journal), &clock);
    let Err(error) = billing_sandbox::start(config).await else { panic!("it started") };
    assert!(format!("{error:#}").contains("another sandbox"), "{error:#}");
    scene.stop().await;

    std::fs::write(&journal, "[]\nnonsense\n[]\n").unwrap();
    let config = crate::scene::config("http://127.0.0.1:1/hook", Some(&journal), &clock);
    let Err(error) = billing_sandbox::start(config).await else { panic!("it started") };
    assert!(format!("{error:#}").contains("damaged after byte 3"), "{error:#}");
    std::fs::remove_dir_all(folder).unwrap();
}
