//! What a load came to.

use std::time::Duration;

/// What came of a load, over HTTP or not.
#[derive(Clone, Default)]
pub(crate) struct Measured {
    /// How long it took, to the last answer.
    pub(crate) elapsed: Duration,
    /// How long each unit of work took that succeeded, in microseconds, ascending.
    pub(crate) latencies_us: Vec<u32>,
    /// How many operations each of them stands for.
    pub(crate) per_unit: u64,
    /// Requests that were refused, or had no answer.
    pub(crate) errors: u64,
}

impl Measured {
    /// How many operations succeeded.
    pub(crate) fn operations(&self) -> u128 {
        self.latencies_us.len() as u128 * u128::from(self.per_unit)
    }

    /// Operations in a second.
    pub(crate) fn per_second(&self) -> u128 {
        self.operations() * 1_000_000 / self.elapsed.as_micros().max(1)
    }

    /// The time in which so many of a hundred units were done, in microseconds (nearest rank).
    pub(crate) fn percentile_us(&self, percent: usize) -> u32 {
        let rank = (self.latencies_us.len() * percent).div_ceil(100).max(1);
        self.latencies_us.get(rank - 1).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(latencies_us: Vec<u32>) -> Measured {
        Measured { latencies_us, ..Measured::default() }
    }

    #[test]
    fn percentiles_are_latencies_that_occurred() {
        let hundred = of((1..=100).collect());
        assert_eq!([50, 99, 100].map(|it| hundred.percentile_us(it)), [50, 99, 100]);
        let three = of(vec![10, 20, 30]);
        assert_eq!([0, 33, 34, 50, 99].map(|it| three.percentile_us(it)), [10, 10, 20, 20, 30]);
        assert_eq!(of(vec![7]).percentile_us(50), 7);
        assert_eq!(of(Vec::new()).percentile_us(99), 0);
    }

    #[test]
    fn rates_count_the_operations_that_succeeded() {
        let elapsed = Duration::from_millis(500);
        let measured = Measured { elapsed, per_unit: 100, errors: 9, ..of(vec![1; 20]) };
        assert_eq!(measured.per_second(), 4_000);
    }
}
