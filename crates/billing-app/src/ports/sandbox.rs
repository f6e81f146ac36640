//! What only a sandbox has: a business clock that moves, and simulators of gateways.

use std::{any::Any, sync::Arc};

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{Error, ports::GatewayError};

/// The business clock of a sandbox, which all processes on one store share.
///
/// It only ever goes forward. Who works by it enters first and leaves after its last commit; it is
/// moved while nobody is in, in no process. So what is begun after a move is dated after it
/// everywhere, and what was begun before has ended before.
#[async_trait]
pub trait MovableClock: Send + Sync {
    /// Waits while the clock is moved. `Unavailable` where that takes long, or where this process
    /// has not heard for a while how the clock stands.
    async fn enter(&self) -> Result<Pass, Error>;

    /// Another pass for work that outlives what it was begun by; only for who is in.
    fn enter_too(&self) -> Pass;

    /// Looks at once how the clock stands: somebody told that it changed.
    fn look(&self);

    /// Keeps everybody out, here and elsewhere, and waits until nobody is in. `Conflict` while
    /// another moves the clock; `Unavailable` when work that was begun does not end.
    async fn hold(&self) -> Result<Box<dyn ClockMove>, Error>;
}

/// The right to move the clock. Dropped before `end`, the clock stays where it was moved last.
#[async_trait]
pub trait ClockMove: Send {
    /// Moves it forward to an instant, for all processes and for good; where it is later already,
    /// it stays. `Conflict` once the right has lapsed.
    async fn to(&mut self, instant: OffsetDateTime) -> Result<(), Error>;

    /// Lets everybody go on.
    async fn end(self: Box<Self>) -> Result<(), Error>;
}

/// The clock is not moved while one of these lives.
#[derive(Clone)]
#[must_use = "the clock may be moved as soon as it is dropped"]
pub struct Pass(#[expect(dead_code, reason = "it is held, not read")] Arc<dyn Any + Send + Sync>);

impl Pass {
    /// One that holds on to something.
    pub fn new(holds: impl Any + Send + Sync) -> Self {
        Self(Arc::new(holds))
    }
}

/// A simulator that plays a gateway and goes by our business clock.
#[async_trait]
pub trait SimulatedGateway: Send + Sync {
    /// When something happens there by itself next: a renewal, the end of a trial or of a page.
    /// Nothing where it does not run: when it does, it does what was due meanwhile.
    async fn next_due(&self) -> Result<Option<OffsetDateTime>, GatewayError>;

    /// Lets happen there what is due up to an instant. When this returns, what it had to tell has
    /// been received, unless nobody receives.
    async fn move_to(&self, instant: OffsetDateTime) -> Result<(), GatewayError>;
}
