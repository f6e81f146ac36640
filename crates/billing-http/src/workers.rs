//! What runs beside the requests: webhooks are processed, jobs run when they are due, changes
//! heard of, memory renewed.
//!
//! What one process does for all is a job; what each does for itself, or all do together, is a
//! loop of its own here.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use billing_app::{Billing, Error, Job, Refusal, ports::AskedBy};
use billing_http::Until;
use tokio::{
    sync::{Notify, watch},
    task::{JoinError, JoinSet},
    time::sleep,
};

use crate::relay;

/// How often what is asked for and soon stale is read anew.
const RENEW: Duration = Duration::from_millis(100);
/// How often a worker looks by itself: waking is a hint, looking is the guarantee.
const LOOK: Duration = Duration::from_secs(1);
/// How long a worker waits after a failure of the database.
const BREATH: Duration = Duration::from_secs(2);
/// How many webhooks are under way, each of another customer: one that waits for a slow gateway
/// holds up no other, and all of them together leave most connections to requests.
const WEBHOOKS_AT_ONCE: usize = 6;

/// Workers, until they are stopped.
pub(crate) struct Workers {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Workers {
    /// Starts them. `wake` tells that a webhook has come in; when `draining` is set, jobs end after
    /// their step.
    pub(crate) fn start(
        billing: &Arc<Billing>,
        wake: &Arc<Notify>,
        draining: &Arc<AtomicBool>,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(process_webhooks(billing.clone(), wake.clone(), stopped.clone()));
        let planned = Arc::new(Notify::new());
        tasks.spawn(relay::hand_on_events(billing.clone(), planned.clone(), stopped.clone()));
        tasks.spawn(relay::deliver(billing.clone(), planned, stopped.clone()));
        tasks.spawn(hear_changes(billing.clone(), stopped.clone()));
        tasks.spawn(renew_known(billing.clone(), stopped.clone()));
        tasks.spawn(run_jobs(billing.clone(), draining.clone(), stopped));
        Self { tasks, stop }
    }

    /// Lets each finish what it is doing.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

type Stopped = watch::Receiver<bool>;

/// Claims as many as there is room for, and lets each go its way. Those that were claimed end, also
/// when the server stops.
async fn process_webhooks(billing: Arc<Billing>, wake: Arc<Notify>, mut stopped: Stopped) {
    let mut running = JoinSet::new();
    while !*stopped.borrow() {
        let room = WEBHOOKS_AT_ONCE.saturating_sub(running.len());
        if let Err(error) = begin_webhooks(&billing, room, &mut running).await {
            pause("claim webhooks", &error, &mut stopped).await;
        }
        let full = running.len() >= WEBHOOKS_AT_ONCE;
        tokio::select! {
            Some(ended) = running.join_next() => note(ended),
            () = wake.notified(), if !full => {}
            () = sleep(LOOK), if !full => {}
            _ = stopped.changed() => {}
        }
    }
    while let Some(ended) = running.join_next().await {
        note(ended);
    }
}

/// Begins some. The clock of a sandbox is not moved before they have ended.
async fn begin_webhooks(
    billing: &Arc<Billing>,
    room: usize,
    running: &mut JoinSet<Result<bool, Error>>,
) -> Result<(), Error> {
    let pass = Arc::new(billing.enter().await?);
    for claimed in billing.claim_webhooks(i64::try_from(room).unwrap_or_default()).await? {
        let (billing, pass) = (billing.clone(), pass.clone());
        running.spawn(async move {
            let processed = billing.process_webhook(&claimed).await;
            drop(pass);
            processed
        });
    }
    Ok(())
}

/// What is not recorded with the webhook itself: it is tried again when its claim has lapsed.
fn note(ended: Result<Result<bool, Error>, JoinError>) {
    match ended {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            tracing::warn!(error = error.in_full(), "cannot record how a webhook ended");
        }
        Err(died) => tracing::error!(error = %died, "a worker of webhooks has died"),
    }
}

async fn hear_changes(billing: Arc<Billing>, mut stopped: Stopped) {
    while !*stopped.borrow() {
        tokio::select! {
            () = billing.hear_changes() => {}
            _ = stopped.changed() => {}
        }
    }
}

async fn renew_known(billing: Arc<Billing>, mut stopped: Stopped) {
    while !*stopped.borrow() {
        match billing.renew_known().await {
            Ok(()) => wait(RENEW, &mut stopped).await,
            Err(error) => pause("read anew what is known", &error, &mut stopped).await,
        }
    }
}

/// Runs what is due, each job beside the others. Another process may be faster.
async fn run_jobs(billing: Arc<Billing>, draining: Arc<AtomicBool>, mut stopped: Stopped) {
    let goes_on = |stopped: &Stopped| !draining.load(Ordering::Relaxed) && !*stopped.borrow();
    while goes_on(&stopped) {
        match billing.register_jobs().await {
            Ok(()) => break,
            Err(error) => pause("make the jobs known", &error, &mut stopped).await,
        }
    }
    let mut running = JoinSet::new();
    while goes_on(&stopped) {
        match due_jobs(&billing).await {
            Ok(due) => {
                for job in due {
                    running.spawn(run_job(billing.clone(), job, Until(draining.clone())));
                }
                wait(LOOK, &mut stopped).await;
            }
            Err(error) => pause("look which jobs are due", &error, &mut stopped).await,
        }
        while running.try_join_next().is_some() {}
    }
    // A job under way was asked to end, and gives up its lease.
    while running.join_next().await.is_some() {}
}

/// Nothing is begun while the clock of a sandbox is moved.
async fn due_jobs(billing: &Billing) -> Result<Vec<&'static Job>, Error> {
    let _pass = billing.enter().await?;
    billing.due_jobs().await
}

async fn run_job(billing: Arc<Billing>, job: &'static Job, until: Until) {
    match billing.run_job(job.name, AskedBy::Schedule, &until).await {
        Ok(_) | Err(Error::Refused(Refusal::JobRunning(_))) => {}
        Err(error) => {
            tracing::warn!(job = job.name, error = error.in_full(), "a run was not recorded");
        }
    }
}

async fn pause(what: &str, error: &Error, stopped: &mut Stopped) {
    tracing::warn!(error = error.in_full(), "cannot {what} now");
    wait(BREATH, stopped).await;
}

async fn wait(time: Duration, stopped: &mut Stopped) {
    tokio::select! {
        () = sleep(time) => {}
        _ = stopped.changed() => {}
    }
}
