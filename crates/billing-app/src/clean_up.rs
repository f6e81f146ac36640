//! What nobody asks for any more goes: answers that were remembered, and webhooks that had their
//! effect long ago, which are put away in files before.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    Billing, Error,
    ports::{ArchiveFolder, Deed, WebhookAction, WebhookDetail, WebhookTry},
};

/// How long the answer to a request is remembered.
const REMEMBERED: Duration = Duration::days(30);
/// How many answers are forgotten at once.
const FORGOTTEN: i64 = 10_000;
/// How many webhooks a file has at most.
const IN_A_FILE: i64 = 50_000;
/// How many of them are read, or removed, at once.
const AT_ONCE: usize = 500;

impl Billing {
    /// Does away with some of what is old enough. How much: nothing when all is gone.
    pub async fn clean_up(&self) -> Result<usize, Error> {
        let wall = self.ports.clock.wall();
        let forgotten = self.ports.requests.forget(wall - REMEMBERED, FORGOTTEN).await?;
        let Some(folder) = self.ports.archive_folder.as_deref() else { return Ok(forgotten) };
        let kept = Duration::days(self.settings.kept_days);
        Ok(forgotten + self.archive_webhooks(folder, wall.saturating_sub(kept)).await?)
    }

    /// Puts webhooks away that were done with before an instant. They are removed when the file was
    /// read again; ended in between, they are written once more.
    async fn archive_webhooks(
        &self,
        folder: &dyn ArchiveFolder,
        before: OffsetDateTime,
    ) -> Result<usize, Error> {
        let inbox = &self.ports.inbox;
        let ids = inbox.done_before(before, IN_A_FILE).await?;
        let Some(first) = ids.first() else { return Ok(0) };
        let mut writing = folder.begin().await?;
        let mut written = 0;
        for some in ids.chunks(AT_ONCE) {
            let webhooks = inbox.find_all(some).await?;
            written += webhooks.len();
            let lines = webhooks.iter().map(line).collect::<Result<String, Error>>()?;
            writing.write(&lines).await?;
        }
        let (day, first) = (before.date(), first.0.simple());
        let file = format!("webhooks-before-{day}-{first}-{written}.jsonl");
        writing.keep(&file).await?;
        let read = count(folder, &file).await?;
        if read != written {
            return Err(anyhow::anyhow!("{file} has {read} lines, not {written}").into());
        }
        let mut removed = 0;
        for some in ids.chunks(AT_ONCE) {
            removed += inbox.remove(some, before).await?;
        }
        tracing::info!(file, written, removed, "webhooks were put away");
        Ok(removed)
    }
}

/// A webhook as a line of a file.
fn line(webhook: &WebhookDetail) -> Result<String, Error> {
    let WebhookDetail { row, subject, headers, body, done_at, tries, actions } = webhook;
    let line = json!({
        "webhook_id": row.id.0,
        "gateway": row.source.name(),
        "event_id": row.event_id,
        "type": row.kind,
        "subject": subject,
        "status": row.status.name(),
        "attempts": row.attempts,
        "error": row.error,
        "received_at": text(row.received_at)?,
        "done_at": done_at.map(text).transpose()?,
        "headers": headers,
        "tries": tries.iter().map(one_try).collect::<Result<Vec<_>, _>>()?,
        "actions": actions.iter().map(one_action).collect::<Result<Vec<_>, _>>()?,
        "body": raw(body),
    });
    Ok(format!("{line}\n"))
}

fn one_try(it: &WebhookTry) -> Result<Value, Error> {
    Ok(json!({
        "ended_at": text(it.ended_at)?,
        "outcome": it.outcome.name(),
        "error": it.error,
        "duration_us": it.duration.map(|duration| duration.as_micros()),
    }))
}

fn one_action((deed, action): &(Deed, WebhookAction)) -> Result<Value, Error> {
    let WebhookAction { id, at, actor, reason } = action;
    let at = text(*at)?;
    Ok(json!({ "action_id": id, "at": at, "what": deed.name(), "actor": actor, "reason": reason }))
}

/// The raw bytes: as text where they are text, else one by one.
fn raw(body: &[u8]) -> Value {
    core::str::from_utf8(body).map_or_else(|_| json!(body), |text| json!(text))
}

fn text(at: OffsetDateTime) -> Result<String, Error> {
    Ok(at.format(&Rfc3339).map_err(anyhow::Error::from)?)
}

/// How many lines a file has that can be read.
async fn count(folder: &dyn ArchiveFolder, file: &str) -> Result<usize, Error> {
    let mut lines = 0;
    let mut one = |line: &str| {
        let line: Value = serde_json::from_str(line).map_err(anyhow::Error::from)?;
        lines += usize::from(line.is_object());
        Ok(())
    };
    folder.read(file, &mut one).await?;
    Ok(lines)
}
