//! What follows when a period of a subscription that our engine bills is paid, or is not.

use billing_domain::{
    catalogue::Catalogue,
    event::What,
    id::{ChangeId, OrganizationId, PaymentId, SubscriptionId},
    money::Money,
    payment::ChargeFailure,
    period::Period,
    renewal::Renewal,
    subscription::{Actor, Change, Status, Subscription, Verb},
    trial::Trial,
};
use time::OffsetDateTime;

use crate::{Billing, Error, ports::UnitOfWork};

/// A subscription, and whose.
type Which = (OrganizationId, SubscriptionId);
/// By which payment, and how much; nothing was to be paid where there is none.
type Paid = (Option<PaymentId>, Money);

impl Billing {
    /// The period runs, its credits are given, and a trial before it is converted.
    pub(crate) async fn period_paid(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        ((organization, subscription_id), period): (Which, Period),
        paid: Paid,
    ) -> Result<(), Error> {
        let now = self.ports.clock.now();
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
                tracing::error!(subscription = %subscription_id, %error, "paid for what has ended");
            }
        }
        if let Some(mut trial) = trial {
            self.trial_paid(work, &mut trial, (&subscription, paid), now).await?;
        }
        let mut renewal = renewal.unwrap_or(Renewal {
            organization_id: organization,
            subscription_id,
            anchor: period.start,
            next_due_at: None,
        });
        renewal.follow(&subscription, self.settings.grace_days, now);
        work.renewals().save(&renewal).await
    }

    async fn trial_paid(
        &self,
        work: &mut dyn UnitOfWork,
        trial: &mut Trial,
        (subscription, (payment_id, amount)): (&Subscription, Paid),
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        if !subscription.is_live() {
            trial.cancel(now);
            return work.trials().save(trial, &[]).await;
        }
        trial.convert();
        let converted =
            What::TrialConverted { subscription_id: subscription.id, payment_id, amount };
        let converted = self.what(trial.organization_id, now, converted);
        work.trials().save(trial, &[converted]).await
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
        let told = self.told(subscription, before, (&change.what, at));
        let change = (ChangeId(self.ports.ids.next()), &change);
        work.subscriptions().save(subscription, Some(change), &[told]).await
    }
}

/// The trial with which a subscription began, while it is open.
pub(super) async fn open_trial(
    work: &mut dyn UnitOfWork,
    organization: OrganizationId,
    subscription: SubscriptionId,
) -> Result<Option<Trial>, Error> {
    let trial = work.trials().find(organization).await?;
    Ok(trial.filter(|it| it.subscription_id == subscription && it.state.is_open()))
}
