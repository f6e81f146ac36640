//! What most promises begin with.

use std::sync::Arc;

use billing_app::{
    Error,
    ports::{CreditSummary, Page, QuotaQuestion, Scope, UnitOfWork, UsageLedger},
};
use billing_domain::{
    checkout::Checkout,
    credits::{
        self, Consume, CreditCommand, CreditOutcome, Entry, Held, NewGrant, NewHold, Refund,
        Settings, Settle,
    },
    id::{GrantId, HoldId, OrganizationId},
    organization::Organization,
    payment::Payment,
    quota::Quota,
    subscription::Subscription,
    usage::{UsageCommand, UsageOutcome, UsageRule},
};
use time::OffsetDateTime;

use super::Promise;
use crate::{
    NOON, Subject,
    builders::{a_fresh_id, a_grant, an_organization, the_default_catalogue},
};

/// A page with everything on it.
pub(super) const fn everything<C>() -> Page<C> {
    Page { after: None, limit: 1_000 }
}

/// A batch of uses of one organization, decided at an instant.
pub(super) async fn all(
    ledger: &Arc<dyn UsageLedger>,
    organization: OrganizationId,
    (commands, now): (Vec<UsageCommand>, OffsetDateTime),
) -> Result<Vec<UsageOutcome>, Error> {
    let outcomes = ledger.apply_all(vec![(organization, commands)], now).await;
    outcomes.into_iter().next().expect("there is an answer for every organization")
}

/// Runs tasks at once, and waits for all of them.
pub(super) async fn at_once<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let running: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::new();
    for task in running {
        results.push(task.await.expect("no task panics"));
    }
    results
}

