//! The real time, identities and secrets: the only place that asks the system for them.

use billing_app::ports::{Clock, Ids, Secrets};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// The system's clock, cut to microseconds: that is what PostgreSQL keeps.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        now()
    }

    fn wall(&self) -> OffsetDateTime {
        now()
    }
}

/// The time, in microseconds.
#[expect(clippy::disallowed_methods, reason = "this is the Clock port")]
pub(crate) fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_microsecond(now.microsecond()).unwrap_or(now)
}

/// UUIDs of version 7.
pub(crate) struct Uuids;

impl Ids for Uuids {
    #[expect(clippy::disallowed_methods, reason = "this is the Ids port")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A UUID that nobody can guess, for addresses of the sandbox's pages.
#[expect(clippy::disallowed_methods, reason = "made in the wiring")]
pub(crate) fn unguessable() -> Uuid {
    Uuid::new_v4()
}

/// Secrets by ring.
pub(crate) struct RingSecrets(SystemRandom);

impl Default for RingSecrets {
    fn default() -> Self {
        Self(SystemRandom::new())
    }
}

impl Secrets for RingSecrets {
    fn random(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        // A system without randomness must not hand out keys.
        self.0.fill(&mut bytes).expect("the system gives random numbers");
        bytes
    }

    fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        let digest = digest::digest(&digest::SHA256, bytes);
        for (to, from) in out.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        out
    }
}
