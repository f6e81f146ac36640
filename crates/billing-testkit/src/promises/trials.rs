//! Trials, who has had one, and renewals.

use std::sync::Arc;

use billing_app::ports::{Claimant, Scope, TrialClaim, TrialCohort};
use billing_domain::{
    checkout::{Charging, Checkout, CheckoutStatus, PaidBy, Purpose},
    currency::Currency,
    id::OrganizationId,
    invoice::Invoice,
    money::Money,
    renewal::Renewal,
    subscription::Subscription,
    trial::{Trial, TrialCounts, TrialState},
};
use time::{Duration, OffsetDateTime, macros::datetime};

use super::{
    Promise,
    stage::{at_once, dawdle},
};
use crate::{
    NOON, Subject,
    builders::{
        a_checkout, a_fresh_id, a_price_of, a_reference, a_subscription_on_trial, a_trial,
        an_event, an_invoice,
    },
};

const LATER: OffsetDateTime = NOON.saturating_add(Duration::days(3));

impl Subject {
    /// An organization on trial, with the subscription.
    async fn on_trial(&self) -> anyhow::Result<(Subscription, Trial)> {
        let organization_id = self.registered().await?;
        let subscription = Subscription { organization_id, ..a_subscription_on_trial() };
        let trial = a_trial(&subscription);
        self.save_subscription(&subscription).await?;
        self.save_trial(&trial).await?;
        Ok((subscription, trial))
    }

    async fn save_trial(&self, trial: &Trial) -> Promise {
        let mut work = self.engine().await?;
        work.trials().save(trial, &[an_event(trial.organization_id)]).await?;
        work.commit().await?;
        Ok(())
    }

    async fn save_renewal(&self, renewal: &Renewal) -> Promise {
        let mut work = self.engine().await?;
        work.renewals().save(renewal).await?;
        work.commit().await?;
        Ok(())
    }
}

fn a_charge() -> Charging {
    Charging { checkout: a_fresh_id(), since: LATER }
}

fn a_renewal(of: &Subscription) -> Renewal {
    Renewal {
        organization_id: of.organization_id,
        subscription_id: of.id,
        anchor: NOON,
        next_due_at: Some(LATER),
    }
}

/// The same for the same name.
fn claim(by: Claimant, name: u8) -> TrialClaim {
    TrialClaim { by, digest: [name; 32] }
}

/// Every field comes back, in every state; what is saved again is changed, not doubled.
pub async fn trials_come_back_as_they_were(subject: &Subject) -> Promise {
    let (subscription, plain) = subject.on_trial().await?;
    let own = subscription.organization_id;
    assert_eq!(subject.trials.trial(own).await?.as_ref(), Some(&plain));
    let states = [
        TrialState::Charging(a_charge()),
        TrialState::Converted { at: LATER },
        TrialState::Expired { at: LATER },
        TrialState::Cancelled { at: LATER },
        TrialState::Running,
    ];
    for state in states {
        let trial = Trial {
            ends_at: LATER,
            extensions: 2,
            extra_days: 14,
            reminded: Some(1),
            state,
            next_due_at: state.is_open().then_some(LATER),
            ..plain.clone()
        };
        subject.save_trial(&trial).await?;
        let found = subject.engine().await?.trials().find(own).await?;
        assert_eq!(found.as_ref(), Some(&trial));
        assert_eq!(subject.trials.trial(own).await?, Some(trial));
    }
    let other = subject.registered().await?;
    assert_eq!(subject.trials.trial(other).await?, None);
    Ok(())
}

/// Every field comes back, with and without something that is due.
pub async fn renewals_come_back_as_they_were(subject: &Subject) -> Promise {
    let (subscription, _) = subject.on_trial().await?;
    let (own, id) = (subscription.organization_id, subscription.id);
    assert_eq!(subject.engine().await?.renewals().find(own, id).await?, None);
    let plain = a_renewal(&subscription);
    let ended = Renewal { next_due_at: None, anchor: LATER, ..plain.clone() };
    for renewal in [plain, ended] {
        subject.save_renewal(&renewal).await?;
        let found = subject.engine().await?.renewals().find(own, id).await?;
        assert_eq!(found, Some(renewal));
    }
    Ok(())
}

