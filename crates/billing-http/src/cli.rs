//! The command line.

use billing_app::{NewApiKey, ports::Scopes};
use billing_domain::id::{DecisionId, OrganizationId};
use clap::{Parser, Subcommand};

use crate::{
    archive_usage, banner,
    config::Config,
    demo,
    doctor::{self, Part},
    events::{self, Events},
    explain,
    jobs_command::JobsCommand,
    rebuild_usage,
    reconcile_command::ReconcileCommand,
    sandbox_command::SandboxCommand,
    server,
    wiring::{Gateways, Wired},
};

/// A billing engine: one binary and one PostgreSQL.
#[derive(Parser)]
#[command(name = "billing", version, about)]
pub(crate) struct Cli {
    /// Play every gateway offline; asked for when `DATABASE_URL` is set, the default without it.
    #[arg(long, global = true)]
    sandbox: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API (the default).
    Serve,
    /// Play the whole story against the running parts, in data of its own.
    Demo,
    /// Bring the database up to date, and end.
    Migrate,
    /// Check, as SQL on the running system, what must always hold; name the rows that break it.
    Doctor {
        /// Only this part of it.
        part: Option<Part>,
    },
    /// Say why a decision was made so, from the facts that it left, and decide it once more.
    Explain {
        /// The id that the answer of a consume or a hold named.
        decision: DecisionId,
    },
    /// Count all use anew from raw events, and correct counters that differ.
    RebuildUsage {
        /// Of one organization only.
        #[arg(long)]
        organization: Option<OrganizationId>,
    },
    /// Look after the raw events of use.
    Usage {
        #[command(subcommand)]
        task: UsageTask,
    },
    /// Look after webhooks that came in: see them, have them processed again, give them up.
    Events {
        #[command(subcommand)]
        wish: Events,
    },
    /// Compare gateways, payments and the ledger, and heal what differs.
    Reconcile(ReconcileCommand),
    /// What is done again and again, by one process at a time.
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// What only a sandbox has.
    #[command(subcommand)]
    Sandbox(SandboxCommand),
    /// Make a key of the API and print it, once.
    ApiKey {
        /// What to call it.
        name: String,
        /// What it may do: some of read, write, admin.
        #[arg(long, default_value = "read write admin")]
        scopes: Scopes,
    },
}

#[derive(Subcommand)]
enum UsageTask {
    /// Put months that are old enough into files, and remove their raw events.
    Archive {
        /// Only say which.
        #[arg(long)]
        dry_run: bool,
    },
}

impl Cli {
    /// What was typed; ends the program where that is not understood.
    pub(crate) fn read() -> Self {
        Self::parse()
    }

    /// Does it.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let config = Config::from_env(self.sandbox)?;
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => server::serve(config).await,
            Command::Demo => demo::play(config).await,
            Command::Migrate => {
                let wired = Wired::join(&config).await?;
                banner::say(&format!("the database is up to date ({})", wired.described()));
                wired.close().await
            }
            Command::Doctor { part } => doctor::examine(Wired::join(&config).await?, part).await,
            Command::Explain { decision } => {
                explain::decision(Wired::join(&config).await?, decision).await
            }
            Command::RebuildUsage { organization } => {
                rebuild_usage::run(Wired::join(&config).await?, organization).await
            }
            Command::Usage { task: UsageTask::Archive { dry_run } } => {
                archive_usage::run(Wired::join(&config).await?, dry_run).await
            }
            Command::Events { wish } => events::tend(Wired::join(&config).await?, wish).await,
            Command::Reconcile(command) => {
                let wired = Wired::join(&config).await?;
                let ran = command.run(&wired.billing_at(&Gateways::join(&config)?)).await;
                wired.close().await?;
                ran
            }
            Command::Jobs(command) => {
                let wired = Wired::join(&config).await?;
                let ran = command.run(&wired.billing_at(&Gateways::join(&config)?)).await;
                wired.close().await?;
                ran
            }
            Command::Sandbox(command) => {
                let wired = Wired::join(&config).await?;
                let ran = command.run(&wired.billing_at(&Gateways::join(&config)?)).await;
                wired.close().await?;
                ran
            }
            Command::ApiKey { name, scopes } => {
                let wired = Wired::join(&config).await?;
                let new = NewApiKey { name, scopes, organization_id: None };
                let key = wired.billing().create_api_key(new).await?;
                banner::say(&key.token);
                wired.close().await
            }
        }
    }
}
