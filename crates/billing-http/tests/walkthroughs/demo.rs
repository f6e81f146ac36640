//! `billing demo`, on a database of its own.

use std::path::Path;

use crate::{folder::Folder, invariants, output::tell, process::Setup, sql::Sql};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_tells_its_story_to_the_end() {
    let folder = Folder::new("demo");
    let told = Setup::embedded(folder.path()).argument("demo").run().await;
    let (said, log) = (text(told.stdout), text(told.stderr));
    if !told.status.success() && log.contains("no PostgreSQL") {
        return tell("SKIPPED the demo: there is no PostgreSQL");
    }
    assert!(told.status.success(), "{said}{log}");
    assert!(said.contains("sum of rows = grants left = balance = 350"), "{said}");
    assert!(!log.contains(r#""level":"ERROR""#), "{log}");

    // What it left behind is a database like any other.
    let server = Setup::embedded(&folder.path().join("demo")).start().await;
    let sql = Sql::embedded(&folder.path().join("demo/postgres/data"));
    invariants::hold(&sql);
    examine(&folder.path().join("demo"), &sql).await;
    server.stop().await;
}

/// `billing doctor`, beside the running server.
async fn examine(data: &Path, sql: &Sql) {
    let doctor = async || Setup::embedded(data).argument("doctor").run().await;
    let healthy = doctor().await;
    assert!(healthy.status.success(), "{}", text(healthy.stdout));
    assert!(!text(healthy.stdout).contains("BROKEN"));

    sql.rows("UPDATE credit_accounts SET balance = balance + 1");
    let broken = doctor().await;
    sql.rows("UPDATE credit_accounts SET balance = balance - 1");
    assert!(!broken.status.success());
    let said = text(broken.stdout);
    assert!(said.contains("BROKEN  L1 conservation"), "{said}");
    assert!(said.contains("\"balance\":351"), "it names the row: {said}");
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}
