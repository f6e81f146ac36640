//! A request on a subscription that our engine bills comes true: all of it in one unit of work.
//!
//! Time goes by as at a gateway. A pause stops it: no period passes. Who goes on while the paid
//! period runs goes on in it, and pays at its end as before; who goes on later begins a new one,
//! which is paid first. A paused trial is over, for nothing was paid for it.

use billing_domain::{
    catalogue::Catalogue,
    id::{ChangeId, InvoiceId, OrganizationId, SubscriptionId},
    invoice::Invoice,
    period::{Anchor, Period},
    renewal::Renewal,
    subscription::{
        ChangeRequest, Fate, Fulfilment, Resumption, Standing, Status, Subscription, Terms, When,
        Wish,
    },
    trial::Trial,
};

use crate::{Billing, Error, Missing, Refusal, ports::UnitOfWork};

/// A request that waits to come true, and all that it changes; held.
pub(crate) struct Held {
    trial: Option<Trial>,
    renewal: Option<Renewal>,
    pub(crate) subscription: Subscription,
    open: Vec<ChangeRequest>,
    pub(crate) request: ChangeRequest,
}

impl Held {
    /// Finds a request in the order in which all do, if it still waits to come true.
    pub(crate) async fn find(
        work: &mut dyn UnitOfWork,
        wanted: &ChangeRequest,
    ) -> Result<Option<Self>, Error> {
        let (owner, id) = (wanted.organization_id, wanted.subscription_id);
        Self::pending(work, (owner, id), |it| it.id == wanted.id).await
    }

    /// The same for the request for which an invoice is paid; nothing where it is for none.
    pub(crate) async fn of_invoice(
        work: &mut dyn UnitOfWork,
        invoice: &Invoice,
    ) -> Result<Option<Self>, Error> {
        let Some(id) = invoice.subscription_id else { return Ok(None) };
        let is_it = |it: &ChangeRequest| it.invoice_id == Some(invoice.id);
        Self::pending(work, (invoice.organization_id, id), is_it).await
    }

    async fn pending(
        work: &mut dyn UnitOfWork,
        (owner, id): (OrganizationId, SubscriptionId),
        is_it: impl Fn(&ChangeRequest) -> bool + Send,
    ) -> Result<Option<Self>, Error> {
        let trial = work.trials().find(owner).await?.filter(|it| it.subscription_id == id);
        let renewal = work.renewals().find(owner, id).await?;
        let subscription = work.subscriptions().find(owner, id).await?;
        let subscription = subscription.ok_or(Error::NotFound(Missing::Subscription))?;
        let open = work.change_requests().open(owner, id).await?;
        let request = open.iter().find(|it| it.fate == Fate::Pending && is_it(it)).cloned();
        Ok(request.map(|request| Self { trial, renewal, subscription, open, request }))
    }

    /// The same, with the invoice on which it stands.
    pub(super) fn paid_by(mut self, invoice: InvoiceId) -> Self {
        for request in self.open.iter_mut().filter(|it| it.id == self.request.id) {
            request.invoice_id = Some(invoice);
        }
        self.request.invoice_id = Some(invoice);
        self
    }

    /// The change that will be planned for the end of the period once the request has come true.
    fn planned(&self) -> Option<ChangeId> {
        match self.request.wish {
            Wish::Change { when: When::PeriodEnd, .. } => Some(self.request.id),
            Wish::Resume(Resumption::ScheduledChange) => None,
            Wish::Change { when: When::Now, .. }
            | Wish::Cancel { .. }
            | Wish::Pause { .. }
            | Wish::Resume(Resumption::Cancellation | Resumption::Pause) => {
                let standing = Standing { subscription: &self.subscription, open: &self.open };
                standing.planned_change().map(|it| it.id)
            }
        }
    }
}

impl Billing {
    /// Makes a request true, with the paid period that begins with it, if one does.
    pub(crate) async fn make_true(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        (held, period): (Held, Option<Period>),
    ) -> Result<(), Error> {
        let now = self.ports.clock.now();
        let planned = held.planned();
        let Held { trial, renewal, mut subscription, open, request } = held;
        let before = subscription.clone();
        let with = Fulfilment { terms: terms(catalogue, &request.wish)?, period };
        let by = (request.actor, request.reason.as_str());
        let change = subscription.fulfil(&request.wish, with, by, now).map_err(Refusal::from)?;
        self.settle_requests(work, catalogue, (&subscription, planned), open).await?;
        let changed = change.is_some();
        self.save_changed(work, (&subscription, before.status), (change, now)).await?;
        if !changed {
            return Ok(());
        }
        self.follow_change(work, (trial, renewal), (&subscription, period)).await?;
        self.give_graces(work, catalogue, (&before, &subscription)).await?;
        if period.is_some() {
            self.end_months(work, &before, now).await?;
            self.grant_period(work, catalogue, (&subscription, true)).await?;
        }
        self.end_period(work, &subscription).await
    }

    /// Makes the change true that was planned for the end of the period: the next one begins on its
    /// terms. That period.
    pub(crate) async fn take_planned(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        (renewal, subscription): (&Renewal, &mut Subscription),
        period: Period,
    ) -> Result<Period, Error> {
        let (owner, id) = (subscription.organization_id, subscription.id);
        let open = work.change_requests().open(owner, id).await?;
        let planned = Standing { subscription, open: &open }.planned_change().cloned();
        let Some(planned) = planned else { return Ok(period) };
        let Some(terms) = terms(catalogue, &planned.wish)? else { return Ok(period) };
        let (now, status) = (self.ports.clock.now(), subscription.status);
        let by = (planned.actor, planned.reason.as_str());
        let change = subscription.take_planned(terms, by, now);
        self.settle_requests(work, catalogue, (subscription, None), open).await?;
        self.save_changed(work, (subscription, status), (change, now)).await?;
        Ok(Anchor(renewal.anchor).period_from(terms.interval, period.start))
    }

    /// What is due next of a subscription that has changed.
    async fn follow_change(
        &self,
        work: &mut dyn UnitOfWork,
        (trial, renewal): (Option<Trial>, Option<Renewal>),
        (subscription, period): (&Subscription, Option<Period>),
    ) -> Result<(), Error> {
        let now = self.ports.clock.now();
        let on_trial = matches!(subscription.status, Status::Trialing { .. });
        if let Some(mut trial) = trial.filter(|_| !on_trial)
            && trial.cancel(now)
        {
            work.trials().save(&trial, &[]).await?;
        }
        // What was never paid has no renewal: it begins with its pause, or with its first payment.
        if on_trial || (renewal.is_none() && !subscription.is_live()) {
            return Ok(());
        }
        let mut renewal = renewal.unwrap_or(Renewal {
            organization_id: subscription.organization_id,
            subscription_id: subscription.id,
            anchor: subscription.period.start,
            next_due_at: None,
        });
        renewal.anchor = period.map_or(renewal.anchor, |period| period.start);
        renewal.follow(subscription, self.settings.grace_days, now);
        work.renewals().save(&renewal).await
    }
}

/// The terms that are wished for, if others are.
pub(crate) fn terms(catalogue: &Catalogue, wish: &Wish) -> Result<Option<Terms>, Error> {
    match *wish {
        Wish::Change { price_id, quantity, .. } => {
            let found = catalogue.price(price_id);
            let (_, version, price) = found.ok_or(Error::NotFound(Missing::Plan))?;
            let plan_version_id = version.id;
            Ok(Some(Terms { plan_version_id, price_id, interval: price.interval, quantity }))
        }
        Wish::Cancel { .. } | Wish::Pause { .. } | Wish::Resume(_) => Ok(None),
    }
}
