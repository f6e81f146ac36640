//! From the first look to the last credit, as a product's backend and its customer live it.

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    api::{Api, consume, pay, until},
    folder::Folder,
    invariants,
    output::tell,
    process::Setup,
    scratch::Scratch,
    sql::Sql,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_subscribes_spends_buys_and_meets_its_limits() {
    let (scratch, folder) = (Scratch::new().await, Folder::new("story"));
    let server = Setup::on(&scratch, folder.path()).start().await;
    let (api, sandbox) = (&server.api, server.sandbox());
    let ada = api.organization("Ada's Analytical Engines").await;

    it_subscribes(api, sandbox, &ada).await;
    it_spends(api, &ada).await;
    it_buys_credits(api, sandbox, &ada).await;
    its_use_is_counted(api, &ada).await;
    it_looks_back(api, &ada).await;

    invariants::hold(&Sql::at(&scratch.admin_url));
    server.stop().await;
}

async fn it_subscribes(api: &Api, sandbox: &str, ada: &str) {
    let path = format!("/api/billing/subscription/{ada}");
    let before = api.get(&path).await.expect(200);
    assert_eq!((before.text("/status"), before.text("/plan")), ("none".into(), "free".into()));

    let page = api.checkout(ada, "starter").await.expect(201);
    let again = api.checkout(ada, "starter").await.expect(201);
    assert_eq!(page.body, again.body, "asking again gives the same page");
    let session = page.text("/session_id");
    let declined = pay(sandbox, &session, "insufficient_funds").await.unwrap();
    assert_eq!(declined.text("/decline_code"), "insufficient_funds");
    assert_eq!(api.get(&path).await.text("/status"), "none", "nothing begins unpaid");
    let paid = pay(sandbox, &session, "success").await.unwrap();
    assert_eq!(paid.text("/status"), "complete");

    let live = until("the subscription is active", async || {
        Some(api.get(&path).await.expect(200)).filter(|it| it.text("/status") == "active")
    })
    .await;
    assert_eq!(live.text("/entitled_plan"), "starter");
    assert_eq!(live.body["price"], json!({ "amount": 900, "currency": "USD" }));
    let refused = api.checkout(ada, "growth").await.expect(409);
    assert_eq!(refused.text("/error/code"), "ALREADY_SUBSCRIBED");
    balance_becomes(api, ada, 1000).await;
}

async fn it_spends(api: &Api, ada: &str) {
    let path = "/api/billing/credits/consume";
    let fifteen = |key: &str| {
        let mut body = consume(ada, key);
        body["quantity"] = json!(15);
        body
    };
    let first = api.post(path, &fifteen("job-1")).await.expect(200);
    assert_eq!((first.number("/cost"), first.number("/balance")), (375, 625));
    let replay = api.post(path, &fifteen("job-1")).await.expect(200);
    assert!(replay.is_replayed() && !first.is_replayed());
    assert_eq!(replay.body, first.body);
    api.post(path, &fifteen("job-2")).await.expect(200);

    let denied = api.post(path, &fifteen("job-3")).await.expect(402);
    assert_eq!(denied.text("/error/code"), "INSUFFICIENT_CREDITS");
    let details = |name: &str| denied.number(&format!("/error/details/{name}"));
    assert_eq!((details("required"), details("available"), details("missing")), (375, 250, 125));
    assert_eq!(details("top_up/credits"), 1000, "one pack that is enough");
    let way_out = denied.text("/error/details/top_up/checkout");
    assert_eq!(way_out, "/api/billing/credit-products/checkout");
}

async fn it_buys_credits(api: &Api, sandbox: &str, ada: &str) {
    let packs = api.get("/api/billing/credit-products").await.expect(200);
    let body = json!({ "organization_id": ada, "credit_product_id": packs.text("/data/1/id"),
                       "success_url": "https://product.example/credits",
                       "cancel_url": "https://product.example/credits" });
    let page = api.post("/api/billing/credit-products/checkout", &body).await.expect(201);
    pay(sandbox, &page.text("/session_id"), "success").await.unwrap();
    balance_becomes(api, ada, 1250).await;

    let denied = consume(ada, "job-3");
    let still = api.post("/api/billing/credits/consume", &denied).await.expect(422);
    assert_eq!(still.text("/error/code"), "IDEMPOTENCY_KEY_REUSED");
    api.consume(ada, "job-4").await.expect(200);
    balance_becomes(api, ada, 1225).await;
}

