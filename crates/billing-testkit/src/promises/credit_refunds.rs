//! Credits that are given back or taken back.

use billing_app::ports::Clock;
use billing_domain::{
    credits::{
        Consumed, CreditCommand, CreditOutcome, DrawRef, EntryKind, GrantKind, NewGrant, Origin,
        RefundRefusal, Refunded, Revoke, Source,
    },
    id::{DecisionId, OrganizationId},
};
use time::Duration;

use super::{Promise, credits::taken};
use crate::{
    NOON, Stopped, Subject,
    builders::{a_consume, a_fresh_id, a_grant, a_hold, a_refund, a_source},
};

fn given_back(outcome: CreditOutcome) -> Refunded {
    let CreditOutcome::Refunded(refunded) = outcome else { panic!("not refunded: {outcome:?}") };
    refunded
}

async fn used(
    subject: &Subject,
    organization: OrganizationId,
    (key, credits): (&str, i64),
) -> anyhow::Result<Consumed> {
    let outcome = subject.consume(organization, a_consume(key, credits), NOON).await?;
    Ok(taken(&outcome).expect("there is enough").clone())
}

/// A use is given back by its row or by its decision, in parts, and never more than was used.
pub async fn no_more_is_given_back_than_was_used(subject: &Subject) -> Promise {
    let organization = subject.with_credits(100).await?;
    let used = used(subject, organization, ("it", 60)).await?;
    let (row, decision) = (DrawRef::Row(used.seq), DrawRef::Decision(used.decision));
    let first = a_refund("first", row, Some(10));
    let refunded = given_back(subject.refund(organization, first.clone(), NOON).await?);
    assert_eq!((refunded.decision, refunded.seq, refunded.draw), (first.decision, 3, 2));
    assert_eq!((refunded.amount, refunded.balance_after, refunded.replayed), (10, 50, false));
    let grant = used.touched.first().expect("it came from a grant").grant_id;
    let back = refunded.touched.iter().map(|it| (it.grant_id, it.amount)).collect::<Vec<_>>();
    assert_eq!(back, [(grant, 10)]);

    let much = CreditOutcome::RefundRefused(RefundRefusal::TooMuch(50));
    for draw in [row, decision] {
        let outcome = subject.refund(organization, a_refund("much", draw, Some(51)), NOON).await?;
        assert_eq!(outcome, much);
    }
    let rest = subject.refund(organization, a_refund("rest", decision, None), NOON).await?;
    assert_eq!((given_back(rest).amount, subject.summary(organization).await?.balance), (50, 100));
    let none = CreditOutcome::RefundRefused(RefundRefusal::TooMuch(0));
    for amount in [None, Some(1)] {
        let outcome = subject.refund(organization, a_refund("none", row, amount), NOON).await?;
        assert_eq!(outcome, none);
    }
    let rows = subject.entries(organization).await?;
    let row = rows.get(2).expect("it is a row");
    let origin = Origin::Refund { decision: first.decision, key: first.key, draw: used.seq };
    assert_eq!((row.kind, row.amount, &row.origin), (EntryKind::Refunded, 10, &origin));
    assert_eq!(rows.len(), 4);
    subject.all_holds().await
}

/// A key gives back once; a refusal is not kept.
pub async fn a_key_gives_back_once(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.with_credits(100).await?);
    let used = used(subject, organization, ("it", 60)).await?;
    let row = DrawRef::Row(used.seq);
    let outcome = subject.refund(organization, a_refund("key", row, Some(61)), NOON).await?;
    assert_eq!(outcome, CreditOutcome::RefundRefused(RefundRefusal::TooMuch(60)));
    let first = given_back(subject.refund(organization, a_refund("key", row, None), NOON).await?);
    clock.advance(Duration::days(20));
    let again = subject.refund(organization, a_refund("key", row, None), clock.now()).await?;
    assert_eq!(given_back(again), Refunded { replayed: true, ..first });
    let decision = DrawRef::Decision(used.decision);
    for other in [a_refund("key", row, Some(60)), a_refund("key", decision, None)] {
        let outcome = subject.refund(organization, other, clock.now()).await?;
        assert_eq!(outcome, CreditOutcome::KeyReused);
    }
    assert_eq!(subject.summary(organization).await?.balance, 100);
    subject.all_holds().await
}

