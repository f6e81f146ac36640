//! Subscriptions that our engine bills are paid period by period, each once, or end.

use billing_domain::{
    gateway::GatewayRef,
    id::{CheckoutId, OrganizationId, SubscriptionId},
    period::Period,
    renewal::{Renewal, RenewalStep},
    subscription::{Subscription, Verb},
};
use time::OffsetDateTime;

use crate::{
    Billing, Error,
    ports::{PaymentGateway, Scope, UnitOfWork},
};

/// Which subscription, and whose.
type Which = (OrganizationId, SubscriptionId);

/// What is to be done, outside of any unit of work.
enum Step {
    Rest,
    Done,
    Charge(Period),
    GoOn(CheckoutId),
}

impl Billing {
    /// When something is due next on any subscription that our engine bills.
    pub async fn next_renewal_due_at(&self) -> Result<Option<OffsetDateTime>, Error> {
        self.ports.trials.next_renewal_due_at().await
    }

    /// Charges the periods that have begun, for so many subscriptions at most, and ends those whose
    /// days of grace are over: one step for each. For how many something was done. One that cannot
    /// go on now is logged, put off for a minute, and does not hold up the others.
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

    async fn attend_renewal(&self, which: Which) -> Result<bool, Error> {
        match self.look_at_renewal(which).await? {
            Step::Rest => Ok(false),
            Step::Done => Ok(true),
            Step::GoOn(checkout) => self.ask_for_charge(which.0, checkout).await,
            Step::Charge(period) => {
                let chargeable = self.chargeable(which.0).await?;
                self.book_period(which, period, chargeable).await
            }
        }
    }

    /// Does what needs no gateway, and says what needs one.
    async fn look_at_renewal(&self, which: Which) -> Result<Step, Error> {
        let grace_days = self.settings.grace_days;
        let now = self.ports.clock.now();
        let mut work = self.ports.store.begin(Scope::Organization(which.0)).await?;
        let Some((mut renewal, mut subscription)) = both(&mut *work, which).await? else {
            return Ok(Step::Rest);
        };
        let step = match renewal.step(&subscription, grace_days, now) {
            RenewalStep::Charge(period) => return Ok(Step::Charge(period)),
            RenewalStep::Rest if renewal.next_due_at.is_none_or(|at| now < at) => {
                return Ok(Step::Rest);
            }
            RenewalStep::Rest => {
                renewal.follow(&subscription, grace_days, now);
                Step::Rest
            }
            RenewalStep::Ask(checkout) => {
                renewal.ask(now);
                Step::GoOn(checkout)
            }
            RenewalStep::Cancel => {
                let end = subscription.period.end;
                self.move_subscription(&mut *work, &mut subscription, (Verb::Cancel, end)).await?;
                renewal.follow(&subscription, grace_days, now);
                Step::Done
            }
            RenewalStep::Expire => {
                let end = subscription.access_ends_at(grace_days).unwrap_or(now);
                self.move_subscription(&mut *work, &mut subscription, (Verb::Expire, end)).await?;
                renewal.follow(&subscription, grace_days, now);
                Step::Done
            }
        };
        work.renewals().save(&renewal).await?;
        let committed = work.commit().await;
        self.organization_changed(which.0);
        committed.map(|()| step)
    }

    /// Records the charge of a period and sends it, or that there is nothing to charge. Whether it
    /// was to be paid: somebody else may have been faster.
    async fn book_period(
        &self,
        which: Which,
        period: Period,
        chargeable: Option<(&dyn PaymentGateway, GatewayRef)>,
    ) -> Result<bool, Error> {
        let grace_days = self.settings.grace_days;
        let catalogue = self.catalogue().await?;
        let now = self.ports.clock.now();
        let mut work = self.ports.store.begin(Scope::Organization(which.0)).await?;
        let Some((mut renewal, mut subscription)) = both(&mut *work, which).await? else {
            return Ok(false);
        };
        if renewal.step(&subscription, grace_days, now) != RenewalStep::Charge(period) {
            return Ok(false);
        }
        let Some((gateway, method)) = chargeable else {
            self.move_subscription(
                &mut *work,
                &mut subscription,
                (Verb::FailPayment, period.start),
            )
            .await?;
            renewal.follow(&subscription, grace_days, now);
            work.renewals().save(&renewal).await?;
            let committed = work.commit().await;
            self.organization_changed(which.0);
            return committed.map(|()| true);
        };
        let checkout = self.period_charge(&catalogue, (&subscription, period), method)?;
        renewal.charge(checkout.id, now);
        work.checkouts().save(&checkout, &[]).await?;
        work.renewals().save(&renewal).await?;
        work.commit().await?;
        self.send_charge(gateway, &checkout).await?;
        Ok(true)
    }

    async fn put_off_renewal(&self, which: Which) -> Result<(), Error> {
        let mut work = self.ports.store.begin(Scope::Organization(which.0)).await?;
        let Some((mut renewal, _)) = both(&mut *work, which).await? else { return Ok(()) };
        renewal.put_off(self.ports.clock.now());
        work.renewals().save(&renewal).await?;
        work.commit().await
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
