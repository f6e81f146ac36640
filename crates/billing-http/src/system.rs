//! The real time, identities and secrets: the only place that asks the system for them.

use billing_app::ports::{Clock, Ids, Secrets};
use ring::{
    digest, hmac,
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
pub(crate) struct RingSecrets {
    random: SystemRandom,
    keys: Vec<hmac::Key>,
}

impl RingSecrets {
    /// Secrets that follow from these keys of the installation, the newest first.
    pub(crate) fn with_keys(keys: &[[u8; 32]]) -> Self {
        let key = |key: &[u8; 32]| hmac::Key::new(hmac::HMAC_SHA256, key);
        Self { random: SystemRandom::new(), keys: keys.iter().map(key).collect() }
    }
}

impl Secrets for RingSecrets {
    fn random(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        // A system without randomness must not hand out keys.
        self.random.fill(&mut bytes).expect("the system gives random numbers");
        bytes
    }

    fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        all_of(digest::digest(&digest::SHA256, bytes).as_ref())
    }

    fn derived(&self, purpose: &str) -> Vec<[u8; 32]> {
        let derive = |key| all_of(hmac::sign(key, purpose.as_bytes()).as_ref());
        self.keys.iter().map(derive).collect()
    }
}

/// The 32 bytes of SHA-256.
fn all_of(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}
