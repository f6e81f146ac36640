//! The clock of a sandbox: all processes on one database go by it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{sync::Arc, time::Duration as Wait};

use billing_app::{
    Error,
    ports::{Change, Changes as _, Clock, Heard, MovableClock as _},
};
use billing_postgres::{Mode, PostgresChanges, SandboxClock};
use billing_testkit::{NOON, Stopped, builders::a_fresh_id};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use time::Duration;
use tokio::time::timeout;
use uuid::Uuid;

use crate::scratch::Scratch;

/// A process: its clock, and the worker that hears of changes.
struct Process {
    clock: Arc<SandboxClock>,
    hearing: tokio::task::JoinHandle<()>,
}

impl Process {
    async fn start(scratch: &Scratch, wall: &Arc<Stopped>) -> Self {
        let database = scratch.database();
        let changes = Arc::new(PostgresChanges::start(&database));
        let around = (wall.clone() as Arc<dyn Clock>, changes.clone() as _);
        let clock = SandboxClock::start(&database, around, a_fresh_id::<Uuid>()).await.unwrap();
        let clock = Arc::new(clock);
        let looking = clock.clone();
        let hearing = tokio::spawn(async move {
            loop {
                match changes.heard().await {
                    Heard::Everything => looking.look(),
                    Heard::Changes(heard) if heard.contains(&Change::Clock) => looking.look(),
                    Heard::Changes(_) => {}
                }
            }
        });
        Self { clock, hearing }
    }

    async fn advance(&self, by: Duration) {
        let mut held = self.clock.hold().await.unwrap();
        held.to(self.clock.now() + by).await.unwrap();
        held.end().await.unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.hearing.abort();
    }
}

async fn a_sandbox() -> (Scratch, Arc<Stopped>) {
    let scratch = Scratch::new().await;
    scratch.database().fix_mode(Mode::Sandbox, NOON).await.unwrap();
    (scratch, Arc::new(Stopped::default()))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_enters_after_a_move_goes_by_it_in_every_process() {
    let (scratch, wall) = a_sandbox().await;
    let one = Process::start(&scratch, &wall).await;
    let other = Process::start(&scratch, &wall).await;
    assert_eq!((one.clock.now(), other.clock.now()), (NOON, NOON));
    for (moving, days) in [(&one, 31), (&other, 365), (&one, 1)] {
        let before = moving.clock.now();
        moving.advance(Duration::days(days)).await;
        for process in [&one, &other] {
            let _pass = process.clock.enter().await.unwrap();
            assert_eq!(process.clock.now(), before + Duration::days(days));
            assert_eq!(process.clock.wall(), NOON);
        }
    }
    wall.advance(Duration::HOUR);
    assert_eq!(other.clock.now(), NOON + Duration::days(397) + Duration::HOUR, "it goes on");
    let later = Process::start(&scratch, &wall).await;
    assert_eq!(later.clock.now(), other.clock.now(), "who comes later goes by it too");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_is_not_moved_while_somebody_elsewhere_is_in() {
    let (scratch, wall) = a_sandbox().await;
    let one = Process::start(&scratch, &wall).await;
    let other = Process::start(&scratch, &wall).await;
    let pass = other.clock.enter().await.unwrap();
    let too = other.clock.enter_too();
    drop(pass);
    let holding = tokio::spawn({
        let clock = one.clock.clone();
        async move { clock.hold().await }
    });
    // Nobody new comes in, while who is in is waited for.
    let closed = async {
        while let Ok(Ok(pass)) = timeout(Wait::from_millis(50), other.clock.enter()).await {
            drop(pass);
        }
    };
    closed.await;
    assert!(!holding.is_finished(), "somebody is in");
    assert_eq!(other.clock.now(), NOON);
    drop(too);
    let mut held = holding.await.unwrap().unwrap();
    held.to(NOON + Duration::DAY).await.unwrap();
    let another = other.clock.hold().await;
    assert!(matches!(another, Err(Error::Conflict(_))), "one at a time");
    held.end().await.unwrap();
    let _pass = other.clock.enter().await.unwrap();
    assert_eq!(other.clock.now(), NOON + Duration::DAY);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_goes_forward_only() {
    let (scratch, wall) = a_sandbox().await;
    let one = Process::start(&scratch, &wall).await;
    one.advance(Duration::DAY).await;
    one.advance(-Duration::HOUR).await;
    let _pass = one.clock.enter().await.unwrap();
    assert_eq!(one.clock.now(), NOON + Duration::DAY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_was_abandoned_leaves_the_clock_where_it_was() {
    let (scratch, wall) = a_sandbox().await;
    let one = Process::start(&scratch, &wall).await;
    let other = Process::start(&scratch, &wall).await;
    let mut held = one.clock.hold().await.unwrap();
    held.to(NOON + Duration::DAY).await.unwrap();
    drop(held);
    // Its right lapses, as it does when its process dies.
    let lapse = "UPDATE sandbox_clock SET moving_until = clock_timestamp()";
    admin(&scratch, lapse).await;
    let mut again = other.clock.hold().await.unwrap();
    assert_eq!(other.clock.now(), NOON + Duration::DAY, "who moves it next knows how it stands");
    again.to(NOON + Duration::days(2)).await.unwrap();
    again.end().await.unwrap();
    let _pass = one.clock.enter().await.unwrap();
    assert_eq!(one.clock.now(), NOON + Duration::days(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_right_has_lapsed_moves_nothing() {
    let (scratch, wall) = a_sandbox().await;
    let one = Process::start(&scratch, &wall).await;
    let mut held = one.clock.hold().await.unwrap();
    admin(&scratch, "UPDATE sandbox_clock SET moving_until = clock_timestamp()").await;
    let late = held.to(NOON + Duration::DAY).await;
    assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
    held.end().await.unwrap();
    assert_eq!(one.clock.now(), NOON);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_who_has_taken_leave_or_died() {
    let (scratch, wall) = a_sandbox().await;
    let one = Process::start(&scratch, &wall).await;
    let other = Process::start(&scratch, &wall).await;
    other.clock.stop().await.unwrap();
    let dead = "INSERT INTO clock_followers VALUES \
                (gen_random_uuid(), clock_timestamp() - interval '1 second', NULL)";
    admin(&scratch, dead).await;
    one.advance(Duration::DAY).await;
    assert_eq!(one.clock.now(), NOON + Duration::DAY);
    assert!(timeout(Wait::from_millis(20), other.clock.enter()).await.is_err(), "he is out");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_live_database_the_row_is_never_changed() {
    let scratch = Scratch::new().await;
    scratch.database().fix_mode(Mode::Live, NOON).await.unwrap();
    let one = Process::start(&scratch, &Arc::new(Stopped::default())).await;
    assert!(matches!(one.clock.hold().await, Err(Error::Conflict(_))));
}

async fn admin(scratch: &Scratch, sql: &str) {
    let mut admin = AsyncPgConnection::establish(&scratch.admin_url).await.unwrap();
    admin.batch_execute(sql).await.unwrap();
}
