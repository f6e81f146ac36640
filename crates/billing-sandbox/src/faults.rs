//! What goes wrong on purpose: how often, how many times, and drawn from which seed.
//!
//! Each fault has draws of its own, so what befalls its nth occasion follows from the seed alone.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

/// Something that goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    /// A call is answered with 500, and nothing is done.
    Error,
    /// A call is answered with 429, and nothing is done.
    RateLimit,
    /// No call is answered for a while but with 503.
    Outage,
    /// What a call asks for is done, and the answer is cut off after a while.
    Timeout,
    /// The answer to a call comes in small pieces.
    SlowDrip,
    /// A webhook is never sent, unless it is sent again by hand.
    Drop,
    /// A webhook is sent later.
    Delay,
    /// A webhook is sent after those that come shortly behind it.
    Reorder,
    /// A webhook is sent twice.
    Duplicate,
    /// A webhook is signed with another secret, the first time.
    Missign,
}

/// What befalls calls, the first one that is drawn.
const OF_CALLS: [Fault; 5] =
    [Fault::Error, Fault::RateLimit, Fault::Outage, Fault::Timeout, Fault::SlowDrip];
/// What befalls webhooks, the first one that is drawn.
const OF_WEBHOOKS: [Fault; 5] =
    [Fault::Drop, Fault::Delay, Fault::Reorder, Fault::Duplicate, Fault::Missign];
/// All that happens is a thousand in a thousand.
const ALWAYS: u32 = 1_000;
/// Nothing lasts longer.
const LONGEST_MILLIS: u64 = 600_000;

/// How often something goes wrong, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// In so many of a thousand cases.
    #[serde(default = "always")]
    pub(crate) per_mille: u32,
    /// So many times more; without it, until it is cleared.
    #[serde(default)]
    pub(crate) times: Option<u32>,
    /// How long it lasts, where it does.
    #[serde(default)]
    pub(crate) millis: Option<u64>,
}

const fn always() -> u32 {
    ALWAYS
}

/// What is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Wish {
    /// Draws begin anew from it.
    pub(crate) seed: Option<u64>,
    /// Replaces the rules of these faults.
    pub(crate) faults: BTreeMap<Fault, Rule>,
}

/// All that goes wrong on purpose, as it stands.
#[derive(Default, Serialize)]
pub(crate) struct Faults {
    seed: u64,
    faults: BTreeMap<Fault, Rule>,
    /// How often there was an occasion for each, since the seed was set.
    occasions: BTreeMap<Fault, u64>,
    /// How often each happened.
    happened: BTreeMap<Fault, u64>,
    #[serde(skip)]
    out_until: Option<Instant>,
}

impl Fault {
    pub(crate) const ALL: [Self; 10] = [
        Self::Error,
        Self::RateLimit,
        Self::Outage,
        Self::Timeout,
        Self::SlowDrip,
        Self::Drop,
        Self::Delay,
        Self::Reorder,
        Self::Duplicate,
        Self::Missign,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::RateLimit => "rate_limit",
            Self::Outage => "outage",
            Self::Timeout => "timeout",
            Self::SlowDrip => "slow_drip",
            Self::Drop => "drop",
            Self::Delay => "delay",
            Self::Reorder => "reorder",
            Self::Duplicate => "duplicate",
            Self::Missign => "missign",
        }
    }

    /// How long it lasts if nobody says.
    const fn usual(self) -> Duration {
        Duration::from_millis(match self {
            // Longer than any client waits.
            Self::Timeout => 35_000,
            Self::Outage | Self::Delay => 10_000,
            Self::SlowDrip => 1_000,
            Self::Reorder => 300,
            Self::Error | Self::RateLimit | Self::Drop | Self::Duplicate | Self::Missign => 0,
        })
    }
}

