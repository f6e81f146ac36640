//! Trials are reminded of before their end, and end: by a first payment, or without one.
//!
//! Each step is decided on the trial while it is held, so that of any number of processes one takes
//! it. What is to be paid is invoiced, and the collection of that goes on with it.

use billing_domain::{
    event::What,
    id::OrganizationId,
    invoice::Bill,
    money::Money,
    payment::ChargeFailure,
    period::Period,
    subscription::{Status, Subscription, Verb},
    tax::TaxBehavior,
    trial::{Reminder, Trial},
};
use time::OffsetDateTime;

use crate::{
    Billing, Error,
    bill_period::PeriodToBill,
    issue_invoice::{NewInvoice, fault},
    ports::{Scope, UnitOfWork},
};

/// What is to be done for a trial, outside of any unit of work.
enum Step {
    /// Nothing now.
    Rest,
    /// It is done.
    Done,
    /// It has ended: look whether there is something to charge.
    End,
}

impl Billing {
    /// When something is due next on any trial; nothing while no trial is open.
    pub async fn next_trial_due_at(&self) -> Result<Option<OffsetDateTime>, Error> {
        self.ports.trials.next_trial_due_at().await
    }

    /// Does what is due on trials, for so many organizations at most: one step for each. For how
    /// many something was done. One that cannot go on now is logged, put off for a minute, and does
    /// not hold up the others.
    pub async fn end_due_trials(&self, limit: i64) -> Result<usize, Error> {
        let now = self.ports.clock.now();
        let mut done = 0;
        for organization in self.ports.trials.trials_due(now, limit).await? {
            match self.attend_trial(organization).await {
                Ok(true) => done += 1,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%organization, error = error.in_full(), "a trial is put off");
                    self.put_off_trial(organization).await?;
                }
            }
        }
        Ok(done)
    }

    /// Does what is to be done for one trial. Whether something was.
    async fn attend_trial(&self, organization: OrganizationId) -> Result<bool, Error> {
        match self.look_at_trial(organization).await? {
            Step::Rest => Ok(false),
            Step::Done => Ok(true),
            Step::End => {
                let chargeable = self.chargeable(organization).await?.is_some();
                self.book_end(organization, chargeable).await
            }
        }
    }

    /// Reminds of the end, and looks whether it has come.
    async fn look_at_trial(&self, organization: OrganizationId) -> Result<Step, Error> {
        let now = self.ports.clock.now();
        let mut work = self.ports.store.begin(Scope::Organization(organization)).await?;
        let Some(mut trial) = work.trials().find(organization).await? else {
            return Ok(Step::Rest);
        };
        let reminder = trial.remind(now);
        let ended = trial.has_ended(now);
        if reminder.is_none() && !ended {
            return Ok(Step::Rest);
        }
        let subscription = work.subscriptions().find(organization, trial.subscription_id).await?;
        let on_trial = subscription.filter(is_on_trial);
        let step = match on_trial {
            Some(subscription) if ended && subscription.cancel_at_period_end => {
                self.cancel_at_end(&mut *work, &mut trial, subscription).await?;
                Step::Done
            }
            Some(_) => {
                let told = reminder.map(|it| self.what(organization, it.at, reminds(&trial, it)));
                work.trials().save(&trial, told.as_slice()).await?;
                if ended { Step::End } else { Step::Done }
            }
            None => {
                trial.cancel(now);
                work.trials().save(&trial, &[]).await?;
                Step::Done
            }
        };
        let committed = work.commit().await;
        self.organization_changed(organization);
        committed.map(|()| step)
    }

    /// Ends a trial as somebody wished: nothing is charged.
    async fn cancel_at_end(
        &self,
        work: &mut dyn UnitOfWork,
        trial: &mut Trial,
        mut subscription: Subscription,
    ) -> Result<(), Error> {
        self.move_subscription(work, &mut subscription, (Verb::Cancel, trial.ends_at)).await?;
        trial.cancel(trial.ends_at);
        work.trials().save(trial, &[]).await
    }

    /// Issues the invoice of the first period, or records that there is nothing to charge. Whether
    /// there was an end to book: somebody else may have been faster.
    async fn book_end(
        &self,
        organization: OrganizationId,
        chargeable: bool,
    ) -> Result<bool, Error> {
        let catalogue = self.catalogue().await?;
        let now = self.ports.clock.now();
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let trial = work.trials().find(organization).await?;
        let Some(mut trial) = trial.filter(|it| it.has_ended(now)) else { return Ok(false) };
        let subscription = work.subscriptions().find(organization, trial.subscription_id).await?;
        let Some(subscription) = subscription.filter(is_on_trial) else { return Ok(false) };
        let period = trial.first_period(subscription.interval);
        let to_bill =
            PeriodToBill { was: &subscription, subscription: &subscription, closed: None, period };
        let parts = self.period_bill(&mut *work, &catalogue, to_bill).await?;
        let total = Bill::new(parts.clone()).map_err(fault)?.total();
        let new = NewInvoice {
            organization_id: organization,
            parts,
            tax: TaxBehavior::default(),
            subscription_id: Some(subscription.id),
            period: Some(period),
        };
        if total.is_zero() {
            self.convert_unpaid(&mut *work, (&subscription, period), total).await?;
            self.issue_invoice(&mut *work, &catalogue, new).await?;
        } else if chargeable {
            let (invoice, _) = self.issue_invoice(&mut *work, &catalogue, new).await?;
            trial.charge(self.attempt_id(invoice.id, 1), now);
            work.trials().save(&trial, &[]).await?;
        } else {
            self.expire_trial(&mut *work, trial, ChargeFailure::NoSavedMethod).await?;
        }
        let committed = work.commit().await;
        self.organization_changed(organization);
        committed.map(|()| true)
    }

    /// The first period costs nothing, so it begins.
    async fn convert_unpaid(
        &self,
        work: &mut dyn UnitOfWork,
        (subscription, period): (&Subscription, Period),
        nothing: Money,
    ) -> Result<(), Error> {
        let catalogue = self.catalogue().await?;
        let of = (subscription.organization_id, subscription.id);
        self.period_paid(work, &catalogue, (of, period), (None, nothing)).await
    }

    /// Looks at a trial a little later, so that it does not stand before all others.
    async fn put_off_trial(&self, organization: OrganizationId) -> Result<(), Error> {
        let mut work = self.ports.store.begin(Scope::Organization(organization)).await?;
        let Some(mut trial) = work.trials().find(organization).await? else { return Ok(()) };
        trial.put_off(self.ports.clock.now());
        work.trials().save(&trial, &[]).await?;
        work.commit().await
    }
}

const fn is_on_trial(subscription: &Subscription) -> bool {
    matches!(subscription.status, Status::Trialing { .. })
}

fn reminds(trial: &Trial, reminder: Reminder) -> What {
    What::TrialReminder {
        subscription_id: trial.subscription_id,
        days: reminder.days,
        ends_at: trial.ends_at,
    }
}
