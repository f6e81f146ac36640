//! What an account is decided by, beside what is in it.

use billing_domain::credits::{
    CreditOutcome, DrawOrder, EntryKind, GrantKind, NewGrant, Origin, Settings,
};

use super::{Promise, credits::taken};
use crate::{
    NOON, Subject,
    builders::{a_consume, a_grant, a_hold},
};

/// Settings are kept, each change is a row, and none is written where nothing changes.
pub async fn settings_are_kept_as_rows(subject: &Subject) -> Promise {
    let organization = subject.with_credits(100).await?;
    assert_eq!(subject.summary(organization).await?.settings, Settings::default());
    let mut kinds = GrantKind::ALL;
    kinds.reverse();
    let order = DrawOrder::try_from(kinds)?;
    let settings = Settings { overdraft_limit: 50, order, low_balance: 7, low_percent: 0 };
    for _ in 0..2 {
        subject.configure(organization, settings, NOON).await?;
        let summary = subject.summary(organization).await?;
        assert_eq!((summary.settings, summary.available()), (settings, 150));
    }
    subject.consume(organization, a_consume("it", 1), NOON).await?;
    assert_eq!(subject.summary(organization).await?.settings, settings);
    subject.configure(organization, Settings::default(), NOON).await?;
    assert_eq!(subject.summary(organization).await?.settings, Settings::default());
    let rows = subject.entries(organization).await?;
    let rows: Vec<_> = rows
        .iter()
        .filter(|row| row.kind == EntryKind::Adjusted)
        .map(|row| (row.seq, row.amount, row.balance_after, &row.origin))
        .collect();
    let changes = [Origin::Settings(settings), Origin::Settings(Settings::default())];
    let [changed, back] = &changes;
    assert_eq!(rows, [(2, 0, 100, changed), (4, 0, 99, back)]);
    subject.all_holds().await
}

/// The order that is set decides from which grant the next credits come.
pub async fn the_order_that_is_set_is_drawn_by(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let bought = NewGrant { amount: 100, ..a_grant() };
    let gift = NewGrant { kind: GrantKind::Promotional, ..bought.clone() };
    let gift = NewGrant { id: a_grant().id, source: a_grant().source, ..gift };
    for grant in [&bought, &gift] {
        subject.grant(organization, grant.clone(), NOON).await?;
    }
    let [purchased, subscription, promotional, adjustment] = GrantKind::ALL;
    let order = DrawOrder::try_from([promotional, purchased, subscription, adjustment])?;
    for (order, grant) in [(DrawOrder::default(), &bought), (order, &gift)] {
        let settings = Settings { order, ..Settings::default() };
        subject.configure(organization, settings, NOON).await?;
        let key = format!("from {}", grant.kind.name());
        let outcome = subject.consume(organization, a_consume(&key, 10), NOON).await?;
        let touched = &taken(&outcome).expect("there is enough").touched;
        let drawn: Vec<_> = touched.iter().map(|touch| touch.grant_id).collect();
        assert_eq!(drawn, [grant.id]);
        let first = subject.summary(organization).await?.grants.first().map(|it| it.id);
        assert_eq!(first, Some(grant.id), "they are listed in the order of draw");
    }
    subject.all_holds().await
}

/// An overdraft may be used and held up to its limit, and a new grant repays it.
pub async fn an_overdraft_ends_at_its_limit(subject: &Subject) -> Promise {
    let organization = subject.with_credits(100).await?;
    subject.allow(organization, 50).await?;
    let hold = subject.held(organization, a_hold("it", 120), NOON).await?.hold;
    let outcome = subject.consume(organization, a_consume("much", 31), NOON).await?;
    let denied = matches!(&outcome, CreditOutcome::Denied(denied) if denied.available == 30);
    assert!(denied, "{outcome:?}");
    let outcome = subject.consume(organization, a_consume("rest", 30), NOON).await?;
    assert!(taken(&outcome).is_some_and(|it| it.balance_after == 70), "{outcome:?}");
    let outcome = subject.settle(organization, (hold, None), NOON).await?;
    let settled = matches!(&outcome, CreditOutcome::Settled(it) if it.balance_after == -50);
    assert!(settled, "{outcome:?}");
    let summary = subject.summary(organization).await?;
    assert_eq!((summary.balance, summary.overdrawn, summary.available()), (-50, 50, 0));
    subject.grant(organization, NewGrant { amount: 80, ..a_grant() }, NOON).await?;
    let summary = subject.summary(organization).await?;
    assert_eq!((summary.balance, summary.overdrawn, summary.available()), (30, 0, 80));
    subject.all_holds().await
}
