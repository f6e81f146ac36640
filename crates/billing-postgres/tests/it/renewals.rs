//! Several processes renew the same subscriptions and take their money: each period has one invoice,
//! each invoice one charge, and what must hold of that is seen when it does not.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use billing_app::{
    Billing, Ports, Settings,
    ports::{Clock as _, CustomerAccounts as _, NewCustomer, Scope, Store as _},
};
use billing_domain::{
    event::{Event, What},
    id::OrganizationId,
    organization::Customer,
    period::{Anchor, Interval},
    renewal::Renewal,
    subscription::{BilledBy, Subscription},
};
use billing_postgres::{Database, INVARIANTS, PoolSettings};
use billing_testkit::{
    Call, Counting, FakeGateway, NOON, Stopped,
    builders::{a_fresh_id, an_active_subscription, an_organization, the_default_catalogue},
};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use time::{Duration, OffsetDateTime};

use crate::{ports::ports, scratch::Scratch};

/// How each invariant can be broken, by the beginning of its name.
const TAMPERING: &[(&str, &str)] = &[
    (
        "D1",
        "UPDATE payment_attempts SET outcome = 'pending', failure = NULL, kind = NULL, \
         ended_at = NULL WHERE number = 1",
    ),
    (
        "D1",
        "UPDATE collections SET status = 'charging', checkout_id = gen_random_uuid(), \
         next_due_at = created_at WHERE status = 'given_up'",
    ),
    ("D2", "UPDATE invoices SET status = 'open' WHERE status = 'uncollectible'"),
    ("D2", "UPDATE collections SET status = 'given_up' WHERE status = 'collected'"),
    ("D2", "DELETE FROM payment_attempts; DELETE FROM collections WHERE status = 'given_up'"),
    ("D3", "UPDATE payment_attempts SET kind = 'hard' WHERE number = 1 AND outcome = 'failed'"),
    (
        "D4",
        "INSERT INTO payment_attempts SELECT (jsonb_populate_record(a, jsonb_build_object(\
         'number', number + 10 * n))).* FROM payment_attempts a, generate_series(1, 15) n \
         WHERE number = 1",
    ),
    (
        "P1 one charge per invoice",
        "INSERT INTO payments SELECT (jsonb_populate_record(p, jsonb_build_object(\
         'payment_id', gen_random_uuid(), 'gateway_id', 'pi_other'))).* FROM payments p \
         WHERE status = 'completed'",
    ),
];

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Subscriptions that our engine bills, whose first month has passed.
struct Due {
    scratch: Scratch,
    clock: Arc<Stopped>,
    gateway: Arc<FakeGateway>,
    /// Later ids are greater, whoever takes them.
    ids: Arc<Counting>,
    organizations: Vec<(OrganizationId, String)>,
}

impl Due {
    async fn new(count: usize) -> Self {
        let scratch = Scratch::new().await;
        let clock = Arc::new(Stopped::default());
        let gateway = Arc::new(FakeGateway::new(clock.clone()));
        let database = scratch.database();
        let mut work = database.begin(Scope::Operator).await.unwrap();
        let catalogue = the_default_catalogue();
        for meter in &catalogue.meters {
            work.catalogue().add_meter(meter).await.unwrap();
        }
        for (position, plan) in (0..).zip(&catalogue.plans) {
            work.catalogue().add_plan(plan, position).await.unwrap();
        }
        work.commit().await.unwrap();
        let ids = Arc::new(Counting::series(7));
        let mut due = Self { scratch, clock, gateway, ids, organizations: Vec::new() };
        for _ in 0..count {
            due.subscribed(&database).await;
        }
        due.clock.advance(month(0).end - due.clock.now());
        due
    }

    /// An organization with a card and a subscription in its first month.
    async fn subscribed(&mut self, database: &Database) {
        let organization = an_organization();
        let id = organization.id;
        let new = NewCustomer {
            organization_id: id,
            name: organization.name.clone(),
            email: None,
            country: None,
        };
        let reference = self.gateway.create(&new).await.unwrap();
        self.gateway.save_method(&reference.id);
        let subscription = Subscription {
            organization_id: id,
            billed_by: BilledBy::Engine,
            period: month(0),
            ..an_active_subscription()
        };
        let mut renewal = Renewal {
            organization_id: id,
            subscription_id: subscription.id,
            anchor: NOON,
            next_due_at: None,
        };
        renewal.follow(&subscription, 7, NOON);
        let created = What::SubscriptionCreated {
            subscription_id: subscription.id,
            status: subscription.status.name(),
        };
        let created = Event { id: a_fresh_id(), organization_id: id, at: NOON, what: created };
        let mut work = database.begin(Scope::Operator).await.unwrap();
        work.organizations().insert(&organization, &[]).await.unwrap();
        let customer =
            Customer { organization_id: id, reference: reference.clone(), created_at: NOON };
        work.organizations().link_customer(&customer).await.unwrap();
        work.subscriptions().save(&subscription, None, &[created]).await.unwrap();
        work.renewals().save(&renewal).await.unwrap();
        work.commit().await.unwrap();
        self.organizations.push((id, reference.id));
    }

