//! When to try again, and after how long.

use std::time::Duration;

use reqwest::{StatusCode, header::HeaderMap};
use ring::rand::{SecureRandom as _, SystemRandom};

/// How often a request is sent again.
const RETRIES: u32 = 2;
/// Nobody waits longer than this for a retry.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the end of a try says about another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Again {
    /// It would end in the same way.
    No,
    /// It may help.
    Yes {
        /// Not before this.
        not_before: Duration,
    },
}

/// What Stripe says of another try: in `Stripe-Should-Retry`, or else by the status.
pub(crate) fn advice(status: StatusCode, headers: &HeaderMap) -> Again {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let helps = match text("stripe-should-retry") {
        Some("true") => true,
        Some("false") => false,
        _ => {
            status == StatusCode::CONFLICT
                || status == StatusCode::TOO_MANY_REQUESTS
                || status.is_server_error()
        }
    };
    let seconds = text("retry-after").and_then(|text| text.parse().ok()).unwrap_or_default();
    if helps { Again::Yes { not_before: Duration::from_secs(seconds) } } else { Again::No }
}

/// Pauses that double, with jitter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    /// The first one.
    pub(crate) first: Duration,
}

impl Backoff {
    /// How long to wait before the next try; nothing when this one was the last.
    pub(crate) fn pause(self, retries_done: u32, again: Again, random: u64) -> Option<Duration> {
        let Again::Yes { not_before } = again else { return None };
        if retries_done >= RETRIES || not_before > LONGEST_PAUSE {
            return None;
        }
        let whole = self.first.saturating_mul(1 << retries_done).min(LONGEST_PAUSE);
        let half = whole / 2;
        let most = u64::try_from(half.as_millis()).unwrap_or(u64::MAX);
        let jitter = Duration::from_millis(random % most.saturating_add(1));
        Some((half + jitter).max(not_before))
    }
}

/// A number that nobody can guess.
pub(crate) fn random() -> anyhow::Result<u64> {
    let mut bytes = [0; 8];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    Ok(u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn advised(status: u16, headers: &[(&'static str, &'static str)]) -> Again {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
        advice(StatusCode::from_u16(status).unwrap(), &headers.collect())
    }

    const AT_ONCE: Again = Again::Yes { not_before: Duration::ZERO };

    #[test]
    fn conflicts_limits_and_faults_are_tried_again() {
        for status in [409, 429, 500, 502, 503] {
            assert_eq!(advised(status, &[]), AT_ONCE, "{status}");
        }
        for status in [200, 400, 401, 402, 404] {
            assert_eq!(advised(status, &[]), Again::No, "{status}");
        }
    }

    #[test]
    fn stripe_has_the_last_word() {
        assert_eq!(advised(503, &[("stripe-should-retry", "false")]), Again::No);
        assert_eq!(advised(400, &[("stripe-should-retry", "true")]), AT_ONCE);
        assert_eq!(
            advised(429, &[("retry-after", "3")]),
            Again::Yes { not_before: Duration::from_secs(3) }
        );
    }

    #[test]
    fn pauses_double_and_end() {
        let backoff = Backoff { first: Duration::from_millis(500) };
        let shortest = |done| backoff.pause(done, AT_ONCE, 0).map(|pause| pause.as_millis());
        let longest = |done| backoff.pause(done, AT_ONCE, 250 + done as u64 * 250);
        assert_eq!([shortest(0), shortest(1), shortest(2)], [Some(250), Some(500), None]);
        assert_eq!(longest(0), Some(Duration::from_millis(500)));
        assert_eq!(longest(1), Some(Duration::from_millis(1000)));
    }

    #[test]
    fn a_wish_to_wait_is_granted_or_the_call_is_given_up() {
        let backoff = Backoff { first: Duration::ZERO };
        let wish = |seconds| Again::Yes { not_before: Duration::from_secs(seconds) };
        assert_eq!(backoff.pause(0, wish(4), 7), Some(Duration::from_secs(4)));
        assert_eq!(backoff.pause(0, wish(60), 7), None);
        assert_eq!(backoff.pause(0, Again::No, 7), None);
    }
}
