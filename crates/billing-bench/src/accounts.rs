//! What was given and acknowledged, organization by organization, and whether it adds up.

use std::{
    iter::StepBy,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use anyhow::{Context, ensure};
use tokio::task::JoinSet;

use crate::{
    http::{Connection, Request},
    target::{Book, Target},
};

/// More than a load can use.
const GRANTED: i64 = 1_000_000_000;
/// How many contradictions are worth printing.
const ENOUGH: usize = 10;

/// An organization that is loaded.
pub(crate) struct Account {
    /// Its id.
    pub(crate) id: String,
    /// The credits that it had at first.
    given: i64,
    credits: Tally,
    uses: Tally,
}

/// What answers say of one book of an organization.
#[derive(Default)]
pub(crate) struct Tally {
    /// What they say was taken or counted.
    pub(crate) acknowledged: AtomicI64,
    /// How many requests have no answer, or a failure: they may have been done or not.
    pub(crate) unknown: AtomicI64,
}

/// Organizations that are loaded, shared by all who load them.
pub(crate) type Accounts = Arc<[Account]>;

impl Account {
    /// An organization that has so many credits and has used nothing.
    pub(crate) fn new(id: String, given: i64) -> Self {
        Self { id, given, credits: Tally::default(), uses: Tally::default() }
    }

    /// What answers say of a book.
    pub(crate) const fn tally(&self, book: Book) -> &Tally {
        match book {
            Book::Credits => &self.credits,
            Book::Uses => &self.uses,
        }
    }

    /// What is wrong with what a book says.
    fn contradiction(&self, book: Book, found: i64, price: i64) -> Option<String> {
        let Self { id, given, .. } = self;
        let (acknowledged, unknown) = self.tally(book).read();
        let less = match book {
            Book::Credits => given - found,
            Book::Uses => found,
        };
        let expected = acknowledged..=acknowledged + unknown * price;
        let right = expected.contains(&less) && (book == Book::Uses || found >= 0);
        (!right).then(|| {
            format!(
                "{id}, {book:?}: {found}, of {given} credits; acknowledged {acknowledged}, and \
                 {unknown} requests that nothing is known of"
            )
        })
    }
}

impl Tally {
    /// What was acknowledged, and how much nothing is known of.
    pub(crate) fn read(&self) -> (i64, i64) {
        (self.acknowledged.load(Relaxed), self.unknown.load(Relaxed))
    }
}

/// Makes organizations with credits.
pub(crate) async fn open(
    target: &Arc<dyn Target>,
    count: usize,
    connections: usize,
) -> anyhow::Result<Accounts> {
    let mut workers = JoinSet::new();
    for share in shares(count, connections) {
        workers.spawn(open_share(target.clone(), share));
    }
    Ok(gather(workers).await?.into())
}

/// Compares what was acknowledged with what a book says, for all whom a load has met; returns the
/// sums of what was acknowledged and of what nothing is known of.
pub(crate) async fn check(
    target: &Arc<dyn Target>,
    accounts: &Accounts,
    book: Book,
    connections: usize,
) -> anyhow::Result<(i64, i64)> {
    let mut workers = JoinSet::new();
    for share in shares(accounts.len(), connections) {
        workers.spawn(check_share(target.clone(), accounts.clone(), book, share));
    }
    let mut wrong = gather(workers).await?;
    let found = wrong.len();
    wrong.truncate(ENOUGH);
    ensure!(found == 0, "{found} organizations contradict the answers:\n{}", wrong.join("\n"));
    Ok(accounts
        .iter()
        .map(|it| it.tally(book).read())
        .fold((0, 0), |sum, (known, unknown)| (sum.0 + known, sum.1 + unknown)))
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
        for gift in target.endow(&id, GRANTED) {
            ask(&mut connection, &gift).await.context("cannot endow an organization")?;
        }
        accounts.push(Account::new(id, GRANTED));
    }
    Ok(accounts)
}

async fn check_share(
    target: Arc<dyn Target>,
    accounts: Accounts,
    book: Book,
    share: StepBy<Range<usize>>,
) -> anyhow::Result<Vec<String>> {
    let mut connection = Connection::open(target.site()).await?;
    let mut wrong = Vec::new();
    for account in share.filter_map(|nth| accounts.get(nth)) {
        if account.tally(book).read() == (0, 0) {
            continue;
        }
        let answer = ask(&mut connection, &target.read(book, &account.id)).await;
        let found = target.found(book, answer.context("cannot read a book")?)?;
        wrong.extend(account.contradiction(book, found, target.most(book)));
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

    fn wrong(book: Book, found: i64, (acknowledged, unknown): (i64, i64)) -> bool {
        let account = Account::new("one".to_owned(), 1_000);
        account.tally(book).acknowledged.store(acknowledged, Relaxed);
        account.tally(book).unknown.store(unknown, Relaxed);
        account.contradiction(book, found, 1).is_some()
    }

    #[test]
    fn what_was_acknowledged_is_missing_from_the_balance() {
        assert!(!wrong(Book::Credits, 990, (10, 0)));
        assert!(!wrong(Book::Credits, 990, (8, 2)));
        assert!(wrong(Book::Credits, 990, (8, 1)), "taken without an answer");
        assert!(wrong(Book::Credits, 990, (11, 5)), "acknowledged and lost");
        assert!(wrong(Book::Credits, -1, (1_001, 0)), "more than there was");
    }

    #[test]
    fn what_was_acknowledged_was_counted() {
        assert!(!wrong(Book::Uses, 2_000, (2_000, 0)));
        assert!(wrong(Book::Uses, 2_000, (1_998, 1)), "counted without an answer");
        assert!(wrong(Book::Uses, 2_000, (2_001, 1)), "acknowledged and lost");
    }

    #[test]
    fn every_number_is_dealt_once() {
        let mut dealt: Vec<_> = shares(7, 3).flatten().collect();
        dealt.sort_unstable();
        assert_eq!(dealt, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(shares(2, 64).count(), 2);
    }
}
