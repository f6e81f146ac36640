//! What was given and acknowledged, organization by organization, and whether it adds up.

use std::{iter::StepBy, ops::Range, sync::Arc};

use anyhow::{Context, ensure};
use tokio::task::JoinSet;

use crate::{
    http::{Connection, Request},
    target::Target,
};

/// More than a load can use.
const GRANTED: i64 = 1_000_000_000;
/// How many contradictions are worth printing.
const ENOUGH: usize = 10;

/// An organization that is loaded.
pub(crate) struct Account {
    /// Its id.
    pub(crate) id: String,
    /// What happened to it.
    pub(crate) tally: Tally,
}

/// What happened to an organization.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    /// The credits that answers say were taken.
    pub(crate) acknowledged: i64,
    /// How many requests have no answer, or a failure: they may have been done or not.
    pub(crate) unknown: i64,
}

impl Tally {
    /// What happened besides.
    pub(crate) fn add(&mut self, more: Self) {
        self.acknowledged += more.acknowledged;
        self.unknown += more.unknown;
    }
}

/// Makes organizations with credits.
pub(crate) async fn open(
    target: &Arc<dyn Target>,
    count: usize,
    connections: usize,
) -> anyhow::Result<Vec<Account>> {
    let mut workers = JoinSet::new();
    for share in shares(count, connections) {
        workers.spawn(open_share(target.clone(), share));
    }
    gather(workers).await
}

/// Compares what was acknowledged with the balances; returns the sum over all organizations.
pub(crate) async fn check(
    target: &Arc<dyn Target>,
    accounts: Vec<Account>,
    connections: usize,
) -> anyhow::Result<Tally> {
    let accounts = Arc::new(accounts);
    let mut workers = JoinSet::new();
    for share in shares(accounts.len(), connections) {
        workers.spawn(check_share(target.clone(), accounts.clone(), share));
    }
    let mut wrong = gather(workers).await?;
    let found = wrong.len();
    wrong.truncate(ENOUGH);
    ensure!(found == 0, "{found} balances contradict the answers:\n{}", wrong.join("\n"));
    let mut sum = Tally::default();
    accounts.iter().for_each(|account| sum.add(account.tally));
    Ok(sum)
}

async fn open_share(
    target: Arc<dyn Target>,
    share: StepBy<Range<usize>>,
) -> anyhow::Result<Vec<Account>> {
    let mut connection = Connection::open(target.site()).await?;
    let mut accounts = Vec::new();
    for nth in share {
        let made = ask(&mut connection, &target.register(nth)).await;
        let id = target.registered(made.context("cannot register an organization")?)?;
        ask(&mut connection, &target.grant(&id, GRANTED)).await.context("cannot grant credits")?;
        accounts.push(Account { id, tally: Tally::default() });
    }
    Ok(accounts)
}

async fn check_share(
    target: Arc<dyn Target>,
    accounts: Arc<Vec<Account>>,
    share: StepBy<Range<usize>>,
) -> anyhow::Result<Vec<String>> {
    let mut connection = Connection::open(target.site()).await?;
    let mut wrong = Vec::new();
    for account in share.filter_map(|nth| accounts.get(nth)) {
        let answer = ask(&mut connection, &target.balance(&account.id)).await;
        let balance = target.balance_in(answer.context("cannot read a balance")?)?;
        wrong.extend(account.contradiction(balance, target.price()));
    }
    Ok(wrong)
}

/// The body of an answer that must be a success.
async fn ask<'a>(connection: &'a mut Connection, request: &Request) -> anyhow::Result<&'a [u8]> {
    let answer = connection.ask(request).await?;
    let said = String::from_utf8_lossy(answer.body);
    ensure!(answer.is_success(), "answered {}: {said}", answer.status);
    Ok(answer.body)
}

impl Account {
    /// What is wrong with a balance.
    fn contradiction(&self, balance: i64, price: i64) -> Option<String> {
        let Self { id, tally: Tally { acknowledged, unknown } } = self;
        let most = GRANTED - acknowledged;
        let least = most - unknown * price;
        let right = balance >= 0 && (least..=most).contains(&balance);
        (!right).then(|| {
            format!(
                "{id}: granted {GRANTED}, acknowledged {acknowledged}, {unknown} requests that \
                 nothing is known of, balance {balance}"
            )
        })
    }
}

/// Every number below `count`, dealt out.
fn shares(count: usize, hands: usize) -> impl Iterator<Item = StepBy<Range<usize>>> {
    let hands = hands.clamp(1, count.max(1));
    (0..hands).map(move |hand| (hand..count).step_by(hands))
}

/// What all workers bring; the first failure ends the others.
async fn gather<T: 'static>(
    mut workers: JoinSet<anyhow::Result<Vec<T>>>,
) -> anyhow::Result<Vec<T>> {
    let mut all = Vec::new();
    while let Some(brought) = workers.join_next().await {
        all.extend(brought??);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_acknowledged_is_missing_from_the_balance() {
        let account = |tally| {
            Account { id: "one".to_owned(), tally }.contradiction(GRANTED - 10, 1).is_some()
        };
        assert!(!account(Tally { acknowledged: 10, unknown: 0 }));
        assert!(!account(Tally { acknowledged: 8, unknown: 2 }));
        assert!(account(Tally { acknowledged: 8, unknown: 1 }), "taken without an answer");
        assert!(account(Tally { acknowledged: 11, unknown: 5 }), "acknowledged and lost");
    }

    #[test]
    fn every_number_is_dealt_once() {
        let mut dealt: Vec<_> = shares(7, 3).flatten().collect();
        dealt.sort_unstable();
        assert_eq!(dealt, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(shares(2, 64).count(), 2);
    }
}
