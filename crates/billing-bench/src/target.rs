//! What a server under load is asked, and what its answers mean.

use crate::http::{Request, Site};

/// What a unit of work does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Work {
    /// Nothing, behind everything that other requests pass.
    Hello,
    /// Takes the price of the cheapest event.
    Consume,
    /// Holds that price, then settles what is held: two requests.
    Settle,
    /// Asks whether an organization may use more.
    Check,
    /// Counts one use, as far as it is allowed.
    Record,
    /// Counts one use of each of many organizations.
    Batch,
    /// Delivers a webhook that is kept and changes nothing.
    Webhook,
}

/// What an organization has of, and a load takes from or adds to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Book {
    /// Credits that are left.
    Credits,
    /// Uses that were counted.
    Uses,
}

/// What comes after an answer.
pub(crate) enum Next {
    /// The unit of work goes on with this.
    Ask(Request),
    /// It is done; so much was taken from, or counted for, each of its organizations.
    Done(i64),
}

/// A server under load, in the words of its own API.
pub(crate) trait Target: Send + Sync {
    /// Where it is.
    fn site(&self) -> &Site;
    /// The most that one unit of work takes from an organization, or counts for it.
    fn most(&self, book: Book) -> i64;

    /// Makes an organization; its answer has the id.
    fn register(&self, nth: usize) -> Request;
    /// The id in the answer to `register`.
    fn registered(&self, body: &[u8]) -> anyhow::Result<String>;
    /// Gives it credits, and as many uses, so that nothing is denied.
    fn endow(&self, organization: &str, amount: i64) -> Vec<Request>;
    /// Asks what is in a book.
    fn read(&self, book: Book, organization: &str) -> Request;
    /// The balance in the answer to `read`, below zero where it is overdrawn; or the uses.
    fn found(&self, book: Book, body: &[u8]) -> anyhow::Result<i64>;

    /// The first request of a unit of work on these organizations; nothing where the server does
    /// not offer it. A webhook is another one each time.
    fn begin(&self, work: Work, organizations: &[&str]) -> Option<Request>;
    /// What the answer to request number `step` of a unit, from 0, leads to.
    fn next(&self, work: Work, step: usize, body: &[u8]) -> anyhow::Result<Next>;
}

impl Work {
    /// Every kind.
    pub(crate) const ALL: [Self; 7] = [
        Self::Hello,
        Self::Consume,
        Self::Settle,
        Self::Check,
        Self::Record,
        Self::Batch,
        Self::Webhook,
    ];

    /// What it changes.
    pub(crate) const fn book(self) -> Option<Book> {
        match self {
            Self::Consume | Self::Settle => Some(Book::Credits),
            Self::Record | Self::Batch => Some(Book::Uses),
            Self::Hello | Self::Check | Self::Webhook => None,
        }
    }
}
