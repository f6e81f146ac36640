//! The invariants of the credit ledger: each of them sees what it is there for.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use billing_app::ports::{CreditLedger, Scope, Store};
use billing_domain::{
    credits::{CreditCommand, CreditOutcome, DrawRef, NewGrant, Settings, Settle},
    id::{GrantId, OrganizationId},
};
use billing_postgres::{CreditWriters, Database, INVARIANTS};
use billing_testkit::{
    NOON,
    builders::{a_consume, a_fresh_id, a_grant, a_hold, a_refund, a_transfer, an_organization},
};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::scratch::Scratch;

/// How each invariant of the ledger can be broken, by the beginning of its name.
const TAMPERING: &[(&str, &str)] = &[
    ("L1 conservation: a balance", "UPDATE credit_accounts SET balance = balance + 1"),
    (
        "L2 no overdraft",
        "UPDATE credit_transactions SET overdrawn_change = 1, balance_after = -51 \
         WHERE origin = 'consume'",
    ),
    ("L2 no overdraft", "UPDATE credit_transactions SET held_change = 5000 WHERE origin = 'hold'"),
    ("L3 append only", "GRANT UPDATE ON credit_transactions TO billing_app"),
    ("L4 rows are numbered", "DELETE FROM credit_transactions WHERE seq = 2"),
    ("L4 running balance", "UPDATE credit_transactions SET balance_after = balance_after + 1"),
    ("L5 one effect per key", "DELETE FROM credit_keys WHERE operation = 'hold'"),
    ("L5 one effect per key", "DELETE FROM credit_keys WHERE operation = 'refund'"),
    ("L5 one effect per key", "DELETE FROM credit_keys WHERE operation = 'transfer'"),
    (
        "L5 one effect per key",
        "UPDATE credit_keys SET operation = 'hold' WHERE operation = 'consume'",
    ),
    (
        "L5 one decision per key",
        "INSERT INTO credit_keys SELECT key, organization_id, operation, decided_at + \
         interval '1 second', decision_id, event, quantity, required, seq, available \
         FROM credit_keys",
    ),
    ("L6 a hold resolves once", "UPDATE credit_holds SET settled = settled + 1 WHERE settled > 0"),
    ("L6 a hold resolves once", "DELETE FROM credit_holds WHERE open"),
    ("L6 a hold resolves once", "UPDATE credit_holds SET how = 'timed_out' WHERE how = 'released'"),
    (
        "L6 a hold resolves once",
        "UPDATE credit_holds SET open = true, how = NULL, settled = NULL, seq = NULL, \
         balance_after = NULL WHERE how = 'released'",
    ),
    ("L6 what is held", "UPDATE credit_accounts SET held = held + 1"),
    ("L6 what is held", "UPDATE credit_holds SET amount = amount + 1 WHERE open"),
    ("L6 no refund above", "UPDATE credit_transactions SET amount = 26 WHERE origin = 'refund'"),
    ("L6 no refund above", "UPDATE credit_transactions SET refers_to = 1 WHERE origin = 'refund'"),
    ("L1 conservation: what is given", "DELETE FROM credit_grants WHERE source_kind = 'transfer'"),
    (
        "L1 conservation: what is given",
        "UPDATE credit_grants SET amount = amount + 1 WHERE source_kind = 'transfer'",
    ),
    (
        "L7 buckets: what grants have left",
        "UPDATE credit_grants SET remaining = remaining - 1 WHERE remaining > held",
    ),
    (
        "L7 buckets: what rows did",
        "UPDATE credit_grants SET held = held + 1 WHERE remaining > held",
    ),
    ("L7 a row is", "UPDATE credit_transactions SET touched = '[]' WHERE seq = 1"),
    ("L7 what is overdrawn", "UPDATE credit_transactions SET overdrawn_change = 1"),
];

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

async fn registered(database: &Database) -> OrganizationId {
    let organization = an_organization();
    let mut work = database.begin(Scope::Operator).await.unwrap();
    work.organizations().insert(&organization, &[]).await.unwrap();
    work.commit().await.unwrap();
    organization.id
}

/// A ledger with a row of nearly every sort.
async fn a_ledger(database: &Database, writers: &CreditWriters) {
    let (own, other) = (registered(database).await, registered(database).await);
    let apply = async |command| writers.apply(own, command, NOON).await.unwrap();
    apply(CreditCommand::Grant(NewGrant { amount: 1_000, ..a_grant() })).await;
    let settings = Settings { overdraft_limit: 50, ..Settings::default() };
    apply(CreditCommand::Configure(settings.into())).await;
    let [used, open, idle] =
        [("used", 40), ("open", 20), ("idle", 10)].map(|(key, credits)| a_hold(key, credits));
    for hold in [&used, &open, &idle] {
        let held = apply(CreditCommand::Hold(hold.clone())).await;
        assert!(matches!(held, CreditOutcome::Held(_)), "{held:?}");
    }
    apply(CreditCommand::Settle(Settle::new(used.id, Some(30)).unwrap())).await;
    apply(CreditCommand::Release(idle.id)).await;
    let consume = a_consume("it", 25);
    let draw = DrawRef::Decision(consume.decision);
    apply(CreditCommand::Consume(consume)).await;
    let refunded = apply(CreditCommand::Refund(a_refund("it", draw, Some(10)))).await;
    assert!(matches!(refunded, CreditOutcome::Refunded(_)), "{refunded:?}");
    let mut work = database.begin(Scope::Engine).await.unwrap();
    let new_grant = || a_fresh_id::<GrantId>();
    let send = a_transfer("gift", other, 100);
    work.credits().transfer(own, &send, &new_grant, NOON).await.unwrap();
    work.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invariant_of_the_ledger_sees_what_it_is_there_for() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    a_ledger(&database, &CreditWriters::start(&database)).await;
    assert_eq!(database.violations().await.unwrap(), []);
    let mut admin = AsyncPgConnection::establish(&scratch.admin_url).await.unwrap();
    for (name, query) in INVARIANTS.iter().filter(|(name, _)| name.starts_with('L')) {
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
    assert_eq!(database.violations().await.unwrap(), []);
}
