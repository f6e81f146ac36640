//! The server: everything started in its order, and stopped in the reverse one.

use std::{
    net::TcpListener,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix_web::{HttpServer, dev::ServerHandle};
use anyhow::Context;
use billing_app::Billing;
use billing_http::Http;
use billing_postgres::Mode;
use secrecy::ExposeSecret as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
    task::JoinHandle,
};

use crate::{
    banner::Welcome,
    config::Config,
    tenant_zero::TenantZero,
    wiring::{Gateways, Wired},
    workers::Workers,
};

/// How long requests under way may take after the server was asked to stop.
const DRAIN_SECONDS: u64 = 30;

/// A server that answers.
pub(crate) struct Server {
    /// Where the API is.
    pub(crate) api: String,
    /// Where the sandbox is, if it plays the gateways.
    pub(crate) sandbox: Option<String>,
    /// A key and an organization to try, in the sandbox.
    pub(crate) tenant_zero: Option<TenantZero>,
    wired: Wired,
    gateways: Gateways,
    workers: Workers,
    http: Http,
    notice: Duration,
    handle: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
}

/// Serves until the process is asked to stop.
pub(crate) async fn serve(config: Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let server = tokio::select! {
        server = Server::start(&config) => server?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    server.welcome();
    tokio::select! {
        _ = terminate.recv() => tracing::info!("asked to stop"),
        _ = interrupt.recv() => tracing::info!("interrupted"),
    }
    server.stop().await
}

impl Server {
    /// Starts all parts; the API answers when this returns.
    pub(crate) async fn start(config: &Config) -> anyhow::Result<Self> {
        // First of all, so that a second server on the same address changes nothing.
        let listener = TcpListener::bind(config.listen).with_context(|| {
            format!("cannot listen on {}: set BILLING_LISTEN to another address", config.listen)
        })?;
        let api = format!("http://{}", listener.local_addr()?);
        let wired = Wired::open(config).await?;
        let gateways = Gateways::open(config, &api, wired.clock()).await?;
        let billing = Arc::new(wired.billing_at(&gateways));
        billing.seed_catalogue().await.context("cannot seed the catalogue")?;
        if billing.mailer().is_none() {
            tracing::warn!(
                "emails are kept as `unsent`, and not sent: set SMTP_URL and EMAIL_FROM"
            );
        }
        let tenant_zero = match config.mode {
            Mode::Sandbox => Some(TenantZero::find(&billing, &config.data_dir).await?),
            Mode::Live => None,
        };
        let wake = Arc::new(Notify::new());
        let http = listen(&billing, wake.clone(), config);
        let workers = Workers::start(&billing, &wake, &http.draining);
        let served = http.clone();
        let server = HttpServer::new(move || billing_http::app(served.clone()))
            .listen(listener)?
            .disable_signals()
            .shutdown_timeout(DRAIN_SECONDS)
            .run();
        let (handle, serving) = (server.handle(), tokio::spawn(server));
        let sandbox = gateways.sandbox.as_ref().map(billing_sandbox::Running::url);
        let notice = config.notice;
        Ok(Self {
            api,
            sandbox,
            tenant_zero,
            wired,
            gateways,
            workers,
            http,
            notice,
            handle,
            serving,
        })
    }

    fn welcome(&self) {
        Welcome {
            api: &self.api,
            sandbox: self.sandbox.as_deref(),
            database: self.wired.described(),
            trial: self.tenant_zero.as_ref().map(|it| (it.key.as_str(), it.organization_id)),
        }
        .print();
    }

    /// Says that it is not ready, and closes its door; lets requests finish, then the workers, then the sandbox, then the database.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        // Whoever spreads the load is told first, and may take this server out in time.
        self.http.draining.store(true, Ordering::Relaxed);
        tokio::time::sleep(self.notice).await;
        self.handle.stop(true).await;
        self.serving.await??;
        self.workers.stop().await;
        if let Some(sandbox) = self.gateways.sandbox {
            sandbox.stop().await;
        }
        drop(self.http);
        self.wired.close().await?;
        tracing::info!("stopped");
        Ok(())
    }
}

fn listen(billing: &Arc<Billing>, wake: Arc<Notify>, config: &Config) -> Http {
    let mut http = Http::new(billing.clone());
    let secret = config.cron_secret.as_ref();
    http.cron_digest =
        secret.map(|secret| billing.secrets().digest(secret.expose_secret().as_bytes()));
    http.wake = Arc::new(move || wake.notify_one());
    http
}
