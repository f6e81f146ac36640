//! Every webhook is lost, and what happened at the gateway is found over its wire.

use std::process::Output;

use serde_json::{Value, json};

use crate::{
    api::{Api, client, pay, stripe, stripe_get, until},
    folder::Folder,
    invariants,
    process::Setup,
    scratch::Scratch,
    sql::Sql,
};

struct Shop<'a> {
    api: &'a Api,
    sandbox: &'a str,
    sql: &'a Sql,
    /// Has what no webhook told found, where none tells.
    reconcile: Option<Setup>,
}

impl Shop<'_> {
    async fn catch_up(&self) {
        let Some(command) = &self.reconcile else { return };
        let Output { status, stdout, stderr } = command.run().await;
        let said = String::from_utf8(stdout).unwrap();
        assert!(status.success(), "{said} {}", String::from_utf8_lossy(&stderr));
        assert!(said.contains(" 0 left, 0 unanswered"), "{said}");
    }

    /// A plan is paid, upgraded and renewed, credits are bought and partly paid back, and the plan
    /// is to end.
    async fn lives(&self, name: &str) -> Value {
        let id = self.api.organization(name).await;
        let page = self.api.checkout(&id, "starter").await.expect(201);
        pay(self.sandbox, &page.text("/session_id"), "success").await.unwrap().expect(200);
        self.catch_up().await;
        let path = format!("/api/billing/subscription/{id}");
        let live = until("it is subscribed", async || {
            Some(self.api.get(&path).await).filter(|it| it.text("/status") == "active")
        })
        .await;
        let upgrade = json!({ "organization_id": id, "plan": "growth" });
        self.api.post("/api/billing/upgrade", &upgrade).await.expect(200);
        let pack = json!({ "organization_id": id, "credit_product": "credits_1000",
                           "success_url": "https://product.example",
                           "cancel_url": "https://product.example" });
        let page = self.api.post("/api/billing/credit-products/checkout", &pack).await.expect(201);
        pay(self.sandbox, &page.text("/session_id"), "success").await.unwrap().expect(200);
        let month = json!({ "advance": "31d" });
        self.api.post("/api/admin/sandbox/clock", &month).await.expect(200);

        let customer = format!("SELECT gateway_id FROM customers WHERE organization_id = '{id}'");
        let customer = self.sql.rows(&customer)[0][0].clone();
        let path = format!("/v1/payment_intents?limit=100&customer={customer}");
        let paid = stripe_get(self.sandbox, &path).await.expect(200);
        let pack = paid.list("/data").iter().find(|it| it["amount"] == 2500).unwrap();
        let refund = [("payment_intent", pack["id"].as_str().unwrap()), ("amount", "1000")];
        stripe(self.sandbox, "/v1/refunds", &refund).await.expect(200);
        let subscription = live.text("/gateway_subscription_id");
        let path = format!("/v1/subscriptions/{subscription}");
        stripe(self.sandbox, &path, &[("cancel_at_period_end", "true")]).await.expect(200);
        self.catch_up().await;
        until("all is known", async || {
            let records = self.records(&id).await;
            let ends = records["subscription"][2] == true;
            (ends && records["history"].to_string().contains("partially")).then_some(records)
        })
        .await
    }

    /// What counts in the end, without ids and instants.
    async fn records(&self, id: &str) -> Value {
        let get = async |what: &str| {
            let path = format!("/api/billing/{what}/{id}?limit=100");
            rows(self.api.get(&path).await.expect(200).list("/data"))
        };
        let live = self.api.get(&format!("/api/billing/subscription/{id}")).await.expect(200);
        let credits = self.api.get(&format!("/api/billing/credits/{id}")).await.expect(200);
        let stands = ["status", "plan", "cancel_at_period_end", "price", "quantity"];
        json!({
            "subscription": stands.map(|field| live.body[field].clone()),
            "credits": [credits.body["balance"], credits.body["by_kind"]],
            "history": get("history").await,
            "invoices": get("invoices").await,
        })
    }
}

fn rows(list: &[Value]) -> Vec<String> {
    let fields = ["type", "issuer", "status", "amount", "refunded", "total"];
    let row = |it: &Value| fields.map(|field| it[field].to_string()).join(" ");
    let mut rows: Vec<_> = list.iter().map(row).collect();
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_webhook_told_is_found_over_the_wire() {
    let (scratch, folder) = (Scratch::new().await, Folder::new("reconciled"));
    let server = Setup::on(&scratch, folder.path()).start().await;
    let sql = Sql::at(&scratch.admin_url);
    let (api, sandbox) = (&server.api, server.sandbox());
    let told = Shop { api, sandbox, sql: &sql, reconcile: None };
    let expected = told.lives("Told").await;
    assert_eq!(expected["subscription"][1], "growth", "{expected}");

    let lost = json!({ "faults": { "drop": {} } });
    let lost = client().post(format!("{sandbox}/sandbox/faults")).json(&lost).send().await;
    assert!(lost.unwrap().status().is_success());
    let kept = sql.number("SELECT count(*) FROM webhooks");
    let beside = Folder::new("reconciling");
    let command = Setup::on(&scratch, beside.path()).paying_at(sandbox, "whsec_unused");
    let reconcile = Some(command.argument("reconcile"));
    let silent = Shop { api, sandbox, sql: &sql, reconcile };
    let found = silent.lives("Silent").await;
    assert_eq!(sql.number("SELECT count(*) FROM webhooks"), kept, "none came");
    assert_eq!(found, expected);
    invariants::hold(&sql);
    server.stop().await;
}
