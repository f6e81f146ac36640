//! Processes that tell one another what they changed, in memory.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use billing_app::ports::{Change, Changes, Heard};
use tokio::sync::Notify;

/// One of several processes that hear of each other's changes.
pub struct MemoryChanges {
    own: Arc<Ear>,
    all: Arc<Mutex<Vec<Arc<Ear>>>>,
}

struct Ear {
    heard: Mutex<Option<Heard>>,
    something: Notify,
}

impl Default for MemoryChanges {
    fn default() -> Self {
        Self::among(Arc::default())
    }
}

impl MemoryChanges {
    /// Another process beside this one.
    pub fn another(&self) -> Self {
        Self::among(self.all.clone())
    }

    fn among(all: Arc<Mutex<Vec<Arc<Ear>>>>) -> Self {
        let heard = Mutex::new(Some(Heard::Everything));
        let own = Arc::new(Ear { heard, something: Notify::new() });
        all.lock().expect("nobody panics while holding the ears").push(own.clone());
        Self { own, all }
    }
}

impl Ear {
    fn hear(&self, change: Change) {
        let mut heard = self.heard.lock().expect("nobody panics while hearing");
        match heard.get_or_insert_with(|| Heard::Changes(BTreeSet::new())) {
            Heard::Changes(changes) => drop(changes.insert(change)),
            Heard::Everything => {}
        }
        self.something.notify_one();
    }

    fn take(&self) -> Option<Heard> {
        self.heard.lock().expect("nobody panics while hearing").take()
    }
}

#[async_trait]
impl Changes for MemoryChanges {
    fn tell(&self, change: Change) {
        let all = self.all.lock().expect("nobody panics while holding the ears");
        for other in all.iter().filter(|other| !Arc::ptr_eq(other, &self.own)) {
            other.hear(change);
        }
    }

    async fn heard(&self) -> Heard {
        loop {
            if let Some(heard) = self.own.take() {
                return heard;
            }
            self.own.something.notified().await;
        }
    }
}
