//! Starting and stopping.

use std::{net::TcpListener, sync::Arc, time::Duration};

use actix_web::{App, HttpServer, dev::ServerHandle, web};
use anyhow::Context as _;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    Config, clock, delivery, fault_controls, index, pages, sandbox::Sandbox, store::Store, stripe,
};

/// The largest request body taken.
const BODY_BYTES_MAX: usize = 1 << 20;
/// How often the clock is looked at when nobody asks anything.
const TICK: Duration = Duration::from_secs(1);

/// A sandbox at work. Dropped without `stop`, it still ends, but may leave an event undelivered
/// until its journal is opened again.
pub struct Running {
    sandbox: Arc<Sandbox>,
    server: ServerHandle,
    stopping: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Starts a sandbox on the current tokio runtime; it answers when this returns.
///
/// # Errors
///
/// When the address is not loopback or is taken, the key is a live one, or the journal cannot be
/// read or is in use.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    config.check()?;
    let listener = TcpListener::bind(config.listen)
        .with_context(|| format!("the sandbox cannot listen on {}", config.listen))?;
    let client = delivery::client()?;
    let url = format!("http://{}", listener.local_addr()?);
    let now = (config.clock)().unix_timestamp();
    let store = Store::open(config.state.as_deref(), stripe::due_at, now)?;
    let sandbox = Arc::new(Sandbox::new(config, url, store));

    let shared = web::Data::from(Arc::clone(&sandbox));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .app_data(web::PayloadConfig::new(BODY_BYTES_MAX))
            .configure(index::routes)
            .configure(clock::routes)
            .configure(fault_controls::routes)
            .configure(pages::routes)
            .configure(stripe::routes)
            .default_service(web::to(stripe::unrecognized))
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(5)
    .listen(listener)?
    .run();

    let handle = server.handle();
    let (stopping, stopped) = watch::channel(false);
    let tasks = vec![
        tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the sandbox's server ended");
            }
        }),
        tokio::spawn(delivery::run(Arc::clone(&sandbox), client, stripe::sign, stopped.clone())),
        tokio::spawn(watch_clock(Arc::clone(&sandbox), stopped)),
    ];
    tracing::info!(url = %sandbox.url, "the sandbox listens");
    Ok(Running { sandbox, server: handle, stopping, tasks })
}

impl Running {
    /// Where it listens, without a slash at the end: `http://127.0.0.1:4242`.
    pub fn url(&self) -> String {
        self.sandbox.url.clone()
    }

    /// Answers what it has begun to answer, ends delivery, and leaves a journal that holds all.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        self.server.stop(true).await;
        for task in self.tasks.drain(..) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the sandbox ended badly");
            }
        }
        // Threads of the server may hold on a little longer; the file is free from here on.
        if let Err(error) = self.sandbox.store().journal.close() {
            tracing::error!(%error, "the journal could not be written");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopping.send_replace(true);
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Does what falls due while nobody asks: renewals, trial ends, expiries.
async fn watch_clock(sandbox: Arc<Sandbox>, mut stopped: watch::Receiver<bool>) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            _ = tick.tick() => {}
        }
        let sandbox = Arc::clone(&sandbox);
        let done = tokio::task::spawn_blocking(move || stripe::catch_up(&sandbox)).await;
        if let Err(error) = done {
            tracing::error!(%error, "what was due could not be done");
        }
    }
}
