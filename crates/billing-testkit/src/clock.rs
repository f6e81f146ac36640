//! A clock that stands still.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{Clock, ClockMove, MovableClock, Pass},
};
use time::{Duration, OffsetDateTime, UtcOffset, macros::datetime};

/// The instant at which tests begin, with microseconds, so that losing them is noticed.
pub const NOON: OffsetDateTime = datetime!(2026-03-14 12:00:00.535_897 UTC);

/// A clock that stands still until it is moved.
#[derive(Clone, Debug)]
pub struct Stopped {
    times: Arc<Mutex<Times>>,
    turn: Arc<tokio::sync::RwLock<()>>,
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
        let times = Times { business: instant, wall: instant };
        Self { times: Arc::new(Mutex::new(times)), turn: Arc::default() }
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

/// As if there were one process: who is in keeps the clock from being moved.
#[async_trait]
impl MovableClock for Stopped {
    async fn enter(&self) -> Result<Pass, Error> {
        let entered = self.turn.clone().try_read_owned();
        entered.map(Pass::new).map_err(|_| Error::Unavailable {
            what: "the clock",
            retry_after: std::time::Duration::from_secs(1),
            cause: anyhow::anyhow!("it is being moved"),
        })
    }

    fn enter_too(&self) -> Pass {
        self.turn.clone().try_read_owned().map_or_else(|_| Pass::new(()), Pass::new)
    }

    fn look(&self) {}

    async fn hold(&self) -> Result<Box<dyn ClockMove>, Error> {
        let turn = self.turn.clone().try_write_owned();
        let turn = turn.map_err(|_| Error::Conflict("the clock"))?;
        Ok(Box::new(Held { clock: self.clone(), _turn: turn }))
    }
}

struct Held {
    clock: Stopped,
    _turn: tokio::sync::OwnedRwLockWriteGuard<()>,
}

#[async_trait]
impl ClockMove for Held {
    async fn to(&mut self, instant: OffsetDateTime) -> Result<(), Error> {
        self.clock.change(|times| times.business = times.business.max(whole(instant)));
        Ok(())
    }

    async fn end(self: Box<Self>) -> Result<(), Error> {
        Ok(())
    }
}

/// What storage keeps of an instant.
fn whole(instant: OffsetDateTime) -> OffsetDateTime {
    let instant = instant.to_offset(UtcOffset::UTC);
    instant.replace_nanosecond(instant.microsecond() * 1_000).unwrap_or(instant)
}
