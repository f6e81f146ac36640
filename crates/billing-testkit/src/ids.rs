//! Ids that count upwards.

use std::sync::atomic::{AtomicU64, Ordering};

use billing_app::ports::Ids;
use uuid::Uuid;

/// Ids that count upwards, shaped like UUID version 7: the same run gives the same ids, and the
/// later one is the greater one.
#[derive(Debug, Default)]
pub struct Counting {
    series: u16,
    last: AtomicU64,
}

/// The instant, in milliseconds, of which the first id seems to be: 2026-01-01.
const FIRST: u64 = 1_767_225_600_000;

impl Counting {
    /// From the beginning.
    pub const fn new() -> Self {
        Self::series(0)
    }

    /// From the beginning, and never the same as ids of another series.
    pub const fn series(series: u16) -> Self {
        Self { series, last: AtomicU64::new(0) }
    }
}

impl Ids for Counting {
    fn next(&self) -> Uuid {
        let n = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (millis, series) = (u128::from(FIRST + n), u128::from(self.series & 0xfff));
        Uuid::from_u128((millis << 80) | (7 << 76) | (series << 64) | (2 << 62) | u128::from(n))
    }
}
