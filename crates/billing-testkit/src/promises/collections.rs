//! How the money of invoices is taken.

use std::sync::Arc;

use billing_app::ports::{CurrencyFigures, FailedStatus, Page, PaymentFigures, Scope, Tally};
use billing_domain::{
    checkout::{Charging, Checkout, CheckoutStatus, PaidBy, Purpose},
    collection::{AskedFor, Attempt, AttemptOutcome, Collection, CollectionState, MethodRecord},
    gateway::GatewayRef,
    id::OrganizationId,
    invoice::{Invoice, Issuer},
    money::Money,
    payment::{ChargeFailure, DeclineKind},
    subscription::Subscription,
};
use time::{Duration, OffsetDateTime};

use super::{
    Promise,
    stage::{at_once, dawdle},
};
use crate::{
    NOON, Subject,
    builders::{a_checkout, a_fresh_id, a_reference, an_active_subscription, an_event, an_invoice},
};

const LATER: OffsetDateTime = NOON.saturating_add(Duration::days(3));

impl Subject {
    /// An open invoice of ours whose money is to be taken.
    async fn a_collection(&self, organization_id: OrganizationId) -> anyhow::Result<Collection> {
        let id: OrganizationId = a_fresh_id();
        let number = Some(format!("2026-{}", id.0.simple()));
        let invoice = Invoice { organization_id, issuer: Issuer::Us, number, ..an_invoice() };
        self.save_invoice(&invoice).await?;
        let collection = Collection::begun((organization_id, invoice.id), None, NOON);
        self.save_collection(&collection).await?;
        Ok(collection)
    }

    async fn save_collection(&self, collection: &Collection) -> Promise {
        let mut work = self.engine().await?;
        work.collections().save(collection, &[an_event(collection.organization_id)]).await?;
        work.commit().await?;
        Ok(())
    }

    /// Records an attempt, and how it ended.
    async fn attempted(
        &self,
        collection: &mut Collection,
        (method, at): (&GatewayRef, OffsetDateTime),
        outcome: AttemptOutcome,
    ) -> Promise {
        let invoice_id = collection.invoice_id;
        let attempt = collection.next_number();
        let amount = Money::new(2_900, an_invoice().paid.currency());
        let checkout = Checkout {
            organization_id: collection.organization_id,
            purpose: Purpose::Invoice { invoice_id, attempt, amount },
            paid_by: PaidBy::SavedMethod(method.clone()),
            status: CheckoutStatus::Pending,
            ..a_checkout()
        };
        self.save_checkout(&checkout).await?;
        let ended_at = (outcome != AttemptOutcome::Pending).then_some(at + Duration::SECOND);
        collection.attempts.push(Attempt {
            checkout_id: checkout.id,
            method: method.clone(),
            at,
            outcome,
            ended_at,
            asked_for: (attempt > 1).then(|| AskedFor {
                actor: "api_key 1".to_owned(),
                reason: "they asked".to_owned(),
            }),
        });
        self.save_collection(collection).await
    }
}

/// Every field comes back, in every state; what is saved again is changed, not doubled.
pub async fn collections_come_back_as_they_were(subject: &Subject) -> Promise {
    let own = subject.registered().await?;
    let subscription = Subscription { organization_id: own, ..an_active_subscription() };
    subject.save_subscription(&subscription).await?;
    let plain = subject.a_collection(own).await?;
    let mut rich = Collection {
        subscription_id: Some(subscription.id),
        failed_at: Some(NOON + Duration::SECOND),
        failure: Some(ChargeFailure::InsufficientFunds),
        retry_at: Some(LATER),
        ..subject.a_collection(own).await?
    };
    let method = a_reference("pm");
    let failures = ChargeFailure::ALL.map(AttemptOutcome::Failed).into_iter();
    for outcome in failures.chain([AttemptOutcome::Succeeded, AttemptOutcome::Pending]) {
        subject.attempted(&mut rich, (&method, LATER), outcome).await?;
    }
    let charging = Charging { checkout: a_fresh_id(), since: LATER };
    for state in [
        CollectionState::Charging(charging),
        CollectionState::Collected { at: LATER },
        CollectionState::GivenUp { at: LATER },
        CollectionState::Void { at: LATER },
        CollectionState::Open,
    ] {
        let next_due_at = state.is_open().then_some(LATER);
        rich = Collection { state, next_due_at, ..rich };
        subject.save_collection(&rich).await?;
        for expected in [&plain, &rich] {
            let mut work = subject.engine().await?;
            let found = work.collections().find(own, expected.invoice_id).await?;
            assert_eq!(found.as_ref(), Some(expected));
        }
    }
    let mut work = subject.engine().await?;
    assert_eq!(work.collections().find(own, a_fresh_id()).await?, None);
    Ok(())
}

