//! What it refuses to start on, and how it says so.

use crate::{folder::Folder, process::Setup, scratch::Scratch};

#[tokio::test(flavor = "multi_thread")]
async fn it_refuses_what_is_not_clear() {
    let (scratch, folder) = (Scratch::new().await, Folder::new("refusals"));
    let on = || Setup::on(&scratch, folder.path());
    let without_sandbox = || Setup::embedded(folder.path()).with("DATABASE_URL", &scratch.url);
    let live = |setup: Setup| {
        setup.with("STRIPE_SECRET_KEY", "sk_live_x").with("STRIPE_WEBHOOK_SECRET", "whsec_x")
    };
    for (setup, expected) in [
        (live(on()), "STRIPE_SECRET_KEY is a live key: the sandbox refuses to run beside it"),
        (without_sandbox(), "nothing says that the money in DATABASE_URL is real"),
        (on().with("STRIPE_SECRET_KEY", "sk_test_x"), "so STRIPE_WEBHOOK_SECRET must be"),
        (on().with("BILLING_LISTEN", "here"), "BILLING_LISTEN is `here`; it must be an address"),
        (on().with("BILLING_AUTOMATIC_TAX", "1"), "it must be true or false"),
        (on().with("BILLING_TRIAL_DAYS", "two"), "BILLING_TRIAL_DAYS is `two`"),
        (on().with("BILLING_TRIAL_DAYS", "0"), "a trial has at least one day"),
        (on().with("RUST_LOG", "=="), "which is no filter"),
        (on().with("DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/x"), "cannot connect"),
    ] {
        let said = setup.refused().await;
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_refuses_addresses_and_databases_of_others() {
    let (scratch, folder) = (Scratch::new().await, Folder::new("taken"));
    let other = Folder::new("taken");
    let server = Setup::on(&scratch, folder.path()).start().await;
    let address = |url: &str| url.strip_prefix("http://").unwrap().to_owned();
    let (api, sandbox) = (address(server.api.base()), address(server.sandbox()));
    let live = Setup::embedded(other.path())
        .with("DATABASE_URL", &scratch.url)
        .with("STRIPE_SECRET_KEY", "sk_live_x")
        .with("STRIPE_WEBHOOK_SECRET", "whsec_x");
    let taken = |name, address: &str| Setup::on(&scratch, other.path()).with(name, address);
    for (setup, expected) in [
        (live, "this database is a sandbox database and cannot be used as live"),
        (taken("BILLING_LISTEN", &api), "set BILLING_LISTEN to another address"),
        (taken("BILLING_SANDBOX_LISTEN", &sandbox), "the sandbox cannot listen on"),
        (Setup::on(&scratch, folder.path()), "journal"),
    ] {
        let said = setup.refused().await;
        assert!(said.contains(expected), "{said}");
    }
    server.api.get("/health/ready").await.expect(200);
    server.stop().await;
}
