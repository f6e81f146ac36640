//! A request that was written down and the gateway.

use billing_domain::{
    event::What,
    gateway::GatewayRef,
    id::{ChangeId, OrganizationId},
    subscription::{ChangeRequest, Fate, Resumption, Subscription, Wish},
};

use super::{considering::new_price, later, whole_second};
use crate::{
    Billing, Error, Missing, Refusal,
    clear_duplicates::subscriptions,
    gateway_facts::{ARRIVED, REMEMBERED, ask},
    open_checkout::gateway_failed,
    ports::{
        About, Cancellation, GatewayError, GatewaySubscriptions, GoingOn, Outcome, PriceChange,
        Scope,
    },
};

/// How many are looked at in one round.
const BATCH: i64 = 20;

impl Billing {
    /// Looks after requests of which nothing was heard, and those whose time has come. How many
    /// were looked after. One that cannot go on is logged, and does not hold up the others.
    pub async fn carry_out_changes(&self) -> Result<usize, Error> {
        let now = self.ports.clock.now();
        let mut done = 0;
        for (organization, id) in self.ports.subscriptions.changes_due(now, BATCH).await? {
            match self.look_after(organization, id).await {
                Ok(()) => done += 1,
                Err(error) => {
                    let error = error.in_full();
                    tracing::warn!(%organization, change = %id, error, "a change does not go on");
                }
            }
        }
        Ok(done)
    }

    async fn look_after(&self, organization: OrganizationId, id: ChangeId) -> Result<(), Error> {
        let Some((request, subscription)) = self.claim_request(organization, id).await? else {
            return Ok(());
        };
        let Some(reference) = subscription.billed_by.reference() else {
            return self.look_after_ours(&request).await;
        };
        // Asked first: what has come true is not sent again.
        self.ask_and_adopt(reference).await?;
        let request = self.requested(&request).await?;
        let age = self.ports.clock.now() - request.created_at;
        match request.fate {
            Fate::Pending if age < REMEMBERED => self.send_request(&request).await,
            Fate::Pending if age < ARRIVED => Ok(()),
            Fate::Pending => self.fail_request(&request, "nothing was heard of it").await,
            Fate::Scheduled { .. } | Fate::Done | Fate::Failed { .. } | Fate::Withdrawn => Ok(()),
        }
    }

    /// Takes a request to look after, so that nobody else does meanwhile. The end of a pause whose
    /// time has come is from now on on its way.
    async fn claim_request(
        &self,
        organization: OrganizationId,
        id: ChangeId,
    ) -> Result<Option<(ChangeRequest, Subscription)>, Error> {
        let now = self.ports.clock.now();
        let open = self.ports.subscriptions.open_changes(organization).await?;
        let Some(due) = open.into_iter().find(|it| it.id == id) else { return Ok(None) };
        let mut work = self.ports.store.begin(Scope::Organization(organization)).await?;
        // The subscription first, as everybody else: so that nobody waits in a circle.
        let subscription = work.subscriptions().find(organization, due.subscription_id).await?;
        let subscription = subscription.ok_or(Error::NotFound(Missing::Subscription))?;
        let found = work.change_requests().find(organization, id).await?;
        let Some(mut request) = found.filter(|it| it.fate.is_open() && it.look_at <= now) else {
            return Ok(None);
        };
        match (&request.wish, &request.fate) {
            (Wish::Resume(_), Fate::Scheduled { at }) if *at <= now => {
                request.fate = Fate::Pending;
                request.proration_at = whole_second(now);
                request.created_at = now;
                request.look_at = now + super::ATTENDED;
            }
            (
                Wish::Resume(_) | Wish::Change { .. } | Wish::Cancel { .. } | Wish::Pause { .. },
                _,
            ) => request.look_at = later(request.created_at, now),
        }
        work.change_requests().save(&request, &[]).await?;
        work.commit().await?;
        Ok(Some((request, subscription)))
    }

    /// Goes on with a request on a subscription that our engine bills. What is planned comes true
    /// with the period that ends then.
    async fn look_after_ours(&self, request: &ChangeRequest) -> Result<(), Error> {
        let age = self.ports.clock.now() - request.created_at;
        match request.fate {
            Fate::Pending if request.invoice_id.is_none() && age >= ARRIVED => {
                self.fail_request(request, "it could not be done in time").await
            }
            Fate::Pending => self.carry_out(request).await,
            Fate::Scheduled { .. } | Fate::Done | Fate::Failed { .. } | Fate::Withdrawn => Ok(()),
        }
    }

