//! The business clock of a sandbox: how far it is ahead is a row, by which all processes go.
//!
//! A process believes what it has read of the row for [`BELIEF`] and reads it anew several times in
//! that while; one that cannot lets nobody in any more. Who moves the clock writes that he does,
//! and waits until every other process rests (nobody is in) or believes nothing any more. Then he
//! alone goes by the clock, and the others follow when he has ended. See `docs/adr/0008`.

mod gate;
mod moving;
mod statements;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{Change, Changes, Clock, ClockMove, MovableClock, Pass, Scope},
};
use diesel_async::RunQueryDsl as _;
use time::OffsetDateTime;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use uuid::Uuid;

use self::{
    gate::Gate,
    statements::{Believe, Forget, HowItStands},
};
use crate::{Database, database::bounded, error::failed};

/// How long what was read of the clock may be believed.
const BELIEF: Duration = Duration::from_secs(10);
/// How often it is read anew, when nobody has told that it changed.
const LOOK: Duration = Duration::from_millis(500);

/// The business clock of a sandbox, over the wall clock. While it lives it follows the row.
pub struct SandboxClock {
    shared: Arc<Shared>,
    following: JoinHandle<()>,
}

/// What those who ask and the one who follows share.
struct Shared {
    database: Database,
    wall: Arc<dyn Clock>,
    changes: Arc<dyn Changes>,
    /// This process, among those that go by the clock.
    process: Uuid,
    ahead_micros: AtomicI64,
    gate: Gate,
}

impl SandboxClock {
    /// Reads how the clock stands, and follows it on the current runtime from then on. `process`
    /// is an id that no other process has.
    pub async fn start(
        database: &Database,
        (wall, changes): (Arc<dyn Clock>, Arc<dyn Changes>),
        process: Uuid,
    ) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            database: database.clone(),
            wall,
            changes,
            process,
            ahead_micros: AtomicI64::new(0),
            gate: Gate::default(),
        });
        shared.follow_once().await?;
        let following = tokio::spawn(follow(shared.clone()));
        Ok(Self { shared, following })
    }

    /// Stops following, so that nobody who moves the clock waits for this process.
    pub async fn stop(&self) -> Result<(), Error> {
        self.following.abort();
        self.shared.gate.close();
        let mut session = self.shared.database.session(Scope::Engine).await?;
        let forget = Forget { process: self.shared.process };
        forget.execute(session.connection()).await.map_err(failed)?;
        session.commit().await
    }
}

impl Drop for SandboxClock {
    fn drop(&mut self) {
        self.following.abort();
    }
}

impl Clock for SandboxClock {
    fn now(&self) -> OffsetDateTime {
        self.shared.now()
    }

    fn wall(&self) -> OffsetDateTime {
        self.shared.wall.wall()
    }
}

#[async_trait]
impl MovableClock for SandboxClock {
    async fn enter(&self) -> Result<Pass, Error> {
        self.shared.gate.enter().await
    }

    fn enter_too(&self) -> Pass {
        self.shared.gate.enter_too()
    }

    fn look(&self) {
        self.shared.gate.look();
    }

    async fn hold(&self) -> Result<Box<dyn ClockMove>, Error> {
        Ok(Box::new(moving::hold(self.shared.clone()).await?))
    }
}

impl Shared {
    fn now(&self) -> OffsetDateTime {
        let ahead =
            time::Duration::microseconds(AtomicI64::load(&self.ahead_micros, Ordering::SeqCst));
        self.wall.wall().saturating_add(ahead)
    }

    /// Tells the others that there is something to read.
    fn tell(&self) {
        self.changes.tell(Change::Clock);
    }

    /// Reads the row, and goes by it. What is read is believed from before it was asked for.
    ///
    /// The row is locked while this process says how long it believes: so who begins to move the
    /// clock sees all who have read it before, and is seen by all who read it after.
    async fn follow_once(&self) -> Result<(), Error> {
        let asked_at = Instant::now();
        let rests_for = self.gate.rests_for();
        let stands: (i64, Option<Uuid>) = bounded(async {
            let mut session = self.database.session(Scope::Engine).await?;
            let stands = HowItStands {}.get_result(session.connection()).await.map_err(failed)?;
            let seconds = i64::try_from(BELIEF.as_secs()).unwrap_or(i64::MAX);
            let believe = Believe { process: self.process, seconds, rests_for };
            believe.execute(session.connection()).await.map_err(failed)?;
            session.commit().await?;
            Ok(stands)
        })
        .await?;
        let (ahead_micros, right) = stands;
        if let Some(right) = right {
            self.gate.rest_for(right);
            return Ok(());
        }
        if ahead_micros > AtomicI64::load(&self.ahead_micros, Ordering::SeqCst) {
            // Who was away while the clock was moved may have somebody in who began before: he is
            // waited for now, as he was not then.
            self.gate.close();
            if !self.gate.is_empty() {
                return Ok(());
            }
            self.ahead_micros.fetch_max(ahead_micros, Ordering::SeqCst);
        }
        self.gate.open_until(asked_at + BELIEF);
        Ok(())
    }
}

/// Follows the row: every half second, when somebody told that it has changed, and when the last
/// one has left whom somebody waits for.
async fn follow(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = sleep(LOOK) => {}
            () = shared.gate.something() => {}
        }
        if let Err(error) = shared.follow_once().await {
            tracing::warn!(error = error.in_full(), "cannot read how the clock stands");
            sleep(LOOK).await;
        }
    }
}
