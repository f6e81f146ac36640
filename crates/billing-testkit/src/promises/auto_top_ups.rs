//! Auto top-ups of credits, and the charges that they make.

use billing_domain::{
    auto_top_up::AutoTopUp,
    checkout::{Checkout, CheckoutStatus, PaidBy},
    currency::Currency,
    id::OrganizationId,
    money::Money,
};
use time::Duration;

use super::{
    Promise,
    stage::{at_once, dawdle},
};
use crate::{
    NOON, Subject,
    builders::{a_checkout, a_fresh_id, a_grant, a_reference, an_auto_top_up, an_event},
};

impl Subject {
    async fn save_top_up(&self, top_up: &AutoTopUp) -> Promise {
        let mut work = self.engine().await?;
        work.auto_top_ups().save(top_up, &[an_event(top_up.organization_id)]).await?;
        work.commit().await?;
        Ok(())
    }
}

/// Every field comes back, and what is saved again is changed, not doubled.
pub async fn auto_top_ups_come_back_as_they_were(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let plain = AutoTopUp { organization_id: own, ..an_auto_top_up() };
    let rich = AutoTopUp {
        enabled: false,
        threshold: 1 << 50,
        monthly_cap: Money::new(1 << 40, Currency::EUR),
        pending: Some(a_fresh_id()),
        failures: 2,
        look_at: NOON + Duration::MICROSECOND,
        ..plain.clone()
    };
    assert_eq!(subject.money.auto_top_up(own).await?, None);
    for top_up in [plain, rich] {
        subject.save_top_up(&top_up).await?;
        let found = subject.engine().await?.auto_top_ups().find(own).await?;
        assert_eq!(found.as_ref(), Some(&top_up));
        assert_eq!(subject.money.auto_top_up(own).await?, Some(top_up));
    }
    assert_eq!(subject.engine().await?.auto_top_ups().find(other).await?, None);
    Ok(())
}

/// One organization neither sees nor changes that of another.
pub async fn an_auto_top_up_stays_in_its_scope(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let top_up = AutoTopUp { organization_id: other, ..an_auto_top_up() };
    subject.save_top_up(&top_up).await?;
    let mut work = subject.on_behalf_of(own).await?;
    assert_eq!(work.auto_top_ups().find(other).await?, None);
    assert!(work.auto_top_ups().balance(other).await.is_err());
    let changed = AutoTopUp { threshold: 1, ..top_up.clone() };
    assert!(work.auto_top_ups().save(&changed, &[]).await.is_err());
    drop(work);
    let mut work = subject.on_behalf_of(other).await?;
    assert_eq!(work.auto_top_ups().find(other).await?, Some(top_up));
    Ok(())
}

/// What is found is held: nobody counts a failure that another has not seen.
pub async fn an_auto_top_up_that_is_found_is_held(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    subject.save_top_up(&AutoTopUp { organization_id, ..an_auto_top_up() }).await?;
    let tasks = (0..8).map(|_| {
        let store = subject.store.clone();
        async move {
            let mut work = store.begin(billing_app::ports::Scope::Engine).await?;
            let found = work.auto_top_ups().find(organization_id).await?;
            let found = found.expect("it was saved");
            dawdle(&mut *work).await?;
            let counted = AutoTopUp { failures: found.failures + 1, ..found };
            work.auto_top_ups().save(&counted, &[]).await?;
            work.commit().await
        }
    });
    for done in at_once(tasks).await {
        done?;
    }
    let found = subject.money.auto_top_up(organization_id).await?;
    assert_eq!(found.map(|it| it.failures), Some(8));
    Ok(())
}

/// It is time to look at those that are low and switched on, and at those under way.
pub async fn top_ups_are_due_when_credits_are_low_or_a_charge_is_under_way(
    subject: &Subject,
) -> Promise {
    let low = async |change: fn(&mut AutoTopUp), credits| {
        let organization_id = subject.registered().await?;
        let mut top_up = AutoTopUp { organization_id, ..an_auto_top_up() };
        change(&mut top_up);
        subject.save_top_up(&top_up).await?;
        if credits > 0 {
            let grant = billing_domain::credits::NewGrant { amount: credits, ..a_grant() };
            let now = grant.starts_at;
            subject.grant(organization_id, grant, now).await?;
        }
        Ok::<OrganizationId, anyhow::Error>(organization_id)
    };
    let poor = low(|_| (), 49).await?;
    low(|_| (), 50).await?;
    low(|it| it.enabled = false, 0).await?;
    low(|it| it.look_at = NOON + Duration::SECOND, 0).await?;
    let waits_longer = low(|it| it.look_at = NOON - Duration::SECOND, 0).await?;
    let under_way = low(
        |it| {
            (it.enabled, it.pending, it.look_at) = (false, Some(a_fresh_id()), NOON - Duration::DAY)
        },
        100,
    )
    .await?;
    let due = async |limit| subject.money.top_ups_due(NOON, limit).await;
    assert_eq!(due(10).await?, [under_way, waits_longer, poor]);
    assert_eq!(due(2).await?, [under_way, waits_longer]);
    let later = NOON + Duration::SECOND;
    assert_eq!(subject.money.top_ups_due(later, 10).await?.len(), 4);

    let mut work = subject.on_behalf_of(poor).await?;
    assert_eq!(work.auto_top_ups().balance(poor).await?, 49);
    Ok(())
}

/// Charges of a saved method come back as such, in every state, and are listed since an instant.
pub async fn charges_are_listed_since_an_instant(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let charged = |organization_id, status, created_at| Checkout {
        organization_id,
        paid_by: PaidBy::SavedMethod(a_reference("pm")),
        status,
        created_at,
        ..a_checkout()
    };
    let states = [
        CheckoutStatus::Pending,
        CheckoutStatus::Completed(a_reference("pi")),
        CheckoutStatus::Expired,
    ];
    let mut expected: Vec<_> =
        states.iter().map(|status| charged(own, status.clone(), NOON)).collect();
    let before = charged(own, CheckoutStatus::Expired, NOON - Duration::MICROSECOND);
    let others = charged(other, CheckoutStatus::Pending, NOON);
    let on_a_page = Checkout {
        organization_id: own,
        paid_by: PaidBy::Page { saves_method: true },
        ..a_checkout()
    };
    for checkout in expected.iter().chain([&before, &others, &on_a_page]) {
        subject.save_checkout(checkout).await?;
        let mut work = subject.engine().await?;
        let found = work.checkouts().find(checkout.organization_id, checkout.id).await?;
        assert_eq!(found.as_ref(), Some(checkout));
    }
    let mut work = subject.engine().await?;
    let mut found = work.checkouts().charged_since(own, NOON).await?;
    found.sort_by_key(|it| it.id);
    expected.sort_by_key(|it| it.id);
    assert_eq!(found, expected);
    Ok(())
}
