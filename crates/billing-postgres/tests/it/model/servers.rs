//! Several servers on one database, that are cut off from it and restarted.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use billing_app::{
    Error,
    ports::{CreditLedger, LedgerQueries, Scope, Store},
};
use billing_postgres::{CreditWriters, Database, Violation};
use billing_testkit::builders::an_organization;
use futures_util::future::try_join_all;
use serde_json::Value;

use super::{
    admin::Admin,
    plan::{Fault, Flight, Sent, Way},
    reference::Answer,
    *,
};

const SERVERS: usize = 3;
/// As often is a command sent before it is said that no answer comes.
const TRIES: usize = 200;

/// What came of a command.
#[derive(Debug)]
pub(super) struct Flown {
    pub(super) answer: Answer,
    /// Whether an answer may have been lost, and the command applied more than once.
    pub(super) disturbed: bool,
}

struct Server {
    database: Database,
    writers: Mutex<CreditWriters>,
}

impl Server {
    fn start(scratch: &Scratch) -> Self {
        let database = scratch.database();
        let writers = Mutex::new(CreditWriters::start(&database));
        Self { database, writers }
    }

    /// What is queued at the writers before is still decided.
    fn restart(&self) {
        *self.writers.lock().unwrap() = CreditWriters::start(&self.database);
    }
}

/// All servers, and a superuser.
pub(super) struct Servers {
    servers: Vec<Server>,
    /// Whose turn it is.
    turn: AtomicUsize,
    admin: tokio::sync::Mutex<Admin>,
    /// Odd while connections are cut.
    cuts: AtomicU64,
    commands: AtomicUsize,
    unknown: AtomicUsize,
    decisions: AtomicUsize,
}

impl Servers {
    pub(super) async fn start(scratch: &Scratch) -> Self {
        Self {
            servers: (0..SERVERS).map(|_| Server::start(scratch)).collect(),
            turn: AtomicUsize::new(0),
            admin: Admin::of(scratch).await.into(),
            cuts: AtomicU64::new(0),
            commands: AtomicUsize::new(0),
            unknown: AtomicUsize::new(0),
            decisions: AtomicUsize::new(0),
        }
    }

    fn one(&self) -> &Server {
        &self.servers[self.turn.fetch_add(1, Ordering::Relaxed) % SERVERS]
    }

    /// What was done.
    pub(super) fn told(&self) -> String {
        let [commands, unknown, decisions] = [&self.commands, &self.unknown, &self.decisions]
            .map(|count| count.load(Ordering::Relaxed));
        let cuts = self.cuts.load(Ordering::Relaxed) / 2;
        format!(
            "{commands} commands, {cuts} times all connections cut, {unknown} asked again without \
             an answer, {decisions} decisions explained"
        )
    }

    pub(super) async fn violations(&self) -> Vec<Violation> {
        self.one().database.violations().await.unwrap()
    }

    /// Two new organizations.
    pub(super) async fn register(&self) -> Result<[OrganizationId; 2], String> {
        let both = [an_organization(), an_organization()];
        let registered = self.answered(async || {
            let mut work = self.one().database.begin(Scope::Operator).await?;
            for organization in &both {
                if work.organizations().find(organization.id).await?.is_none() {
                    work.organizations().insert(organization, &[]).await?;
                }
            }
            work.commit().await
        });
        registered.await?;
        Ok(both.map(|organization| organization.id))
    }

    /// Sends commands at once, and each again until it is answered.
    pub(super) async fn fly(&self, flight: &Flight) -> Result<Vec<Flown>, String> {
        let server = self.one();
        if flight.fault == Fault::Restart {
            server.restart();
        }
        let sent = try_join_all(flight.sent.iter().map(|sent| self.send(server, sent)));
        let (flown, ()) = tokio::join!(sent, async {
            if flight.fault == Fault::Cut {
                self.cut().await;
            }
        });
        flown
    }

    async fn send(&self, server: &Server, sent: &Sent) -> Result<Flown, String> {
        self.commands.fetch_add(1, Ordering::Relaxed);
        let writers = server.writers.lock().unwrap().clone();
        let before = self.cuts.load(Ordering::SeqCst);
        let gift = matches!(sent.command, CreditCommand::Send(_));
        let apply = async |unit: bool, commit: bool| {
            if !unit && !gift {
                return writers.apply(sent.organization, sent.command.clone(), sent.now).await;
            }
            let mut work = server.database.begin(Scope::Engine).await?;
            let credits = work.credits();
            let outcome = if let CreditCommand::Send(asked) = &sent.command {
                let made = AtomicU64::new(0);
                let grant =
                    || grant_id(sent.id + 1 + u128::from(made.fetch_add(1, Ordering::Relaxed)));
                credits.transfer(sent.organization, asked, &grant, sent.now).await?
            } else {
                credits.apply(sent.organization, &sent.command, sent.now).await?
            };
            if commit {
                work.commit().await?;
            }
            Ok(outcome)
        };
        match sent.way {
            Way::Writers | Way::Unit => {}
            Way::LeftWriters => {
                // It is queued, and nobody waits.
                tokio::select! {
                    biased;
                    _ = apply(false, false) => {}
                    () = async {} => {}
                }
            }
            Way::LeftUnit => drop(apply(true, false).await),
        }
        let unit = matches!(sent.way, Way::Unit | Way::LeftUnit);
        let outcome = self.answered(async || apply(unit, true).await).await?;
        let after = self.cuts.load(Ordering::SeqCst);
        let disturbed = sent.way == Way::LeftWriters || before % 2 == 1 || before != after;
        Ok(Flown { answer: Answer::of(&outcome), disturbed })
    }

    /// Asks until there is an answer.
    async fn answered<T>(&self, ask: impl AsyncFn() -> Result<T, Error>) -> Result<T, String> {
        for _ in 0..TRIES {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(Error::Unavailable { cause, .. }) => {
                    let cause = format!("{cause:#}");
                    if ["deadlock", "timeout"].iter().any(|bad| cause.contains(bad)) {
                        return Err(cause);
                    }
                    self.unknown.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
                Err(error) => return Err(format!("{error:?}")),
            }
        }
        Err("no answer comes".to_owned())
    }

    /// Cuts the connections of all servers, and waits until they are gone.
    async fn cut(&self) {
        let mut admin = self.admin.lock().await;
        self.cuts.fetch_add(1, Ordering::SeqCst);
        admin.cut().await;
        self.cuts.fetch_add(1, Ordering::SeqCst);
    }

    /// What is recorded of an organization.
    pub(super) async fn books(&self, organization: OrganizationId) -> Value {
        self.admin.lock().await.books(organization).await
    }

    /// Decides all its decisions once more, on what they were decided on.
    pub(super) async fn explain(&self, organization: OrganizationId) -> Result<(), String> {
        let made = self.admin.lock().await.decisions(organization).await;
        for id in made {
            self.decisions.fetch_add(1, Ordering::Relaxed);
            let find = async || self.one().database.credit_decision(id, Some(organization)).await;
            let decision = self.answered(find).await?.ok_or(format!("{id} is not known"))?;
            let recomputed = decision.recomputed();
            if !recomputed.same {
                return Err(format!("{decision:#?}\nis decided otherwise: {recomputed:#?}"));
            }
        }
        Ok(())
    }
}