/// Those of one organization, the oldest first.
pub async fn open_collections_are_those_that_have_not_ended(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let first = subject.a_collection(own).await?;
    let ended = subject.a_collection(own).await?;
    let at = LATER;
    for state in [
        CollectionState::Collected { at },
        CollectionState::GivenUp { at },
        CollectionState::Void { at },
    ] {
        let ended = Collection { state, next_due_at: None, ..ended.clone() };
        subject.save_collection(&ended).await?;
        let found = subject.engine().await?.collections().open(own).await?;
        assert_eq!(found, std::slice::from_ref(&first));
    }
    let charging = CollectionState::Charging(Charging { checkout: a_fresh_id(), since: at });
    let second = Collection { state: charging, ..subject.a_collection(own).await? };
    subject.save_collection(&second).await?;
    subject.a_collection(other).await?;
    assert_eq!(subject.engine().await?.collections().open(own).await?, [first, second]);
    Ok(())
}

/// How often it was charged after an instant, and whether ever refused for good: for any invoice of
/// the organization, and of no other.
pub async fn a_method_is_known_over_all_invoices(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let [method, another] = [a_reference("pm"), a_reference("pm")];
    let soft = AttemptOutcome::Failed(ChargeFailure::Declined);
    let hard = AttemptOutcome::Failed(ChargeFailure::LostOrStolen);
    for (owner, method, at, outcome) in [
        (own, &method, NOON, soft),
        (own, &method, LATER, soft),
        (own, &another, NOON, hard),
        (other, &method, LATER, hard),
    ] {
        let mut collection = subject.a_collection(owner).await?;
        subject.attempted(&mut collection, (method, at), outcome).await?;
    }
    let mut work = subject.engine().await?;
    let before = NOON - Duration::SECOND;
    for (owner, method, since, attempts, refused_for_good) in [
        (own, &method, before, 2, false),
        (own, &method, NOON, 1, false),
        (own, &method, LATER, 0, false),
        (own, &another, LATER, 0, true),
        (other, &method, before, 1, true),
        (other, &another, before, 0, false),
    ] {
        let found = work.collections().record_of(owner, method, since).await?;
        assert_eq!(found, MethodRecord { attempts, refused_for_good });
    }
    Ok(())
}

/// Nobody sees or writes another's.
pub async fn a_collection_stays_in_its_scope(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let mut collection = subject.a_collection(own).await?;
    let method = a_reference("pm");
    let hard = AttemptOutcome::Failed(ChargeFailure::NotPermitted);
    subject.attempted(&mut collection, (&method, LATER), hard).await?;
    let mut work = subject.on_behalf_of(other).await?;
    assert_eq!(work.collections().find(own, collection.invoice_id).await?, None);
    assert_eq!(work.collections().open(own).await?, []);
    let record = work.collections().record_of(own, &method, NOON).await?;
    assert_eq!(record, MethodRecord::default());
    assert!(work.collections().save(&collection, &[]).await.is_err());
    drop(work);
    let mut work = subject.on_behalf_of(own).await?;
    assert_eq!(work.collections().open(own).await?, [collection]);
    Ok(())
}

/// What is found is held: of many at once each sees what the one before did.
pub async fn a_collection_that_is_found_is_held(subject: &Subject) -> Promise {
    let own = subject.registered().await?;
    let id = subject.a_collection(own).await?.invoice_id;
    let tasks = (0..8).map(|n| {
        let store = Arc::clone(&subject.store);
        async move {
            let mut work = store.begin(Scope::Engine).await?;
            let found = if n % 2 == 0 {
                work.collections().find(own, id).await?
            } else {
                work.collections().open(own).await?.pop()
            };
            let collection = found.expect("it was saved");
            dawdle(&mut *work).await?;
            let created_at = collection.created_at + Duration::SECOND;
            work.collections().save(&Collection { created_at, ..collection }, &[]).await?;
            work.commit().await
        }
    });
    for done in at_once(tasks).await {
        done?;
    }
    let found = subject.engine().await?.collections().find(own, id).await?;
    assert_eq!(found.map(|it| it.created_at), Some(NOON + Duration::seconds(8)));
    Ok(())
}

