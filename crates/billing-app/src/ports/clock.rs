//! Time, identity and secrets.

use time::OffsetDateTime;
use uuid::Uuid;

/// Tells the time, in UTC and in whole microseconds, so that it survives storage unchanged.
pub trait Clock: Send + Sync {
    /// The business clock: dates of periods, grants and ledgers. Tests and the sandbox move it:
    /// who books by it there enters first, see [`MovableClock`](super::MovableClock).
    fn now(&self) -> OffsetDateTime;

    /// The wall clock: signatures, tokens, leases, retries of delivery. Nobody moves it.
    fn wall(&self) -> OffsetDateTime;
}

/// Makes identities, each later one greater (UUID version 7).
pub trait Ids: Send + Sync {
    /// An id that nobody has.
    fn next(&self) -> Uuid;
}

/// Makes secrets and recognizes them.
pub trait Secrets: Send + Sync {
    /// 256 bits that nobody can guess.
    fn random(&self) -> [u8; 32];

    /// SHA-256, by which a secret or a request is recognized without being kept.
    fn digest(&self, bytes: &[u8]) -> [u8; 32];

    /// The secrets that follow from the installation's own keys and what they are for, the same for
    /// ever: one for each key, the newest first; none where the installation has no key.
    fn derived(&self, purpose: &str) -> Vec<[u8; 32]>;
}
