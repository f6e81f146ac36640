//! The invariants themselves: each of them sees what it is there for.

use billing_postgres::INVARIANTS;
use serde_json::json;

use crate::{
    api::{pay, until},
    folder::Folder,
    invariants,
    process::Setup,
    scratch::Scratch,
    sql::Sql,
};

/// How each invariant can be broken, by the beginning of its name, in their order.
const TAMPERING: &[(&str, &str)] = &[
    ("L1 conservation", "UPDATE credit_accounts SET balance = balance + 1"),
    ("L2 no overdraft", "UPDATE credit_accounts SET overdrawn = 1"),
    ("L3 append only", "GRANT UPDATE ON credit_transactions TO billing_app"),
    ("L4 rows are numbered", "DELETE FROM credit_transactions WHERE seq = 2"),
    (
        "L4 running balance",
        "UPDATE credit_transactions SET balance_after = balance_after + 1 WHERE seq = 2",
    ),
    ("L5 one effect per key", "DELETE FROM credit_keys WHERE seq IS NOT NULL"),
    (
        "L5 one decision per key",
        "INSERT INTO credit_keys SELECT key, organization_id, operation, decided_at + \
         interval '1 second', decision_id, event, quantity, required, seq, available \
         FROM credit_keys",
    ),
    (
        "L7 buckets: what grants have left",
        "UPDATE credit_grants SET remaining = remaining - 1 WHERE remaining > 1",
    ),
    (
        "L7 buckets: what rows did",
        "UPDATE credit_grants SET remaining = remaining - 1 WHERE remaining > 1",
    ),
    ("L7 a row is", "UPDATE credit_transactions SET touched = '[]' WHERE seq = 1"),
    ("L7 what is overdrawn", "UPDATE credit_transactions SET overdrawn_change = 1"),
    ("U1", "UPDATE usage_counters SET used = used + 1"),
    ("U2", "UPDATE usage_events SET seq = seq + 1"),
    ("U3", "DELETE FROM usage_keys WHERE recorded"),
    ("P1", "UPDATE payments SET checkout_id = '00000000-0000-0000-0000-000000000000'"),
    ("P2", "UPDATE payments SET tax = amount + 1"),
    ("P3", "DELETE FROM credit_grants WHERE source_kind = 'checkout'"),
    (
        "S1",
        "DROP INDEX subscriptions_one_live; CREATE TEMP TABLE twin AS TABLE subscriptions; \
         UPDATE twin SET subscription_id = gen_random_uuid(), gateway_id = 'sub_twin'; \
         INSERT INTO subscriptions TABLE twin",
    ),
    ("W1", "UPDATE webhooks SET done_at = NULL"),
    ("O1 outbox: every subscription", "DELETE FROM outbox WHERE type = 'subscription.created'"),
    ("O1 outbox: every payment", "DELETE FROM outbox WHERE type = 'payment.updated'"),
    ("T1", "UPDATE gateway_objects SET organization_id = gen_random_uuid()"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_invariant_sees_what_it_is_there_for() {
    let (scratch, folder) = (Scratch::new().await, Folder::new("oracle"));
    let server = Setup::on(&scratch, folder.path()).start().await;
    let (api, sql) = (&server.api, Sql::at(&scratch.admin_url));
    let organization = api.organization("Witness").await;
    let page = api.checkout(&organization, "starter").await.expect(201);
    pay(server.sandbox(), &page.text("/session_id"), "success").await.unwrap();
    let pack = json!({ "organization_id": organization, "credit_product": "credits_100",
                       "success_url": "https://product.example", "cancel_url": "https://product.example" });
    let page = api.post("/api/billing/credit-products/checkout", &pack).await.expect(201);
    pay(server.sandbox(), &page.text("/session_id"), "success").await.unwrap();
    let path = format!("/api/billing/credits/{organization}");
    until("both are paid", async || {
        (api.get(&path).await.number("/balance") == 1100).then_some(())
    })
    .await;
    api.consume(&organization, "one").await.expect(200);
    let used = json!({ "organization_id": organization, "meter": "exports" });
    api.post("/api/billing/check-quota", &used).await.expect(200);
    server.stop().await;

    invariants::hold(&sql);
    assert_eq!(TAMPERING.len(), INVARIANTS.len());
    for ((name, query), (begins, tampering)) in INVARIANTS.iter().zip(TAMPERING) {
        assert!(name.starts_with(begins), "{name} is not {begins}");
        let found = sql.rows(&format!("BEGIN; {tampering}; {query}; ROLLBACK"));
        assert!(!found.is_empty(), "{name} does not see: {tampering}");
    }
    invariants::hold(&sql);
}
