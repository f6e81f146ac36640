#![doc = include_str!("../README.md")]

mod accounts;
mod billing;
mod budgets;
mod cluster;
mod copy;
mod cost;
#[cfg(test)]
mod fake;
mod http;
mod load;
mod machine;
mod measured;
mod own;
mod pgbench;
mod random;
mod report;
mod run;
mod schedule;
mod server;
mod target;

use std::{
    env, fs,
    io::{Write as _, stdout},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use clap::Parser;

use self::{
    billing::Billing,
    own::Own,
    report::{grouped, markdown, replaced},
    run::{Extent, Run},
    server::{Server, WEBHOOK_SECRET},
    target::Target,
};

/// Measures the budgets of a server, prints tables, and checks the sums.
#[derive(Parser)]
struct Cli {
    /// A server that runs already, such as `http://127.0.0.1:8080`; one is started without it.
    #[arg(long, requires = "key")]
    url: Option<String>,
    /// A key of that server that may administer.
    #[arg(long, requires = "url", env = "BILLING_BENCH_KEY", hide_env_values = true)]
    key: Option<String>,
    /// How long each load is measured.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How many requests are under way at any moment.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    connections: u16,
    /// How many organizations are loaded.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    organizations: u32,
    /// Measure growth, too: 1 M organizations and 10 M rows of ledger. Takes minutes and 8 GB.
    #[arg(long, conflicts_with = "url")]
    full: bool,
    /// Measure only loads whose name contains this, such as `consume`.
    #[arg(long, default_value = "", hide_default_value = true)]
    only: String,
    /// A document to write the tables into, too.
    #[arg(long)]
    report: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let (target, own): (Arc<dyn Target>, _) = match (&cli.url, &cli.key) {
        (Some(url), Some(key)) => (Arc::new(Billing::new(url, key, None)?), None),
        _ => {
            let server = Server::start().await?;
            let billing = Billing::new(&server.url, &server.key, Some(WEBHOOK_SECRET))?;
            (Arc::new(billing), Some(Own::prepare(server, cli.organizations).await?))
        }
    };
    let about = cli.about(own.as_ref().map(|it| &*it.server.binary));
    let extent = Extent {
        time: Duration::from_secs(cli.seconds),
        connections: usize::from(cli.connections),
        full: cli.full,
        only: cli.only.clone(),
    };
    let mut run = Run::prepare(extent, (target, own), cli.organizations).await?;
    run.measure().await?;
    let (rows, notes) = run.finish().await?;
    let report = markdown(&rows, &[about, notes].concat());
    write!(stdout(), "\n{report}")?;
    if let Some(path) = &cli.report {
        let document =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        fs::write(path, replaced(&document, &report))?;
    }
    Ok(())
}

impl Cli {
    /// What is true of the run as a whole.
    fn about(&self, binary: Option<&Path>) -> Vec<String> {
        let Self { seconds, connections, organizations, .. } = self;
        let size = binary.and_then(machine::size);
        let size = size.map(|bytes| format!(", the binary has {} MB", bytes / 1_000_000));
        let log =
            env::var("RUST_LOG").map_or_else(|_| String::new(), |it| format!(", RUST_LOG={it}"));
        vec![
            format!(
                "{connections} connections, {seconds} s for each load, {} organizations",
                grouped(organizations)
            ),
            format!("{}, shared by generator, server and database", machine::processor()),
            format!("Commit {}{}{log}", machine::commit(), size.unwrap_or_default()),
        ]
    }
}
