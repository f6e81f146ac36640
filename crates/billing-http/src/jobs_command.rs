//! Jobs, by an operator.

use std::sync::{Arc, atomic::AtomicBool};

use billing_app::{
    Billing, JobEnded, JobStands,
    ports::{AskedBy, Ended, JobRun, Page},
};
use billing_http::Until;
use clap::Subcommand;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::signal::unix::{SignalKind, signal};

use crate::banner::say;

/// How many runs are shown.
const SHOWN: i64 = 20;

/// What to do about jobs.
#[derive(Subcommand)]
pub(crate) enum JobsCommand {
    /// List all jobs, and where they stand.
    List,
    /// Run one now.
    Run {
        /// Its name.
        job: String,
    },
    /// List its latest runs.
    History {
        /// Its name.
        job: String,
    },
}

impl JobsCommand {
    /// Does it.
    pub(crate) async fn run(self, billing: &Billing) -> anyhow::Result<()> {
        match self {
            Self::List => list(billing).await,
            Self::Run { job } => run(billing, &job).await,
            Self::History { job } => history(billing, &job).await,
        }
    }
}

async fn list(billing: &Billing) -> anyhow::Result<()> {
    for JobStands { job, kept } in billing.list_jobs().await? {
        say(&format!("{:<16} {:<24} {}", job.name, job.schedule.to_string(), job.about));
        let Some(kept) = kept else { continue };
        let last = kept.last.as_ref().map_or_else(|| "never ran".to_owned(), in_words);
        say(&format!("{:<16} next {}; {last}", "", shown(kept.next_run_at)));
    }
    Ok(())
}

async fn run(billing: &Billing, job: &str) -> anyhow::Result<()> {
    let over = Arc::new(AtomicBool::new(false));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stopping = over.clone();
    let waiting = tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopping.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let ran = billing.run_job(job, AskedBy::Operator, &Until(over)).await;
    waiting.abort();
    if let Some(JobEnded { ended: Ended { outcome, done, failed, error }, .. }) = ran? {
        say(&format!("{job}: {outcome}, {done} done, {failed} failed"));
        if let Some(error) = error {
            anyhow::bail!("{error}");
        }
    }
    Ok(())
}

async fn history(billing: &Billing, job: &str) -> anyhow::Result<()> {
    let runs = billing.job_runs(job, Page { after: None, limit: SHOWN }).await?;
    if runs.is_empty() {
        say(&format!("{job} never ran"));
    }
    for run in &runs {
        say(&format!("{}  {}", run.id.0, in_words(run)));
    }
    Ok(())
}

fn in_words(run: &JobRun) -> String {
    let (began, by) = (shown(run.started_at), run.asked_by.name());
    let Some((at, Ended { outcome, done, failed, error })) = &run.ended else {
        return format!("runs since {began} ({by})");
    };
    let took = (*at - run.started_at).whole_milliseconds();
    let why = error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    format!("{began} ({by}) {outcome} in {took} ms, {done} done, {failed} failed{why}")
}

/// An instant for people, to the second.
pub(crate) fn shown(at: OffsetDateTime) -> String {
    let whole = at.replace_nanosecond(0).unwrap_or(at);
    whole.format(&Rfc3339).unwrap_or_else(|_| whole.to_string())
}
