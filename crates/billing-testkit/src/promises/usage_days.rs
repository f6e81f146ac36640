//! Use by day: each event is counted once, in the way of its meter.

use std::{pin::Pin, sync::Arc};

use billing_app::{
    Error,
    ports::{MeterDay, Page, Scope},
};
use billing_domain::{
    catalogue::{Aggregation, Meter},
    id::OrganizationId,
    usage::{DayOfUse, Effect, UsageCommand, UsageOperation, Use},
};
use time::{Date, Duration, OffsetDateTime, macros::date};

use super::{
    Promise,
    stage::{all, at_once, everything},
};
use crate::{
    NOON, Subject,
    builders::{a_fresh_id, a_use},
};

const FIRST: Date = date!(2026 - 01 - 01);
const LAST: Date = date!(2026 - 12 - 31);

impl Subject {
    /// An organization, and a meter of each aggregation.
    async fn with_meters(&self) -> anyhow::Result<OrganizationId> {
        let organization = self.registered().await?;
        let mut work = self.store.begin(Scope::Operator).await?;
        for (key, aggregation) in [
            ("calls", Aggregation::Count),
            ("peak", Aggregation::Max),
            ("disk", Aggregation::Latest),
            ("people", Aggregation::Unique("user".to_owned())),
        ] {
            let (key, name) = (key.to_owned(), key.to_owned());
            work.catalogue().add_meter(&Meter { key, name, aggregation }).await?;
        }
        work.commit().await?;
        Ok(organization)
    }

    async fn use_all(
        &self,
        organization: OrganizationId,
        uses: Vec<UsageCommand>,
        now: OffsetDateTime,
    ) -> Promise {
        all(&self.usage, organization, (uses, now)).await?;
        Ok(())
    }

    async fn roll_up_all(&self) -> Promise {
        for organization in self.usage_days.behind(everything()).await? {
            while self.usage_days.roll_up(organization).await? {}
        }
        Ok(())
    }

    /// Meter, days after today, what was used, and events.
    async fn day_rows(&self, organization: OrganizationId) -> anyhow::Result<Vec<Row>> {
        let rolled = self.usage_days.days(organization, None, FIRST..=LAST).await?;
        assert_eq!(rolled.until, None, "all of it is rolled up");
        Ok(rolled.days.into_iter().map(row).collect())
    }
}

/// Something that is done at the same time as others.
type Done = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;
type Row = (String, i64, i64, u64);

fn row(MeterDay { meter, of_use }: MeterDay<DayOfUse>) -> Row {
    (meter, (of_use.day - NOON.date()).whole_days(), of_use.used, of_use.events)
}

fn rows(rows: &[(&str, i64, i64, u64)]) -> Vec<Row> {
    rows.iter()
        .map(|(meter, day, used, events)| ((*meter).to_owned(), *day, *used, *events))
        .collect()
}

/// Use of a meter some hours after noon.
fn used(key: &str, meter: &str, (effect, quantity): (Effect, u64), hours: i64) -> UsageCommand {
    let at = NOON + Duration::hours(hours);
    let properties = match &effect {
        Effect::See(value) => Some(format!("{{\"user\": {value}}}")),
        Effect::Add | Effect::Remove | Effect::Raise | Effect::Set => None,
    };
    let operation = UsageOperation::Track;
    Use { effect, quantity, at, operation, properties, meter: meter.into(), ..a_use(key, 10) }
        .into()
}

