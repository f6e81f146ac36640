//! The embedded database killed under the server, and the server killed above it.

use std::time::Instant;

use crate::{
    api::until,
    dice::{Dice, rounds},
    folder::Folder,
    invariants,
    load::Load,
    output::tell,
    postgres::{Frozen, kill_postmaster},
    process::Setup,
    sql::Sql,
};

/// So many, unless more are asked for.
const ROUNDS: usize = 2;
const CLIENTS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_database_is_killed_and_comes_back_and_so_is_the_server() {
    let folder = Folder::new("embedded");
    let (setup, data) = (Setup::embedded(folder.path()), folder.path().join("postgres/data"));
    let mut dice = Dice::new("embedded");
    let mut server = setup.start().await;
    let load = Load::new(&server.api).await;
    for round in 0..rounds(ROUNDS) {
        // The database alone, and the clients wait for it.
        let working = load.begin(&server.api, CLIENTS, &format!("database {round}"));
        load.more(usize::try_from(1 + dice.below(60)).unwrap()).await;
        let (begun, before) = (Instant::now(), load.unavailable());
        kill_postmaster(&data);
        until("the loss is noticed", async || (load.unavailable() > before).then_some(())).await;
        load.more(1).await;
        tell(&format!("the killed database answers again after {:?}", begun.elapsed()));
        load.more(20).await;
        load.stop(working).await;
        load.settle(&server.api).await;
        load.is_in_the_ledger(&Sql::embedded(&data));

        // The server, and the database with it.
        let working = load.begin(&server.api, CLIENTS, &format!("server {round}"));
        load.more(usize::try_from(1 + dice.below(60)).unwrap()).await;
        if round % 2 == 1 {
            kill_postmaster(&data);
        }
        server.kill().await;
        working.join_all().await;
        server = setup.start().await;
        tell(&format!("ready {:?} after a kill, on an embedded database", server.took));
        load.settle(&server.api).await;
        load.is_in_the_ledger(&Sql::embedded(&data));
        invariants::hold(&Sql::embedded(&data));
    }
    let said = setup.refused().await;
    assert!(said.contains("is in use by another server (process "), "{said}");
    assert!(said.contains("BILLING_DATA_DIR"), "{said}");
    server.api.get("/health/ready").await.expect(200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_database_is_noticed_and_everything_goes_on_when_it_thaws() {
    let folder = Folder::new("frozen");
    let (setup, data) = (Setup::embedded(folder.path()), folder.path().join("postgres/data"));
    let server = setup.start().await;
    let api = &server.api;
    let load = Load::new(api).await;
    let working = load.begin(api, CLIENTS, "frozen");
    load.more(50).await;

    let frozen = Frozen::all_in(&data);
    let begun = Instant::now();
    let ready = api.get("/health/ready").await.expect(503);
    assert_eq!(ready.text("/checks/database"), "failing");
    tell(&format!("a frozen database is noticed after {:?}", begun.elapsed()));
    api.get("/health/live").await.expect(200);
    drop(frozen);
    let begun = Instant::now();
    load.more(50).await;
    tell(&format!("50 done, {:?} after the database thawed", begun.elapsed()));
    load.stop(working).await;
    load.settle(api).await;
    let sql = Sql::embedded(&data);
    load.is_in_the_ledger(&sql);
    invariants::hold(&sql);
    server.stop().await;
}
