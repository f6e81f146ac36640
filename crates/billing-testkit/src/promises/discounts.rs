//! Discounts and their uses.

use std::sync::Arc;

use billing_app::{
    Error, Refusal,
    ports::{CatalogueChange, Scope},
};
use billing_domain::{
    checkout::{Checkout, CheckoutStatus},
    currency::Currency,
    discount::{Conditions, CustomerHistory, Discount, Lasts, Off, Redemption, RedemptionState},
    id::OrganizationId,
    money::Money,
    payment::{Payment, PaymentStatus},
};
use time::Duration;

use super::{
    Promise,
    stage::{at_once, dawdle, everything},
};
use crate::{
    NOON, Subject,
    builders::{a_checkout, a_discount, a_fresh_id, a_payment, a_reference, an_event},
};

impl Subject {
    async fn discounted(&self, discount: &Discount) -> Promise {
        let mut work = self.store.begin(Scope::Operator).await?;
        work.discounts().insert(discount).await?;
        work.commit().await?;
        Ok(())
    }

    /// A use of a discount in a checkout of its own.
    async fn used(
        &self,
        (owner, discount): (OrganizationId, &Discount),
        state: RedemptionState,
        status: CheckoutStatus,
    ) -> anyhow::Result<Redemption> {
        let checkout = Checkout { organization_id: owner, status, ..a_checkout() };
        self.save_checkout(&checkout).await?;
        let redemption = Redemption {
            organization_id: owner,
            checkout_id: checkout.id,
            discount_id: discount.id,
            state,
            created_at: NOON,
        };
        let mut work = self.on_behalf_of(owner).await?;
        work.discounts().save_redemption(&redemption, &[an_event(owner)]).await?;
        work.commit().await?;
        Ok(redemption)
    }
}

fn reserved() -> RedemptionState {
    RedemptionState::Reserved { until: NOON + Duration::DAY }
}

/// With every condition there is.
fn a_strict_discount() -> Discount {
    Discount {
        off: Off::Amount(Money::new(500, Currency::EUR)),
        lasts: Lasts::Repeating(3),
        conditions: Conditions {
            max_redemptions: Some(9),
            once_per_customer: true,
            first_time_only: true,
            minimum: Some(Money::new(1_000, Currency::EUR)),
            plans: vec!["growth".to_owned(), "scale".to_owned()],
            starts_at: Some(NOON),
            ends_at: Some(NOON + Duration::DAY),
        },
        ..a_discount()
    }
}

/// Every field comes back, by its id and by its code; lists have the newest first.
pub async fn discounts_come_back_as_they_were(subject: &Subject) -> Promise {
    let all =
        [a_discount(), a_strict_discount(), Discount { lasts: Lasts::Forever, ..a_discount() }];
    for discount in &all {
        subject.discounted(discount).await?;
        let found = subject.engine().await?.discounts().find(discount.id).await?;
        assert_eq!(found.as_ref(), Some(discount));
        assert_eq!(subject.catalogue.discount(&discount.code).await?.as_ref(), Some(discount));
    }
    let mut newest_first = all.to_vec();
    newest_first.reverse();
    assert_eq!(subject.catalogue.discounts(everything()).await?, newest_first);
    let unknown = "NOBODY-KNOWS".parse()?;
    assert_eq!(subject.catalogue.discount(&unknown).await?, None);
    Ok(())
}

/// A code is there once; what is saved again changes in nothing but its end and its count.
pub async fn a_discount_is_made_once_and_its_terms_stay(subject: &Subject) -> Promise {
    let discount = a_discount();
    subject.discounted(&discount).await?;
    let again = Discount { code: discount.code.clone(), ..a_discount() };
    let mut work = subject.store.begin(Scope::Operator).await?;
    let refused = work.discounts().insert(&again).await;
    let taken = Refusal::DiscountCodeTaken(discount.code.to_string());
    assert!(matches!(&refused, Err(Error::Refused(it)) if *it == taken), "{refused:?}");
    drop(work);

    let own = subject.registered().await?;
    let changed = Discount { active: false, taken: 3, off: Off::Percent(99), ..discount.clone() };
    let mut work = subject.on_behalf_of(own).await?;
    work.discounts().save(&changed).await?;
    work.commit().await?;
    let found = subject.catalogue.discount(&discount.code).await?;
    assert_eq!(found, Some(Discount { active: false, taken: 3, ..discount }));
    let mut work = subject.on_behalf_of(own).await?;
    assert!(work.discounts().insert(&a_discount()).await.is_err(), "operators alone make them");
    Ok(())
}

/// A use comes back in every state, to its own organization alone.
pub async fn uses_come_back_as_they_were(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let discount = a_discount();
    subject.discounted(&discount).await?;
    let open = a_checkout().status;
    let used = subject.used((own, &discount), reserved(), open).await?;
    let states = [
        RedemptionState::Redeemed { at: NOON },
        RedemptionState::Released { at: NOON },
        reserved(),
    ];
    for state in states {
        let changed = Redemption { state, ..used.clone() };
        let mut work = subject.on_behalf_of(own).await?;
        work.discounts().save_redemption(&changed, &[]).await?;
        work.commit().await?;
        let found = subject.engine().await?.discounts().redemption(own, used.checkout_id).await?;
        assert_eq!(found, Some(changed));
    }
    let mut work = subject.on_behalf_of(other).await?;
    assert_eq!(work.discounts().redemption(own, used.checkout_id).await?, None);
    assert_eq!(work.discounts().redemption(other, used.checkout_id).await?, None);
    assert!(work.discounts().save_redemption(&used, &[]).await.is_err());
    drop(work);
    let unknown = subject.engine().await?.discounts().redemption(own, a_fresh_id()).await?;
    assert_eq!(unknown, None);
    Ok(())
}