/// A day is what its events come to, in the way of its meter.
pub async fn days_count_in_the_way_of_their_meters(subject: &Subject) -> Promise {
    let organization = subject.with_meters().await?;
    let see = |user: &str| (Effect::See(format!("\"{user}\"")), 1);
    let first = vec![
        used("a", "api_calls", (Effect::Add, 5), 0),
        used("b", "api_calls", (Effect::Add, 2), 13),
        used("c", "api_calls", (Effect::Remove, 4), 14),
        used("d", "calls", (Effect::Add, 1), 0),
        used("e", "peak", (Effect::Raise, 7), 0),
        used("f", "peak", (Effect::Raise, 3), 1),
        used("g", "peak", (Effect::Raise, 3), 12),
        used("h", "disk", (Effect::Set, 9), 3),
        used("i", "disk", (Effect::Set, 4), 1),
        used("j", "people", see("ann"), 0),
        used("k", "people", see("bob"), 1),
        used("l", "people", see("ann"), 2),
        used("m", "people", see("ann"), 12),
    ];
    subject.use_all(organization, first, NOON).await?;
    let behind = subject.usage_days.behind(everything()).await?;
    assert_eq!(behind, [organization]);
    subject.roll_up_all().await?;
    assert_eq!(subject.usage_days.behind(everything()).await?, []);
    let expected = rows(&[
        ("api_calls", 0, 5, 1),
        ("api_calls", 1, -2, 2),
        ("calls", 0, 1, 1),
        ("disk", 0, 9, 2),
        ("peak", 0, 7, 2),
        ("peak", 1, 3, 1),
        ("people", 0, 2, 3),
        ("people", 1, 1, 1),
    ]);
    assert_eq!(subject.day_rows(organization).await?, expected);
    let first = async || subject.usage_days.first_day(organization).await;
    assert_eq!(first().await?, Some(NOON.date()));
    assert_eq!(subject.usage_days.first_day(a_fresh_id()).await?, None);

    // What comes later, of the same days and of earlier ones.
    let late = vec![
        used("n", "api_calls", (Effect::Add, 8), 1),
        used("o", "api_calls", (Effect::Add, 1), -30 * 24),
        used("p", "peak", (Effect::Raise, 8), 2),
        used("q", "disk", (Effect::Set, 2), 2),
        used("r", "disk", (Effect::Set, 6), 3),
        used("s", "people", see("bob"), 3),
        used("t", "people", see("cy"), 4),
        used("a", "api_calls", (Effect::Add, 5), 0),
    ];
    subject.use_all(organization, late, NOON).await?;
    subject.roll_up_all().await?;
    let expected = rows(&[
        ("api_calls", -30, 1, 1),
        ("api_calls", 0, 13, 2),
        ("api_calls", 1, -2, 2),
        ("calls", 0, 1, 1),
        ("disk", 0, 6, 4),
        ("peak", 0, 8, 3),
        ("peak", 1, 3, 1),
        ("people", 0, 3, 5),
        ("people", 1, 1, 1),
    ]);
    assert_eq!(subject.day_rows(organization).await?, expected);
    assert_eq!(first().await?, Some(NOON.date() - Duration::days(30)));
    subject.all_holds().await
}

