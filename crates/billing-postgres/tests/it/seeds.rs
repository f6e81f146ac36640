//! Chance that can be repeated, and how much of it.

use std::{
    env,
    hash::{BuildHasher, RandomState},
    io::{Write, stderr},
    str::FromStr,
};

fn given<T: FromStr>(name: &str) -> Option<T> {
    env::var(name).ok().and_then(|value| value.parse().ok())
}

/// How many: what the environment says, or else what is enough before each change.
pub(crate) fn count(name: &str, usual: u32) -> u32 {
    given(name).unwrap_or(usual)
}

/// A new seed for each run, unless the environment has that of another one.
pub(crate) fn seed() -> u64 {
    given("BILLING_SOAK_SEED").unwrap_or_else(|| RandomState::new().hash_one(0) % 1_000_000)
}

/// Prints a line past the capture of the test harness: it is always seen.
pub(crate) fn tell(line: &str) {
    drop(writeln!(stderr().lock(), "billing-postgres: {line}"));
}

/// Numbers from a seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(bound).unwrap_or(u64::MAX)).unwrap_or_default()
    }
}
