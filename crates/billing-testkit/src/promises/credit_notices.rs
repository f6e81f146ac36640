//! What the credit ledger tells others, in the commit in which it happened.

use core::slice;

use billing_app::ports::Clock;
use billing_domain::{
    credits::{CreditCommand, GrantKind, NewGrant},
    id::OrganizationId,
};
use serde_json::{Value, json};
use time::Duration;

use super::{Promise, credits::taken};
use crate::{
    NOON, Stopped, Subject,
    builders::{a_consume, a_grant, a_hold},
};

impl Subject {
    /// What was told under a name.
    async fn told(&self, organization: OrganizationId, name: &str) -> anyhow::Result<Vec<Value>> {
        let told = self.witness.told(organization).await?;
        Ok(told.into_iter().filter(|(of, _)| of == name).map(|(_, data)| data).collect())
    }
}

/// A balance that falls below a threshold is told once, until it has been above it again.
pub async fn a_low_balance_is_told_once(subject: &Subject) -> Promise {
    let organization = subject.with_credits(2_000).await?;
    let use_up = async |key: &str, credits| {
        let outcome = subject.consume(organization, a_consume(key, credits), NOON).await?;
        assert!(taken(&outcome).is_some(), "{outcome:?}");
        subject.told(organization, "credits.low").await
    };
    let first = json!({ "balance": 999, "threshold": 1_000 });
    assert_eq!(use_up("a", 1_000).await?, Vec::<Value>::new(), "at it is not below it");
    assert_eq!(use_up("b", 1).await?, slice::from_ref(&first));
    assert_eq!(use_up("b", 1).await?, slice::from_ref(&first), "a replay tells nothing");
    assert_eq!(use_up("c", 1).await?, slice::from_ref(&first));
    let percent = json!({ "balance": 198, "threshold": 200 });
    assert_eq!(use_up("d", 800).await?, [first.clone(), percent.clone()]);
    subject.grant(organization, a_grant(), NOON).await?;
    let again = json!({ "balance": 898, "threshold": 1_000 });
    let told = use_up("e", 300).await?;
    assert_eq!(told, [first, percent, again]);
    subject.all_holds().await
}

/// What is settled counts as use; what is only held does not.
pub async fn a_settlement_is_told_of_and_a_hold_is_not(subject: &Subject) -> Promise {
    let organization = subject.with_credits(1_000).await?;
    let hold = subject.held(organization, a_hold("it", 500), NOON).await?.hold;
    assert_eq!(subject.witness.told(organization).await?, []);
    subject.settle(organization, (hold, Some(400)), NOON).await?;
    let low = json!({ "balance": 600, "threshold": 1_000 });
    let unusual = json!({ "in_hour": 400, "hourly_mean": 0 });
    let told = subject.witness.told(organization).await?;
    let expected = [("credits.low".to_owned(), low), ("credits.unusual".to_owned(), unusual)];
    assert_eq!(told, expected);
    Ok(())
}

/// An hour far above the week before is told once; the days before are remembered.
pub async fn unusual_use_is_measured_by_the_days_before(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.with_credits(1_000_000).await?);
    for day in 0..8 {
        let consume = a_consume(&format!("day {day}"), 960);
        subject.consume(organization, consume, clock.now()).await?;
        clock.advance(Duration::DAY);
    }
    // Seven days of 960 are 40 an hour, so 200 is the bar.
    let before = subject.told(organization, "credits.unusual").await?.len();
    let use_up = async |key: &str, credits| {
        subject.consume(organization, a_consume(key, credits), clock.now()).await?;
        let told = subject.told(organization, "credits.unusual").await?;
        anyhow::Ok(told.into_iter().skip(before).collect::<Vec<_>>())
    };
    assert_eq!(use_up("at the bar", 200).await?, Vec::<Value>::new());
    let told = json!({ "in_hour": 201, "hourly_mean": 40 });
    assert_eq!(use_up("above it", 1).await?, slice::from_ref(&told));
    assert_eq!(use_up("once", 500).await?, slice::from_ref(&told));
    clock.advance(Duration::HOUR);
    let next = json!({ "in_hour": 201, "hourly_mean": 40 });
    assert_eq!(use_up("the next hour", 201).await?, [told, next]);
    subject.all_holds().await
}

/// That credits will be lost is told a week and a day ahead, and only while there are any.
pub async fn an_end_is_told_ahead(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.registered().await?);
    let end = NOON + Duration::days(10);
    let kind = GrantKind::Promotional;
    let grant = NewGrant { kind, amount: 50, expires_at: Some(end), ..a_grant() };
    subject.grant(organization, grant.clone(), NOON).await?;
    let week_before = NOON + Duration::days(3);
    assert_eq!(subject.summary(organization).await?.next_due_at, Some(week_before));
    assert_eq!(subject.credits.due(week_before - Duration::MICROSECOND, 10).await?, []);
    assert_eq!(subject.credits.due(week_before, 10).await?, [organization]);
    clock.advance(Duration::days(3));
    for _ in 0..2 {
        subject.book(organization, clock.now()).await?;
    }
    let expires_at = end.format(&time::format_description::well_known::Rfc3339)?;
    let notice = |remaining: i64, days: u8| json!({ "grant_id": grant.id, "remaining": remaining, "expires_at": expires_at, "days": days });
    assert_eq!(subject.told(organization, "credits.expiring").await?, [notice(50, 7)]);
    assert_eq!(subject.credits.due(clock.now(), 10).await?, [], "told once");
    subject.consume(organization, a_consume("some", 20), clock.now()).await?;
    let day_before = end - Duration::DAY;
    assert_eq!(subject.summary(organization).await?.next_due_at, Some(day_before));
    clock.advance(Duration::days(20));
    subject.book(organization, clock.now()).await?;
    let told = subject.told(organization, "credits.expiring").await?;
    assert_eq!(told, [notice(50, 7), notice(30, 1)]);
    assert_eq!(subject.summary(organization).await?.balance, 0);
    subject.all_holds().await
}

/// A unit that is dropped has told nothing; one that is committed tells with the commit.
pub async fn what_did_not_happen_is_not_told(subject: &Subject) -> Promise {
    let organization = subject.with_credits(1_000).await?;
    for committed in [false, true] {
        let mut work = subject.on_behalf_of(organization).await?;
        let consume = CreditCommand::Consume(a_consume("it", 500));
        work.credits().apply(organization, &consume, NOON).await?;
        assert_eq!(subject.witness.told(organization).await?, [], "not before the commit");
        if committed {
            work.commit().await?;
        } else {
            drop(work);
        }
    }
    assert_eq!(subject.witness.told(organization).await?.len(), 2, "low, and unusual");
    Ok(())
}