/// Days say as of when they are, and are of whom they are asked for.
pub async fn days_say_how_far_they_are_rolled_up(subject: &Subject) -> Promise {
    let (one, other) = (subject.with_meters().await?, subject.registered().await?);
    let days = async |of| subject.usage_days.days(of, Some("api_calls"), FIRST..=LAST).await;
    let later = NOON + Duration::HOUR;
    subject.use_all(one, vec![used("a", "api_calls", (Effect::Add, 5), 0)], NOON).await?;
    assert_eq!(days(one).await?.until, Some(NOON));
    subject.roll_up_all().await?;
    subject.use_all(one, vec![used("b", "api_calls", (Effect::Add, 2), 0)], later).await?;
    subject
        .use_all(one, vec![used("c", "api_calls", (Effect::Add, 1), 0)], later + Duration::HOUR)
        .await?;
    let rolled = days(one).await?;
    assert_eq!(
        (rolled.until, rolled.days.into_iter().map(row).collect()),
        (Some(later), rows(&[("api_calls", 0, 5, 1)]))
    );
    assert_eq!(days(other).await?.days, []);
    subject
        .use_all(
            other,
            vec![
                used("a", "api_calls", (Effect::Add, 4), 0),
                used("p", "peak", (Effect::Raise, 4), 24),
            ],
            NOON,
        )
        .await?;
    subject.use_all(one, vec![used("p", "peak", (Effect::Raise, 6), 24)], NOON).await?;
    let all = async |meter| subject.usage_days.days_of_all(meter, FIRST..=LAST).await;
    assert_eq!(all(None).await?.until, Some(NOON), "the one that is furthest behind");
    subject.roll_up_all().await?;

    let rolled = all(None).await?;
    assert_eq!(rolled.until, None);
    let found = rolled.days.into_iter().map(|MeterDay { meter, of_use }| {
        (row(MeterDay { meter, of_use: of_use.of_use }), of_use.organizations)
    });
    let expected = rows(&[("api_calls", 0, 12, 4), ("peak", 1, 6, 2)]).into_iter();
    assert_eq!(found.collect::<Vec<_>>(), expected.map(|row| (row, 2)).collect::<Vec<_>>());
    assert_eq!(all(Some("calls")).await?.days, []);
    let mut both = [one, other];
    both.sort_unstable();
    let users = async |meter, days, page| subject.usage_days.users(meter, days, page).await;
    assert_eq!(users(None, FIRST..=LAST, everything()).await?, both);
    assert_eq!(users(Some("calls"), FIRST..=LAST, everything()).await?, []);
    assert_eq!(users(None, FIRST..=date!(2026 - 01 - 31), everything()).await?, []);
    let page = |after| Page { after, limit: 1 };
    assert_eq!(users(None, FIRST..=LAST, page(None)).await?, both[..1]);
    assert_eq!(users(None, FIRST..=LAST, page(Some(both[0]))).await?, both[1..]);
    assert_eq!(users(None, FIRST..=LAST, page(Some(both[1]))).await?, []);
    Ok(())
}

/// Who rolls up at the same time, while use goes on, counts each event once.
pub async fn days_count_each_event_once_at_the_same_time(subject: &Subject) -> Promise {
    let organization = subject.with_meters().await?;
    let using = (0..20_i64).map(|n| -> Done {
        let ledger = Arc::clone(&subject.usage);
        let batch = (0..10).map(|m| {
            let (key, hours) = (format!("{n} {m}"), -(n * 5 + m));
            let value = format!("\"user {}\"", (n + m) % 7);
            match m % 2 {
                0 => used(&key, "people", (Effect::See(value), 1), hours),
                _ => used(&key, "api_calls", (Effect::Add, 3), hours),
            }
        });
        let batch = batch.collect();
        Box::pin(async move { all(&ledger, organization, (batch, NOON)).await.map(drop) })
    });
    let rolling = (0..20).map(|_| -> Done {
        let days = Arc::clone(&subject.usage_days);
        Box::pin(async move { days.roll_up(organization).await.map(drop) })
    });
    for done in at_once(using.zip(rolling).flat_map(|(one, other)| [one, other])).await {
        done?;
    }
    subject.roll_up_all().await?;
    let rows = subject.day_rows(organization).await?;
    let of = |meter: &str| rows.iter().filter(|row| row.0 == meter).collect::<Vec<_>>();
    assert_eq!(of("api_calls").iter().map(|row| row.2).sum::<i64>(), 300);
    assert_eq!(rows.iter().map(|row| row.3).sum::<u64>(), 200);
    assert!(of("people").iter().all(|row| row.2 <= 7), "{rows:?}");
    subject.all_holds().await
}

/// Values are forgotten with their day, and what was counted of them stays.
pub async fn forgotten_values_stay_counted(subject: &Subject) -> Promise {
    let organization = subject.with_meters().await?;
    let see = |key, user: &str, hours| {
        used(key, "people", (Effect::See(format!("\"{user}\"")), 1), hours)
    };
    let uses = vec![see("a", "ann", -24), see("b", "bob", -24), see("c", "ann", 0)];
    subject.use_all(organization, uses, NOON).await?;
    subject.roll_up_all().await?;
    subject.usage_days.forget_values(NOON.date()).await?;
    subject.use_all(organization, vec![see("d", "ann", 1)], NOON).await?;
    subject.roll_up_all().await?;
    let expected = rows(&[("people", -1, 2, 2), ("people", 0, 1, 2)]);
    assert_eq!(subject.day_rows(organization).await?, expected);
    Ok(())
}
