//! The schema keeps the rules of the house, whatever is added to it.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use diesel::{QueryableByName, sql_query, sql_types::Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use time::macros::datetime;

use crate::scratch::Scratch;

/// Tables of the installation: no organization owns their rows.
const GLOBAL: [&str; 34] = [
    "__diesel_schema_migrations",
    "api_keys",
    "catalogue_changes",
    "clock_followers",
    "credit_events",
    "credit_product_prices",
    "credit_products",
    "deliveries",
    "delivery_attempts",
    "discounts",
    "document_numbers",
    "event_subscribers",
    "features",
    "identities",
    "installation",
    "job_runs",
    "jobs",
    "meters",
    "plan_versions",
    "plans",
    "price_components",
    "prices",
    "reconciliation_differences",
    "reconciliations",
    "requests",
    "sandbox_clock",
    "sandbox_mailbox",
    "tax_rates",
    "usage_archives",
    "webhook_actions",
    "webhook_attempts",
    "webhook_endpoints",
    "webhooks",
    // The way from a gateway's id to its organization is looked up by the gateway's id.
    "gateway_objects",
];

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

async fn names(sql: &str) -> Vec<String> {
    let scratch = Scratch::new().await;
    scratch.database().ensure_partitions(datetime!(2026-11-20 12:00 UTC)).await.unwrap();
    let mut admin = AsyncPgConnection::establish(&scratch.admin_url).await.unwrap();
    let rows: Vec<Name> = sql_query(sql).load(&mut admin).await.unwrap();
    rows.into_iter().map(|row| row.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_owned_table_is_protected() {
    let unprotected = names(
        "SELECT relname::text AS name FROM pg_class \
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') \
         AND NOT (relrowsecurity AND relforcerowsecurity) ORDER BY 1",
    )
    .await;
    let expected: Vec<_> = GLOBAL.into_iter().filter(|table| *table != "gateway_objects").collect();
    assert_eq!(unprotected, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_owned_tables_name_the_organization() {
    let without = names(
        "SELECT c.relname || '.' || i.relname AS name FROM pg_index x \
         JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
         WHERE c.relnamespace = 'public'::regnamespace AND x.indisunique AND c.relrowsecurity \
         AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid \
           AND a.attnum = ANY(x.indkey) AND a.attname = 'organization_id') ORDER BY 1",
    )
    .await;
    // Narrow tables for global uniqueness.
    assert_eq!(
        without,
        [
            "external_ids.external_ids_taken",
            "gateway_objects.gateway_objects_pkey",
            "trial_claims.trial_claims_pkey",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_may_change_what_is_append_only() {
    let may = names(
        "SELECT grantee || ' ' || privilege_type || ' ' || table_name AS name \
         FROM information_schema.role_table_grants \
         WHERE table_name ~ '^(credit_transactions|credit_keys|usage_events|usage_keys|outbox|\
         subscription_changes|credit_notes|catalogue_changes|webhook_actions|webhook_attempts|delivery_attempts|email_attempts|email_actions)' AND grantee IN ('billing_app', 'billing_engine') \
         AND privilege_type NOT IN ('SELECT', 'INSERT') ORDER BY 1",
    )
    .await;
    assert_eq!(may, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_keys_of_owned_tables_are_named_by_hand() {
    let unnamed = names(
        "SELECT conname::text AS name FROM pg_constraint \
         WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND conparentid = 0 \
         AND conname LIKE '%_fkey' ORDER BY 1",
    )
    .await;
    assert_eq!(unnamed, Vec::<String>::new());
}
