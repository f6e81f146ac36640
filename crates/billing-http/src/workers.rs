//! What runs beside the requests: webhooks are processed, idle accounts woken, credits topped up,
//! changes heard of, memory renewed, partitions made.

use std::{sync::Arc, time::Duration};

use billing_app::Billing;
use billing_postgres::Database;
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::sleep,
};

use crate::system;

/// How often what is asked for and soon stale is read anew.
const RENEW: Duration = Duration::from_millis(100);
/// How often a worker looks by itself: waking is a hint, looking is the guarantee.
const LOOK: Duration = Duration::from_secs(1);
/// How long a worker waits after a failure of the database.
const BREATH: Duration = Duration::from_secs(2);
/// How many batches of webhooks are under way: one that waits for a slow gateway holds up no other.
const WEBHOOKS_AT_ONCE: usize = 4;
/// How often somebody looks who runs low: nobody waits for it, and each look reads all who might.
const TOP_UPS: Duration = Duration::from_secs(5);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Workers, until they are stopped.
pub(crate) struct Workers {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Workers {
    /// Starts them. `wake` tells that a webhook has come in.
    pub(crate) fn start(billing: &Arc<Billing>, database: &Database, wake: &Arc<Notify>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for _ in 0..WEBHOOKS_AT_ONCE {
            tasks.spawn(process_webhooks(billing.clone(), wake.clone(), stopped.clone()));
        }
        tasks.spawn(book_due_credits(billing.clone(), stopped.clone()));
        tasks.spawn(hear_changes(billing.clone(), stopped.clone()));
        tasks.spawn(renew_known(billing.clone(), stopped.clone()));
        tasks.spawn(top_up_credits(billing.clone(), stopped.clone()));
        tasks.spawn(make_partitions(database.clone(), stopped));
        Self { tasks, stop }
    }

    /// Lets each finish what it is doing.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

type Stopped = watch::Receiver<bool>;

async fn process_webhooks(billing: Arc<Billing>, wake: Arc<Notify>, mut stopped: Stopped) {
    while !*stopped.borrow() {
        match billing.process_webhooks().await {
            Ok(progress) if progress.any() => continue,
            Ok(_) => {
                tokio::select! {
                    () = wake.notified() => {}
                    () = sleep(LOOK) => {}
                    _ = stopped.changed() => {}
                }
            }
            Err(error) => pause("process webhooks", &error, &mut stopped).await,
        }
    }
}

async fn book_due_credits(billing: Arc<Billing>, mut stopped: Stopped) {
    while !*stopped.borrow() {
        match billing.book_due_credits().await {
            Ok(woken) if woken > 0 => continue,
            Ok(_) => wait(LOOK, &mut stopped).await,
            Err(error) => pause("book what is due", &error, &mut stopped).await,
        }
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

async fn top_up_credits(billing: Arc<Billing>, mut stopped: Stopped) {
    while !*stopped.borrow() {
        match billing.top_up_credits().await {
            Ok(ended) if ended > 0 => continue,
            Ok(_) => wait(TOP_UPS, &mut stopped).await,
            Err(error) => pause("top up credits", &error, &mut stopped).await,
        }
    }
}

async fn make_partitions(database: Database, mut stopped: Stopped) {
    while !*stopped.borrow() {
        wait(DAY, &mut stopped).await;
        if let Err(error) = database.ensure_partitions(system::now()).await {
            tracing::error!(error = format!("{error:#}"), "cannot make partitions");
        }
    }
}

async fn pause(what: &str, error: &billing_app::Error, stopped: &mut Stopped) {
    tracing::warn!(error = error.in_full(), "cannot {what} now");
    wait(BREATH, stopped).await;
}

async fn wait(time: Duration, stopped: &mut Stopped) {
    tokio::select! {
        () = sleep(time) => {}
        _ = stopped.changed() => {}
    }
}