/// A subscription without a gateway, and a charge of an invoice.
pub async fn what_our_engine_bills_comes_back_as_it_was(subject: &Subject) -> Promise {
    let (subscription, _) = subject.on_trial().await?;
    let (own, id) = (subscription.organization_id, subscription.id);
    let mut work = subject.engine().await?;
    assert_eq!(work.subscriptions().find(own, id).await?.as_ref(), Some(&subscription));
    let other = a_fresh_id();
    assert_eq!(work.subscriptions().find(other, id).await?, None, "it is nobody else's");
    drop(work);
    assert_eq!(subject.subscription(own).await?.as_ref(), Some(&subscription));
    let states = [
        CheckoutStatus::Pending,
        CheckoutStatus::Completed(a_reference("pi")),
        CheckoutStatus::Expired,
    ];
    let invoice = Invoice { organization_id: own, ..an_invoice() };
    subject.save_invoice(&invoice).await?;
    let charge = Checkout {
        organization_id: own,
        purpose: Purpose::Invoice {
            invoice_id: invoice.id,
            attempt: 2,
            amount: Money::new(2_900, Currency::USD),
        },
        paid_by: PaidBy::SavedMethod(a_reference("pm")),
        ..a_checkout()
    };
    for status in states {
        let charge = Checkout { status, ..charge.clone() };
        subject.save_checkout(&charge).await?;
        let found = subject.engine().await?.checkouts().find(own, charge.id).await?;
        assert_eq!(found, Some(charge));
    }
    Ok(())
}

/// One organization neither sees nor changes the trial and the renewal of another.
pub async fn a_trial_stays_in_its_scope(subject: &Subject) -> Promise {
    let own = subject.registered().await?;
    let (subscription, trial) = subject.on_trial().await?;
    let (other, id) = (subscription.organization_id, subscription.id);
    let renewal = a_renewal(&subscription);
    subject.save_renewal(&renewal).await?;
    let mut work = subject.on_behalf_of(own).await?;
    assert_eq!(work.trials().find(other).await?, None);
    assert_eq!(work.renewals().find(other, id).await?, None);
    assert_eq!(work.subscriptions().find(other, id).await?, None);
    let changed = Trial { extensions: 1, ..trial.clone() };
    assert!(work.trials().save(&changed, &[]).await.is_err());
    drop(work);
    let mut work = subject.on_behalf_of(own).await?;
    assert!(work.renewals().save(&Renewal { next_due_at: None, ..renewal.clone() }).await.is_err());
    drop(work);
    let mut work = subject.on_behalf_of(own).await?;
    assert!(work.trials().claim(other, &[claim(Claimant::User, 1)]).await.is_err());
    drop(work);
    let mut work = subject.on_behalf_of(other).await?;
    assert_eq!(work.trials().find(other).await?, Some(trial));
    assert_eq!(work.renewals().find(other, id).await?, Some(renewal));
    Ok(())
}

/// What is found is held: of many at once each sees what the one before did.
pub async fn a_trial_that_is_found_is_held(subject: &Subject) -> Promise {
    let (subscription, _) = subject.on_trial().await?;
    let (own, id) = (subscription.organization_id, subscription.id);
    subject.save_renewal(&a_renewal(&subscription)).await?;
    let tasks = (0..8).map(|_| {
        let store = Arc::clone(&subject.store);
        async move {
            let mut work = store.begin(Scope::Engine).await?;
            let trial = work.trials().find(own).await?.expect("it was saved");
            let renewal = work.renewals().find(own, id).await?.expect("it was saved");
            dawdle(&mut *work).await?;
            let counted = Trial { extensions: trial.extensions + 1, ..trial };
            work.trials().save(&counted, &[]).await?;
            let anchor = renewal.anchor + Duration::SECOND;
            work.renewals().save(&Renewal { anchor, ..renewal }).await?;
            work.commit().await
        }
    });
    for done in at_once(tasks).await {
        done?;
    }
    assert_eq!(subject.trials.trial(own).await?.map(|it| it.extensions), Some(8));
    let renewal = subject.engine().await?.renewals().find(own, id).await?;
    assert_eq!(renewal.map(|it| it.anchor), Some(NOON + Duration::seconds(8)));
    Ok(())
}

/// Who has had a trial is known again, by any of the names, in any organization; unless the unit
/// was abandoned.
pub async fn a_person_tries_once(subject: &Subject) -> Promise {
    let (first, second) = subject.two_registered().await?;
    let [email, user] = [claim(Claimant::Email, 1), claim(Claimant::User, 1)];
    let mut abandoned = subject.on_behalf_of(second).await?;
    assert_eq!(abandoned.trials().claim(second, &[email, user]).await?, None);
    drop(abandoned);

    let mut work = subject.on_behalf_of(first).await?;
    assert_eq!(work.trials().claim(first, &[user, email]).await?, None);
    work.commit().await?;
    for (claims, expected) in [
        ([email, claim(Claimant::User, 2)], Some(Claimant::Email)),
        ([claim(Claimant::Email, 2), user], Some(Claimant::User)),
        ([claim(Claimant::Email, 2), claim(Claimant::User, 2)], None),
    ] {
        let mut work = subject.on_behalf_of(second).await?;
        assert_eq!(work.trials().claim(second, &claims).await?, expected);
    }
    let mut work = subject.on_behalf_of(first).await?;
    let again = work.trials().claim(first, &[email]).await?;
    assert_eq!(again, Some(Claimant::Email), "its own as well");
    Ok(())
}

