//! Changes that were asked for, and subscriptions that are one too many.

use billing_app::Error;
use billing_domain::{
    currency::Currency,
    gateway::GatewayRef,
    money::Money,
    subscription::{Actor, ChangeRequest, Duplicate, Fate, Resumption, Subscription, When, Wish},
};
use time::Duration;

use super::Promise;
use crate::{
    NOON, Subject,
    builders::{
        a_change_request, a_duplicate, a_fresh_id, a_reference, an_active_subscription, an_event,
    },
};

const LATER: time::OffsetDateTime = NOON.saturating_add(Duration::days(3));

impl Subject {
    async fn subscribed(&self) -> anyhow::Result<Subscription> {
        let organization_id = self.registered().await?;
        let subscription = Subscription { organization_id, ..an_active_subscription() };
        self.save_subscription(&subscription).await?;
        Ok(subscription)
    }

    async fn save_request(&self, request: &ChangeRequest) -> Result<(), Error> {
        let mut work = self.engine().await?;
        work.change_requests().save(request, &[an_event(request.organization_id)]).await?;
        work.commit().await
    }

    pub(super) async fn save_duplicate(&self, duplicate: &Duplicate) -> Promise {
        let mut work = self.engine().await?;
        work.duplicates().save(duplicate, &[an_event(duplicate.organization_id)]).await?;
        Ok(work.commit().await?)
    }
}

/// Every field comes back, for every wish and in every fate, and only to its owner.
pub async fn change_requests_come_back_as_they_were(subject: &Subject) -> Promise {
    let subscription = subject.subscribed().await?;
    let other = subject.registered().await?;
    let wishes = [
        Wish::Change { price_id: subscription.price_id, quantity: 3, when: When::Now },
        Wish::Cancel { when: When::Now },
        Wish::Cancel { when: When::PeriodEnd },
        Wish::Pause { resumes_at: None },
        Wish::Pause { resumes_at: Some(LATER) },
        Wish::Resume(Resumption::Cancellation),
        Wish::Resume(Resumption::ScheduledChange),
        Wish::Resume(Resumption::Pause),
    ];
    let fates = [
        Fate::Pending,
        Fate::Scheduled { at: LATER },
        Fate::Failed { why: "no money".to_owned() },
        Fate::Withdrawn,
        Fate::Done,
    ];
    let owner = subscription.organization_id;
    for wish in wishes {
        let mut request = ChangeRequest {
            wish,
            actor: Actor::Admin,
            proration_at: NOON + Duration::SECOND,
            look_at: LATER,
            ..a_change_request(&subscription)
        };
        for fate in fates.clone() {
            request.fate = fate;
            subject.save_request(&request).await?;
            let mut work = subject.engine().await?;
            let found = work.change_requests().find(owner, request.id).await?;
            assert_eq!(found.as_ref(), Some(&request));
            let open = work.change_requests().open(owner, subscription.id).await?;
            let expected: &[_] =
                if request.fate.is_open() { core::slice::from_ref(&request) } else { &[] };
            assert_eq!(open, expected);
            assert_eq!(work.change_requests().find(other, request.id).await?, None);
            drop(work);
            assert_eq!(subject.subscriptions.open_changes(owner).await?, expected);
            assert_eq!(subject.subscriptions.open_changes(other).await?, []);
            let mut foreign = subject.on_behalf_of(other).await?;
            assert_eq!(foreign.change_requests().find(owner, request.id).await?, None);
        }
    }
    Ok(())
}

