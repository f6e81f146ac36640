//! `kill -9` of the server at any moment, again and again.

use std::time::Duration;

use crate::{
    api::{Api, pay, until},
    dice::{Dice, rounds},
    folder::Folder,
    invariants,
    load::Load,
    output::tell,
    process::Setup,
    scratch::Scratch,
    sql::Sql,
};

/// So many, unless more are asked for.
const ROUNDS: usize = 5;
const CLIENTS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_outlives_every_kill_and_the_rest_can_be_asked_again() {
    let (scratch, folder) = (Scratch::new().await, Folder::new("kills"));
    let (setup, sql) = (Setup::on(&scratch, folder.path()), Sql::at(&scratch.admin_url));
    let mut dice = Dice::new("kills");
    let mut server = setup.start().await;
    let load = Load::new(&server.api).await;
    let mut payers = Vec::new();
    let (mut slowest, mut held) = (Duration::ZERO, 0);
    let rounds = rounds(ROUNDS);
    for round in 0..rounds {
        let working = load.begin(&server.api, CLIENTS, &format!("round {round}"));
        let paying = tokio::spawn(pay_for_plans(server.api.clone(), server.sandbox().to_owned()));
        let before = sql.number(WEBHOOKS);
        until("a webhook comes in", async || (sql.number(WEBHOOKS) > before).then_some(())).await;
        let some = 1 + dice.below(60);
        load.more(usize::try_from(some).unwrap()).await;
        server.kill().await;
        working.join_all().await;
        payers.extend(paying.await.unwrap());

        server = setup.start().await;
        slowest = slowest.max(server.took);
        load.settle(&server.api).await;
        held += the_lease_of_the_killed_server_ends(&sql);
        for payer in &payers {
            subscription_becomes_active(&server.api, payer).await;
        }
        load.is_in_the_ledger(&sql);
        invariants::hold(&sql);
    }
    until("all webhooks are processed", async || {
        let waiting = "SELECT count(*) FROM webhooks WHERE status NOT IN ('processed', 'ignored')";
        (sql.number(waiting) == 0).then_some(())
    })
    .await;
    assert_eq!(sql.number("SELECT count(*) FROM payments"), sql.number(PAID_SUBSCRIPTIONS));
    let (taken, paid) = (load.done(), payers.len());
    tell(&format!("{rounds} kills: {taken} answered, {paid} paid, {held} webhooks held"));
    tell(&format!("ready at most {slowest:?} after a kill, on a database of its own"));
    server.stop().await;
}

const WEBHOOKS: &str = "SELECT count(*) FROM webhooks";
const PAID_SUBSCRIPTIONS: &str = "SELECT count(*) FROM subscriptions WHERE status = 'active'";

/// Organizations subscribe and pay until the server is gone. Gives those that have paid.
async fn pay_for_plans(api: Api, sandbox: String) -> Vec<String> {
    let mut paid = Vec::new();
    loop {
        let body = serde_json::json!({ "name": "Payer" });
        let Ok(made) = api.try_post("/api/admin/organizations", &body).await else { return paid };
        let organization = made.expect(201).text("/id");
        let body = crate::api::subscribe(&organization, "starter");
        let page = api.try_post("/api/billing/subscription/checkout", &body).await;
        let Ok(page) = page else { return paid };
        match pay(&sandbox, &page.expect(201).text("/session_id"), "success").await {
            Ok(done) => assert_eq!(done.text("/result"), "complete"),
            Err(_) => return paid,
        }
        paid.push(organization);
    }
}

/// A claim on a webhook runs out after two minutes: here at once, to save the time. Gives how
/// many there were.
fn the_lease_of_the_killed_server_ends(sql: &Sql) -> usize {
    let ended = "UPDATE webhooks SET claimed_until = now(), next_attempt_at = now() \
                 WHERE claimed_until > now() + interval '20 s' RETURNING 1";
    sql.rows(ended).len()
}

async fn subscription_becomes_active(api: &Api, organization: &str) {
    let path = format!("/api/billing/summary/{organization}");
    until("what was paid has its effect", async || {
        let summary = api.get(&path).await.expect(200);
        let active = summary.text("/subscription/status") == "active";
        (active && summary.number("/credits/balance") == 1000).then_some(())
    })
    .await;
}