/// Takes its time in a unit, so that others get their chance to come in between.
pub(super) async fn dawdle(work: &mut dyn UnitOfWork) -> Result<(), Error> {
    for _ in 0..10 {
        work.organizations().find(a_fresh_id()).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

impl Subject {
    pub(super) async fn engine(&self) -> Result<Box<dyn UnitOfWork>, Error> {
        self.store.begin(Scope::Engine).await
    }

    pub(super) async fn on_behalf_of(
        &self,
        organization: OrganizationId,
    ) -> Result<Box<dyn UnitOfWork>, Error> {
        self.store.begin(Scope::Organization(organization)).await
    }

    /// Puts the default catalogue on sale.
    pub(super) async fn sell(&self) -> Result<(), Error> {
        let catalogue = the_default_catalogue();
        let mut work = self.store.begin(Scope::Operator).await?;
        for (position, plan) in (0..).zip(&catalogue.plans) {
            work.catalogue().add_plan(plan, position).await?;
        }
        for product in &catalogue.credit_products {
            work.catalogue().add_credit_product(product).await?;
        }
        for event in &catalogue.credit_events {
            work.catalogue().add_credit_event(event).await?;
        }
        for meter in &catalogue.meters {
            work.catalogue().add_meter(meter).await?;
        }
        for rate in &catalogue.tax_rates {
            work.catalogue().add_tax_rate(rate).await?;
        }
        work.commit().await
    }

    /// A registered organization, with something on sale.
    pub(super) async fn registered(&self) -> Result<OrganizationId, Error> {
        self.sell().await?;
        let organization = an_organization();
        self.register(&organization).await?;
        Ok(organization.id)
    }

    /// Two of them.
    pub(super) async fn two_registered(&self) -> Result<(OrganizationId, OrganizationId), Error> {
        Ok((self.registered().await?, self.registered().await?))
    }

    pub(super) async fn register(&self, organization: &Organization) -> Result<(), Error> {
        let mut work = self.engine().await?;
        work.organizations().insert(organization, &[]).await?;
        work.commit().await
    }

    pub(super) async fn save_checkout(&self, checkout: &Checkout) -> Result<(), Error> {
        let mut work = self.engine().await?;
        work.checkouts().save(checkout, &[]).await?;
        work.commit().await
    }

    pub(super) async fn save_subscription(&self, subscription: &Subscription) -> Result<(), Error> {
        let mut work = self.engine().await?;
        work.subscriptions().save(subscription, None, &[]).await?;
        work.commit().await
    }

    /// The subscription of the main group, as decisions see it.
    pub(super) async fn subscription(
        &self,
        id: OrganizationId,
    ) -> Result<Option<Subscription>, Error> {
        let subscriber = self.facts.subscribers(&[id]).await?.pop().flatten();
        Ok(subscriber.and_then(|it| it.subscription("main").cloned()))
    }

    /// What quotas of one organization are decided on.
    pub(super) async fn quotas(
        &self,
        id: OrganizationId,
        rules: &[(String, UsageRule)],
        now: OffsetDateTime,
    ) -> Result<Vec<Quota>, Error> {
        let asked = rules.iter().map(|(meter, rule)| QuotaQuestion {
            organization_id: id,
            meter: meter.clone(),
            rule: *rule,
        });
        self.facts.quotas(&asked.collect::<Vec<_>>(), now).await
    }

    pub(super) async fn save_payment(&self, payment: &Payment) -> Result<(), Error> {
        let mut work = self.engine().await?;
        work.payments().save(payment, &[]).await?;
        work.commit().await
    }

    /// An organization that was given credits, and nothing else.
    pub(super) async fn with_credits(&self, amount: i64) -> Result<OrganizationId, Error> {
        let organization = self.registered().await?;
        let grant = NewGrant { amount, ..a_grant() };
        let now = grant.starts_at;
        self.grant(organization, grant, now).await?;
        Ok(organization)
    }

    pub(super) async fn consume(
        &self,
        organization: OrganizationId,
        consume: Consume,
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error> {
        self.credits.apply(organization, CreditCommand::Consume(consume), now).await
    }

    pub(super) async fn grant(
        &self,
        organization: OrganizationId,
        grant: NewGrant,
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error> {
        self.credits.apply(organization, CreditCommand::Grant(grant), now).await
    }

    pub(super) async fn hold(
        &self,
        organization: OrganizationId,
        hold: NewHold,
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error> {
        self.credits.apply(organization, CreditCommand::Hold(hold), now).await
    }

    /// Reserves what is there.
    pub(super) async fn held(
        &self,
        organization: OrganizationId,
        hold: NewHold,
        now: OffsetDateTime,
    ) -> Result<Held, Error> {
        let outcome = self.hold(organization, hold, now).await?;
        let CreditOutcome::Held(held) = outcome else { panic!("not held: {outcome:?}") };
        Ok(held)
    }

    /// Settles a hold for so many credits, or for all that is held.
    pub(super) async fn settle(
        &self,
        organization: OrganizationId,
        (hold, amount): (HoldId, Option<i64>),
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error> {
        let settle = Settle::new(hold, amount).expect("it can be settled");
        self.credits.apply(organization, CreditCommand::Settle(settle), now).await
    }

    pub(super) async fn release(
        &self,
        organization: OrganizationId,
        hold: HoldId,
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error> {
        self.credits.apply(organization, CreditCommand::Release(hold), now).await
    }

    pub(super) async fn book(&self, organization: OrganizationId, now: OffsetDateTime) -> Promise {
        let booked = self.credits.apply(organization, CreditCommand::BookDue, now).await?;
        assert_eq!(booked, CreditOutcome::Booked);
        Ok(())
    }

    pub(super) async fn refund(
        &self,
        organization: OrganizationId,
        refund: Refund,
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error> {
        self.credits.apply(organization, CreditCommand::Refund(refund), now).await
    }

    /// Gives credits of one organization to another, in a unit of its own.
    pub(super) async fn transfer(
        &self,
        from: OrganizationId,
        send: credits::Send,
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error> {
        let new_grant = || a_fresh_id::<GrantId>();
        let mut work = self.engine().await?;
        let outcome = work.credits().transfer(from, &send, &new_grant, now).await?;
        work.commit().await?;
        Ok(outcome)
    }

    pub(super) async fn configure(
        &self,
        organization: OrganizationId,
        settings: Settings,
        now: OffsetDateTime,
    ) -> Promise {
        let command = CreditCommand::Configure(settings.into());
        let outcome = self.credits.apply(organization, command, now).await?;
        assert_eq!(outcome, CreditOutcome::Configured(settings));
        Ok(())
    }

    /// Lets an organization use so many credits beyond what there is.
    pub(super) async fn allow(
        &self,
        organization: OrganizationId,
        overdraft_limit: i64,
    ) -> Promise {
        let settings = Settings { overdraft_limit, ..Settings::default() };
        self.configure(organization, settings, NOON).await
    }

    /// Nothing that must hold is broken.
    pub(super) async fn all_holds(&self) -> Promise {
        assert_eq!(self.witness.violations().await?, Vec::<String>::new());
        Ok(())
    }

    /// All rows of a credit ledger, the oldest first.
    pub(super) async fn entries(&self, organization: OrganizationId) -> Result<Vec<Entry>, Error> {
        let mut entries = self.ledger_queries.credit_entries(organization, everything()).await?;
        entries.reverse();
        Ok(entries)
    }

    pub(super) async fn summary(
        &self,
        organization: OrganizationId,
    ) -> Result<CreditSummary, Error> {
        let summary = self.ledger_queries.credits(organization).await?;
        Ok(summary.expect("the organization has an account"))
    }
}

/// Chance that is the same in each run.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 up to, but not including, `sides`.
    pub(super) fn roll(&mut self, sides: i64) -> i64 {
        // Two throws of 31 bits: one would reach to 36 minutes, where microseconds are rolled.
        (self.throw() << 31 | self.throw()) % sides
    }

    fn throw(&mut self) -> i64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap_or_default()
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let sides = i64::try_from(from.len()).expect("there are few");
        let n = usize::try_from(self.roll(sides)).expect("it is not negative");
        *from.get(n).expect("it is one of them")
    }
}