/// What was settled is given back by its row, or by the hold.
pub async fn what_was_settled_is_given_back(subject: &Subject) -> Promise {
    let organization = subject.with_credits(100).await?;
    let hold = subject.held(organization, a_hold("it", 70), NOON).await?.hold;
    let by_hold = DrawRef::Decision(DecisionId(hold.0));
    let early = subject.refund(organization, a_refund("early", by_hold, None), NOON).await?;
    assert_eq!(early, CreditOutcome::RefundRefused(RefundRefusal::Unknown), "nothing is used yet");
    subject.settle(organization, (hold, Some(40)), NOON).await?;
    let outcome = subject.refund(organization, a_refund("a", by_hold, Some(15)), NOON).await?;
    assert_eq!((given_back(outcome.clone()).draw, given_back(outcome).balance_after), (3, 75));
    let row = DrawRef::Row(3);
    let outcome = subject.refund(organization, a_refund("b", row, None), NOON).await?;
    assert_eq!((given_back(outcome.clone()).amount, given_back(outcome).balance_after), (25, 100));
    subject.all_holds().await
}

/// What is no use, or not one's own, cannot be given back.
pub async fn what_was_not_used_is_not_given_back(subject: &Subject) -> Promise {
    let (own, other) = (subject.with_credits(100).await?, subject.with_credits(100).await?);
    let used = used(subject, own, ("it", 60)).await?;
    let unknown = CreditOutcome::RefundRefused(RefundRefusal::Unknown);
    for draw in
        [DrawRef::Row(1), DrawRef::Row(3), DrawRef::Row(i64::MAX), DrawRef::Decision(a_fresh_id())]
    {
        let outcome = subject.refund(own, a_refund("it", draw, None), NOON).await?;
        assert_eq!(outcome, unknown, "{draw:?}");
    }
    for draw in [DrawRef::Row(used.seq), DrawRef::Decision(used.decision)] {
        let outcome = subject.refund(other, a_refund("it", draw, None), NOON).await?;
        assert_eq!(outcome, unknown, "{draw:?}");
    }
    subject.all_holds().await
}

/// What was used a moment ago, in the same unit, is given back too.
pub async fn a_use_of_the_same_unit_is_given_back(subject: &Subject) -> Promise {
    let organization = subject.with_credits(100).await?;
    let mut work = subject.on_behalf_of(organization).await?;
    let consume = CreditCommand::Consume(a_consume("it", 60));
    work.credits().apply(organization, &consume, NOON).await?;
    for (key, balance) in [("a", 65), ("b", 90)] {
        let refund = CreditCommand::Refund(a_refund(key, DrawRef::Row(2), Some(25)));
        let outcome = work.credits().apply(organization, &refund, NOON).await?;
        assert_eq!(given_back(outcome).balance_after, balance);
    }
    let refund = CreditCommand::Refund(a_refund("c", DrawRef::Row(2), Some(11)));
    let outcome = work.credits().apply(organization, &refund, NOON).await?;
    assert_eq!(outcome, CreditOutcome::RefundRefused(RefundRefusal::TooMuch(10)));
    work.commit().await?;
    assert_eq!(subject.summary(organization).await?.balance, 90);
    subject.all_holds().await
}

/// What returns to a grant whose time is over is lost at once, and the ledger says both.
pub async fn what_returns_too_late_is_lost(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.registered().await?);
    let end = NOON + Duration::HOUR;
    let kind = GrantKind::Promotional;
    let grant = NewGrant { kind, amount: 100, expires_at: Some(end), ..a_grant() };
    subject.grant(organization, grant, NOON).await?;
    let used = used(subject, organization, ("it", 100)).await?;
    clock.advance(Duration::DAY);
    let refund = a_refund("late", DrawRef::Row(used.seq), Some(40));
    let refunded = given_back(subject.refund(organization, refund, clock.now()).await?);
    assert_eq!((refunded.amount, refunded.balance_after), (40, 40));
    let rows = subject.entries(organization).await?;
    let rows: Vec<_> = rows.iter().skip(2).map(|row| (row.kind, row.amount)).collect();
    assert_eq!(rows, [(EntryKind::Refunded, 40), (EntryKind::Expired, -40)]);
    assert_eq!(subject.summary(organization).await?.balance, 0);
    subject.all_holds().await
}

