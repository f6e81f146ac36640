//! The gate of one process: who works by the clock is in, and while it is moved nobody is.

use std::{sync::Arc, time::Duration};

use billing_app::{Error, ports::Pass};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout},
};
use uuid::Uuid;

/// How long who wants in waits for the clock to be moved.
const WHILE_MOVED: Duration = Duration::from_secs(5);
/// How long he waits where the database does not say how it stands: it may be away.
const WHILE_UNSURE: Duration = Duration::from_secs(1);

/// The gate of one process. It is closed at first.
#[derive(Clone, Default)]
pub(super) struct Gate {
    state: watch::Sender<State>,
    news: Arc<Notify>,
}

#[derive(Default)]
struct State {
    door: Door,
    inside: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Door {
    /// It is not known how the clock stands.
    #[default]
    Closed,
    /// What is known of the clock may be believed until then.
    OpenUntil(Instant),
    /// Another moves the clock, by this right.
    RestsFor(Uuid),
    /// This process moves the clock, by this right.
    Mine(Uuid),
}

impl Gate {
    /// Waits until the door is open, but not for ever.
    pub(super) async fn enter(&self) -> Result<Pass, Error> {
        if let Some(pass) = self.try_enter() {
            return Ok(pass);
        }
        let patience = match self.state.borrow().door {
            Door::Mine(_) | Door::RestsFor(_) => WHILE_MOVED,
            Door::Closed | Door::OpenUntil(_) => WHILE_UNSURE,
        };
        let mut changes = self.state.subscribe();
        let entering = async {
            loop {
                changes.mark_unchanged();
                if let Some(pass) = self.try_enter() {
                    return pass;
                }
                if changes.changed().await.is_err() {
                    // The gate lives as long as this borrows it.
                    std::future::pending::<()>().await;
                }
            }
        };
        timeout(patience, entering).await.map_err(|_| Error::Unavailable {
            what: "the clock of the sandbox",
            retry_after: Duration::from_secs(1),
            cause: anyhow::anyhow!("it is being moved, or nobody knows how it stands"),
        })
    }

    fn try_enter(&self) -> Option<Pass> {
        let mut entered = false;
        self.state.send_if_modified(|state| {
            entered = matches!(state.door, Door::OpenUntil(until) if Instant::now() < until);
            state.inside += usize::from(entered);
            false
        });
        entered.then(|| self.pass())
    }

    /// For who is in already.
    pub(super) fn enter_too(&self) -> Pass {
        self.state.send_if_modified(|state| {
            state.inside += 1;
            false
        });
        self.pass()
    }

    fn pass(&self) -> Pass {
        Pass::new(Inside(self.clone()))
    }

    /// It is known how the clock stands; unless this process moves it, anybody may come in.
    pub(super) fn open_until(&self, until: Instant) {
        self.turn(|door| {
            if !matches!(door, Door::Mine(_)) {
                *door = Door::OpenUntil(until);
            }
        });
    }

    /// Somebody moves the clock by a right; unless it is this process, nobody comes in any more.
    pub(super) fn rest_for(&self, right: Uuid) {
        let mut new = false;
        self.turn(|door| {
            if ![Door::Mine(right), Door::RestsFor(right)].contains(door) {
                *door = Door::RestsFor(right);
                new = true;
            }
        });
        // It is to be said at once that nobody is in.
        if new && self.is_empty() {
            self.look();
        }
    }

    /// This process moves the clock: nobody else comes in any more.
    pub(super) fn take(&self, right: Uuid) {
        self.turn(|door| *door = Door::Mine(right));
    }

    /// Nobody comes in until it is known how the clock stands.
    pub(super) fn close(&self) {
        self.turn(|door| *door = Door::Closed);
    }

    fn turn(&self, change: impl FnOnce(&mut Door)) {
        self.state.send_modify(|state| change(&mut state.door));
    }

    /// For whom nobody is in, if for anybody.
    pub(super) fn rests_for(&self) -> Option<Uuid> {
        let state = self.state.borrow();
        match state.door {
            Door::RestsFor(right) if state.inside == 0 => Some(right),
            Door::RestsFor(_) | Door::Closed | Door::OpenUntil(_) | Door::Mine(_) => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state.borrow().inside == 0
    }

    /// Waits until nobody is in.
    pub(super) async fn emptied(&self) {
        let mut changes = self.state.subscribe();
        // It fails only without a gate, and then nobody is in.
        drop(changes.wait_for(|state| state.inside == 0).await);
    }

    /// There may be something to read.
    pub(super) fn look(&self) {
        self.news.notify_one();
    }

    /// Waits until there may be something to read, or something to say.
    pub(super) async fn something(&self) {
        self.news.notified().await;
    }
}

/// Who is in.
struct Inside(Gate);

impl Drop for Inside {
    fn drop(&mut self) {
        let mut waited_for = false;
        self.0.state.send_if_modified(|state| {
            state.inside = state.inside.saturating_sub(1);
            waited_for = state.inside == 0 && !matches!(state.door, Door::OpenUntil(_));
            waited_for
        });
        if waited_for {
            self.0.look();
        }
    }
}
