//! The database goes, and comes back.

use std::time::Instant;

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    api::{Api, until},
    folder::Folder,
    invariants,
    load::Load,
    output::tell,
    process::Setup,
    scratch::Scratch,
    sql::Sql,
};

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_it_says_so_and_with_it_goes_on() {
    let (scratch, folder) = (Scratch::new().await, Folder::new("gone"));
    let server = Setup::on(&scratch, folder.path()).start().await;
    let (api, sql) = (&server.api, Sql::at(&scratch.admin_url));
    let load = Load::new(api).await;
    api.get("/health/ready").await.expect(200);
    let working = load.begin(api, 8, "before");
    load.more(20).await;

    shut(&sql, true);
    until("the loss is noticed", async || (load.unavailable() > 0).then_some(())).await;
    everything_is_unavailable(api, &server.organization).await;
    api.get("/health/live").await.expect(200);
    let ready = api.get("/health/ready").await.expect(503);
    assert_eq!(ready.text("/status"), "not_ready");
    assert_eq!(ready.text("/checks/database"), "failing");

    let begun = Instant::now();
    shut(&sql, false);
    until("it is ready", async || (api.get("/health/ready").await.status == 200).then_some(()))
        .await;
    load.more(50).await;
    tell(&format!("50 done, {:?} after the database came back", begun.elapsed()));
    load.stop(working).await;
    load.settle(api).await;
    load.is_in_the_ledger(&sql);
    invariants::hold(&sql);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut_are_replaced() {
    let (scratch, folder) = (Scratch::new().await, Folder::new("cut"));
    let server = Setup::on(&scratch, folder.path()).start().await;
    let (api, sql) = (&server.api, Sql::at(&scratch.admin_url));
    let load = Load::new(api).await;
    let working = load.begin(api, 8, "cut");
    for _ in 0..10 {
        load.more(20).await;
        cut(&sql);
    }
    load.more(20).await;
    load.stop(working).await;
    tell(&format!("10 cuts: {} answered, {} told to wait", load.done(), load.unavailable()));
    load.settle(api).await;
    load.is_in_the_ledger(&sql);
    invariants::hold(&sql);
    server.stop().await;
}

/// Every way in, at the same time: none waits for long, none blames itself.
async fn everything_is_unavailable(api: &Api, organization: &str) {
    let of = |what: &str| format!("/api/billing/{what}/{organization}");
    let reads = ["subscription", "credits", "usage", "summary", "history"].map(of);
    let begun = Instant::now();
    for answer in join_all(reads.iter().map(|path| api.get(path))).await {
        answer.expect_unavailable();
    }
    api.consume(organization, "while it is gone").await.expect_unavailable();
    api.checkout(organization, "starter").await.expect_unavailable();
    let use_of_it = json!({ "organization_id": organization, "meter": "exports" });
    api.post("/api/billing/check-quota", &use_of_it).await.expect_unavailable();
    api.get("/api/admin/webhooks").await.expect_unavailable();
    let named = json!({ "name": "Too late" });
    api.once("/api/admin/organizations", "too-late", &named).await.expect_unavailable();
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

/// Lets nobody in, and throws out who is in; or lets them in again.
fn shut(sql: &Sql, shut: bool) {
    let (name, others) = (sql.database(), sql.beside("postgres"));
    others.rows(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {}", !shut));
    if shut {
        cut(sql);
    }
}

fn cut(sql: &Sql) {
    let name = sql.database();
    sql.beside("postgres").rows(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    ));
}