    /// One process more, with connections of its own.
    fn process(&self) -> Arc<Billing> {
        let few = PoolSettings { connections: 4, ..PoolSettings::default() };
        let database = Database::new(&self.scratch.url, few).unwrap();
        let ports = Ports {
            gateways: vec![self.gateway.clone()],
            ..ports(&database, self.clock.clone(), self.ids.clone())
        };
        Arc::new(Billing::new(ports, Settings::default()))
    }

    async fn number(&self, sql: &str) -> i64 {
        let mut admin = AsyncPgConnection::establish(&self.scratch.admin_url).await.unwrap();
        let found: Number = sql_query(sql).get_result(&mut admin).await.unwrap();
        found.number
    }
}

fn month(nth: i32) -> billing_domain::period::Period {
    Anchor(NOON).period(Interval::Month, nth)
}

/// All processes at once do what is due, until it is done. What one puts off is due in a minute.
async fn all_at_once(due: &Due, processes: &[Arc<Billing>]) {
    for _ in 0..3 {
        let working = processes.iter().cloned().map(|billing| {
            tokio::spawn(async move {
                for _ in 0..4 {
                    billing.renew_due_subscriptions(20).await.unwrap();
                    billing.collect_due_invoices(20).await.unwrap();
                }
            })
        });
        for done in working.collect::<Vec<_>>() {
            done.await.unwrap();
        }
        due.clock.advance(Duration::MINUTE);
    }
}

async fn renewed_by(count: u32) -> Due {
    let due = Due::new(6).await;
    let begins: OffsetDateTime = due.clock.now();
    for (_, customer) in due.organizations.iter().skip(3) {
        due.gateway.refuse(customer);
    }
    let processes: Vec<_> = (0..count).map(|_| due.process()).collect();
    all_at_once(&due, &processes).await;
    assert_eq!(due.gateway.calls(Call::Charge), 6, "each is charged once");
    assert_eq!(due.number("SELECT count(*) AS number FROM invoices").await, 6);
    let one_each = "SELECT count(DISTINCT (subscription_id, period_start)) AS number FROM invoices";
    assert_eq!(due.number(one_each).await, 6);
    for (status, expected) in [("active", 3), ("past_due", 3)] {
        let sql = format!(
            "SELECT count(*) AS number FROM subscriptions WHERE status = '{status}' \
             AND period_start = (SELECT max(period_start) FROM invoices)"
        );
        assert_eq!(due.number(&sql).await, expected, "{status}");
    }
    for day in [1, 3, 5, 7] {
        due.clock.advance(begins + Duration::days(day) + Duration::HOUR - due.clock.now());
        all_at_once(&due, &processes).await;
    }
    assert_eq!(due.gateway.charged().len(), 3 + 3 * 5);
    assert_eq!(due.gateway.calls(Call::Charge), 3 + 3 * 5, "nobody asks twice");
    let over = "SELECT count(*) AS number FROM subscriptions JOIN invoices USING \
                (organization_id, subscription_id) WHERE subscriptions.status = 'expired' \
                AND invoices.status = 'uncollectible'";
    assert_eq!(due.number(over).await, 3);
    assert_eq!(due.scratch.database().violations().await.unwrap(), []);
    due
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_bill_a_period_once_and_charge_it_once() {
    renewed_by(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_processes_bill_a_period_once_and_charge_it_once() {
    renewed_by(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invariant_of_collections_sees_what_it_is_there_for() {
    let due = renewed_by(1).await;
    let mut admin = AsyncPgConnection::establish(&due.scratch.admin_url).await.unwrap();
    let of_collections =
        |name: &str| name.starts_with('D') || name.starts_with("P1 one charge per invoice");
    for (name, query) in INVARIANTS.iter().filter(|(name, _)| of_collections(name)) {
        let ways = || TAMPERING.iter().filter(|(begins, _)| name.starts_with(begins));
        assert!(ways().count() > 0, "nobody breaks \"{name}\"");
        for (_, tampering) in ways() {
            admin.batch_execute(&format!("BEGIN; {tampering}")).await.unwrap();
            let count = sql_query(format!("SELECT count(*) AS number FROM ({query}) broken"));
            let found: Number = count.get_result(&mut admin).await.unwrap();
            assert!(found.number > 0, "{name} does not see: {tampering}");
            admin.batch_execute("ROLLBACK").await.unwrap();
        }
    }
}
