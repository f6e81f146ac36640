//! What must hold of trials is seen when it does not.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use billing_app::ports::{Claimant, Scope, Store, TrialClaim};
use billing_domain::{
    checkout::{Checkout, CheckoutStatus, PaidBy, Purpose},
    collection::Collection,
    event::{Event, What},
    gateway::GatewayRef,
    id::OrganizationId,
    invoice::{Invoice, InvoiceStatus, Issuer, Series},
    payment::Payment,
    period::{Anchor, Interval, Period},
    renewal::Renewal,
    subscription::{Status, Subscription},
    trial::Trial,
};
use billing_postgres::{Database, INVARIANTS};
use billing_testkit::{
    NOON,
    builders::{
        a_checkout, a_fresh_id, a_payment, a_reference, a_subscription_on_trial, a_trial,
        an_invoice, an_organization, the_default_catalogue,
    },
};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::scratch::Scratch;

/// What somebody might do to the records, and by which invariant it is seen.
const TAMPERING: &[(&str, &str)] = &[
    ("S2", "UPDATE trials SET ends_at = ends_at + interval '1 day' WHERE status = 'running'"),
    (
        "S2",
        "UPDATE trials SET status = 'expired', status_at = ends_at, next_due_at = NULL \
         WHERE status = 'running'",
    ),
    (
        "S2",
        "UPDATE subscriptions SET gateway = 'stripe', gateway_id = 'sub_1' WHERE status = 'active'",
    ),
    ("S3", "DELETE FROM trial_claims WHERE claimant = 'email'"),
    ("S3", "UPDATE trial_claims SET organization_id = gen_random_uuid()"),
    ("S4", "UPDATE invoices SET status = 'open', paid_at = NULL"),
    ("S4", "UPDATE invoices SET period_start = NULL, period_end = NULL"),
    ("S4", "UPDATE trials SET ends_at = ends_at - interval '1 day' WHERE status = 'converted'"),
    (
        "S5",
        "INSERT INTO invoices SELECT organization_id, gen_random_uuid(), gateway, gateway_id, \
         '2026-000002', status, currency, discount, tax, credit, total, paid, discounts, taxes, \
         credits, seller, buyer, no_tax, subscription_id, NULL, checkout_id, \
         period_start + interval '1 day', period_end, hosted_url, pdf_url, created_at, issued_at, \
         due_at, paid_at, observed_at FROM invoices",
    ),
    ("S6", "UPDATE renewals SET next_due_at = NULL"),
    ("S6", "DELETE FROM renewals"),
];

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

fn told(organization_id: OrganizationId, what: What) -> Event {
    Event { id: a_fresh_id(), organization_id, at: NOON, what }
}

/// An organization on trial, remembered by its mailbox.
async fn on_trial(database: &Database, name: u8) -> (Subscription, Trial) {
    let organization = an_organization();
    let subscription =
        Subscription { organization_id: organization.id, ..a_subscription_on_trial() };
    let trial = a_trial(&subscription);
    let mut work = database.begin(Scope::Operator).await.unwrap();
    let catalogue = the_default_catalogue();
    for meter in &catalogue.meters {
        work.catalogue().add_meter(meter).await.unwrap();
    }
    for (position, plan) in (0..).zip(&catalogue.plans) {
        work.catalogue().add_plan(plan, position).await.unwrap();
    }
    work.organizations().insert(&organization, &[]).await.unwrap();
    let status = subscription.status.name();
    let created = What::SubscriptionCreated { subscription_id: subscription.id, status };
    let created = told(organization.id, created);
    work.subscriptions().save(&subscription, None, &[created]).await.unwrap();
    work.trials().save(&trial, &[]).await.unwrap();
    let claim = TrialClaim { by: Claimant::Email, digest: [name; 32] };
    assert_eq!(work.trials().claim(organization.id, &[claim]).await.unwrap(), None);
    work.commit().await.unwrap();
    (subscription, trial)
}

/// The same, converted by a payment.
async fn converted(database: &Database) {
    let (mut subscription, mut trial) = on_trial(database, 2).await;
    let owner = subscription.organization_id;
    let period: Period = Anchor(trial.ends_at).period(Interval::Month, 0);
    let payment = Payment { organization_id: owner, ..a_payment() };
    let (subscription_id, amount) = (subscription.id, payment.amount);
    let method: GatewayRef = a_reference("pm");
    let invoice = Invoice {
        organization_id: owner,
        issuer: Issuer::Us,
        number: Some("2026-000001".to_owned()),
        status: InvoiceStatus::Paid,
        paid: amount,
        subscription_id: Some(subscription_id),
        payment_id: Some(payment.id),
        period: Some(period),
        ..an_invoice()
    };
    let mut collection = Collection::begun((owner, invoice.id), Some(subscription_id), NOON);
    let checkout = Checkout {
        organization_id: owner,
        purpose: Purpose::Invoice { invoice_id: invoice.id, attempt: 1, amount },
        paid_by: PaidBy::SavedMethod(method.clone()),
        status: CheckoutStatus::Completed(payment.reference.clone()),
        ..a_checkout()
    };
    collection.begin(checkout.id, (method, None), NOON);
    assert!(collection.succeed(checkout.id, NOON));
    let payment = Payment { checkout_id: Some(checkout.id), ..payment };
    subscription.renew(period, NOON).unwrap();
    assert_eq!(subscription.status, Status::Active);
    assert!(trial.convert());
    let mut renewal = Renewal {
        organization_id: owner,
        subscription_id,
        anchor: period.start,
        next_due_at: None,
    };
    renewal.follow(&subscription, 7, NOON);
    let status = payment.status;
    let updated = What::PaymentUpdated { payment_id: payment.id, status, amount };
    let mut work = database.begin(Scope::Engine).await.unwrap();
    let issued = What::InvoiceUpdated {
        invoice_id: invoice.id,
        number: invoice.number.clone(),
        status: invoice.status,
        total: amount,
    };
    work.payments().save(&payment, &[told(owner, updated)]).await.unwrap();
    work.invoices().next_number(Series::Invoice, 2026).await.unwrap();
    work.invoices().save(&invoice, &[told(owner, issued)]).await.unwrap();
    work.checkouts().save(&checkout, &[]).await.unwrap();
    work.collections().save(&collection, &[]).await.unwrap();
    work.subscriptions().save(&subscription, None, &[]).await.unwrap();
    work.trials().save(&trial, &[]).await.unwrap();
    work.renewals().save(&renewal).await.unwrap();
    work.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invariant_of_trials_sees_what_it_is_there_for() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    on_trial(&database, 1).await;
    converted(&database).await;
    assert_eq!(database.violations().await.unwrap(), []);
    let mut admin = AsyncPgConnection::establish(&scratch.admin_url).await.unwrap();
    let of_trials = ["S2", "S3", "S4", "S5", "S6"];
    for begins in of_trials {
        let (name, query) = INVARIANTS.iter().find(|(name, _)| name.starts_with(begins)).unwrap();
        let ways = || TAMPERING.iter().filter(|(seen_by, _)| *seen_by == begins);
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
