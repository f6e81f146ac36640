//! The gateway fails while a page is opened.

use std::time::{Duration, Instant};

use crate::{
    api::{pay, subscribe, until},
    folder::Folder,
    gateway::Down,
    invariants,
    output::tell,
    process::Setup,
    scratch::Scratch,
    sql::Sql,
};

/// The adapter gives up a gateway after 30 s; one that refuses must not take so long.
const LONGEST: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_goes_on_where_the_gateway_left_it() {
    let (scratch, folder) = (Scratch::new().await, Folder::new("gateway"));
    let sandbox = Setup::on(&scratch, folder.path()).start().await;
    let other = Folder::new("gateway");
    let down = Down::new();
    let setup = Setup::on(&scratch, other.path()).paying_at(&down.url, "whsec_walkthrough");
    let server = setup.start().await;
    let (api, sql) = (&server.api, Sql::at(&scratch.admin_url));
    let organization = api.organization("Patient").await;
    let path = "/api/billing/subscription/checkout";
    let body = subscribe(&organization, "starter");

    let begun = Instant::now();
    api.once(path, "one-intent", &body).await.expect_unavailable();
    let refused = begun.elapsed();
    let up = down.come_up(sandbox.sandbox());
    let begun = Instant::now();
    api.once(path, "one-intent", &body).await.expect_unavailable();
    let broken = begun.elapsed();
    assert!(up.failed() > 1, "it is asked again before it is given up");
    assert!(refused < LONGEST && broken < LONGEST, "{refused:?}, {broken:?}");
    tell(&format!("503 after {refused:?} where it refuses, {broken:?} where it answers 500"));
    // Everything that needs no gateway goes on.
    api.get("/health/ready").await.expect(200);
    api.give(&organization, 100).await;
    api.consume(&organization, "meanwhile").await.expect(200);

    up.get_well();
    let page = api.once(path, "one-intent", &body).await.expect(201);
    let again = api.once(path, "one-intent", &body).await.expect(201);
    assert!(again.is_replayed());
    assert_eq!(page.body, again.body);
    let checkouts = sql.rows(&format!(
        "SELECT checkout_id FROM checkouts WHERE organization_id = '{organization}'"
    ));
    assert_eq!(checkouts, [[page.text("/checkout_id")]], "all three tries are one checkout");

    pay(sandbox.sandbox(), &page.text("/session_id"), "success").await.unwrap();
    until("it is subscribed", async || {
        let live = api.get(&format!("/api/billing/subscription/{organization}")).await;
        (live.expect(200).text("/status") == "active").then_some(())
    })
    .await;
    invariants::hold(&sql);
    server.stop().await;
    sandbox.stop().await;
}
