//! Chance that can be repeated: `WALKTHROUGH_SEED` names the seed that a failed run printed. And how
//! much of it: `WALKTHROUGH_ROUNDS`.

use std::{
    env,
    hash::{BuildHasher, RandomState},
};

use crate::output::tell;

/// How many rounds: what the environment says, or else what is enough before each change.
pub(crate) fn rounds(usual: usize) -> usize {
    env::var("WALKTHROUGH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

/// Numbers from a seed.
pub(crate) struct Dice(u64);

impl Dice {
    /// A new seed for each run, which is printed.
    pub(crate) fn new(what: &str) -> Self {
        let given = env::var("WALKTHROUGH_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one(0) % 1_000_000);
        tell(&format!("{what}: WALKTHROUGH_SEED={seed}"));
        Self(seed)
    }

    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
