//! The money of our invoices is taken: charged, tried again by the rules of dunning, or given up.
//!
//! Each step is decided on the collection while it is held, so that of any number of processes one
//! takes it. An attempt is recorded first, then sent, then its end recorded; stopped between any two
//! steps, the next round goes on with the record that it finds.

use billing_domain::{
    checkout::{Checkout, CheckoutStatus, PaidBy, Purpose},
    collection::{AskedFor, Collection, CollectionState, CollectionStep, NotAgain},
    event::What,
    gateway::GatewayRef,
    id::{CheckoutId, InvoiceId, OrganizationId},
    invoice::Invoice,
    payment::ChargeFailure,
    subscription::Subscription,
};
use time::OffsetDateTime;

use crate::{
    Billing, Error, Missing,
    issue_invoice::fault,
    ports::{PaymentGateway, Scope, UnitOfWork},
};

/// Which invoice, and whose.
pub(crate) type Which = (OrganizationId, InvoiceId);
/// What can be charged, and where; nothing where no gateway keeps a method.
pub(crate) type Chargeable<'a> = Option<(&'a dyn PaymentGateway, GatewayRef)>;

/// What is to be done, outside of any unit of work.
enum Step {
    Rest,
    Done,
    Charge,
    GoOn(CheckoutId),
}

impl Billing {
    /// When something is due next for any invoice whose money we take.
    pub async fn next_collection_due_at(&self) -> Result<Option<OffsetDateTime>, Error> {
        self.ports.collections.next_collection_due_at().await
    }

    /// Charges what is due, asks how charges ended of which nothing was heard, and gives up what is
    /// hopeless: one step for each of so many invoices at most. For how many something was done. One
    /// that cannot go on now is logged, put off for a minute, and does not hold up the others.
    pub async fn collect_due_invoices(&self, limit: i64) -> Result<usize, Error> {
        let now = self.ports.clock.now();
        let mut done = 0;
        for which in self.ports.collections.collections_due(now, limit).await? {
            match self.attend_collection(which).await {
                Ok(true) => done += 1,
                Ok(false) => {}
                Err(error) => {
                    let (organization, error) = (which.0, error.in_full());
                    tracing::warn!(%organization, invoice = %which.1, error, "a charge is put off");
                    self.put_off_collection(which).await?;
                }
            }
        }
        Ok(done)
    }

    async fn attend_collection(&self, which: Which) -> Result<bool, Error> {
        match self.look_at_collection(which).await? {
            Step::Rest => Ok(false),
            Step::Done => Ok(true),
            Step::GoOn(checkout) => self.ask_for_charge(which.0, checkout).await,
            Step::Charge => {
                let chargeable = self.chargeable(which.0).await?;
                self.charge_when_due(which, chargeable).await
            }
        }
    }

    /// Does what needs no gateway, and says what needs one.
    async fn look_at_collection(&self, which: Which) -> Result<Step, Error> {
        let now = self.ports.clock.now();
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let Some(mut collection) = work.collections().find(which.0, which.1).await? else {
            return Ok(Step::Rest);
        };
        let step = match collection.step(&self.settings.dunning, now) {
            CollectionStep::Rest => return Ok(Step::Rest),
            CollectionStep::Ask(checkout) => {
                collection.ask(now);
                work.collections().save(&collection, &[]).await?;
                Step::GoOn(checkout)
            }
            CollectionStep::Charge if has_ended(&mut *work, &collection).await? => {
                self.give_up_collection(&mut *work, collection).await?;
                Step::Done
            }
            CollectionStep::Charge => return Ok(Step::Charge),
            CollectionStep::GiveUp => {
                self.give_up_collection(&mut *work, collection).await?;
                Step::Done
            }
        };
        let committed = work.commit().await;
        self.organization_changed(which.0);
        committed.map(|()| step)
    }

    /// Records the attempt that is due and sends it, or that there is nothing to charge. Whether it
    /// was due: somebody else may have been faster.
    async fn charge_when_due(
        &self,
        which: Which,
        chargeable: Chargeable<'_>,
    ) -> Result<bool, Error> {
        let (rules, now) = (&self.settings.dunning, self.ports.clock.now());
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let found = work.collections().find(which.0, which.1).await?;
        let due = found.filter(|it| it.step(rules, now) == CollectionStep::Charge);
        let Some(mut collection) = due else { return Ok(false) };
        let nothing = match &chargeable {
            None => Some(ChargeFailure::NoSavedMethod),
            Some((_, method)) => {
                let not_again = self.not_again(&mut *work, &collection, method).await?;
                not_again.map(|why| collection.failure.unwrap_or(untried(why)))
            }
        };
        let (None, Some((gateway, method))) = (nothing, chargeable) else {
            let failure = nothing.unwrap_or(ChargeFailure::NoSavedMethod);
            let news = collection.failure != Some(failure);
            collection.fail_untried(failure, rules, now);
            self.collection_failed(&mut *work, collection, (None, news)).await?;
            let committed = work.commit().await;
            self.organization_changed(which.0);
            return committed.map(|()| true);
        };
        let checkout = self.record_attempt(&mut *work, collection, (method, None)).await?;
        work.commit().await?;
        self.send_charge(gateway, &checkout).await?;
        Ok(true)
    }

