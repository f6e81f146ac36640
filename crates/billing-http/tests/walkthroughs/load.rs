//! Clients that use credits, each use under a key of its own, and remember what they were told.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tokio::task::JoinSet;

use crate::{
    api::{Api, consume, until},
    sql::Sql,
};

/// What one inference costs.
const COST: i64 = 25;
/// More than any load uses.
const PLENTY: u64 = 100_000_000;
/// How long a client waits after it was told to come back.
const BREATH: Duration = Duration::from_millis(50);

/// What a client knows of a key that it used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    /// It was told that credits were taken.
    Taken,
    /// Nobody answered.
    Unknown,
}

/// Clients that use the credits of one organization, over any number of servers and their lives.
pub(crate) struct Load {
    organization: String,
    keys: Mutex<BTreeMap<String, Fate>>,
    taken: AtomicUsize,
    unavailable: AtomicUsize,
    cut: AtomicUsize,
    over: AtomicBool,
}

impl Load {
    /// On a new organization that has plenty.
    pub(crate) async fn new(api: &Api) -> Arc<Self> {
        let organization = api.organization("Load").await;
        api.give(&organization, PLENTY).await;
        Arc::new(Self {
            organization,
            keys: Mutex::default(),
            taken: AtomicUsize::new(0),
            unavailable: AtomicUsize::new(0),
            cut: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        })
    }

    /// Sets clients to work. Each ends when its server does not answer any more, or at the latest
    /// with `stop`.
    pub(crate) fn begin(self: &Arc<Self>, api: &Api, clients: usize, round: &str) -> JoinSet<()> {
        self.over.store(false, Ordering::SeqCst);
        let mut working = JoinSet::new();
        for client in 0..clients {
            let (load, api, round) = (self.clone(), api.clone(), round.to_owned());
            working.spawn(async move {
                for use_of_it in 0_u64.. {
                    let key = format!("{round}-{client}-{use_of_it}");
                    if !load.use_one(&api, &key).await {
                        return;
                    }
                }
            });
        }
        working
    }

    /// Ends the clients whose server still answers.
    pub(crate) async fn stop(&self, working: JoinSet<()>) {
        self.over.store(true, Ordering::SeqCst);
        working.join_all().await;
    }

    /// Waits until so many more were told that credits were taken.
    pub(crate) async fn more(&self, more: usize) {
        let enough = self.taken() + more;
        until("enough is answered", async || (self.taken() >= enough).then_some(())).await;
    }

    /// How often a client was told that credits were taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    /// How often a client was told to come back.
    pub(crate) fn unavailable(&self) -> usize {
        self.unavailable.load(Ordering::SeqCst)
    }

    /// How often a client had sent its request, or a part of it, and was not answered.
    pub(crate) fn cut(&self) -> usize {
        self.cut.load(Ordering::SeqCst)
    }

    /// Whether the client goes on.
    async fn use_one(&self, api: &Api, key: &str) -> bool {
        loop {
            let body = consume(&self.organization, key);
            match api.try_post("/api/billing/credits/consume", &body).await {
                Ok(answer) if answer.status == 503 => {
                    answer.expect_unavailable();
                    self.unavailable.fetch_add(1, Ordering::SeqCst);
                    self.note(key, Fate::Unknown);
                    if self.over.load(Ordering::SeqCst) {
                        return false;
                    }
                    tokio::time::sleep(BREATH).await;
                }
                Ok(answer) => {
                    answer.expect(200);
                    self.note(key, Fate::Taken);
                    self.taken.fetch_add(1, Ordering::SeqCst);
                    return !self.over.load(Ordering::SeqCst);
                }
                Err(error) => {
                    if !error.is_connect() {
                        self.cut.fetch_add(1, Ordering::SeqCst);
                    }
                    self.note(key, Fate::Unknown);
                    return false;
                }
            }
        }
    }

    /// Asks again for all that nobody answered; and for some of what was answered.
    pub(crate) async fn settle(&self, api: &Api) {
        for unknown in self.of_fate(Fate::Unknown).chunks(16) {
            let again = unknown.iter().map(|key| api.consume(&self.organization, key));
            for (key, answer) in unknown.iter().zip(join_all(again).await) {
                answer.expect(200);
                self.note(key, Fate::Taken);
            }
        }
        for key in self.of_fate(Fate::Taken).iter().step_by(20) {
            let again = api.consume(&self.organization, key).await.expect(200);
            assert!(again.is_replayed(), "{key} was taken, and is taken again");
        }
    }

    /// Each key is in the ledger exactly once, and nothing else is.
    #[track_caller]
    pub(crate) fn is_in_the_ledger(&self, sql: &Sql) {
        let organization = &self.organization;
        let rows = sql.rows(&format!(
            "SELECT key, count(*), sum(amount) FROM credit_transactions \
             WHERE organization_id = '{organization}' AND origin = 'consume' GROUP BY key"
        ));
        let cost = (-COST).to_string();
        let found: BTreeMap<_, _> = rows
            .into_iter()
            .map(|row| (row[0].clone(), (row[1].clone(), row[2].clone())))
            .collect();
        let keys = self.keys.lock().unwrap();
        let lost: Vec<_> = keys.keys().filter(|key| !found.contains_key(*key)).collect();
        assert!(lost.is_empty(), "answered, and lost: {lost:?}");
        let once = ("1".to_owned(), cost);
        let wrong: Vec<_> = found.iter().filter(|(_, effect)| **effect != once).collect();
        assert!(wrong.is_empty(), "not exactly once: {wrong:?}");
        assert_eq!(found.len(), keys.len(), "there are keys that nobody used");
        let balance = sql.number(&format!(
            "SELECT balance FROM credit_accounts WHERE organization_id = '{organization}'"
        ));
        let used = i64::try_from(keys.len()).unwrap() * COST;
        assert_eq!(balance, i64::try_from(PLENTY).unwrap() - used);
    }

    fn note(&self, key: &str, fate: Fate) {
        self.keys.lock().unwrap().insert(key.to_owned(), fate);
    }

    fn of_fate(&self, fate: Fate) -> Vec<String> {
        let keys = self.keys.lock().unwrap();
        keys.iter().filter(|(_, of)| **of == fate).map(|(key, _)| key.clone()).collect()
    }
}