impl Faults {
    /// Does as is asked; says what cannot be.
    pub(crate) fn wish(&mut self, wish: Wish) -> Result<(), &'static str> {
        let fits = |rule: &Rule| {
            (1..=ALWAYS).contains(&rule.per_mille)
                && rule.times != Some(0)
                && rule.millis.unwrap_or_default() <= LONGEST_MILLIS
        };
        if !wish.faults.values().all(fits) {
            return Err("per_mille is 1 to 1000, times at least 1, and millis at most 600000");
        }
        if let Some(seed) = wish.seed {
            self.seed = seed;
            self.occasions.clear();
        }
        self.faults.extend(wish.faults);
        Ok(())
    }

    /// From now on nothing goes wrong on purpose.
    pub(crate) fn clear(&mut self) {
        self.faults.clear();
        self.out_until = None;
    }

    /// What is set, in words for the page.
    pub(crate) fn listed(&self) -> Vec<(&'static str, String, u64)> {
        let row = |(fault, rule): (&Fault, &Rule)| {
            let times = rule.times.map(|times| format!(", {times} times more")).unwrap_or_default();
            let happened = self.happened.get(fault).copied().unwrap_or_default();
            (fault.name(), format!("{} of 1000{times}", rule.per_mille), happened)
        };
        self.faults.iter().map(row).collect()
    }

    /// What befalls the next call.
    pub(crate) fn of_call(&mut self) -> Option<(Fault, Duration)> {
        if let Some(left) =
            self.out_until.map(|until| until.saturating_duration_since(Instant::now()))
            && !left.is_zero()
        {
            return Some((Fault::Outage, left));
        }
        let struck = self.draw(&OF_CALLS);
        if let Some((Fault::Outage, length)) = struck {
            self.out_until = Some(Instant::now() + length);
        }
        struck
    }

    /// What befalls the next webhook.
    pub(crate) fn of_webhook(&mut self) -> Option<(Fault, Duration)> {
        self.draw(&OF_WEBHOOKS)
    }

    /// The first of these that is drawn. All are: the draws of one do not depend on the others.
    fn draw(&mut self, among: &[Fault]) -> Option<(Fault, Duration)> {
        let mut struck = None;
        for fault in among {
            let Some(rule) = self.faults.get(fault).copied() else { continue };
            let nth = self.occasions.entry(*fault).or_default();
            *nth += 1;
            let drawn = mixed(self.seed, *fault, *nth) % u64::from(ALWAYS);
            if struck.is_none() && drawn < u64::from(rule.per_mille) {
                let length = rule.millis.map_or_else(|| fault.usual(), Duration::from_millis);
                struck = Some((*fault, length));
            }
        }
        if let Some((fault, _)) = struck {
            *self.happened.entry(fault).or_default() += 1;
            self.count_down(fault);
        }
        struck
    }

    fn count_down(&mut self, fault: Fault) {
        let Some(times) = self.faults.get_mut(&fault).and_then(|rule| rule.times.as_mut()) else {
            return;
        };
        *times -= 1;
        if *times == 0 {
            self.faults.remove(&fault);
        }
    }
}

/// `SplitMix64` over the seed, the fault and its occasion.
fn mixed(seed: u64, fault: Fault, nth: u64) -> u64 {
    let mut mixed = seed;
    for part in fault.name().bytes().map(u64::from).chain([nth]) {
        mixed = mixed.wrapping_add(part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishing(seed: u64, faults: &[(Fault, u32, Option<u32>)]) -> Faults {
        let rule = |per_mille: u32, times| Rule { per_mille, times, millis: Some(0) };
        let faults = faults.iter().map(|(fault, rate, times)| (*fault, rule(*rate, *times)));
        let mut made = Faults::default();
        made.wish(Wish { seed: Some(seed), faults: faults.collect() }).unwrap();
        made
    }

    fn drawn(faults: &mut Faults, count: usize) -> Vec<Option<Fault>> {
        (0..count).map(|_| faults.of_webhook().map(|(fault, _)| fault)).collect()
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let plan = [(Fault::Drop, 300, None), (Fault::Duplicate, 200, None)];
        let first = drawn(&mut wishing(7, &plan), 500);
        assert_eq!(first, drawn(&mut wishing(7, &plan), 500));
        assert_ne!(first, drawn(&mut wishing(8, &plan), 500));
        let dropped = first.iter().filter(|it| **it == Some(Fault::Drop)).count();
        assert!((100..200).contains(&dropped), "{dropped} of 500 at 300 in 1000");
        // Calls in between change nothing for webhooks.
        let mut other = wishing(7, &[plan[0], plan[1], (Fault::Error, 500, None)]);
        let interleaved: Vec<_> = (0..500)
            .map(|_| {
                other.of_call();
                other.of_webhook().map(|(fault, _)| fault)
            })
            .collect();
        assert_eq!(interleaved, first);
    }

    #[test]
    fn what_happens_so_many_times_ends_then() {
        let mut faults = wishing(1, &[(Fault::Drop, 1_000, Some(2))]);
        let two = vec![Some(Fault::Drop), Some(Fault::Drop), None];
        assert_eq!(drawn(&mut faults, 3), two);
        assert_eq!(faults.listed(), []);
        let mut faults = wishing(1, &[(Fault::Missign, 1_000, None)]);
        assert_eq!(drawn(&mut faults, 2), [Some(Fault::Missign); 2]);
        faults.clear();
        assert_eq!(drawn(&mut faults, 1), [None]);
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for (per_mille, times, millis) in
            [(0, None, None), (1_001, None, None), (1, Some(0), None), (1, None, Some(600_001))]
        {
            let faults = BTreeMap::from([(Fault::Drop, Rule { per_mille, times, millis })]);
            assert!(Faults::default().wish(Wish { seed: None, faults }).is_err());
        }
    }

    #[test]
    fn an_outage_lasts() {
        let rule = Rule { per_mille: 1_000, times: Some(1), millis: Some(60_000) };
        let mut faults = Faults::default();
        let wish = Wish { seed: None, faults: BTreeMap::from([(Fault::Outage, rule)]) };
        faults.wish(wish).unwrap();
        for _ in 0..3 {
            assert!(matches!(faults.of_call(), Some((Fault::Outage, _))));
        }
        faults.clear();
        assert_eq!(faults.of_call(), None);
    }
}
