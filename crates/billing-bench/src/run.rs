//! A run: one step after the other, each of them measured, paid for and checked.

use std::{
    io::{Write as _, stdout},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;

use crate::{
    accounts::{self, Accounts},
    copy::Copies,
    cost::Watch,
    http::Site,
    load::{Load, Pressure},
    machine,
    own::Own,
    pgbench::Script,
    report::{Row, grouped},
    schedule::{Step, Who, steps},
    server::Server,
    target::{Book, Target, Work},
};

/// How long each step runs before it is measured.
const WARM_UP: Duration = Duration::from_secs(1);

/// How a run is made.
pub(crate) struct Extent {
    /// How long each step is measured.
    pub(crate) time: Duration,
    /// How many requests are under way at any moment.
    pub(crate) connections: usize,
    /// Whether to do what takes minutes.
    pub(crate) full: bool,
    /// What the names of all steps that are made contain.
    pub(crate) only: String,
}

/// A run.
pub(crate) struct Run {
    extent: Extent,
    target: Arc<dyn Target>,
    /// The last one is the hot one.
    accounts: Accounts,
    own: Option<Own>,
    /// What every step came to, in their order.
    pub(crate) rows: Vec<Row>,
    /// What was found out on the way.
    pub(crate) notes: Vec<String>,
}

impl Run {
    /// Prepares organizations.
    pub(crate) async fn prepare(
        extent: Extent,
        (target, own): (Arc<dyn Target>, Option<Own>),
        organizations: u32,
    ) -> anyhow::Result<Self> {
        let count = usize::try_from(organizations)? + 1;
        let accounts = accounts::open(&target, count, extent.connections).await?;
        Ok(Self { extent, target, accounts, own, rows: Vec::new(), notes: Vec::new() })
    }

    /// Measures all that can be measured.
    pub(crate) async fn measure(&mut self) -> anyhow::Result<()> {
        let mut offered = Vec::new();
        for work in Work::ALL {
            if self.offers(work).await? {
                offered.push(work);
            } else {
                self.notes.push(format!("Not offered: {work:?}"));
            }
        }
        if let Some(own) = self.own.as_ref().filter(|it| it.pgbench.is_none()) {
            let missing = if own.has_psql { "pgbench" } else { "psql" };
            self.notes.push(format!("No SQL side: {missing} is not installed"));
        }
        for step in steps(self.extent.full, |step| self.can(step, &offered)) {
            let measured = match step {
                Step::Http(work, who) => self.http(step, (work, who)).await,
                Step::Sql(script, who) => self.sql(step, (script, who)).await,
                Step::Copy => self.copy(step).await,
            };
            measured.with_context(|| format!("cannot measure {}", step.name()))?;
        }
        Ok(())
    }

    /// Looks at all that was acknowledged, and asks the doctor.
    pub(crate) async fn finish(mut self) -> anyhow::Result<(Vec<Row>, Vec<String>)> {
        for (book, words) in [
            (Book::Credits, "credits acknowledged, and missing from the balances"),
            (Book::Uses, "uses acknowledged, and in the counts"),
        ] {
            let (known, unknown) = self.check(&self.accounts, book).await?;
            let unknown = match unknown {
                0 => "exactly these".to_owned(),
                _ => format!("at most one more for each of {unknown} requests that failed midway"),
            };
            self.notes.push(format!("Sums: {} {words}: {unknown}", grouped(known)));
        }
        if let Some(own) = self.own {
            if let Some(pgbench) = &own.pgbench {
                let done = grouped(pgbench.check(&own.cluster).await?);
                self.notes.push(format!("SQL side: {done} transactions, as many rows and credits"));
            }
            let holding = own.server.doctor().await?;
            self.notes.push(format!("`billing doctor`: all {holding} invariants hold"));
            own.server.stop().await?;
        }
        Ok((self.rows, self.notes))
    }

    async fn offers(&self, work: Work) -> anyhow::Result<bool> {
        let all = 0..self.accounts.len().saturating_sub(1);
        match Load::new(&self.target, work, (&self.accounts, all)) {
            Some(load) => Arc::new(load).is_offered().await,
            None => Ok(false),
        }
    }

    /// Whether there is all that a step needs.
    fn can(&self, step: Step, offered: &[Work]) -> bool {
        let has_psql = self.own.as_ref().is_some_and(|own| own.has_psql);
        match step {
            _ if !step.name().contains(&self.extent.only) => false,
            Step::Http(Work::Webhook, _) | Step::Http(_, Who::Grown) if !has_psql => false,
            Step::Http(_, Who::Both) if self.own.is_none() => false,
            Step::Http(work, _) => offered.contains(&work),
            Step::Sql(..) => self.own.as_ref().is_some_and(|own| own.pgbench.is_some()),
            Step::Copy => has_psql,
        }
    }

    async fn http(&mut self, step: Step, (work, who): (Work, Who)) -> anyhow::Result<()> {
        let own = self.own.as_ref();
        let grown = match own.filter(|_| who == Who::Grown) {
            Some(own) => Some(own.grow().await?),
            None => None,
        };
        let second = match own.filter(|_| who == Who::Both) {
            Some(own) => Some(own.server.start_beside(&own.cluster).await?),
            None => None,
        };
        let accounts = grown.as_ref().unwrap_or(&self.accounts);
        let some = match who {
            Who::Hot => self.accounts.len() - 1..self.accounts.len(),
            Who::Grown => 0..accounts.len(),
            Who::All | Who::Alone | Who::Both => 0..self.accounts.len() - 1,
        };
        let load = Arc::new(Load::new(&self.target, work, (accounts, some)).context("no load")?);
        let mut pressure = self.pressure(who);
        if let Some(second) = &second {
            pressure.sites.push(Site::at(&second.url, &second.key)?);
        }

        let before = self.webhooks(work).await?;
        let warm = load.run(&Pressure { time: WARM_UP, ..pressure.clone() }).await?;
        let watch = self.watch(second.as_ref());
        let paid = watch.read().await;
        let measured = load.run(&pressure).await?;
        let cost = watch.read().await.since(paid);
        let resident: Option<u64> =
            watch.servers.iter().map(|pid| machine::resident_kb(*pid)).sum();
        let resident = resident.filter(|kb| *kb > 0);
        let row = Row::new(step, &measured, (cost, resident));

        if let Some(book) = work.book() {
            self.check(accounts, book).await?;
        }
        if let Some((own, before)) = self.own.as_ref().zip(before) {
            let all = [&warm, &measured];
            let kept = all.iter().map(|it| it.latencies_us.len() as u64).sum();
            own.check_webhooks(before, (kept, all.iter().map(|it| it.errors).sum())).await?;
        }
        if let Some(second) = second {
            second.stop().await?;
        }
        self.say(row)
    }

    async fn sql(&mut self, step: Step, (script, who): (Script, Who)) -> anyhow::Result<()> {
        let Some(mut own) = self.own.take() else { return Ok(()) };
        own.sql((script, who), WARM_UP).await?;
        let watch = Watch { servers: Vec::new(), cluster: Some(&own.cluster) };
        let before = watch.read().await;
        let measured = own.sql((script, who), self.extent.time).await?;
        let watch = Watch { servers: Vec::new(), cluster: Some(&own.cluster) };
        let cost = watch.read().await.since(before);
        if let Some(pgbench) = &own.pgbench {
            pgbench.check(&own.cluster).await?;
        }
        self.own = Some(own);
        measured.map_or(Ok(()), |measured| self.say(Row::new(step, &measured, (cost, None))))
    }

    async fn copy(&mut self, step: Step) -> anyhow::Result<()> {
        let Some(cluster) = self.own.as_ref().map(|own| &own.cluster) else { return Ok(()) };
        let Some(copies) = Copies::prepare(cluster).await? else { return Ok(()) };
        let watch = Watch { servers: Vec::new(), cluster: Some(cluster) };
        let before = watch.read().await;
        let measured = copies.run(cluster, self.extent.time).await?;
        let cost = watch.read().await.since(before);
        copies.finish(cluster).await?;
        self.say(Row::new(step, &measured, (cost, None)))
    }

    /// Compares a book with what answers said of it.
    async fn check(&self, accounts: &Accounts, book: Book) -> anyhow::Result<(i64, i64)> {
        accounts::check(&self.target, accounts, book, self.extent.connections).await
    }

    /// How many webhooks are kept, where that matters.
    async fn webhooks(&self, work: Work) -> anyhow::Result<Option<u64>> {
        match self.own.as_ref().filter(|_| work == Work::Webhook) {
            Some(own) => own.webhooks().await.map(Some),
            None => Ok(None),
        }
    }

    fn pressure(&self, who: Who) -> Pressure {
        let Extent { time, connections, .. } = self.extent;
        let connections = if who == Who::Alone { 1 } else { connections };
        Pressure { connections, time, sites: vec![self.target.site().clone()] }
    }

    fn watch(&self, second: Option<&Server>) -> Watch<'_> {
        let own = self.own.as_ref();
        let servers = own.map(|it| &it.server).into_iter().chain(second);
        Watch { servers: servers.map(|it| it.pid).collect(), cluster: own.map(|it| &it.cluster) }
    }

    fn say(&mut self, row: Row) -> anyhow::Result<()> {
        write!(stdout(), "{}", row.markdown())?;
        self.rows.push(row);
        Ok(())
    }
}
