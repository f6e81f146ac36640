//! A clock that stands still.

use std::sync::Mutex;

use billing_app::ports::Clock;
use time::{Duration, OffsetDateTime, UtcOffset, macros::datetime};

/// The instant at which tests begin, with microseconds, so that losing them is noticed.
pub const NOON: OffsetDateTime = datetime!(2026-03-14 12:00:00.535_897 UTC);

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct Stopped {
    times: Mutex<Times>,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    business: OffsetDateTime,
    wall: OffsetDateTime,
}

impl Stopped {
    /// Stopped at an instant, in whole microseconds; business and wall time are the same.
    pub fn at(instant: OffsetDateTime) -> Self {
        let instant = whole(instant);
        Self { times: Mutex::new(Times { business: instant, wall: instant }) }
    }

    /// Moves business and wall time by as much.
    pub fn advance(&self, by: Duration) {
        self.advance_business(by);
        self.advance_wall(by);
    }

    /// Moves business time only, as the sandbox does.
    pub fn advance_business(&self, by: Duration) {
        self.change(|times| times.business = whole(times.business + by));
    }

    /// Moves wall time only, as the world does.
    pub fn advance_wall(&self, by: Duration) {
        self.change(|times| times.wall = whole(times.wall + by));
    }

    fn change(&self, change: impl FnOnce(&mut Times)) {
        change(&mut self.times.lock().expect("nobody panics while moving the clock"));
    }

    fn times(&self) -> Times {
        *self.times.lock().expect("nobody panics while moving the clock")
    }
}

/// At [`NOON`].
impl Default for Stopped {
    fn default() -> Self {
        Self::at(NOON)
    }
}

impl Clock for Stopped {
    fn now(&self) -> OffsetDateTime {
        self.times().business
    }

    fn wall(&self) -> OffsetDateTime {
        self.times().wall
    }
}

/// What storage keeps of an instant.
fn whole(instant: OffsetDateTime) -> OffsetDateTime {
    let instant = instant.to_offset(UtcOffset::UTC);
    instant.replace_nanosecond(instant.microsecond() * 1_000).unwrap_or(instant)
}