/// Of many organizations that try at once for one person, one does; whatever the order of names.
pub async fn a_person_tries_once_at_the_same_time(subject: &Subject) -> Promise {
    let mut organizations = Vec::new();
    for _ in 0..8 {
        organizations.push(subject.registered().await?);
    }
    let tasks = organizations.into_iter().enumerate().map(|(n, organization)| {
        let store = Arc::clone(&subject.store);
        let mut claims = vec![claim(Claimant::Email, 7), claim(Claimant::User, 7)];
        if n % 2 == 1 {
            claims.reverse();
        }
        async move {
            let mut work = store.begin(Scope::Organization(organization)).await?;
            let taken = work.trials().claim(organization, &claims).await?;
            if taken.is_some() {
                return Ok(false);
            }
            dawdle(&mut *work).await?;
            work.commit().await.map(|()| true)
        }
    });
    let mut won = 0;
    for done in at_once(tasks).await {
        won += usize::from(done?);
    }
    assert_eq!(won, 1);
    Ok(())
}

/// What is due is named, what waits longest first; and when the next is due.
pub async fn trials_and_renewals_are_due_in_time(subject: &Subject) -> Promise {
    assert_eq!(subject.trials.next_trial_due_at().await?, None);
    assert_eq!(subject.trials.next_renewal_due_at().await?, None);
    let mut expected: Vec<(OrganizationId, _)> = Vec::new();
    for days in [2, 1, 3] {
        let (subscription, trial) = subject.on_trial().await?;
        let next_due_at = Some(NOON + Duration::days(days));
        subject.save_trial(&Trial { next_due_at, ..trial }).await?;
        subject.save_renewal(&Renewal { next_due_at, ..a_renewal(&subscription) }).await?;
        expected.push((subscription.organization_id, subscription.id));
    }
    let (over, trial) = subject.on_trial().await?;
    let state = TrialState::Expired { at: NOON };
    subject.save_trial(&Trial { state, next_due_at: None, ..trial }).await?;
    subject.save_renewal(&Renewal { next_due_at: None, ..a_renewal(&over) }).await?;

    expected.swap(0, 1);
    let at = |days| NOON + Duration::days(days);
    for (now, limit, due) in [(at(1), 9, 1), (at(2), 9, 2), (at(9), 9, 3), (at(9), 2, 2)] {
        let trials = subject.trials.trials_due(now, limit).await?;
        let renewals = subject.trials.renewals_due(now, limit).await?;
        assert_eq!(renewals, expected.iter().take(due).copied().collect::<Vec<_>>());
        assert_eq!(trials, renewals.iter().map(|(owner, _)| *owner).collect::<Vec<_>>());
    }
    assert!(subject.trials.trials_due(at(1) - Duration::MICROSECOND, 9).await?.is_empty());
    assert_eq!(subject.trials.next_trial_due_at().await?, Some(at(1)));
    assert_eq!(subject.trials.next_renewal_due_at().await?, Some(at(1)));
    Ok(())
}

/// How trials went, by plan version and by the month of UTC in which they began.
pub async fn trials_are_counted(subject: &Subject) -> Promise {
    let now = datetime!(2026-05-20 12:00 UTC);
    let march = datetime!(2026-03-31 23:59:59 UTC);
    let april = datetime!(2026-04-01 0:00 UTC);
    let trials = [
        (march, TrialState::Converted { at: march + Duration::days(14) }),
        (april, TrialState::Converted { at: april + Duration::days(21) }),
        (april, TrialState::Running),
        (april, TrialState::Charging(a_charge())),
        (april, TrialState::Expired { at: now }),
        (april, TrialState::Cancelled { at: now - Duration::days(30) }),
    ];
    for (started_at, state) in trials {
        let (_, trial) = subject.on_trial().await?;
        let (ends_at, next_due_at) = (now, state.is_open().then_some(now));
        subject.save_trial(&Trial { started_at, ends_at, state, next_due_at, ..trial }).await?;
    }
    let counts = TrialCounts {
        started: 5,
        active: 2,
        converted: 1,
        expired: 1,
        cancelled: 1,
        recently_ended: 2,
        recently_converted: 1,
        seconds_to_convert: 21 * 86_400,
    };
    let old = TrialCounts {
        started: 1,
        converted: 1,
        seconds_to_convert: 14 * 86_400,
        ..TrialCounts::default()
    };
    let plan_version_id = a_price_of("growth").0.id;
    let expected = [
        TrialCohort { plan_version_id, month: datetime!(2026-03-01 0:00 UTC), counts: old },
        TrialCohort { plan_version_id, month: april, counts },
    ];
    assert_eq!(subject.trials.trial_counts(now).await?, expected);
    Ok(())
}