/// What is due is named, what waits longest first; and when the next is due.
pub async fn collections_are_due_in_time(subject: &Subject) -> Promise {
    assert_eq!(subject.collections.next_collection_due_at().await?, None);
    let own = subject.registered().await?;
    let mut expected = Vec::new();
    for days in [2, 1, 3] {
        let next_due_at = Some(NOON + Duration::days(days));
        let collection = Collection { next_due_at, ..subject.a_collection(own).await? };
        subject.save_collection(&collection).await?;
        expected.push((own, collection.invoice_id));
    }
    let state = CollectionState::Collected { at: NOON };
    let over = Collection { state, next_due_at: None, ..subject.a_collection(own).await? };
    subject.save_collection(&over).await?;
    expected.swap(0, 1);
    let at = |days| NOON + Duration::days(days);
    for (now, limit, due) in [(at(1), 9, 1), (at(2), 9, 2), (at(9), 9, 3), (at(9), 2, 2)] {
        let found = subject.collections.collections_due(now, limit).await?;
        assert_eq!(found, expected.iter().take(due).copied().collect::<Vec<_>>());
    }
    let before = subject.collections.collections_due(at(1) - Duration::MICROSECOND, 9).await?;
    assert!(before.is_empty());
    assert_eq!(subject.collections.next_collection_due_at().await?, Some(at(1)));
    Ok(())
}

/// What failed, the newest first, page after page, and by what became of it.
pub async fn failed_payments_are_listed(subject: &Subject) -> Promise {
    let own = subject.registered().await?;
    subject.a_collection(own).await?;
    let states = [
        (FailedStatus::AtRisk, CollectionState::Open),
        (FailedStatus::Recovered, CollectionState::Collected { at: LATER }),
        (FailedStatus::GivenUp, CollectionState::GivenUp { at: LATER }),
        (FailedStatus::Void, CollectionState::Void { at: LATER }),
    ];
    let mut all = Vec::new();
    for (status, state) in states {
        let mut failed = Collection {
            state,
            failed_at: Some(NOON),
            failure: Some(ChargeFailure::Declined),
            next_due_at: state.is_open().then_some(LATER),
            ..subject.a_collection(own).await?
        };
        let outcome = AttemptOutcome::Failed(ChargeFailure::Declined);
        subject.attempted(&mut failed, (&a_reference("pm"), NOON), outcome).await?;
        let page = Page { after: None, limit: 9 };
        let found = subject.collections.failed_payments(Some(status), page).await?;
        let [found] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((&found.collection, found.total.minor()), (&failed, 2_900));
        assert!(found.number.is_some());
        all.insert(0, failed);
    }
    let mut listed = Vec::new();
    let mut after = None;
    for _ in 0..3 {
        let page = subject.collections.failed_payments(None, Page { after, limit: 3 }).await?;
        after = page.last().map(|it| it.collection.invoice_id).or(after);
        listed.extend(page.into_iter().map(|it| it.collection));
    }
    assert_eq!(listed, all);
    Ok(())
}

/// Attempts by how they ended, invoices by what became of them, within a time; and what is at risk
/// now.
pub async fn payments_are_counted(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let none = subject.collections.payment_figures(NOON, LATER).await?;
    assert_eq!(none, PaymentFigures::default());
    let soft = AttemptOutcome::Failed(ChargeFailure::Declined);
    let hard = AttemptOutcome::Failed(ChargeFailure::LostOrStolen);
    let before = NOON - Duration::DAY;
    let collected = CollectionState::Collected { at: LATER };
    let given_up = CollectionState::GivenUp { at: LATER };
    let void = CollectionState::Void { at: LATER };
    for (owner, created_at, state, outcomes) in [
        (own, LATER, collected, vec![AttemptOutcome::Succeeded]),
        (own, LATER, collected, vec![soft, soft, AttemptOutcome::Succeeded]),
        (other, LATER, given_up, vec![hard]),
        (other, LATER, void, vec![soft]),
        (own, LATER, CollectionState::Open, vec![soft]),
        (own, LATER, CollectionState::Open, vec![]),
        (own, before, CollectionState::Open, vec![hard]),
    ] {
        let first = outcomes.first().and_then(|outcome| outcome.failure());
        let mut collection = Collection {
            created_at,
            state,
            failed_at: first.map(|_| created_at),
            failure: first,
            next_due_at: state.is_open().then_some(LATER),
            ..subject.a_collection(owner).await?
        };
        for outcome in outcomes {
            let method = a_reference("pm");
            subject.attempted(&mut collection, (&method, created_at), outcome).await?;
        }
        subject.save_collection(&collection).await?;
    }
    let found = subject.collections.payment_figures(NOON, LATER).await?;
    let of = |invoices| Tally { invoices, amount: invoices * 2_900 };
    let expected = PaymentFigures {
        succeeded: 2,
        failed: vec![(DeclineKind::Hard, 1), (DeclineKind::Soft, 4)],
        pending: 0,
        by_currency: vec![CurrencyFigures {
            currency: an_invoice().paid.currency(),
            at_once: of(1),
            failed_first: of(4),
            recovered: of(1),
            given_up: of(2),
            at_risk: of(2),
        }],
    };
    assert_eq!(found, expected);
    Ok(())
}
