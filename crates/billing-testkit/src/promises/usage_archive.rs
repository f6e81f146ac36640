//! Months of raw events are put away, and nothing that was counted changes.

use billing_app::{
    Error,
    ports::{ArchivedMonth, RawEvent},
};
use billing_domain::{
    id::OrganizationId,
    usage::{Effect, Tallies, UsageCommand, UsageOperation, Use},
};
use time::{Date, Duration, OffsetDateTime, macros::date};

use super::{
    Promise,
    stage::{all, everything},
};
use crate::{NOON, Subject, builders::a_use};

/// The month of which all is, and the one before it.
const MONTH: Date = date!(2026 - 03 - 01);
const BEFORE: Date = date!(2026 - 02 - 01);
/// Half a year after it.
const LATER: Duration = Duration::days(180);

fn used(key: &str, quantity: u64, days: i64) -> UsageCommand {
    let (at, operation) = (NOON + Duration::days(days), UsageOperation::Track);
    Use { effect: Effect::Add, quantity, at, operation, ..a_use(key, 10) }.into()
}

impl Subject {
    /// Two organizations with use in two months, all of it rolled up.
    async fn with_months(&self) -> anyhow::Result<[OrganizationId; 2]> {
        let both = [self.registered().await?, self.registered().await?];
        for organization in both {
            let uses = vec![used("a", 5, 0), used("b", 2, 40), used("c", 4, 1), used("d", 1, -20)];
            all(&self.usage, organization, (uses, NOON)).await?;
        }
        self.roll_up_everything().await?;
        Ok(both)
    }

    async fn roll_up_everything(&self) -> Promise {
        for organization in self.usage_days.behind(everything()).await? {
            while self.usage_days.roll_up(organization).await? {}
        }
        Ok(())
    }

    async fn month(&self, month: Date) -> Result<Vec<RawEvent>, Error> {
        let mut all = Vec::new();
        loop {
            let last = all.last().map(|it: &RawEvent| (it.organization_id, it.raw.seq));
            let more = self.usage_archive.raw_events(month, last).await?;
            if more.is_empty() {
                return Ok(all);
            }
            all.extend(more);
        }
    }

    /// Writes the checkpoints of the month, and says what is to be put away.
    async fn checkpointed(&self, both: [OrganizationId; 2]) -> anyhow::Result<ArchivedMonth> {
        let events = self.month(MONTH).await?;
        for organization in both {
            let mut tallies = Tallies::default();
            for event in events.iter().filter(|it| it.organization_id == organization) {
                tallies.add(&event.raw, None);
            }
            self.usage_archive.checkpoint(MONTH, organization, &tallies).await?;
        }
        let total = events.iter().map(|event| i128::from(event.raw.applied)).sum();
        let events = u64::try_from(events.len())?;
        Ok(ArchivedMonth { month: MONTH, file: "march.jsonl".to_owned(), events, total })
    }

    /// Other tallies in the same counters.
    async fn too_few(&self, of: OrganizationId) -> anyhow::Result<Tallies> {
        let mut few = self.engine().await?.usage().checkpoints(of).await?;
        few.tallies.values_mut().for_each(|tally| tally.total -= 1);
        Ok(few)
    }

    /// How many events there are, put away and here, and the sum of them.
    async fn tallied(&self, of: OrganizationId) -> anyhow::Result<[(u64, i128); 2]> {
        let mut work = self.engine().await?;
        let away = work.usage().checkpoints(of).await?;
        let here = work.usage().raw_uses(of, 0).await?;
        let sum = here.iter().map(|raw| i128::from(raw.applied)).sum();
        Ok([(away.events(), away.total()), (u64::try_from(here.len())?, sum)])
    }
}

/// Events of a month come by organization and number; months are named once they are over.
pub async fn months_come_with_their_events(subject: &Subject) -> Promise {
    let both = subject.with_months().await?;
    let mut sorted = both;
    sorted.sort_unstable();
    let events = subject.month(MONTH).await?;
    let found: Vec<_> = events.iter().map(|it| (it.organization_id, it.raw.seq)).collect();
    assert_eq!(found, sorted.into_iter().flat_map(|id| [(id, 1), (id, 3)]).collect::<Vec<_>>());
    let first = events.first().expect("there are four");
    assert_eq!((first.key.as_str(), first.recorded_at, first.raw.at), ("a", NOON, NOON));
    let months = async |until| subject.usage_archive.months_until(until).await;
    let end = OffsetDateTime::new_utc(date!(2026 - 04 - 01), time::Time::MIDNIGHT);
    let over = months(end).await?;
    assert_eq!(over.last(), Some(&MONTH), "{over:?}");
    assert!(over.contains(&BEFORE));
    assert!(!months(end - Duration::MICROSECOND).await?.contains(&MONTH));
    Ok(())
}

/// A month is put away once; then its checkpoints count, and nothing else changes.
pub async fn a_month_is_put_away_once(subject: &Subject) -> Promise {
    let both = subject.with_months().await?;
    let month = subject.checkpointed(both).await?;
    assert_eq!((month.events, month.total), (4, 18));
    for organization in both {
        assert_eq!(subject.tallied(organization).await?, [(0, 0), (4, 12)], "not yet");
    }
    subject.checkpointed(both).await?;
    for first in [true, false] {
        assert_eq!(subject.usage_archive.put_away(&month, NOON + LATER).await?, first);
        for organization in both {
            assert_eq!(subject.tallied(organization).await?, [(2, 9), (2, 3)]);
            // Whoever comes too late finds no event any more, and changes nothing.
            let nothing = Tallies::default();
            subject.usage_archive.checkpoint(MONTH, organization, &nothing).await?;
            let late = subject.too_few(organization).await?;
            subject.usage_archive.checkpoint(MONTH, organization, &late).await?;
        }
    }
    assert_eq!(subject.month(MONTH).await?, []);
    assert!(!subject.usage_archive.months_until(NOON + LATER).await?.contains(&MONTH));
    let [one, _] = both;
    let days = subject.usage_days.days(one, None, MONTH..=date!(2026 - 03 - 31)).await?;
    assert_eq!(days.days.len(), 2, "days stay");
    let counts = subject.engine().await?.usage().counts(one).await?;
    assert_eq!(counts.counters.values().map(|it| it.used).sum::<u64>(), 12, "and counters do");
    subject.usage.apply(one, used("e", 1, 41), NOON).await?;
    subject.all_holds().await
}

/// What is not what was written stays.
pub async fn a_month_that_differs_stays(subject: &Subject) -> Promise {
    let both = subject.with_months().await?;
    let month = subject.checkpointed(both).await?;
    let refused = async |month: &ArchivedMonth| {
        let away = subject.usage_archive.put_away(month, NOON + LATER).await;
        assert!(matches!(away, Err(Error::Conflict(_))), "{away:?}");
        assert_eq!(subject.month(MONTH).await.map(|events| events.is_empty()).ok(), Some(false));
    };
    refused(&ArchivedMonth { events: 5, ..month.clone() }).await;
    refused(&ArchivedMonth { total: 17, ..month.clone() }).await;
    let [one, _] = both;
    subject.usage.apply(one, used("late", 1, 2), NOON).await?;
    refused(&month).await;
    let month = subject.checkpointed(both).await?;
    refused(&month).await;
    subject.roll_up_everything().await?;
    subject.usage_archive.put_away(&month, NOON + LATER).await?;
    assert_eq!(subject.tallied(one).await?, [(3, 10), (2, 3)]);
    subject.all_holds().await
}
