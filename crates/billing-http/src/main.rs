//! The binary `billing`: reads its configuration, wires the adapters to the use cases, and serves.

mod archive_folder;
mod archive_usage;
mod banner;
mod cli;
mod config;
mod database;
mod demo;
mod doctor;
mod events;
mod explain;
mod jobs_command;
mod logging;
mod mail_command;
mod rebuild_usage;
mod reconcile_command;
mod relay;
mod sandbox_command;
mod secret_keys;
mod server;
mod simulator;
mod system;
mod tenant_zero;
mod wiring;
mod workers;

use std::process::ExitCode;

use crate::cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Formatted by ourselves: with RUST_BACKTRACE anyhow would print a backtrace.
            banner::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    // The embedded PostgreSQL starts this program again, to become PostgreSQL.
    billing_embedded_postgres::become_postgres_if_asked()?;
    let cli = Cli::read();
    logging::start()?;
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        anyhow::bail!("another TLS provider is installed");
    }
    // Migrations need a runtime of several threads, which actix's own is not.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(cli.run())
}
