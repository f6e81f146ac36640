//! When to try again, and after how long.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use uuid::Uuid;

/// Nobody waits longer than this for a retry.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How often to try again, with pauses that double.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    /// After the first try.
    pub(crate) retries: u32,
    /// The first one.
    pub(crate) first: Duration,
}

impl Backoff {
    /// How long to wait before the next try; nothing when this one was the last.
    pub(crate) fn pause(
        self,
        retries_done: u32,
        retry_after: Option<Duration>,
        random: u64,
    ) -> Option<Duration> {
        let not_before = retry_after.unwrap_or_default();
        if retries_done >= self.retries || not_before > LONGEST_PAUSE {
            return None;
        }
        let factor = 1_u32.checked_shl(retries_done).unwrap_or(u32::MAX);
        let whole = self.first.saturating_mul(factor).min(LONGEST_PAUSE);
        let half = whole / 2;
        let most = u64::try_from(half.as_millis()).unwrap_or(u64::MAX);
        let jitter = Duration::from_millis(random % most.saturating_add(1));
        Some((half + jitter).max(not_before))
    }
}

/// `Retry-After` in seconds; a date is not read, the API sends none.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// An idempotency key that nobody has used.
pub(crate) fn new_key() -> String {
    random_id().to_string()
}

/// Something to spread retries by.
pub(crate) fn random() -> u64 {
    random_id().as_u64_pair().1
}

#[expect(clippy::disallowed_methods, reason = "there is no port of ids outside the engine")]
fn random_id() -> Uuid {
    Uuid::new_v4()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { retries: 2, first: Duration::from_millis(100) };

    #[test]
    fn pauses_double_between_half_and_whole() {
        let pause = |done, random| BACKOFF.pause(done, None, random).map(|it| it.as_millis());
        assert_eq!((pause(0, 0), pause(0, 50)), (Some(50), Some(100)));
        assert_eq!((pause(1, 0), pause(1, 100)), (Some(100), Some(200)));
        assert_eq!(pause(2, 0), None, "two retries are enough");
    }

    #[test]
    fn the_server_is_obeyed_unless_it_asks_for_too_much() {
        let pause = |seconds| BACKOFF.pause(0, Some(Duration::from_secs(seconds)), 0);
        assert_eq!(pause(1), Some(Duration::from_secs(1)));
        assert_eq!(pause(0), Some(Duration::from_millis(50)));
        assert_eq!(pause(3), None, "the caller is told instead");
    }

    #[test]
    fn many_retries_do_not_overflow() {
        let patient = Backoff { retries: u32::MAX, ..BACKOFF };
        let pause = patient.pause(40, None, u64::MAX).unwrap();
        assert!((LONGEST_PAUSE / 2..=LONGEST_PAUSE).contains(&pause));
    }
}
