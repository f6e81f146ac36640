//! The invariants of discounts: each of them sees what it is there for.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use billing_app::ports::{Scope, Store};
use billing_domain::{
    checkout::{Checkout, CheckoutStatus},
    discount::{Discount, Redemption, RedemptionState},
};
use billing_postgres::{Database, INVARIANTS};
use billing_testkit::{
    NOON,
    builders::{a_checkout, a_discount, a_reference, an_organization, the_default_catalogue},
};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::scratch::Scratch;

/// How each invariant can be broken, by the beginning of its name.
const TAMPERING: &[(&str, &str)] = &[
    ("K1 a discount is taken", "UPDATE discounts SET taken = taken + 1"),
    ("K1 a discount is taken", "UPDATE discount_redemptions SET status = 'released'"),
    ("K2 a discount is redeemed", "UPDATE checkouts SET status = 'expired'"),
];

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// A discount that was redeemed once.
async fn redeemed(database: &Database) {
    let organization = an_organization();
    let discount = Discount { taken: 1, ..a_discount() };
    let status = CheckoutStatus::Completed(a_reference("cs"));
    let checkout = Checkout { organization_id: organization.id, status, ..a_checkout() };
    let mut work = database.begin(Scope::Operator).await.unwrap();
    for (position, plan) in (0..).zip(&the_default_catalogue().plans) {
        for meter in &the_default_catalogue().meters {
            work.catalogue().add_meter(meter).await.unwrap();
        }
        work.catalogue().add_plan(plan, position).await.unwrap();
    }
    work.organizations().insert(&organization, &[]).await.unwrap();
    work.checkouts().save(&checkout, &[]).await.unwrap();
    work.discounts().insert(&discount).await.unwrap();
    let redemption = Redemption {
        organization_id: organization.id,
        checkout_id: checkout.id,
        discount_id: discount.id,
        state: RedemptionState::Redeemed { at: NOON },
        created_at: NOON,
    };
    work.discounts().save_redemption(&redemption, &[]).await.unwrap();
    work.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invariant_of_discounts_sees_what_it_is_there_for() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    redeemed(&database).await;
    assert_eq!(database.violations().await.unwrap(), []);
    let mut admin = AsyncPgConnection::establish(&scratch.admin_url).await.unwrap();
    for (name, query) in INVARIANTS.iter().filter(|(name, _)| name.starts_with('K')) {
        let ways = || TAMPERING.iter().filter(|(begins, _)| name.starts_with(begins));
        assert!(ways().count() > 0, "nobody breaks \"{name}\"");
        for (_, tampering) in ways() {
            admin.batch_execute(&format!("BEGIN; {tampering}")).await.unwrap();
            let count = sql_query(format!("SELECT count(*) AS rows FROM ({query}) broken"));
            let found: Found = count.get_result(&mut admin).await.unwrap();
            assert!(found.rows > 0, "{name} does not see: {tampering}");
            admin.batch_execute("ROLLBACK").await.unwrap();
        }
    }
}
