//! What happens when servers start.

use billing_app::ports::Scope;
use billing_postgres::{Database, Mode, PoolSettings, grant_roles};
use time::macros::datetime;

use crate::scratch::Scratch;

const NOW: time::OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

#[tokio::test(flavor = "multi_thread")]
async fn several_servers_start_at_once() {
    let scratch = Scratch::new().await;
    let start = async || {
        let database = Database::new(&scratch.url, PoolSettings::default())?;
        grant_roles(&database).await?;
        database.migrate().await?;
        database.fix_mode(Mode::Sandbox, NOW).await?;
        database.ensure_partitions(NOW).await
    };
    let (a, b, c, d) = tokio::join!(start(), start(), start(), start());
    for started in [a, b, c, d] {
        started.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mode_is_fixed_at_the_first_start() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    database.fix_mode(Mode::Sandbox, NOW).await.unwrap();
    database.fix_mode(Mode::Sandbox, NOW).await.unwrap();
    let refused = database.fix_mode(Mode::Live, NOW).await.unwrap_err().to_string();
    assert!(refused.contains("this database is a sandbox database"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_is_refused_where_money_is_real() {
    let scratch = Scratch::new().await;
    scratch.database().check_login(Mode::Live).await.unwrap();
    let unbound = Database::new(&scratch.admin_url, PoolSettings::default()).unwrap();
    unbound.check_login(Mode::Sandbox).await.unwrap();
    let refused = unbound.check_login(Mode::Live).await.unwrap_err().to_string();
    assert!(refused.contains("row-level security would not hold"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_is_unavailable() {
    use billing_app::{Error, ports::Store};
    let nowhere = Database::new("postgresql://nobody@%2Fnonexistent/none", PoolSettings::default());
    let begun = nowhere.unwrap().begin(Scope::Engine).await;
    assert!(matches!(begun, Err(Error::Unavailable { .. })));
}