/// What was used from an overdraft comes back as less debt, and as credits once it is repaid.
pub async fn what_was_overdrawn_is_given_back(subject: &Subject) -> Promise {
    let organization = subject.with_credits(100).await?;
    subject.allow(organization, 50).await?;
    let used = used(subject, organization, ("it", 150)).await?;
    assert_eq!(used.balance_after, -50);
    let row = DrawRef::Row(used.seq);
    let outcome = subject.refund(organization, a_refund("a", row, Some(20)), NOON).await?;
    assert_eq!(given_back(outcome).balance_after, -30);
    assert_eq!(subject.summary(organization).await?.overdrawn, 30);
    subject.grant(organization, NewGrant { amount: 30, ..a_grant() }, NOON).await?;
    assert_eq!(subject.summary(organization).await?.overdrawn, 0);
    let outcome = subject.refund(organization, a_refund("b", row, Some(40)), NOON).await?;
    assert_eq!(given_back(outcome).balance_after, 40);
    let summary = subject.summary(organization).await?;
    assert_eq!((summary.balance, summary.overdrawn, summary.grants.len()), (40, 0, 2));
    subject.all_holds().await
}

/// A source's credits are taken back as far as is said, and given again, whatever the order.
pub async fn what_was_given_is_taken_back_as_far_as_is_said(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let source = a_source();
    let grant = NewGrant { amount: 100, source: source.clone(), ..a_grant() };
    subject.grant(organization, grant, NOON).await?;
    let mut rows = 1;
    for (total, more, balance) in
        [(0, 0, 100), (30, 30, 70), (30, 0, 70), (80, 50, 20), (10, -70, 90), (1_000, 90, 0)]
    {
        let outcome = subject.revoke(organization, &source, total).await?;
        assert_eq!(outcome, CreditOutcome::Revoked(Some(more)), "{total}");
        assert_eq!(subject.summary(organization).await?.balance, balance, "{total}");
        rows += usize::from(more != 0);
        assert_eq!(subject.entries(organization).await?.len(), rows, "{total}");
    }
    let outcome = subject.revoke(organization, &a_source(), 10).await?;
    assert_eq!(outcome, CreditOutcome::Revoked(None), "a source that never gave");
    let rows = subject.entries(organization).await?;
    let last = rows.last().expect("there are rows");
    assert_eq!((last.kind, last.amount), (EntryKind::Refunded, -90));
    assert_eq!(last.origin, Origin::Revoke(source));
    subject.all_holds().await
}

/// What is taken back after it was used is owed, and the next credits repay it.
pub async fn what_was_used_before_it_is_taken_back_is_owed(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let source = a_source();
    let grant = NewGrant { amount: 100, source: source.clone(), ..a_grant() };
    subject.grant(organization, grant, NOON).await?;
    used(subject, organization, ("it", 70)).await?;
    subject.revoke(organization, &source, 100).await?;
    let summary = subject.summary(organization).await?;
    assert_eq!((summary.balance, summary.overdrawn, summary.available()), (-70, 70, 0));
    subject.revoke(organization, &source, 90).await?;
    assert_eq!(subject.summary(organization).await?.balance, -60);
    subject.grant(organization, NewGrant { amount: 50, ..a_grant() }, NOON).await?;
    let summary = subject.summary(organization).await?;
    assert_eq!((summary.balance, summary.overdrawn), (-10, 10));
    subject.revoke(organization, &source, 0).await?;
    let summary = subject.summary(organization).await?;
    assert_eq!((summary.balance, summary.overdrawn), (80, 0));
    subject.all_holds().await
}

/// What has not started is taken back before anybody sees it.
pub async fn what_has_not_started_is_taken_back_too(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.registered().await?);
    let source = a_source();
    let starts_at = NOON + Duration::DAY;
    let grant = NewGrant { amount: 100, starts_at, source: source.clone(), ..a_grant() };
    subject.grant(organization, grant, NOON).await?;
    let outcome = subject.revoke(organization, &source, 60).await?;
    assert_eq!(outcome, CreditOutcome::Revoked(Some(60)));
    clock.advance(Duration::days(2));
    subject.book(organization, clock.now()).await?;
    let summary = subject.summary(organization).await?;
    assert_eq!((summary.balance, summary.overdrawn), (40, 0));
    subject.all_holds().await
}

impl Subject {
    /// Says how much of what a source gave is taken back.
    async fn revoke(
        &self,
        organization: OrganizationId,
        source: &Source,
        total: i64,
    ) -> anyhow::Result<CreditOutcome> {
        let revoke = CreditCommand::Revoke(Revoke { source: source.clone(), total });
        Ok(self.credits.apply(organization, revoke, NOON).await?)
    }
}
