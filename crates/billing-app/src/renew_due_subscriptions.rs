//! Subscriptions that our engine bills go on period by period, each with its invoice, or end.

use billing_domain::{
    catalogue::Catalogue,
    collection::Collection,
    id::{OrganizationId, SubscriptionId},
    invoice::{Bill, Parts},
    period::Period,
    renewal::{Renewal, RenewalStep},
    subscription::{Subscription, Verb},
    tax::TaxBehavior,
};
use time::OffsetDateTime;

use crate::{
    Billing, Error,
    bill_period::PeriodToBill,
    collect_invoices::{for_subscription, is_awaited},
    issue_invoice::{NewInvoice, fault},
    ports::{Scope, UnitOfWork},
};

/// Which subscription, and whose.
type Which = (OrganizationId, SubscriptionId);

impl Billing {
    /// When something is due next on any subscription that our engine bills.
    pub async fn next_renewal_due_at(&self) -> Result<Option<OffsetDateTime>, Error> {
        self.ports.trials.next_renewal_due_at().await
    }

    /// Begins the periods that are due, for so many subscriptions at most, each with its invoice,
    /// and ends those whose days of grace are over: one step for each. For how many something was
    /// done. One that cannot go on now is logged, put off for a minute, and does not hold up the
    /// others.
    pub async fn renew_due_subscriptions(&self, limit: i64) -> Result<usize, Error> {
        let now = self.ports.clock.now();
        let mut done = 0;
        for which in self.ports.trials.renewals_due(now, limit).await? {
            match self.attend_renewal(which).await {
                Ok(true) => done += 1,
                Ok(false) => {}
                Err(error) => {
                    let (organization, error) = (which.0, error.in_full());
                    tracing::warn!(%organization, error, "a renewal is put off");
                    self.put_off_renewal(which).await?;
                }
            }
        }
        Ok(done)
    }

    /// Does what is due for a subscription, in one unit of work. Whether something was.
    async fn attend_renewal(&self, which: Which) -> Result<bool, Error> {
        let grace_days = self.settings.grace_days;
        let (catalogue, now) = (self.catalogue().await?, self.ports.clock.now());
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let unpaid = work.collections().open(which.0).await?;
        let Some((mut renewal, mut subscription)) = both(&mut *work, which).await? else {
            return Ok(false);
        };
        if renewal.next_due_at.is_none_or(|at| now < at) {
            return Ok(false);
        }
        let unpaid = for_subscription(unpaid, &subscription);
        let awaited = unpaid.iter().any(|it| is_awaited(it, now));
        let done = match renewal.step(&subscription, grace_days, now) {
            // One after the other: a period begins when it is known how the last one went.
            RenewalStep::Bill(_) if !unpaid.is_empty() => {
                renewal.put_off(now);
                false
            }
            // A payment that comes in between wins.
            RenewalStep::Expire if awaited => {
                renewal.put_off(now);
                false
            }
            RenewalStep::Rest => {
                renewal.follow(&subscription, grace_days, now);
                false
            }
            RenewalStep::Bill(period) => {
                let of = (&mut renewal, &mut subscription);
                self.begin_period(&mut *work, &catalogue, of, period).await?;
                let committed = work.commit().await;
                self.organization_changed(which.0);
                return committed.map(|()| true);
            }
            RenewalStep::Cancel => {
                let end = subscription.period.end;
                let parts = self.last_bill(&mut *work, &catalogue, &subscription).await?;
                self.move_subscription(&mut *work, &mut subscription, (Verb::Cancel, end)).await?;
                renewal.follow(&subscription, grace_days, now);
                work.renewals().save(&renewal).await?;
                if let Some(parts) = parts {
                    self.issue_invoice(&mut *work, &catalogue, after_the_end(which, parts)).await?;
                }
                true
            }
            RenewalStep::Expire => {
                self.expire(&mut *work, &mut subscription, unpaid).await?;
                renewal.follow(&subscription, grace_days, now);
                true
            }
        };
        work.renewals().save(&renewal).await?;
        let committed = work.commit().await;
        self.organization_changed(which.0);
        committed.map(|()| done)
    }

    /// The next period begins, and its invoice is issued.
    async fn begin_period(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        (renewal, subscription): (&mut Renewal, &mut Subscription),
        period: Period,
    ) -> Result<(), Error> {
        let now = self.ports.clock.now();
        let closed = Some(subscription.period);
        let before = subscription.clone();
        let period = self.take_planned(work, catalogue, (renewal, subscription), period).await?;
        let to_bill = PeriodToBill { was: &before, subscription, closed, period };
        let mut parts = self.period_bill(work, catalogue, to_bill).await?;
        let which = (subscription.organization_id, subscription.id);
        let taken = self.take_in_waiting(work, which, &mut parts).await?;
        let status = subscription.status;
        let change = subscription.begin_period(period, now).map_err(fault)?;
        self.save_changed(work, (subscription, status), (change, now)).await?;
        self.give_graces(work, catalogue, (&before, subscription)).await?;
        renewal.follow(subscription, self.settings.grace_days, now);
        work.renewals().save(renewal).await?;
        if Bill::new(parts.clone()).map_err(fault)?.total().is_zero() {
            self.grant_period(work, catalogue, (subscription, true)).await?;
        }
        let new = NewInvoice {
            organization_id: subscription.organization_id,
            parts,
            tax: TaxBehavior::default(),
            subscription_id: Some(subscription.id),
            period: Some(period),
        };
        let (invoice, _) = self.issue_invoice(work, catalogue, new).await?;
        self.stand_on(work, taken, invoice.id).await
    }

    /// The days of grace are over, and nothing came: what is unpaid is given up.
    async fn expire(
        &self,
        work: &mut dyn UnitOfWork,
        subscription: &mut Subscription,
        unpaid: Vec<Collection>,
    ) -> Result<(), Error> {
        let end = subscription.access_ends_at(self.settings.grace_days);
        let end = end.unwrap_or_else(|| self.ports.clock.now());
        for collection in unpaid {
            self.give_up_collection(work, collection).await?;
        }
        self.move_subscription(work, subscription, (Verb::Expire, end)).await
    }

    async fn put_off_renewal(&self, which: Which) -> Result<(), Error> {
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let Some((mut renewal, _)) = both(&mut *work, which).await? else { return Ok(()) };
        renewal.put_off(self.ports.clock.now());
        work.renewals().save(&renewal).await?;
        work.commit().await
    }
}

/// The invoice of the use of a subscription that has ended. Its lines alone name the subscription:
/// it is collected though that is over.
fn after_the_end((organization_id, _): Which, parts: Parts) -> NewInvoice {
    NewInvoice {
        organization_id,
        parts,
        tax: TaxBehavior::default(),
        subscription_id: None,
        period: None,
    }
}

/// A renewal and its subscription, held.
async fn both(
    work: &mut dyn UnitOfWork,
    (organization, id): Which,
) -> Result<Option<(Renewal, Subscription)>, Error> {
    let renewal = work.renewals().find(organization, id).await?;
    let subscription = work.subscriptions().find(organization, id).await?;
    Ok(renewal.zip(subscription))
}