async fn its_use_is_counted(api: &Api, ada: &str) {
    let check =
        |quantity: u64| json!({ "organization_id": ada, "meter": "exports", "quantity": quantity });
    let path = "/api/billing/check-quota";
    assert_eq!(api.post(path, &check(9)).await.expect(200).number("/remaining"), 1);
    api.post(path, &check(2)).await.expect(403);
    assert_eq!(api.post(path, &check(1)).await.expect(200).number("/remaining"), 0);
    let denied = api.post(path, &check(1)).await.expect(403);
    assert_eq!(denied.text("/error/code"), "LIMIT_REACHED");
    assert_eq!(denied.number("/error/details/used"), 10, "exactly the limit");
    assert_eq!(denied.text("/error/details/upgrade/plan"), "growth");
    let looked = api.get(&format!("{path}?organization_id={ada}&meter=exports")).await.expect(200);
    assert_eq!(looked.body["allowed"], false);
}

async fn it_looks_back(api: &Api, ada: &str) {
    let history = api.get(&format!("/api/billing/history/{ada}")).await.expect(200);
    let money = |payment: &Value| {
        assert_eq!(payment["amount"]["currency"], "USD");
        (payment["status"].as_str().unwrap().to_owned(), payment["amount"]["amount"].as_i64())
    };
    let payments = history.list("/data").iter().filter(|entry| entry["type"] == "payment");
    let payments: Vec<_> = payments.map(money).collect();
    let completed = |amount| ("completed".to_owned(), Some(amount));
    assert_eq!(payments, [completed(2500), completed(900)], "{}", history.body);

    let invoices = api.get(&format!("/api/billing/invoices/{ada}")).await.expect(200);
    let invoice = |it: &Value| [it["issuer"].clone(), it["status"].clone()];
    let invoices: Vec<_> = invoices.list("/data").iter().map(invoice).collect();
    assert_eq!(invoices, [["us", "paid"], ["stripe", "paid"]]);

    let summary = api.get(&format!("/api/billing/summary/{ada}")).await.expect(200);
    assert_eq!(summary.text("/organization/name"), "Ada's Analytical Engines");
    assert_eq!(summary.text("/subscription/plan"), "starter");
    assert_eq!(summary.number("/credits/balance"), 1225);
    let meters = summary.list("/usage/meters");
    let exports = meters.iter().find(|meter| meter["meter"] == "exports").unwrap();
    assert_eq!((&exports["used"], &exports["remaining"]), (&json!(10), &json!(0)));
}

async fn balance_becomes(api: &Api, organization: &str, expected: i64) {
    let path = format!("/api/billing/credits/{organization}");
    until(&format!("the balance is {expected}"), async || {
        (api.get(&path).await.expect(200).number("/balance") == expected).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_that_it_prints_work_as_they_are() {
    let (scratch, folder) = (Scratch::new().await, Folder::new("lines"));
    let server = Setup::on(&scratch, folder.path()).start().await;
    let Ok(version) = Command::new("curl").arg("--version").output().await else {
        return tell("SKIPPED the printed lines: there is no curl");
    };
    assert!(version.status.success());
    let mut answers = Vec::new();
    for line in &server.curls {
        let said = Command::new("sh").args(["-c", line]).output().await.unwrap();
        assert!(said.status.success(), "{line}");
        answers.push(serde_json::from_slice::<Value>(&said.stdout).unwrap());
    }
    let [summary, page, used] = answers.try_into().unwrap();
    assert_eq!(summary["organization"]["id"], server.organization);
    assert_eq!(page["status"], "open", "{page}");
    assert!(page["url"].as_str().unwrap().starts_with(server.sandbox()));
    // It has no credits yet, and learns what would help.
    assert_eq!(used["error"]["code"], "INSUFFICIENT_CREDITS", "{used}");
    assert_eq!(used["error"]["details"]["top_up"]["credits"], 100);
    server.stop().await;
}
