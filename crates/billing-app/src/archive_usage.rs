//! Raw events of old months are put away: in files, and as what they come to.

use billing_domain::{id::OrganizationId, usage::Tallies};
use serde_json::{Value, json};
use time::{Date, Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    Billing, Error,
    ports::{ArchiveFolder, ArchivedMonth, RawEvent},
    rebuild_usage::counted_value,
};

impl Billing {
    /// Whether old months are archived at all.
    pub fn archives_usage(&self) -> bool {
        self.ports.archive_folder.is_some()
    }

    /// Months of raw events that are old enough to be put away, the oldest first.
    pub async fn archivable_usage(&self) -> Result<Vec<Date>, Error> {
        let kept = Duration::days(self.settings.kept_days);
        self.ports.usage_archive.months_until(self.ports.clock.now().saturating_sub(kept)).await
    }

    /// Puts away all months that are old enough. Their events are rolled up first.
    pub async fn archive_old_usage(&self) -> Result<Vec<ArchivedMonth>, Error> {
        let mut archived = Vec::new();
        if !self.archives_usage() {
            return Ok(archived);
        }
        let months = self.archivable_usage().await?;
        if !months.is_empty() {
            self.roll_up_usage().await?;
        }
        for month in months {
            archived.extend(self.archive_usage(month).await?);
        }
        Ok(archived)
    }

    /// Puts a month of raw events away. Without a folder nothing is.
    ///
    /// First the file, then what the events come to in each counter, which counts for nothing yet;
    /// then the file is read again and compared; then, in one step, the events go and their
    /// checkpoints count. Ended in between, it has lost nothing, and is begun again.
    async fn archive_usage(&self, month: Date) -> Result<Option<ArchivedMonth>, Error> {
        let Some(folder) = self.ports.archive_folder.as_deref() else { return Ok(None) };
        let written = self.write_month(folder, month).await?;
        let read = read_again(folder, &written.file).await?;
        if read != (written.events, written.total) {
            return Err(
                anyhow::anyhow!("{} is not what was written: {read:?}", written.file).into()
            );
        }
        let done = self.ports.usage_archive.put_away(&written, self.ports.clock.now()).await?;
        Ok(done.then_some(written))
    }

    async fn write_month(
        &self,
        folder: &dyn ArchiveFolder,
        month: Date,
    ) -> Result<ArchivedMonth, Error> {
        let catalogue = self.catalogue().await?;
        let archive = &self.ports.usage_archive;
        let mut writing = folder.begin().await?;
        let mut written = ArchivedMonth { month, file: String::new(), events: 0, total: 0 };
        let mut open: Option<(OrganizationId, Tallies)> = None;
        let mut after = None;
        loop {
            let events = archive.raw_events(month, after).await?;
            let Some(last) = events.last() else { break };
            after = Some((last.organization_id, last.raw.seq));
            let mut text = String::new();
            for event in &events {
                let owner = event.organization_id;
                if let Some((former, tallies)) = open.take_if(|(of, _)| *of != owner) {
                    archive.checkpoint(month, former, &tallies).await?;
                }
                let (_, tallies) = open.get_or_insert_with(|| (owner, Tallies::default()));
                tallies.add(&event.raw, counted_value(&event.raw, &catalogue)?);
                written.events += 1;
                written.total += i128::from(event.raw.applied);
                text.push_str(&line(event)?);
                text.push('\n');
            }
            writing.write(&text).await?;
        }
        if let Some((last, tallies)) = open {
            archive.checkpoint(month, last, &tallies).await?;
        }
        // Whoever still reads when another has put the month away finds fewer: his file is another.
        let (year, number, events) = (month.year(), u8::from(month.month()), written.events);
        written.file = format!("usage-events-{year}-{number:02}-{events}.jsonl");
        writing.keep(&written.file).await?;
        Ok(written)
    }
}

/// A raw event as a line of a file: the columns of its row, and the properties as they are.
fn line(event: &RawEvent) -> Result<String, Error> {
    let RawEvent { organization_id, id, raw, key, recorded_at } = event;
    let columns = json!({
        "organization_id": organization_id.0,
        "seq": raw.seq,
        "at": text(raw.at)?,
        "event_id": id.0,
        "meter": &*raw.key.meter,
        "quantity": raw.applied,
        "limit_window": raw.key.window.name(),
        "window_start": text(raw.key.start)?,
        "key": key,
        "recorded_at": text(*recorded_at)?,
    })
    .to_string();
    let properties = raw.properties.as_deref().unwrap_or("null");
    Ok(format!("{},\"properties\":{properties}}}", columns.trim_end_matches('}')))
}

fn text(at: OffsetDateTime) -> Result<String, Error> {
    Ok(at.format(&Rfc3339).map_err(anyhow::Error::from)?)
}

/// How many events a file has, and the sum of their quantities.
async fn read_again(folder: &dyn ArchiveFolder, file: &str) -> Result<(u64, i128), Error> {
    let (mut events, mut total) = (0, 0);
    let mut add = |line: &str| {
        let event: Value = serde_json::from_str(line).map_err(anyhow::Error::from)?;
        let quantity = event.get("quantity").and_then(Value::as_i64);
        events += 1;
        total += i128::from(quantity.ok_or_else(|| anyhow::anyhow!("a line has no quantity"))?);
        Ok(())
    };
    folder.read(file, &mut add).await?;
    Ok((events, total))
}
