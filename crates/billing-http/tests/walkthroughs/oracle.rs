//! The invariants themselves: each of them sees what it is there for. Those of the credit ledger
//! and of trials are tried where their records are: see the tests of `billing-postgres`.

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

/// The beginnings of the names of invariants that are tried elsewhere: of the ledger, of trials, of
/// dunning, of changes, of discount codes.
const ELSEWHERE: [&str; 10] =
    ["L", "S2", "S3", "S4", "S5", "S6", "P1 one charge per invoice", "D", "C", "K"];

/// How each invariant can be broken, by the beginning of its name, in their order.
const TAMPERING: &[(&str, &str)] = &[
    ("U1 a counter", "UPDATE usage_counters SET used = used + 1"),
    (
        "U1 where distinct values count",
        "INSERT INTO usage_values SELECT organization_id, meter, limit_window, window_start, 'x' \
         FROM usage_counters",
    ),
    ("U2", "UPDATE usage_events SET seq = seq + 1"),
    ("U3", "DELETE FROM usage_keys WHERE recorded"),
    (
        "U4",
        "INSERT INTO outbox SELECT organization_id, gen_random_uuid(), at, type, data \
         FROM outbox WHERE type = 'quota.warning'",
    ),
    (
        "U5",
        "INSERT INTO usage_days SELECT organization_id, '2026-01-01', 'exports', 1, 1, now() \
         FROM organizations",
    ),
    ("U6", "INSERT INTO usage_archives VALUES ('2026-01-01', 'no-file', 1, 1, now())"),
    ("P1", "UPDATE payments SET checkout_id = '00000000-0000-0000-0000-000000000000'"),
    ("P2", "UPDATE payments SET tax = amount + 1"),
    ("P3", "DELETE FROM credit_grants WHERE source_kind = 'checkout'"),
    (
        "P4",
        "INSERT INTO checkouts (organization_id, checkout_id, gateway, purpose, \
         credit_product_id, credits, amount, currency, status, created_at, saved_method) \
         SELECT organization_id, gen_random_uuid(), 'stripe', 'credits', credit_product_id, 1, 1, \
         'USD', 'pending', now(), 'pm_1' FROM organizations, credit_products LIMIT 1",
    ),
    (
        "S1",
        "DROP INDEX subscriptions_one_live; CREATE TEMP TABLE twin AS TABLE subscriptions; \
         UPDATE twin SET subscription_id = gen_random_uuid(), gateway_id = 'sub_twin'; \
         INSERT INTO subscriptions TABLE twin",
    ),
    ("W1", "UPDATE webhooks SET done_at = NULL"),
    (
        "W2",
        "UPDATE webhooks SET status = 'received', done_at = NULL, next_attempt_at = now(), \
         behind = true",
    ),
    ("O1 outbox: every subscription", "DELETE FROM outbox WHERE type = 'subscription.created'"),
    ("O1 outbox: every payment", "DELETE FROM outbox WHERE type = 'payment.updated'"),
    ("T1", "UPDATE gateway_objects SET organization_id = gen_random_uuid()"),
    ("I1", "UPDATE invoices SET total = total + 1"),
    ("I2", "UPDATE document_numbers SET last = last + 1"),
    ("I3", "UPDATE payments SET amount = amount + 1"),
    ("I4", "UPDATE payments SET refunded = 1"),
    ("I5", "GRANT UPDATE ON credit_notes TO billing_engine"),
    ("O1 outbox: every invoice", "DELETE FROM outbox WHERE type = 'invoice.updated'"),
    ("T1 tenant: an invoice", "DELETE FROM gateway_objects WHERE kind = 'invoice'"),
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
    let used = json!({ "organization_id": organization, "meter": "exports", "quantity": 9 });
    api.post("/api/billing/check-quota", &used).await.expect(200);
    server.stop().await;

    invariants::hold(&sql);
    let elsewhere = |name: &str| ELSEWHERE.iter().any(|begins| name.starts_with(begins));
    let others = || INVARIANTS.iter().filter(|(name, _)| !elsewhere(name));
    assert_eq!(TAMPERING.len(), others().count());
    for ((name, query), (begins, tampering)) in others().zip(TAMPERING) {
        assert!(name.starts_with(begins), "{name} is not {begins}");
        let found = sql.rows(&format!("BEGIN; {tampering}; {query}; ROLLBACK"));
        assert!(!found.is_empty(), "{name} does not see: {tampering}");
    }
    invariants::hold(&sql);
}
