//! The clock is moved: by one process at a time, while all others rest.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{ClockMove, Pass, Scope},
};
use diesel::OptionalExtension as _;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

use super::{
    Shared,
    statements::{Awake, Begin, End, GoOn, Sweep},
};
use crate::error::failed;

/// How long who moves the clock and is not heard of keeps the others waiting.
const RIGHT: Duration = Duration::from_secs(10);
/// How often the right is renewed meanwhile.
const RENEW: Duration = Duration::from_secs(3);
/// How long who wants to move the clock waits for the others, longer than any of them believes.
const BARRIER: Duration = Duration::from_secs(20);
/// How often he looks.
const LOOK: Duration = Duration::from_millis(20);

/// The right to move the clock.
pub(super) struct Moving {
    shared: Arc<Shared>,
    right: Uuid,
    /// Who moves the clock is in as well: nobody takes it from him while he still works.
    pass: Option<Pass>,
    renewing: JoinSet<()>,
}

/// Keeps everybody out, here and elsewhere.
pub(super) async fn hold(shared: Arc<Shared>) -> Result<Moving, Error> {
    let mut session = shared.database.session(Scope::Engine).await?;
    Sweep {}.execute(session.connection()).await.map_err(failed)?;
    let begin = Begin { seconds: seconds(RIGHT) };
    let right: Option<Uuid> =
        begin.get_result(session.connection()).await.optional().map_err(failed)?;
    session.commit().await?;
    let right = right.ok_or(Error::Conflict("the clock"))?;
    shared.gate.take(right);
    shared.tell();
    let mut renewing = JoinSet::new();
    renewing.spawn(keep_renewing(shared.clone(), right));
    let mut moving = Moving { shared, right, pass: None, renewing };
    match moving.barrier().await {
        Ok(()) => Ok(moving),
        Err(error) => {
            Box::new(moving).end().await?;
            Err(error)
        }
    }
}

impl Moving {
    /// Waits until nobody goes by the clock any more: here nobody is in, elsewhere nobody is in
    /// or nobody believes to know how it stands.
    async fn barrier(&mut self) -> Result<(), Error> {
        let until = Instant::now() + BARRIER;
        let gate = &self.shared.gate;
        timeout(BARRIER, gate.emptied()).await.map_err(|_| somebody_is_in())?;
        self.pass = Some(gate.enter_too());
        while self.awake().await? > 0 {
            if Instant::now() >= until {
                return Err(somebody_is_in());
            }
            sleep(LOOK).await;
        }
        // What others have moved before is known from here on.
        go_on(&self.shared, self.right, 0).await
    }

    async fn awake(&self) -> Result<i64, Error> {
        let mut session = self.shared.database.session(Scope::Engine).await?;
        let awake = Awake { process: self.shared.process, right: self.right };
        let awake = awake.get_result(session.connection()).await.map_err(failed)?;
        session.commit().await?;
        Ok(awake)
    }
}

/// Work by the clock that was begun does not end.
fn somebody_is_in() -> Error {
    Error::Unavailable {
        what: "the clock of the sandbox",
        retry_after: RIGHT,
        cause: anyhow::anyhow!("work that was begun by it does not end"),
    }
}

/// Moves the clock so far ahead, if it is not, and renews the right to move it.
async fn go_on(shared: &Shared, right: Uuid, ahead_micros: i64) -> Result<(), Error> {
    let mut session = shared.database.session(Scope::Engine).await?;
    let go_on = GoOn { right, seconds: seconds(RIGHT), ahead_micros };
    let ahead: Option<i64> =
        go_on.get_result(session.connection()).await.optional().map_err(failed)?;
    let ahead = ahead.ok_or(Error::Conflict("the clock"))?;
    session.commit().await?;
    shared.ahead_micros.fetch_max(ahead, Ordering::SeqCst);
    Ok(())
}

async fn keep_renewing(shared: Arc<Shared>, right: Uuid) {
    loop {
        sleep(RENEW).await;
        if let Err(error) = go_on(&shared, right, 0).await {
            tracing::warn!(error = error.in_full(), "cannot go on moving the clock");
        }
    }
}

#[async_trait]
impl ClockMove for Moving {
    async fn to(&mut self, instant: OffsetDateTime) -> Result<(), Error> {
        let ahead = instant - self.shared.wall.wall();
        let ahead = i64::try_from(ahead.whole_microseconds()).map_err(anyhow::Error::from)?;
        go_on(&self.shared, self.right, ahead.max(0)).await
    }

    async fn end(mut self: Box<Self>) -> Result<(), Error> {
        self.renewing.shutdown().await;
        let mut session = self.shared.database.session(Scope::Engine).await?;
        let end = End { right: self.right };
        end.execute(session.connection()).await.map_err(failed)?;
        session.commit().await
    }
}

/// Abandoned, the right lapses by itself; ended, the others are told of it.
impl Drop for Moving {
    fn drop(&mut self) {
        self.shared.gate.close();
        drop(self.pass.take());
        self.shared.gate.look();
        self.shared.tell();
    }
}

fn seconds(length: Duration) -> i64 {
    i64::try_from(length.as_secs()).unwrap_or(i64::MAX)
}
