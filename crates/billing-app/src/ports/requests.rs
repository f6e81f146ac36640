//! Requests that carry an idempotency key, and their answers.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::Error;

/// Which request it is: the same caller, route and key are the same request.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestKey {
    /// Who asks: the id of the API key.
    pub principal: String,
    /// Method and path.
    pub route: String,
    /// The caller's key.
    pub key: String,
}

/// An answer that was given, to be given again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Whether a request may run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Begun {
    /// It may: nobody has asked before, or nobody finished it in time.
    Fresh,
    /// It was answered before.
    Answered(Answer),
    /// The key was used before with another body.
    OtherBody,
    /// It is running.
    Running,
}

/// Remembers requests until they are forgotten for their age.
#[async_trait]
pub trait Requests: Send + Sync {
    /// Asks to run a request. It is held for a minute, then another may run it.
    async fn begin(
        &self,
        key: &RequestKey,
        fingerprint: [u8; 32],
        wall: OffsetDateTime,
    ) -> Result<Begun, Error>;

    /// Remembers the answer; with `None` forgets the request, so that it may run again.
    async fn finish(&self, key: &RequestKey, answer: Option<&Answer>) -> Result<(), Error>;

    /// Forgets requests that began before an instant, at most `limit`. How many.
    async fn forget(&self, before: OffsetDateTime, limit: i64) -> Result<usize, Error>;
}
