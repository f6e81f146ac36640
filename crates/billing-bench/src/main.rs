#![doc = include_str!("../README.md")]

mod accounts;
mod http;
mod load;
mod machine;
mod report;
mod server;
mod target;

use std::{
    env, fs,
    io::{Write as _, stdout},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use clap::Parser;

use self::{
    accounts::{Account, Tally},
    load::{Load, Measured, Pressure},
    report::{Report, Row, grouped, replaced},
    server::Server,
    target::{Billing, Target},
};

/// How long each load runs before it is measured.
const WARM_UP: Duration = Duration::from_secs(1);

/// Loads a server over HTTP, prints one table, and checks the sums afterwards.
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
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    connections: u16,
    /// How many organizations are loaded.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    organizations: u32,
    /// A document to write the table into, too.
    #[arg(long)]
    report: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let (Some(url), Some(key)) = (&cli.url, &cli.key) else {
        let server = Server::start().await?;
        let target: Arc<dyn Target> = Arc::new(Billing::new(&server.url, &server.key)?);
        let measured = cli.measure(&target, Some(&server)).await;
        return measured.and(server.stop().await);
    };
    let target: Arc<dyn Target> = Arc::new(Billing::new(url, key)?);
    cli.measure(&target, None).await
}

impl Cli {
    async fn measure(
        &self,
        target: &Arc<dyn Target>,
        server: Option<&Server>,
    ) -> anyhow::Result<()> {
        let connections = usize::from(self.connections);
        let pressure = Pressure { connections, time: Duration::from_secs(self.seconds) };
        let organizations = usize::try_from(self.organizations)?;
        // One more, which the hot load has for itself.
        let mut accounts = accounts::open(target, organizations + 1, connections).await?;
        let hot = accounts.len() - 1;

        let mut rows = Vec::new();
        for (load, first) in loads(&**target, &accounts, hot) {
            let load = Arc::new(load);
            let warm_up = Pressure { time: WARM_UP, ..pressure };
            book(&load::run(target, &load, warm_up).await?, &mut accounts, first);
            let measured = load::run(target, &load, pressure).await?;
            book(&measured, &mut accounts, first);
            let resident = server.and_then(|it| machine::resident_kb(it.pid));
            rows.push(Row::new(load.name, &measured, resident));
        }
        let report = Report { notes: self.notes(server), rows }.markdown();
        write!(stdout(), "{report}")?;
        let sums = sums(accounts::check(target, accounts, connections).await?);
        writeln!(stdout(), "{sums}")?;
        if let Some(path) = &self.report {
            let document = fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            fs::write(path, replaced(&document, &format!("{report}{sums}\n")))?;
        }
        Ok(())
    }

    fn notes(&self, server: Option<&Server>) -> Vec<String> {
        let Self { seconds, connections, organizations, .. } = self;
        let size = server.and_then(|it| machine::size(&it.binary));
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

/// What to say of sums that are right.
fn sums(Tally { acknowledged, unknown }: Tally) -> String {
    let acknowledged = grouped(acknowledged);
    let sums =
        format!("- Sums: {acknowledged} credits acknowledged, and missing from the balances");
    match unknown {
        0 => format!("{sums}: exactly these"),
        _ => format!(
            "{sums}; at most one more for each of {} requests that failed midway",
            grouped(unknown)
        ),
    }
}

/// What is sent, and to which accounts on: the first request of a load is about the first of them.
fn loads(target: &dyn Target, accounts: &[Account], hot: usize) -> [(Load, usize); 4] {
    let (uniform, alone) = accounts.split_at(hot);
    let consume = |account: &Account| target.consume(&account.id);
    let check = |account: &Account| target.check(&account.id);
    let load = |name, consumes, requests| Load { name, requests, consumes };
    [
        (load("hello", false, vec![target.hello()]), 0),
        (load("consume", true, uniform.iter().map(consume).collect()), 0),
        (load("consume, hot", true, alone.iter().map(consume).collect()), hot),
        (load("check-quota", false, uniform.iter().map(check).collect()), 0),
    ]
}

/// Adds what happened under a load to its accounts.
fn book(measured: &Measured, accounts: &mut [Account], first: usize) {
    for (account, tally) in accounts.iter_mut().skip(first).zip(&measured.tallies) {
        account.tally.add(*tally);
    }
}
