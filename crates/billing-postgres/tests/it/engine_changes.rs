//! The invariants of changes that our engine bills: each of them sees what it is there for.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use billing_app::ports::{Scope, Store};
use billing_domain::{
    currency::Currency,
    id::PriceId,
    invoice::{Invoice, InvoiceStatus, Issuer, LineKind, PendingItem},
    money::Money,
    subscription::{ChangeRequest, Subscription},
};
use billing_postgres::{Database, INVARIANTS};
use billing_testkit::{
    NOON,
    builders::{
        a_bill, a_change_request, a_fresh_id, a_subscription_on_trial, an_invoice, an_organization,
        the_default_catalogue,
    },
};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::scratch::Scratch;

const TAMPERING: &[(&str, &str)] = &[
    ("C1", "UPDATE pending_items SET amount = 501 WHERE amount = 500"),
    ("C2", "UPDATE invoice_lines SET description = 'Something else'"),
    ("C2", "DELETE FROM invoice_lines"),
    ("C3", "UPDATE invoices SET status = 'void'"),
    ("C3", "UPDATE change_requests SET fate = 'done'"),
    ("C3", "UPDATE change_requests SET fate = 'withdrawn'"),
];

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

fn waiting(of: &Subscription, minor: i64) -> PendingItem {
    PendingItem {
        id: a_fresh_id(),
        organization_id: of.organization_id,
        subscription_id: of.id,
        kind: LineKind::Proration,
        description: "Unused time on Growth".to_owned(),
        quantity: 1,
        unit_amount: None,
        amount: Money::new(minor, Currency::USD),
        period: None,
        price_id: None::<PriceId>,
        invoice_id: None,
        created_at: NOON,
    }
}

/// A change whose invoice is open, on which something stands that had waited; and a credit that
/// waits for the next one.
async fn a_change(database: &Database) {
    let organization = an_organization();
    let (catalogue, subscription) = (the_default_catalogue(), a_subscription_on_trial());
    let subscription = Subscription { organization_id: organization.id, ..subscription };
    let stands = waiting(&subscription, 700);
    let invoice = Invoice {
        organization_id: organization.id,
        issuer: Issuer::Us,
        status: InvoiceStatus::Open,
        bill: a_bill(vec![stands.line()]),
        subscription_id: Some(subscription.id),
        ..an_invoice()
    };
    let request = ChangeRequest { invoice_id: Some(invoice.id), ..a_change_request(&subscription) };
    let stands = PendingItem { invoice_id: Some(invoice.id), ..stands };
    let mut work = database.begin(Scope::Operator).await.unwrap();
    work.organizations().insert(&organization, &[]).await.unwrap();
    for meter in &catalogue.meters {
        work.catalogue().add_meter(meter).await.unwrap();
    }
    for (position, plan) in (0..).zip(&catalogue.plans) {
        work.catalogue().add_plan(plan, position).await.unwrap();
    }
    work.commit().await.unwrap();
    let mut work = database.begin(Scope::Engine).await.unwrap();
    work.subscriptions().save(&subscription, None, &[]).await.unwrap();
    work.invoices().save(&invoice, &[]).await.unwrap();
    work.change_requests().save(&request, &[]).await.unwrap();
    for item in [&stands, &waiting(&subscription, -500), &waiting(&subscription, 500)] {
        work.pending_items().save(item).await.unwrap();
    }
    work.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invariant_of_changes_sees_what_it_is_there_for() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    a_change(&database).await;
    let mut admin = AsyncPgConnection::establish(&scratch.admin_url).await.unwrap();
    for (name, query) in INVARIANTS.iter().filter(|(name, _)| name.starts_with('C')) {
        let broken = sql_query(format!("SELECT count(*) AS rows FROM ({query}) broken"));
        let sound: Found = broken.clone().get_result(&mut admin).await.unwrap();
        assert_eq!(sound.rows, 0, "{name}");
        let ways = || TAMPERING.iter().filter(|(begins, _)| name.starts_with(begins));
        assert!(ways().count() > 0, "nobody breaks \"{name}\"");
        for (_, tampering) in ways() {
            admin.batch_execute(&format!("BEGIN; {tampering}")).await.unwrap();
            let found: Found = broken.clone().get_result(&mut admin).await.unwrap();
            assert!(found.rows > 0, "{name} does not see: {tampering}");
            admin.batch_execute("ROLLBACK").await.unwrap();
        }
    }
}
