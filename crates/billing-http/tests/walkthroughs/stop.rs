//! SIGTERM under load.

use std::time::Instant;

use serde_json::json;

use crate::{
    api::until, folder::Folder, invariants, load::Load, output::tell, postgres::working_in,
    process::Setup, scratch::Scratch, sql::Sql,
};

const CLIENTS: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_is_told_before_the_door_closes() {
    let (folder, scratch) = (Folder::new("notice"), Scratch::new().await);
    let setup = Setup::on(&scratch, folder.path()).with("BILLING_STOP_NOTICE_SECONDS", "3");
    let mut server = setup.start().await;
    server.terminate();
    let told = async || {
        let ready = server.api.get("/health/ready").await;
        (ready.status == 503).then_some(ready)
    };
    let unready = until("not ready any more", told).await;
    assert_eq!(unready.body.pointer("/checks/draining"), Some(&json!(true)), "{unready:?}");
    let organization = server.organization.clone();
    let path = format!("/api/billing/credits/{organization}");
    assert_eq!(server.api.get(&path).await.status, 200, "it serves as before");
    assert!(server.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_stop_finishes_what_it_began() {
    let folder = Folder::new("stop");
    let setup = Setup::embedded(folder.path());
    let data = folder.path().join("postgres/data");
    let mut server = setup.start().await;
    tell(&format!("ready {:?} after the first start, on an embedded database", server.took));
    let load = Load::new(&server.api).await;
    let working = load.begin(&server.api, CLIENTS, "first");
    load.more(100).await;

    let begun = Instant::now();
    server.terminate();
    let status = server.ended().await;
    let took = begun.elapsed();
    assert!(status.success(), "{status}: {}", server.log());
    working.join_all().await;
    assert_eq!(load.unavailable(), 0, "what it accepts, it does");
    assert_eq!(working_in(&data), [], "PostgreSQL outlives the server");
    tell(&format!(
        "stopped under load in {took:?}: {} answered, {} cut off",
        load.done(),
        load.cut()
    ));

    let server = setup.start().await;
    tell(&format!("ready {:?} after the second start", server.took));
    let sql = Sql::embedded(&data);
    assert_eq!(load.rows(&sql), load.requests(), "what it did before it stopped, it told");
    load.settle(&server.api).await;
    load.is_in_the_ledger(&sql);
    invariants::hold(&sql);
    server.stop().await;
    assert_eq!(working_in(&data), []);
}