    /// Whether a method must not be charged again, for this or for any invoice.
    pub(crate) async fn not_again(
        &self,
        work: &mut dyn UnitOfWork,
        collection: &Collection,
        method: &GatewayRef,
    ) -> Result<Option<NotAgain>, Error> {
        let rules = &self.settings.dunning;
        let since = rules.counted_since(self.ports.clock.now());
        let owner = collection.organization_id;
        let record = work.collections().record_of(owner, method, since).await?;
        Ok(collection.may_try(record, rules).err())
    }

    /// Records an attempt, to be sent once that is committed.
    pub(crate) async fn record_attempt(
        &self,
        work: &mut dyn UnitOfWork,
        mut collection: Collection,
        (method, asked_for): (GatewayRef, Option<AskedFor>),
    ) -> Result<Checkout, Error> {
        let (owner, now) = (collection.organization_id, self.ports.clock.now());
        let invoice = self.collected_invoice(work, &collection).await?;
        let attempt = collection.next_number();
        let checkout = Checkout {
            id: self.attempt_id(invoice.id, attempt),
            organization_id: owner,
            gateway: method.gateway,
            purpose: Purpose::Invoice { invoice_id: invoice.id, attempt, amount: invoice.due() },
            paid_by: PaidBy::SavedMethod(method.clone()),
            status: CheckoutStatus::Pending,
            created_at: now,
        };
        collection.begin(checkout.id, (method, asked_for), now);
        work.checkouts().save(&checkout, &[]).await?;
        work.collections().save(&collection, &[]).await?;
        Ok(checkout)
    }

    /// Nobody tries any more; it may be paid nevertheless.
    pub(crate) async fn give_up_collection(
        &self,
        work: &mut dyn UnitOfWork,
        mut collection: Collection,
    ) -> Result<(), Error> {
        let now = self.ports.clock.now();
        if !collection.give_up(now) {
            return Ok(());
        }
        let mut invoice = self.collected_invoice(work, &collection).await?;
        let given_up = What::InvoiceUncollectible {
            invoice_id: invoice.id,
            subscription_id: collection.subscription_id,
            number: invoice.number.clone(),
            amount: invoice.due(),
            reason: collection.failure,
        };
        let given_up = self.what(collection.organization_id, now, given_up);
        let news = invoice.give_up().map_err(fault)?;
        work.collections().save(&collection, &[]).await?;
        if news {
            let told = [given_up, self.invoice_told(&invoice)];
            work.invoices().save(&invoice, &told).await?;
        }
        Ok(())
    }

    /// The invoice whose money is taken, held.
    pub(crate) async fn collected_invoice(
        &self,
        work: &mut dyn UnitOfWork,
        collection: &Collection,
    ) -> Result<Invoice, Error> {
        let (owner, id) = (collection.organization_id, collection.invoice_id);
        let found = work.invoices().find(owner, id).await?;
        found.ok_or(Error::NotFound(Missing::Invoice))
    }

    /// The id of an attempt, and so the gateway's key, follows from the invoice and its number:
    /// there is one for each, whoever makes it.
    pub(crate) fn attempt_id(&self, invoice: InvoiceId, attempt: u32) -> CheckoutId {
        let digest = self.ports.secrets.digest(format!("invoice:{invoice}:{attempt}").as_bytes());
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(byte, of_digest)| *byte = of_digest);
        CheckoutId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    async fn put_off_collection(&self, which: Which) -> Result<(), Error> {
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let found = work.collections().find(which.0, which.1).await?;
        let Some(mut collection) = found else { return Ok(()) };
        collection.put_off(self.ports.clock.now());
        work.collections().save(&collection, &[]).await?;
        work.commit().await
    }
}

/// Why nothing was charged, where a method that may not be charged again is all there is.
const fn untried(why: NotAgain) -> ChargeFailure {
    match why {
        NotAgain::Hard => ChargeFailure::NotPermitted,
        NotAgain::TooOften => ChargeFailure::Declined,
    }
}

/// Whether the subscription behind a collection has ended: then nobody is charged for it.
async fn has_ended(work: &mut dyn UnitOfWork, of: &Collection) -> Result<bool, Error> {
    let Some(id) = of.subscription_id else { return Ok(false) };
    let found = work.subscriptions().find(of.organization_id, id).await?;
    Ok(found.is_some_and(|subscription: Subscription| !subscription.is_live()))
}

/// Those of the collections that are for a subscription.
pub(crate) fn for_subscription(
    collections: Vec<Collection>,
    subscription: &Subscription,
) -> Vec<Collection> {
    let own = collections.into_iter().filter(|it| it.subscription_id == Some(subscription.id));
    own.collect()
}

/// Whether the end of an attempt is awaited, or one is to be made by now.
pub(crate) fn is_awaited(collection: &Collection, now: OffsetDateTime) -> bool {
    match collection.state {
        CollectionState::Charging(_) => true,
        CollectionState::Open => collection.retry_at.is_some_and(|at| at <= now),
        CollectionState::Collected { .. }
        | CollectionState::GivenUp { .. }
        | CollectionState::Void { .. } => false,
    }
}