/// What a customer did before is told for this discount and this customer.
pub async fn a_customers_history_is_told(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let (discount, another) = (a_discount(), a_discount());
    subject.discounted(&discount).await?;
    subject.discounted(&another).await?;
    let history = async || {
        let mut work = subject.on_behalf_of(own).await?;
        work.discounts().history(own, discount.id).await
    };
    let mut expected = CustomerHistory::default();
    assert_eq!(history().await?, expected);
    let paid = RedemptionState::Redeemed { at: NOON };
    let done = || CheckoutStatus::Completed(a_reference("cs"));
    subject.used((other, &discount), paid, done()).await?;
    subject.used((own, &another), paid, done()).await?;
    subject.used((own, &discount), RedemptionState::Released { at: NOON }, done()).await?;
    subject.save_payment(&Payment { organization_id: other, ..a_payment() }).await?;
    let of_own = |status| Payment { organization_id: own, status, ..a_payment() };
    subject.save_payment(&of_own(PaymentStatus::Failed)).await?;
    assert_eq!(history().await?, expected);

    subject.used((own, &discount), reserved(), a_checkout().status).await?;
    expected.reserved = 1;
    assert_eq!(history().await?, expected);
    subject.used((own, &discount), paid, done()).await?;
    subject.save_payment(&of_own(PaymentStatus::Refunded)).await?;
    expected = CustomerHistory { has_paid: true, has_redeemed: true, ..expected };
    assert_eq!(history().await?, expected);
    Ok(())
}

/// A discount that is found is held: of many who count it at once each sees the one before.
pub async fn a_discount_that_is_found_is_held(subject: &Subject) -> Promise {
    let discount = a_discount();
    subject.discounted(&discount).await?;
    let mut owners = Vec::new();
    for _ in 0..8 {
        owners.push(subject.registered().await?);
    }
    let id = discount.id;
    let tasks = owners.into_iter().map(|owner| {
        let store = Arc::clone(&subject.store);
        async move {
            let mut work = store.begin(Scope::Organization(owner)).await?;
            let mut found = work.discounts().find(id).await?.expect("it was made");
            dawdle(&mut *work).await?;
            found.taken += 1;
            work.discounts().save(&found).await?;
            work.commit().await
        }
    });
    for done in at_once(tasks).await {
        done?;
    }
    let found = subject.catalogue.discount(&discount.code).await?;
    assert_eq!(found.map(|it| it.taken), Some(8));
    Ok(())
}

/// Reservations are named when their checkout has ended or their time is over, and not before.
pub async fn reservations_lapse(subject: &Subject) -> Promise {
    let own = subject.registered().await?;
    let discount = a_discount();
    subject.discounted(&discount).await?;
    let open = || a_checkout().status;
    let later = RedemptionState::Reserved { until: NOON + Duration::days(2) };
    let first = subject.used((own, &discount), reserved(), open()).await?;
    let second = subject.used((own, &discount), later, open()).await?;
    let ended = RedemptionState::Reserved { until: NOON + Duration::days(3) };
    let ended = subject.used((own, &discount), ended, CheckoutStatus::Expired).await?;
    let paid = RedemptionState::Redeemed { at: NOON };
    subject.used((own, &discount), paid, CheckoutStatus::Expired).await?;
    let all = [first, second, ended.clone()].map(|it| (own, it.checkout_id));
    let at = |days| NOON + Duration::days(days);
    let lapsed = async |days, limit| subject.catalogue.lapsed_reservations(at(days), limit).await;
    assert_eq!(lapsed(0, 9).await?, [(own, ended.checkout_id)]);
    let [first, second, ended] = all;
    assert_eq!(lapsed(1, 9).await?, [first, ended]);
    assert_eq!(lapsed(2, 9).await?, [first, second, ended]);
    assert_eq!(lapsed(2, 2).await?, [first, second]);
    Ok(())
}

/// What people did to the catalogue is kept, the latest first.
pub async fn changes_of_the_catalogue_are_kept(subject: &Subject) -> Promise {
    let mut expected = Vec::new();
    for what in ["applied", "discount"] {
        let change = CatalogueChange {
            id: a_fresh_id(),
            at: NOON,
            actor: "api_key 1".to_owned(),
            reason: "Spring".to_owned(),
            what: what.to_owned(),
            lines: vec!["+ one".to_owned(), "- other".to_owned()],
        };
        let mut work = subject.store.begin(Scope::Operator).await?;
        work.catalogue().record(&change).await?;
        work.commit().await?;
        expected.insert(0, change);
    }
    assert_eq!(subject.catalogue.catalogue_changes(everything()).await?, expected);
    Ok(())
}