    /// Sends a request to the gateway, and adopts what the gateway says then; or makes it true
    /// where our engine bills.
    pub(super) async fn send_request(&self, request: &ChangeRequest) -> Result<(), Error> {
        let scope = Scope::Organization(request.organization_id);
        let mut work = self.ports.store.begin(scope).await?;
        let found =
            work.subscriptions().find(request.organization_id, request.subscription_id).await?;
        drop(work);
        let subscription = found.ok_or(Error::NotFound(Missing::Subscription))?;
        let Some(reference) = subscription.billed_by.reference() else {
            return self.carry_out(request).await;
        };
        let gateway = self.gateway(Some(reference.gateway))?;
        let role = subscriptions(gateway)?;
        let answer = self.say((role, &reference.id), &subscription, request).await?;
        match answer {
            Ok(Outcome::Done) => self.ask_and_adopt(reference).await,
            Ok(Outcome::Declined(failure)) => {
                self.fail_request(request, "the payment was declined").await?;
                Err(Refusal::PaymentDeclined(failure).into())
            }
            Err(error) => {
                if let GatewayError::Refused { message } = &error {
                    self.fail_request(request, message).await?;
                }
                Err(gateway_failed(gateway, error))
            }
        }
    }

    /// Says to the gateway what is wanted: all of it from our records, so that it is the same each
    /// time.
    async fn say(
        &self,
        (role, id): (&dyn GatewaySubscriptions, &str),
        subscription: &Subscription,
        request: &ChangeRequest,
    ) -> Result<Result<Outcome, GatewayError>, Error> {
        let change_id = request.id;
        Ok(match request.wish {
            Wish::Change { price_id, quantity, when } => {
                let catalogue = self.catalogue().await?;
                let priced = |id, quantity| {
                    let (plan, _, price) = catalogue.price(id)?;
                    Some(new_price((plan, price), quantity))
                };
                let from = priced(subscription.price_id, subscription.quantity);
                let (Some(from), Some(to)) = (from, priced(price_id, quantity)) else {
                    return Err(Error::NotFound(Missing::Plan));
                };
                let proration_at = request.proration_at;
                let change = PriceChange { change_id, from, to, when, proration_at };
                role.change(id, &change).await
            }
            Wish::Cancel { when } => {
                let end = Cancellation { change_id, when };
                role.cancel(id, &end).await.map(|()| Outcome::Done)
            }
            Wish::Pause { .. } => role.pause(id, change_id).await.map(|()| Outcome::Done),
            Wish::Resume(takes_back) => {
                let new_period = takes_back == Resumption::Pause
                    && subscription.period.end <= request.proration_at;
                role.resume(id, &GoingOn { change_id, takes_back, new_period }).await
            }
        })
    }

    /// Asks the gateway how a subscription stands, and takes it in.
    async fn ask_and_adopt(&self, reference: &GatewayRef) -> Result<(), Error> {
        let gateway = self.gateway(Some(reference.gateway))?;
        let asked_at = self.ports.clock.wall();
        let facts = ask(gateway, &About::Subscription(reference.id.clone()), asked_at).await;
        self.adopt(&facts.map_err(|error| gateway_failed(gateway, error))?).await
    }

    /// Records that nothing will come of a request.
    pub(super) async fn fail_request(
        &self,
        request: &ChangeRequest,
        why: &str,
    ) -> Result<(), Error> {
        let scope = Scope::Organization(request.organization_id);
        let mut work = self.ports.store.begin(scope).await?;
        let found = work.change_requests().find(request.organization_id, request.id).await?;
        let Some(mut request) = found.filter(|it| it.fate == Fate::Pending) else {
            return Ok(());
        };
        request.fate = Fate::Failed { why: why.to_owned() };
        let what = What::SubscriptionChangeFailed {
            subscription_id: request.subscription_id,
            change_id: request.id,
            why: why.to_owned(),
        };
        let told = self.what(request.organization_id, self.ports.clock.now(), what);
        work.change_requests().save(&request, &[told]).await?;
        work.commit().await
    }
}
