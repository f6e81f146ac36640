//! Secrets that can be foretold.

use std::sync::atomic::{AtomicU64, Ordering};

use billing_app::ports::Secrets;

/// Secrets that are distinct, and the same in each run. Good for tests and for nothing else.
#[derive(Debug, Default)]
pub struct FixedSecrets {
    given: AtomicU64,
}

impl Secrets for FixedSecrets {
    fn random(&self) -> [u8; 32] {
        let n = self.given.fetch_add(1, Ordering::Relaxed);
        self.digest(format!("secret {n}").as_bytes())
    }

    /// Not SHA-256, but as long, and different for different bytes.
    fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        let mut digest = [0; 32];
        for (seed, lane) in (1_u64..).zip(digest.chunks_mut(8)) {
            lane.copy_from_slice(&fnv(seed, bytes).to_be_bytes());
        }
        digest
    }

    fn derived(&self, purpose: &str) -> Vec<[u8; 32]> {
        vec![self.digest(purpose.as_bytes())]
    }
}

/// FNV-1a, begun elsewhere for each seed and stirred at the end.
fn fnv(seed: u64, bytes: &[u8]) -> u64 {
    let begin = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash = bytes
        .iter()
        .fold(begin, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let stirred = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    stirred ^ (stirred >> 29)
}
