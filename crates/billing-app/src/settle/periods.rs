//! How the charge of a period ended, whoever brings the news: the answer, a webhook, or asking.

use billing_domain::{
    catalogue::Catalogue,
    checkout::{Checkout, Purpose},
    event::What,
    id::{ChangeId, CheckoutId, OrganizationId, SubscriptionId},
    payment::{ChargeFailure, Payment, PaymentStatus},
    period::Period,
    renewal::Renewal,
    subscription::{Actor, Change, Status, Subscription, Verb},
    trial::Trial,
};
use time::OffsetDateTime;

use super::Unsettled;
use crate::{Billing, Error, ports::UnitOfWork};

/// A charge of a period of a subscription that our engine bills.
pub(super) struct PeriodCharge {
    pub(super) subscription_id: SubscriptionId,
    checkout: Checkout,
    period: Period,
}

impl PeriodCharge {
    fn of(checkout: Checkout) -> Option<Self> {
        match checkout.purpose {
            Purpose::Period { subscription_id, period, amount: _ } => {
                Some(Self { subscription_id, checkout, period })
            }
            Purpose::Subscription { .. } | Purpose::Credits { .. } => None,
        }
    }
}

impl Billing {
    /// The charge of a period that was made for a checkout, held.
    pub(super) async fn charged_period(
        &self,
        work: &mut dyn UnitOfWork,
        organization: OrganizationId,
        checkout: Option<CheckoutId>,
    ) -> Result<Option<PeriodCharge>, Unsettled> {
        let Some(id) = checkout else { return Ok(None) };
        // Held before a checkout that it may pay, as by everybody.
        work.auto_top_ups().find(organization).await?;
        let found = work.checkouts().find(organization, id).await?;
        Ok(found.and_then(PeriodCharge::of))
    }

    /// Records how the charge ended, once; nothing while that is not known.
    pub(super) async fn settle_period(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        charge: PeriodCharge,
        (payment, failed_as): (&Payment, Option<ChargeFailure>),
    ) -> Result<(), Unsettled> {
        match payment.status {
            status if status.captured() => {
                self.period_paid(work, catalogue, charge, payment).await?;
            }
            PaymentStatus::Failed => {
                let reason = failed_as.unwrap_or(ChargeFailure::Declined);
                self.period_failed(work, charge.checkout, reason).await?;
            }
            PaymentStatus::Pending
            | PaymentStatus::Unknown
            | PaymentStatus::Completed
            | PaymentStatus::PartiallyRefunded
            | PaymentStatus::Refunded
            | PaymentStatus::Disputed => {}
        }
        Ok(())
    }

    /// The period runs, its credits are given, and a trial before it is converted.
    async fn period_paid(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        charge: PeriodCharge,
        payment: &Payment,
    ) -> Result<(), Error> {
        let PeriodCharge { subscription_id, mut checkout, period } = charge;
        if !checkout.complete(payment.reference.clone()) {
            return Ok(());
        }
        work.checkouts().save(&checkout, &[]).await?;
        let (organization, now) = (checkout.organization_id, self.ports.clock.now());
        let trial = open_trial(work, organization, subscription_id).await?;
        let renewal = work.renewals().find(organization, subscription_id).await?;
        let subscription = work.subscriptions().find(organization, subscription_id).await?;
        let Some(mut subscription) = subscription else { return Ok(()) };
        let before = subscription.status;
        match subscription.renew(period, now) {
            Ok(change) => {
                self.save_changed(work, (&subscription, before), (change, now)).await?;
                self.grant_period(work, catalogue, (&subscription, true)).await?;
            }
            // It has ended meanwhile: a person has to give the money back.
            Err(error) => {
                tracing::error!(payment = %payment.id, %error, "paid for what has ended");
            }
        }
        if let Some(mut trial) = trial {
            self.trial_paid(work, &mut trial, (&subscription, payment), now).await?;
        }
        let mut renewal = renewal.unwrap_or(Renewal {
            organization_id: organization,
            subscription_id,
            anchor: period.start,
            charging: None,
            next_due_at: None,
        });
        renewal.follow(&subscription, self.settings.grace_days, now);
        work.renewals().save(&renewal).await
    }

