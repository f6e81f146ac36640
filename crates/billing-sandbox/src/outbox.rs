//! Which events have reached the webhook target, and what became of each attempt.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Only the latest attempts are kept; a target that is down for days would fill the memory.
const ATTEMPTS_KEPT: usize = 20;

/// One event on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Parcel {
    pub(crate) event: String,
    /// The event as it goes out, byte for byte the same on every try.
    pub(crate) body: String,
    pub(crate) state: State,
    /// How often it was tried in all.
    pub(crate) tries: u32,
    /// Wall time of the first try, in Unix seconds.
    pub(crate) first_at: Option<i64>,
    /// The latest tries, oldest first.
    pub(crate) attempts: VecDeque<Attempt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Waiting,
    Delivered,
    GivenUp,
}

/// One try to deliver.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Attempt {
    /// Wall time in Unix seconds.
    pub(crate) at: i64,
    /// The HTTP status answered, if any answer came.
    pub(crate) status: Option<u16>,
    /// Why no answer came.
    pub(crate) error: Option<String>,
    pub(crate) took_ms: u64,
}

impl Parcel {
    pub(crate) fn new(event: &str, body: String) -> Self {
        Self {
            event: event.to_owned(),
            body,
            state: State::Waiting,
            tries: 0,
            first_at: None,
            attempts: VecDeque::new(),
        }
    }

    /// Writes down a try and where the parcel stands after it.
    pub(crate) fn record(&mut self, attempt: Attempt, state: State) {
        self.state = state;
        self.tries = self.tries.saturating_add(1);
        self.first_at.get_or_insert(attempt.at);
        self.attempts.push_back(attempt);
        if self.attempts.len() > ATTEMPTS_KEPT {
            self.attempts.pop_front();
        }
    }
}

impl State {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::GivenUp => "given up",
        }
    }
}

impl Attempt {
    /// Only a 2xx answer is a delivery.
    pub(crate) fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}
