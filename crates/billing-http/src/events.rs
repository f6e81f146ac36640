//! Webhooks that came in, looked after by an operator.

use billing_app::{
    Billing, Mandate,
    ports::{Matching, Page, WebhookDetail, WebhookFilter, WebhookRow, WebhookStatus},
};
use billing_domain::{id::WebhookId, identity::Source};
use clap::{Args, Subcommand};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{banner, jobs_command::shown, wiring::Wired};

/// Who does what is done here: whoever may reach the database.
const ACTOR: &str = "operator, by command line";

/// What an operator wants to do about webhooks.
#[derive(Subcommand)]
pub(crate) enum Events {
    /// List webhooks, the newest first.
    List {
        #[command(flatten)]
        which: Which,
        /// At most so many.
        #[arg(long, default_value_t = 20)]
        limit: i64,
    },
    /// Show all of a webhook: what came, every try, and what people did about it.
    Inspect {
        /// Its id.
        id: WebhookId,
    },
    /// Have a webhook processed again, or all that match.
    Retry {
        /// Its id; without one, those that match and are dead, unless `--status` says otherwise.
        #[arg(conflicts_with_all = ["gateway", "kind", "status", "since", "until", "dry_run"])]
        id: Option<WebhookId>,
        #[command(flatten)]
        which: Which,
        /// At most so many, the oldest first.
        #[arg(long, default_value_t = 100)]
        limit: i64,
        /// Only say which.
        #[arg(long)]
        dry_run: bool,
        /// Why; it is kept.
        #[arg(long, required_unless_present = "dry_run")]
        reason: Option<String>,
    },
    /// Give a webhook up that waits or is dead.
    Discard {
        /// Its id.
        id: WebhookId,
        /// Why; it is kept.
        #[arg(long)]
        reason: String,
    },
}

/// Which webhooks.
#[derive(Args)]
pub(crate) struct Which {
    /// Of one gateway, or of an identity provider.
    #[arg(long)]
    gateway: Option<Source>,
    /// Of one type, by the gateway's name.
    #[arg(long = "type")]
    kind: Option<String>,
    /// Of one status.
    #[arg(long, value_parser = status)]
    status: Option<WebhookStatus>,
    /// That came then or later, such as 2026-03-01T12:00:00Z.
    #[arg(long, value_parser = moment)]
    since: Option<OffsetDateTime>,
    /// That came before then.
    #[arg(long, value_parser = moment)]
    until: Option<OffsetDateTime>,
}

impl From<Which> for WebhookFilter {
    fn from(Which { gateway, kind, status, since, until }: Which) -> Self {
        Self { source: gateway, kind, status, since, until }
    }
}

/// Does it, beside a server that runs: what is put back it finds within a second.
pub(crate) async fn tend(wired: Wired, wish: Events) -> anyhow::Result<()> {
    let billing = wired.billing();
    let done = done(&billing, wish).await;
    drop(billing);
    wired.close().await?;
    for line in done.map_err(|error| anyhow::anyhow!("{}", error.in_full()))? {
        banner::say(&line);
    }
    Ok(())
}

/// What there is to say about it.
async fn done(billing: &Billing, wish: Events) -> Result<Vec<String>, billing_app::Error> {
    Ok(match wish {
        Events::List { which, limit } => {
            let page = Page { after: None, limit };
            let found = billing.list_webhooks(&which.into(), page).await?;
            found.iter().map(line).collect()
        }
        Events::Inspect { id } => told(&billing.inspect_webhook(id).await?),
        Events::Retry { id: Some(id), reason, .. } => {
            billing.retry_webhook(id, mandate(reason.unwrap_or_default())).await?;
            vec![format!("{id} will be tried now")]
        }
        Events::Retry { id: None, which, limit, dry_run, reason } => {
            let mut filter = WebhookFilter::from(which);
            filter.status = filter.status.or(Some(WebhookStatus::Dead));
            let (matching, what) = if dry_run {
                (billing.retriable_webhooks(&filter, limit).await?, "would be tried")
            } else {
                let mandate = mandate(reason.unwrap_or_default());
                (billing.retry_webhooks(&filter, limit, mandate).await?, "will be tried now")
            };
            let Matching { count, rows } = matching;
            let sum = format!("{} of {count} that match {what}", rows.len());
            rows.iter().map(line).chain([sum]).collect()
        }
        Events::Discard { id, reason } => {
            billing.discard_webhook(id, mandate(reason)).await?;
            vec![format!("{id} is given up")]
        }
    })
}

fn mandate(reason: String) -> Mandate {
    Mandate { actor: ACTOR.to_owned(), reason }
}

fn line(row: &WebhookRow) -> String {
    let WebhookRow { id, source, event_id, kind, attempts, received_at, .. } = row;
    let (status, error) = (row.status.name(), row.error.as_deref().unwrap_or_default());
    let received_at = shown(*received_at);
    let line =
        format!("{id} {received_at} {status:<9} {attempts} {source} {kind} {event_id} {error}");
    line.trim_end().to_owned()
}

fn told(detail: &WebhookDetail) -> Vec<String> {
    let row = &detail.row;
    let mut lines = vec![
        format!("webhook  {} of {}, {} {}", row.id, row.source, row.kind, row.event_id),
        format!("about    {}", detail.subject),
        format!("came     {}", shown(row.received_at)),
        format!("status   {}, tried {} times", row.status.name(), row.attempts),
    ];
    let more = |name: &str, text: Option<String>| text.map(|text| format!("{name:<8} {text}"));
    lines.extend(more("error", row.error.clone()));
    lines.extend(more("next", row.next_attempt_at.map(shown)));
    lines.extend(more("done", detail.done_at.map(shown)));
    for (name, text) in &detail.headers {
        lines.push(format!("header   {name}: {text}"));
    }
    for it in &detail.tries {
        let took = it.duration.map_or_else(|| "-".to_owned(), |took| format!("{took:?}"));
        let (outcome, error) = (it.outcome.name(), it.error.as_deref().unwrap_or_default());
        lines.push(format!("try      {} {outcome} after {took} {error}", shown(it.ended_at)));
    }
    for (deed, action) in &detail.actions {
        let (what, actor) = (deed.name(), &action.actor);
        lines.push(format!("action   {} {what} by {actor}: {}", shown(action.at), action.reason));
    }
    lines.push(format!("payload  {}", String::from_utf8_lossy(&detail.body)));
    lines
}

fn status(name: &str) -> Result<WebhookStatus, String> {
    let names = || WebhookStatus::ALL.map(WebhookStatus::name).join(", ");
    WebhookStatus::named(name).ok_or_else(|| format!("must be one of {}", names()))
}

/// An instant that somebody typed.
pub(crate) fn moment(text: &str) -> Result<OffsetDateTime, String> {
    let wrong = "must be a time of RFC 3339, such as 2026-03-01T12:00:00Z";
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| wrong.to_owned())
}