    async fn trial_paid(
        &self,
        work: &mut dyn UnitOfWork,
        trial: &mut Trial,
        (subscription, payment): (&Subscription, &Payment),
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        if !subscription.is_live() {
            trial.cancel(now);
            return work.trials().save(trial, &[]).await;
        }
        trial.convert();
        let converted = What::TrialConverted {
            subscription_id: subscription.id,
            payment_id: payment.id,
            amount: payment.amount,
        };
        let converted = self.what(trial.organization_id, now, converted);
        work.trials().save(trial, &[converted]).await
    }

    /// A period will not be paid by this charge: a trial has expired, and what was paid before is
    /// past due since the period began.
    pub(crate) async fn period_failed(
        &self,
        work: &mut dyn UnitOfWork,
        checkout: Checkout,
        reason: ChargeFailure,
    ) -> Result<(), Error> {
        let Some(charge) = PeriodCharge::of(checkout) else { return Ok(()) };
        let PeriodCharge { subscription_id, mut checkout, period } = charge;
        if !checkout.expire() {
            return Ok(());
        }
        work.checkouts().save(&checkout, &[]).await?;
        let organization = checkout.organization_id;
        if let Some(trial) = open_trial(work, organization, subscription_id).await? {
            return self.expire_trial(work, trial, reason).await;
        }
        let renewal = work.renewals().find(organization, subscription_id).await?;
        let subscription = work.subscriptions().find(organization, subscription_id).await?;
        let (Some(mut renewal), Some(mut subscription)) = (renewal, subscription) else {
            return Ok(());
        };
        self.move_subscription(work, &mut subscription, (Verb::FailPayment, period.start)).await?;
        renewal.follow(&subscription, self.settings.grace_days, self.ports.clock.now());
        work.renewals().save(&renewal).await
    }

    /// Ends a trial that nobody pays for: the access ends with it.
    pub(crate) async fn expire_trial(
        &self,
        work: &mut dyn UnitOfWork,
        mut trial: Trial,
        reason: ChargeFailure,
    ) -> Result<(), Error> {
        if !trial.expire() {
            return Ok(());
        }
        let (organization, subscription_id) = (trial.organization_id, trial.subscription_id);
        let found = work.subscriptions().find(organization, subscription_id).await?;
        if let Some(mut subscription) = found.filter(Subscription::is_live) {
            self.move_subscription(work, &mut subscription, (Verb::Expire, trial.ends_at)).await?;
        }
        let expired = What::TrialExpired { subscription_id, reason };
        let expired = self.what(organization, trial.ends_at, expired);
        work.trials().save(&trial, &[expired]).await
    }

    /// Moves a subscription as our engine decides, and records it. A move that its state does not
    /// have leaves it where it is.
    pub(crate) async fn move_subscription(
        &self,
        work: &mut dyn UnitOfWork,
        subscription: &mut Subscription,
        (verb, at): (Verb, OffsetDateTime),
    ) -> Result<(), Error> {
        let before = subscription.status;
        let change = subscription.command(verb, Actor::System, at).ok().flatten();
        self.save_changed(work, (subscription, before), (change, at)).await
    }

    /// Records a change of a subscription, if there is one.
    pub(crate) async fn save_changed(
        &self,
        work: &mut dyn UnitOfWork,
        (subscription, before): (&Subscription, Status),
        (change, at): (Option<Change>, OffsetDateTime),
    ) -> Result<(), Error> {
        let Some(change) = change else { return Ok(()) };
        let told = self.told(subscription, before, at);
        let change = (ChangeId(self.ports.ids.next()), &change);
        work.subscriptions().save(subscription, Some(change), &[told]).await
    }
}

/// The trial with which a subscription began, while it is open.
async fn open_trial(
    work: &mut dyn UnitOfWork,
    organization: OrganizationId,
    subscription: SubscriptionId,
) -> Result<Option<Trial>, Error> {
    let trial = work.trials().find(organization).await?;
    Ok(trial.filter(|it| it.subscription_id == subscription && it.state.is_open()))
}
