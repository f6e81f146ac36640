//! `billing demo`, on a database of its own.

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
    invariants::hold(&Sql::embedded(&folder.path().join("demo/postgres/data")));
    server.stop().await;
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}
