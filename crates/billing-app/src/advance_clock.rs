//! The clock of a sandbox is moved forward, as if the time had passed: it stops whenever something
//! is due, in order, and what is due is done there.

mod due_work;
mod span;

use time::{Duration, OffsetDateTime};

use self::due_work::{DUE_WORK, DueWork};
pub use self::span::Advance;
use crate::{
    Billing, Error, Refusal,
    ports::{ClockMove, MovableClock},
};

/// As far as it goes at once.
const MOST: Duration = Duration::days(3660);
/// More rounds at one instant than anything real needs: work that makes new work for ever.
const MOST_ROUNDS: usize = 10_000;
/// After so many stops it is said how far it has come.
const SAY_AFTER: usize = 100;

/// How the clock was moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Advanced {
    /// Where it stood.
    pub from: OffsetDateTime,
    /// Where it stands.
    pub now: OffsetDateTime,
    /// How often it stopped on the way.
    pub stops: usize,
    /// How much was done there.
    pub done: usize,
}

/// How the clocks stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockStands {
    /// The business clock.
    pub now: OffsetDateTime,
    /// The wall clock.
    pub wall: OffsetDateTime,
}

impl ClockStands {
    /// How far the business clock is ahead.
    pub fn ahead(self) -> Duration {
        self.now - self.wall
    }
}

impl Billing {
    /// How the clocks of a sandbox stand. `Refused(ClockIsReal)` where money is real.
    pub fn clock_stands(&self) -> Result<ClockStands, Error> {
        self.movable_clock()?;
        let (now, wall) = self.instant();
        Ok(ClockStands { now, wall })
    }

    /// Moves the clock forward and does on the way what becomes due, each thing at its instant.
    ///
    /// Everybody else waits meanwhile. Ended on the way, it leaves the clock at an instant up to
    /// which all is done; to go on, it is moved again. `Refused(ClockIsReal)` where money is real,
    /// `Refused(ClockGoesBack)` to before now, `Conflict` while another moves it.
    pub async fn advance_clock(&self, advance: Advance) -> Result<Advanced, Error> {
        let clock = self.movable_clock()?;
        let mut moving = clock.hold().await?;
        let advanced = self.advance(&mut *moving, advance).await;
        let ended = moving.end().await;
        let advanced = advanced?;
        ended?;
        Ok(advanced)
    }

    fn movable_clock(&self) -> Result<&dyn MovableClock, Error> {
        self.ports.movable_clock.as_deref().ok_or_else(|| Refusal::ClockIsReal.into())
    }

    async fn advance(
        &self,
        moving: &mut dyn ClockMove,
        advance: Advance,
    ) -> Result<Advanced, Error> {
        let from = self.ports.clock.now();
        let until = match advance {
            Advance::By(length) => from.checked_add(length),
            Advance::To(instant) => Some(instant),
        };
        let until = until.filter(|until| *until - from <= MOST);
        let until = until.ok_or_else(|| Error::invalid("advance", "is at most ten years"))?;
        if until < from {
            return Err(Refusal::ClockGoesBack(from).into());
        }
        let mut journey = Journey::new(from);
        journey.do_what_is_due(self).await?;
        while let Some(at) = journey.next_stop(self, until).await? {
            moving.to(at).await?;
            journey.stops += 1;
            if journey.stops.is_multiple_of(SAY_AFTER) {
                tracing::info!(now = %at, %until, stops = journey.stops, "the clock is moved");
            }
            journey.do_what_is_due(self).await?;
        }
        moving.to(until).await?;
        journey.do_what_is_due(self).await?;
        let (stops, done) = (journey.stops, journey.done);
        let now = self.ports.clock.now();
        tracing::info!(%from, %now, stops, done, "the clock was moved");
        Ok(Advanced { from, now, stops, done })
    }
}

/// How far it has come.
struct Journey {
    /// When each sort of work was done last.
    last_runs: [OffsetDateTime; DUE_WORK.len()],
    stops: usize,
    done: usize,
}

impl Journey {
    fn new(from: OffsetDateTime) -> Self {
        Self { last_runs: [from; DUE_WORK.len()], stops: 0, done: 0 }
    }

    /// The first instant at which something is due, if it is after now and before the end.
    async fn next_stop(
        &self,
        billing: &Billing,
        until: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, Error> {
        let now = billing.ports.clock.now();
        let mut first: Option<OffsetDateTime> = None;
        for (work, last_run) in DUE_WORK.iter().zip(self.last_runs) {
            let at = work.next_due(billing, last_run).await?;
            // What is due and was not done now would not be done by stopping here once more.
            if let Some(at) = at.filter(|at| now < *at && *at < until) {
                first = Some(first.map_or(at, |first| first.min(at)));
            }
        }
        Ok(first)
    }

    /// Does all that is due now, in the order of the list, until nothing is: one thing may bring
    /// about another.
    async fn do_what_is_due(&mut self, billing: &Billing) -> Result<(), Error> {
        for _ in 0..MOST_ROUNDS {
            let mut done = 0;
            for (work, last_run) in DUE_WORK.iter().zip(&mut self.last_runs) {
                let now = billing.ports.clock.now();
                let due = work.next_due(billing, *last_run).await?;
                if due.is_some_and(|at| at <= now) {
                    done += run(*work, billing, now).await?;
                    *last_run = now;
                }
            }
            self.done += done;
            if done == 0 {
                return Ok(());
            }
        }
        Err(Error::Internal(anyhow::anyhow!("what is due at one instant does not come to an end")))
    }
}

async fn run(work: &dyn DueWork, billing: &Billing, now: OffsetDateTime) -> Result<usize, Error> {
    let done = work.run_due(billing).await?;
    tracing::debug!(work = work.name(), %now, done, "what was due was done");
    Ok(done)
}
