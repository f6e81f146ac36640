//! A bank: organizations give credits to each other, and whoever reads all of it at one instant
//! reads the same total.
//!
//! `BILLING_SOAK_TRANSFERS` says how many transfers a client makes, `BILLING_SOAK_SEED` repeats
//! those of a run.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use billing_app::{
    Error,
    ports::{CreditLedger, LedgerQueries, Scope, Store},
};
use billing_domain::{
    credits::{CreditCommand, CreditOutcome},
    id::OrganizationId,
};
use billing_postgres::{CreditWriters, Database};
use billing_testkit::{
    NOON,
    builders::{a_fresh_id, a_grant, a_transfer, an_organization},
};
use diesel::{QueryResult, QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use tokio::task::JoinSet;

use crate::{
    scratch::Scratch,
    seeds::{self, Dice},
};

const ORGANIZATIONS: usize = 8;
const EACH: i64 = 1_000;
const TOTAL: i64 = 8 * EACH;
const CLIENTS: u64 = 16;
const READERS: usize = 4;
const TRANSFERS: u32 = 60;
/// As often is a transfer sent before it is said that no answer comes.
const TRIES: usize = 50;

/// What each organization has more or less by the transfers that were answered, how many of them
/// there were, and how often there was no answer.
#[derive(Default)]
struct Told {
    changes: [i64; ORGANIZATIONS],
    sent: usize,
    denied: usize,
    unavailable: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_all_of_the_bank_reads_the_same_total() {
    let (transfers, seed) = (seeds::count("BILLING_SOAK_TRANSFERS", TRANSFERS), seeds::seed());
    seeds::tell(&format!("{CLIENTS} clients, {transfers} transfers: BILLING_SOAK_SEED={seed}"));
    let scratch = Scratch::new().await;
    let servers = [scratch.database(), scratch.database()];
    let writers = CreditWriters::start(&servers[0]);
    let bank = Arc::new(open(&servers[0], &writers).await);
    let over = Arc::new(AtomicBool::new(false));
    let (mut clients, mut readers) = (JoinSet::new(), JoinSet::new());
    for _ in 0..READERS {
        readers.spawn(read(scratch.url.clone(), over.clone()));
    }
    // Batches of group commit lock many accounts beside the transfers.
    let booking = tokio::spawn(book(writers, bank.clone(), over.clone()));
    for client in 0..CLIENTS {
        let database = servers[usize::try_from(client).unwrap() % 2].clone();
        let dice = Dice(seed.wrapping_mul(1_000).wrapping_add(client));
        clients.spawn(transfer(database, bank.clone(), dice, (client, transfers)));
    }
    let told = clients.join_all().await;
    over.store(true, Ordering::SeqCst);
    let reads: usize = readers.join_all().await.into_iter().sum();
    let booked = booking.await.unwrap();

    for (n, organization) in bank.iter().enumerate() {
        let changed: i64 = told.iter().map(|told| told.changes[n]).sum();
        let summary = servers[1].credits(*organization).await.unwrap().unwrap();
        assert_eq!(summary.balance, EACH + changed, "what was answered is so");
    }
    let count = |of: fn(&Told) -> usize| told.iter().map(of).sum::<usize>();
    let (sent, denied) = (count(|told| told.sent), count(|told| told.denied));
    let unavailable: Vec<_> = told.iter().flat_map(|told| &told.unavailable).collect();
    seeds::tell(&format!(
        "{sent} transfers, {denied} denied, {reads} reads of all, {booked} batches beside; \
         {unavailable:?}"
    ));
    assert!(sent > 0 && reads >= READERS);
    assert_eq!(unavailable, Vec::<&String>::new(), "accounts are locked in one order");
    assert_eq!(servers[0].violations().await.unwrap(), []);
}

/// Organizations that all have the same.
async fn open(database: &Database, writers: &CreditWriters) -> [OrganizationId; ORGANIZATIONS] {
    let bank = [0; ORGANIZATIONS].map(|_| an_organization());
    let mut work = database.begin(Scope::Operator).await.unwrap();
    for organization in &bank {
        work.organizations().insert(organization, &[]).await.unwrap();
    }
    work.commit().await.unwrap();
    let mut grant = a_grant();
    grant.amount = EACH;
    for organization in &bank {
        writers.apply(organization.id, CreditCommand::Grant(grant.clone()), NOON).await.unwrap();
    }
    bank.map(|organization| organization.id)
}

async fn transfer(
    database: Database,
    bank: Arc<[OrganizationId; ORGANIZATIONS]>,
    mut dice: Dice,
    (client, transfers): (u64, u32),
) -> Told {
    let mut told = Told::default();
    for number in 0..transfers {
        let from = dice.below(ORGANIZATIONS);
        let to = (from + 1 + dice.below(ORGANIZATIONS - 1)) % ORGANIZATIONS;
        let amount = i64::try_from(1 + dice.below(400)).unwrap();
        let asked = a_transfer(&format!("{client}-{number}"), bank[to], amount);
        for _ in 0..TRIES {
            let sending = async {
                let mut work = database.begin(Scope::Engine).await?;
                let sent = work.credits().transfer(bank[from], &asked, &a_fresh_id, NOON).await?;
                work.commit().await?;
                Ok(sent)
            };
            match sending.await {
                Ok(CreditOutcome::Sent(_)) => {
                    told.sent += 1;
                    told.changes[from] -= amount;
                    told.changes[to] += amount;
                }
                Ok(CreditOutcome::Denied(_)) => told.denied += 1,
                Ok(other) => panic!("{other:?}"),
                Err(Error::Unavailable { cause, .. }) => {
                    told.unavailable.push(format!("{cause:#}"));
                    continue;
                }
                Err(error) => panic!("{error:?}"),
            }
            break;
        }
    }
    told
}

/// Batches over all accounts that change nothing. Gives how many there were.
async fn book(
    writers: CreditWriters,
    bank: Arc<[OrganizationId; ORGANIZATIONS]>,
    over: Arc<AtomicBool>,
) -> usize {
    let mut booked = 0;
    while !over.load(Ordering::SeqCst) {
        let all = bank.iter().map(|it| writers.apply(*it, CreditCommand::BookDue, NOON));
        match futures_util::future::try_join_all(all).await {
            Ok(_) => booked += 1,
            // The accounts were locked for too long: whoever asks asks again.
            Err(Error::Unavailable { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    booked
}

#[derive(QueryableByName, Clone, Copy, PartialEq, Eq, Debug)]
struct Sums {
    #[diesel(sql_type = BigInt)]
    balances: i64,
    #[diesel(sql_type = BigInt)]
    ledgers: i64,
    #[diesel(sql_type = BigInt)]
    grants: i64,
}

const SUMS: &str = "SELECT \
     (SELECT sum(balance) FROM credit_accounts)::bigint AS balances, \
     (SELECT sum(amount) FROM credit_transactions)::bigint AS ledgers, \
     ((SELECT sum(remaining) FROM credit_grants WHERE started) \
     - (SELECT sum(overdrawn) FROM credit_accounts))::bigint AS grants";

/// Reads all of it again and again. Gives how often.
async fn read(url: String, over: Arc<AtomicBool>) -> usize {
    let mut connection = AsyncPgConnection::establish(&url).await.unwrap();
    let mut reads = 0;
    while reads == 0 || !over.load(Ordering::SeqCst) {
        let sums = sums(&mut connection).await.unwrap();
        assert_eq!(sums, Sums { balances: TOTAL, ledgers: TOTAL, grants: TOTAL });
        reads += 1;
    }
    reads
}

/// As one instant shows them.
async fn sums(connection: &mut AsyncPgConnection) -> QueryResult<Sums> {
    // Not for all of the file: it would take `load` from atomics.
    use diesel_async::RunQueryDsl;

    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL ROLE billing_engine";
    connection.batch_execute(begin).await?;
    let sums = sql_query(SUMS).get_result(connection).await?;
    connection.batch_execute("COMMIT").await?;
    Ok(sums)
}
