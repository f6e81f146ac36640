//! When calls go through.

use time::{Duration, OffsetDateTime};

use crate::ports::Circuit;

/// So many failures in a row open the circuit.
const MOST_FAILURES: u32 = 5;
/// For so long nothing goes through.
const REST: Duration = Duration::seconds(30);

/// Where a circuit stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// Everything goes through.
    Closed { failures: u32 },
    /// Nothing does, until then.
    Open { until: OffsetDateTime },
    /// One call does; what comes meanwhile waits. A probe that takes longer than this is given up.
    Probing { until: OffsetDateTime },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// Whether a call goes through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Admission {
    /// It does.
    Pass,
    /// It does, alone, and its end decides.
    Probe,
    /// It does not: come back after this.
    Wait(std::time::Duration),
}

impl State {
    /// Whether a call goes through now.
    pub(super) fn admit(&mut self, now: OffsetDateTime) -> Admission {
        match *self {
            Self::Closed { .. } => Admission::Pass,
            Self::Open { until } | Self::Probing { until } if now < until => {
                Admission::Wait(left(until, now))
            }
            Self::Open { .. } | Self::Probing { .. } => {
                *self = Self::Probing { until: now + REST };
                Admission::Probe
            }
        }
    }

    /// A call was answered. Whether that closed the circuit.
    pub(super) fn answered(&mut self) -> bool {
        let closes = !matches!(self, Self::Closed { .. });
        *self = Self::default();
        closes
    }

    /// A call was not answered. Whether that opened the circuit.
    pub(super) fn failed(&mut self, now: OffsetDateTime) -> bool {
        let until = now + REST;
        match *self {
            Self::Closed { failures } if failures + 1 < MOST_FAILURES => {
                *self = Self::Closed { failures: failures + 1 };
                false
            }
            Self::Closed { .. } => {
                *self = Self::Open { until };
                true
            }
            Self::Probing { .. } => {
                *self = Self::Open { until };
                false
            }
            // It went through before the circuit opened, and says nothing new.
            Self::Open { .. } => false,
        }
    }

    /// The probe was given up: the next call is one.
    pub(super) fn abandoned(&mut self) {
        if let Self::Probing { until } = *self {
            *self = Self::Open { until: until - REST };
        }
    }

    /// As others see it.
    pub(super) fn circuit(&self, now: OffsetDateTime) -> Circuit {
        match *self {
            Self::Closed { .. } => Circuit::Closed,
            Self::Open { until } if now < until => Circuit::Open { retry_after: left(until, now) },
            Self::Open { .. } | Self::Probing { .. } => Circuit::HalfOpen,
        }
    }
}

/// Whole seconds at least: nobody is told to come back at once.
fn left(until: OffsetDateTime, now: OffsetDateTime) -> std::time::Duration {
    let left = std::time::Duration::try_from(until - now).unwrap_or_default();
    left.max(std::time::Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOON: OffsetDateTime = datetime!(2026-03-14 12:00 UTC);

    fn at(seconds: i64) -> OffsetDateTime {
        NOON + Duration::seconds(seconds)
    }

    fn secs(seconds: u64) -> std::time::Duration {
        std::time::Duration::from_secs(seconds)
    }

    /// What happens to a circuit, and what comes of it.
    #[derive(Debug)]
    enum Step {
        Asks(Admission),
        Answered,
        Fails,
        GivenUp,
        Is(Circuit),
    }

    /// Plays what happens, by the seconds, and looks what comes of it.
    fn play<const N: usize>(cases: [(&str, Vec<(i64, Step)>); N]) {
        use Step::{Answered, Asks, Fails, GivenUp, Is};
        for (name, steps) in cases {
            let mut state = State::default();
            for (seconds, step) in steps {
                match step {
                    Asks(expected) => assert_eq!(state.admit(at(seconds)), expected, "{name}"),
                    Answered => {
                        state.answered();
                    }
                    Fails => {
                        state.failed(at(seconds));
                    }
                    GivenUp => state.abandoned(),
                    Is(expected) => assert_eq!(state.circuit(at(seconds)), expected, "{name}"),
                }
            }
        }
    }

    fn broken() -> impl Iterator<Item = (i64, Step)> {
        (0..5).map(|_| (0, Step::Fails))
    }

    fn open(left: u64) -> Step {
        Step::Is(Circuit::Open { retry_after: secs(left) })
    }

    #[test]
    fn failures_in_a_row_open_it_and_then_one_goes_through() {
        use Admission::{Pass, Probe, Wait};
        use Step::{Answered, Asks, Fails, Is};
        play([
            (
                "four failures are none",
                vec![(0, Fails), (0, Fails), (0, Fails), (0, Fails), (0, Asks(Pass))],
            ),
            (
                "an answer between them begins anew",
                vec![
                    (0, Fails),
                    (0, Fails),
                    (0, Fails),
                    (0, Fails),
                    (1, Answered),
                    (2, Fails),
                    (2, Asks(Pass)),
                    (2, Is(Circuit::Closed)),
                ],
            ),
            (
                "five open it for half a minute",
                broken()
                    .chain([(0, open(30)), (0, Asks(Wait(secs(30)))), (29, Asks(Wait(secs(1))))])
                    .collect(),
            ),
            (
                "then one goes through, and the others wait",
                broken()
                    .chain([
                        (30, Is(Circuit::HalfOpen)),
                        (30, Asks(Probe)),
                        (30, Asks(Wait(secs(30)))),
                        (31, Asks(Wait(secs(29)))),
                        (31, Is(Circuit::HalfOpen)),
                    ])
                    .collect(),
            ),
        ]);
    }

    #[test]
    fn the_end_of_the_probe_decides() {
        use Admission::{Pass, Probe, Wait};
        use Step::{Answered, Asks, Fails, GivenUp, Is};
        play([
            (
                "its answer closes it",
                broken()
                    .chain([(30, Asks(Probe)), (31, Answered), (31, Asks(Pass)), (31, Asks(Pass))])
                    .collect(),
            ),
            (
                "its failure opens it once more",
                broken()
                    .chain([
                        (30, Asks(Probe)),
                        (35, Fails),
                        (35, open(30)),
                        (64, Asks(Wait(secs(1)))),
                        (65, Asks(Probe)),
                    ])
                    .collect(),
            ),
            (
                "a probe that is given up lets the next one be it",
                broken()
                    .chain([
                        (30, Asks(Probe)),
                        (31, GivenUp),
                        (31, Asks(Probe)),
                        (31, Asks(Wait(secs(30)))),
                    ])
                    .collect(),
            ),
            (
                "and so does one of which nobody hears",
                broken()
                    .chain([
                        (30, Asks(Probe)),
                        (60, Asks(Probe)),
                        (61, Answered),
                        (61, Is(Circuit::Closed)),
                    ])
                    .collect(),
            ),
        ]);
    }

    #[test]
    fn it_says_once_that_it_opens_and_closes() {
        let mut state = State::default();
        let opened: Vec<_> = (0..7).map(|_| state.failed(NOON)).collect();
        assert_eq!(opened, [false, false, false, false, true, false, false]);
        assert_eq!(state.admit(at(30)), Admission::Probe);
        assert!(state.answered() && !state.answered());
    }
}