/// Until it is known what became of a request there is no other.
pub async fn a_subscription_has_one_pending_request_and_one_scheduled(
    subject: &Subject,
) -> Promise {
    let subscription = subject.subscribed().await?;
    let with = |fate| ChangeRequest { fate, ..a_change_request(&subscription) };
    let (pending, scheduled) = (with(Fate::Pending), with(Fate::Scheduled { at: LATER }));
    subject.save_request(&pending).await?;
    subject.save_request(&scheduled).await?;
    for fate in [Fate::Pending, Fate::Scheduled { at: NOON }] {
        let second = subject.save_request(&with(fate)).await;
        assert!(matches!(second, Err(Error::Conflict(_))), "{second:?}");
    }
    for fate in [Fate::Done, Fate::Withdrawn] {
        subject.save_request(&with(fate)).await?;
    }
    subject.save_request(&ChangeRequest { fate: Fate::Done, ..pending }).await?;
    subject.save_request(&with(Fate::Pending)).await?;
    let elsewhere = subject.subscribed().await?;
    subject.save_request(&a_change_request(&elsewhere)).await?;
    Ok(())
}

/// Those that wait longest come first, and only while something is to come of them.
pub async fn requests_are_due_while_they_are_open(subject: &Subject) -> Promise {
    let (first, second) = (subject.subscribed().await?, subject.subscribed().await?);
    let early = ChangeRequest { look_at: NOON, ..a_change_request(&first) };
    let late = ChangeRequest { look_at: LATER, ..a_change_request(&second) };
    for request in [&late, &early] {
        subject.save_request(request).await?;
    }
    let named = |it: &ChangeRequest| (it.organization_id, it.id);
    let next = async || subject.subscriptions.next_change_due_at().await;
    assert_eq!(next().await?, Some(NOON));
    let due = async |now, limit| subject.subscriptions.changes_due(now, limit).await;
    assert_eq!(due(NOON - Duration::MICROSECOND, 9).await?, []);
    assert_eq!(due(NOON, 9).await?, [named(&early)]);
    assert_eq!(due(LATER, 9).await?, [named(&early), named(&late)]);
    assert_eq!(due(LATER, 1).await?, [named(&early)]);
    subject.save_request(&ChangeRequest { fate: Fate::Done, ..early }).await?;
    assert_eq!(due(LATER, 9).await?, [named(&late)]);
    assert_eq!(next().await?, Some(LATER));
    subject.save_request(&ChangeRequest { fate: Fate::Withdrawn, ..late }).await?;
    assert_eq!(next().await?, None);
    Ok(())
}

/// Every field comes back, and what is saved again is changed, not doubled.
pub async fn duplicates_come_back_as_they_were(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let plain = a_duplicate(own);
    let rich = Duplicate {
        refund: Some((a_reference("pi"), Money::new(900, Currency::EUR))),
        settled: true,
        refund_id: a_fresh_id(),
        look_at: LATER,
        ..plain.clone()
    };
    for duplicate in [plain, rich] {
        subject.save_duplicate(&duplicate).await?;
        let mut work = subject.engine().await?;
        let found = work.duplicates().find(own, &duplicate.reference).await?;
        assert_eq!(found.as_ref(), Some(&duplicate));
        assert_eq!(work.duplicates().find(other, &duplicate.reference).await?, None);
        let unknown: GatewayRef = a_reference("sub");
        assert_eq!(work.duplicates().find(own, &unknown).await?, None);
    }
    Ok(())
}

/// Those that wait longest come first, until nothing is left to do.
pub async fn duplicates_are_due_until_they_are_settled(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let early = a_duplicate(own);
    let late = Duplicate { look_at: LATER, ..a_duplicate(other) };
    for duplicate in [&late, &early] {
        subject.save_duplicate(duplicate).await?;
    }
    let named = |it: &Duplicate| (it.organization_id, it.reference.clone());
    let due = async |now| subject.subscriptions.duplicates_due(now, 9).await;
    assert_eq!(due(NOON - Duration::MICROSECOND).await?, []);
    assert_eq!(due(LATER).await?, [named(&early), named(&late)]);
    subject.save_duplicate(&Duplicate { settled: true, ..early }).await?;
    assert_eq!(due(LATER).await?, [named(&late)]);
    Ok(())
}
