//! Clients that use, hold, give back, give away and count, each time under a key of its own, and
//! remember what they were told.

mod operation;

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

use self::operation::{Operation, Parties};
use crate::{
    api::{Api, until},
    sql::Sql,
};

/// More than any load uses.
const PLENTY: u64 = 100_000_000;
/// How long a client waits after it was told to come back.
const BREATH: Duration = Duration::from_millis(50);

/// What a client knows of a key that it used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    /// It was told that all of it is done.
    Done,
    /// Nobody answered.
    Unknown,
}

/// Clients of one organization, over any number of servers and their lives.
pub(crate) struct Load {
    organization: String,
    other: String,
    keys: Mutex<BTreeMap<String, (Operation, Fate)>>,
    done: AtomicUsize,
    requests: AtomicUsize,
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
            other: api.organization("Friend").await,
            keys: Mutex::default(),
            done: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
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
                for number in 0.. {
                    let key = format!("{round}-{client}-{number}");
                    if !load.do_one(&api, &key, Operation::nth(client + number)).await {
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

    /// Waits until so many more things are done.
    pub(crate) async fn more(&self, more: usize) {
        let enough = self.done() + more;
        until("enough is answered", async || (self.done() >= enough).then_some(())).await;
    }

    /// How much is done, each under its key.
    pub(crate) fn done(&self) -> usize {
        self.done.load(Ordering::SeqCst)
    }

    /// How many requests were done: some things take two.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
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
    async fn do_one(&self, api: &Api, key: &str, operation: Operation) -> bool {
        loop {
            let done = operation.run(api, &self.parties(), key).await;
            self.requests.fetch_add(done.requests, Ordering::SeqCst);
            match done.last {
                Ok(answer) if answer.status == 503 => {
                    answer.expect_unavailable();
                    self.unavailable.fetch_add(1, Ordering::SeqCst);
                    self.note(key, operation, Fate::Unknown);
                    if self.over.load(Ordering::SeqCst) {
                        return false;
                    }
                    tokio::time::sleep(BREATH).await;
                }
                Ok(answer) => {
                    assert!([200, 201].contains(&answer.status), "{operation:?}: {answer:?}");
                    self.note(key, operation, Fate::Done);
                    self.done.fetch_add(1, Ordering::SeqCst);
                    return !self.over.load(Ordering::SeqCst);
                }
                Err(error) => {
                    if !error.is_connect() {
                        self.cut.fetch_add(1, Ordering::SeqCst);
                    }
                    self.note(key, operation, Fate::Unknown);
                    return false;
                }
            }
        }
    }

    /// Does again all that nobody answered; and some of what was answered. And waits until what is
    /// forgotten has timed out.
    pub(crate) async fn settle(&self, api: &Api) {
        let parties = self.parties();
        for unknown in self.of_fate(Fate::Unknown).chunks(16) {
            let again = unknown.iter().map(|(key, operation)| operation.run(api, &parties, key));
            for ((key, operation), done) in unknown.iter().zip(join_all(again).await) {
                let answer = done.last.unwrap();
                assert!([200, 201].contains(&answer.status), "{operation:?} of {key}: {answer:?}");
                self.note(key, *operation, Fate::Done);
            }
        }
        for (key, operation) in self.of_fate(Fate::Done).iter().step_by(20) {
            let again = operation.run(api, &parties, key).await.last.unwrap();
            assert!(again.is_replayed(), "{key} was done, and is done again: {again:?}");
        }
        let path = format!("/api/billing/credits/{}", self.organization);
        until("nothing is held", async || {
            (api.get(&path).await.expect(200).number("/held") == 0).then_some(())
        })
        .await;
    }

    /// What was done under each key is in the ledgers exactly once, and nothing else is.
    #[track_caller]
    pub(crate) fn is_in_the_ledger(&self, sql: &Sql) {
        let Parties { organization, other } = self.parties();
        // What becomes of a hold is of the key of the hold.
        let rows = sql.rows(&format!(
            "SELECT key, string_agg(row, ', ' ORDER BY seq) FROM (SELECT coalesce(t.key, h.key) \
             AS key, concat_ws(' ', t.origin, t.amount, t.held_change) AS row, t.seq \
             FROM credit_transactions t LEFT JOIN credit_transactions h \
             ON h.organization_id = t.organization_id AND h.origin = 'hold' \
             AND h.decision_id = t.decision_id AND t.origin IN ('settle', 'release', 'time_out') \
             WHERE t.organization_id = '{organization}' AND t.origin <> 'grant' \
             UNION ALL SELECT key, concat_ws(' ', meter, quantity, 0), seq FROM usage_events \
             WHERE organization_id = '{organization}') rows GROUP BY key"
        ));
        let found: BTreeMap<_, _> =
            rows.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
        let keys = self.keys.lock().unwrap();
        let lost: Vec<_> = keys.keys().filter(|key| !found.contains_key(*key)).collect();
        assert!(lost.is_empty(), "answered, and lost: {lost:?}");
        let once = |(key, rows): &(&String, &String)| {
            keys.get(*key).is_some_and(|(operation, _)| operation.rows() == *rows)
        };
        let wrong: Vec<_> = found.iter().filter(|it| !once(it)).collect();
        assert!(wrong.is_empty(), "not exactly once: {wrong:?}");
        let balance = |organization: &str| {
            sql.number(&format!(
                "SELECT balance FROM credit_accounts WHERE organization_id = '{organization}'"
            ))
        };
        let sum = |of: fn(Operation) -> i64| keys.values().map(|(it, _)| of(*it)).sum::<i64>();
        let plenty = i64::try_from(PLENTY).unwrap();
        assert_eq!(balance(organization), plenty - sum(Operation::takes));
        assert_eq!(balance(other), sum(Operation::gives));
    }

    /// How many rows the requests have left, each of them one.
    #[track_caller]
    pub(crate) fn rows(&self, sql: &Sql) -> usize {
        let Parties { organization, .. } = self.parties();
        let rows = sql.number(&format!(
            "SELECT (SELECT count(*) FROM credit_transactions WHERE organization_id = \
             '{organization}' AND origin NOT IN ('grant', 'time_out')) + (SELECT count(*) \
             FROM usage_events WHERE organization_id = '{organization}')"
        ));
        usize::try_from(rows).unwrap()
    }

    fn parties(&self) -> Parties<'_> {
        Parties { organization: &self.organization, other: &self.other }
    }

    fn note(&self, key: &str, operation: Operation, fate: Fate) {
        self.keys.lock().unwrap().insert(key.to_owned(), (operation, fate));
    }

    fn of_fate(&self, fate: Fate) -> Vec<(String, Operation)> {
        let keys = self.keys.lock().unwrap();
        let of = keys.iter().filter(|(_, (_, of))| *of == fate);
        of.map(|(key, (operation, _))| (key.clone(), *operation)).collect()
    }
}
