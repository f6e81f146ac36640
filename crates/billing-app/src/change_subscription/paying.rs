//! What a change of a subscription that our engine bills costs is paid first: only then it comes
//! true.
//!
//! The bill is computed for the instant of the request, so that it is what the preview said. What is
//! due is invoiced and charged at once, with what has waited for an invoice; where nothing is, the
//! change comes true at once, and its lines wait for the next invoice. A charge that fails leaves
//! everything as it was; while nobody knows how it ended the request stays open, and the collection
//! of its invoice asks.

use billing_domain::{
    catalogue::Catalogue,
    checkout::Checkout,
    collection::{Collection, CollectionState},
    event::What,
    gateway::GatewayRef,
    id::InvoiceId,
    invoice::Invoice,
    payment::ChargeFailure,
    subscription::{ChangeRequest, Fate, Resumption, Subscription, When, Wish},
    tax::TaxBehavior,
};

use super::{bill::ChangeBill, fulfilling::Held, later};
use crate::{
    Billing, Error, Refusal,
    collect_invoices::for_subscription,
    issue_invoice::{NewInvoice, fault},
    ports::{Scope, UnitOfWork},
};

/// How far a request got in one unit of work.
enum Booked {
    /// It has come true, or somebody else went on with it.
    Done,
    /// Something is due, and it must be known what can be charged.
    Due,
    /// An attempt to take the money is recorded, and is to be sent.
    Charge(Box<Checkout>),
}

impl Billing {
    /// Goes on with a request that waits to come true: pays what it costs, and makes it true.
    pub(super) async fn carry_out(&self, request: &ChangeRequest) -> Result<(), Error> {
        if let Some(invoice) = request.invoice_id {
            return self.await_payment(request, invoice).await;
        }
        let Booked::Due = self.booked(request, None).await? else { return Ok(()) };
        let Some((gateway, method)) = self.chargeable(request.organization_id).await? else {
            let why = ChargeFailure::NoSavedMethod;
            self.fail_request(request, "there is no method to charge").await?;
            return Err(Refusal::PaymentDeclined(why).into());
        };
        let Booked::Charge(checkout) = self.booked(request, Some(method)).await? else {
            return Ok(());
        };
        self.send_charge(gateway, &checkout).await?;
        match self.why_declined(request).await? {
            Some(why) => Err(Refusal::PaymentDeclined(why).into()),
            None => Ok(()),
        }
    }

    /// The charge of a request is asked for with all others. Nothing comes of it once nobody asks
    /// any more.
    async fn await_payment(
        &self,
        request: &ChangeRequest,
        invoice: InvoiceId,
    ) -> Result<(), Error> {
        let owner = request.organization_id;
        let mut work = self.ports.store.begin(Scope::Organization(owner)).await?;
        let collection = work.collections().find(owner, invoice).await?;
        drop(work);
        match collection.map(|it| it.state) {
            Some(CollectionState::GivenUp { .. } | CollectionState::Void { .. }) | None => {
                self.fail_request(request, "nobody takes its money any more").await
            }
            Some(
                CollectionState::Open
                | CollectionState::Charging(_)
                | CollectionState::Collected { .. },
            ) => Ok(()),
        }
    }

    /// Does what can be done in one unit of work. What is refused here fails the request.
    async fn booked(
        &self,
        request: &ChangeRequest,
        method: Option<GatewayRef>,
    ) -> Result<Booked, Error> {
        let booked = self.book_change(request, method).await;
        if let Err(Error::Refused(refusal)) = &booked {
            self.fail_request(request, &refusal.to_string()).await?;
        }
        booked
    }

    async fn book_change(
        &self,
        request: &ChangeRequest,
        method: Option<GatewayRef>,
    ) -> Result<Booked, Error> {
        let catalogue = self.catalogue().await?;
        let owner = request.organization_id;
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let unpaid = work.collections().open(owner).await?;
        let Some(held) = Held::find(&mut *work, request).await? else { return Ok(Booked::Done) };
        let unpaid = for_subscription(unpaid, &held.subscription);
        refuse_unpaid(&held.request.wish, &unpaid)?;
        if is_stale(&held.subscription, &held.request) {
            return Err(Refusal::PreviewStale.into());
        }
        let booked = if is_charged_now(&held.request.wish) {
            self.book_charge(&mut *work, &catalogue, held, method).await?
        } else {
            self.void_unpaid(&mut *work, &held.request.wish, unpaid).await?;
            self.make_true(&mut *work, &catalogue, (held, None)).await?;
            Booked::Done
        };
        if let Booked::Due = booked {
            return Ok(booked);
        }
        let committed = work.commit().await;
        self.organization_changed(owner);
        committed.map(|()| booked)
    }

    /// Bills a change, and makes it true where nothing is due for it.
    async fn book_charge(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        held: Held,
        method: Option<GatewayRef>,
    ) -> Result<Booked, Error> {
        let (subscription, request) = (&held.subscription, &held.request);
        let of = (subscription, &request.wish);
        let mut bill = self.change_bill(work, catalogue, of, request.proration_at).await?;
        if bill.parts.lines.is_empty() {
            self.make_true(work, catalogue, (held, None)).await?;
            return Ok(Booked::Done);
        }
        let which = (request.organization_id, subscription.id);
        let own = bill.parts.lines.clone();
        let taken = self.take_in_waiting(work, which, &mut bill.parts).await?;
        let is_due = bill.parts.due()?.minor() > 0;
        match (is_due, method) {
            (true, None) => return Ok(Booked::Due),
            (true, Some(method)) => {
                let of = (held.request, bill);
                let (checkout, invoice) = self.bill_change(work, catalogue, of, method).await?;
                self.stand_on(work, taken, invoice.id).await?;
                return Ok(Booked::Charge(Box::new(checkout)));
            }
            (false, _) => {}
        }
        let period = bill.period;
        if period.is_none() {
            self.let_wait(work, which, own).await?;
            self.make_true(work, catalogue, (held, None)).await?;
            return Ok(Booked::Done);
        }
        let new = invoice_of(&held.request, bill);
        let (invoice, _) = self.issue_invoice(work, catalogue, new).await?;
        self.stand_on(work, taken, invoice.id).await?;
        self.make_true(work, catalogue, (held.paid_by(invoice.id), period)).await?;
        Ok(Booked::Done)
    }

    /// Issues the invoice of a change, and records the attempt to take its money.
    async fn bill_change(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        (mut request, bill): (ChangeRequest, ChangeBill),
        method: GatewayRef,
    ) -> Result<(Checkout, Invoice), Error> {
        let new = invoice_of(&request, bill);
        let (invoice, collection) = self.issue_invoice(work, catalogue, new).await?;
        let nothing = || anyhow::anyhow!("invoice {} has nothing to collect", invoice.id);
        let collection = collection.ok_or_else(nothing)?;
        if let Some(why) = self.not_again(work, &collection, &method).await? {
            tracing::info!(invoice = %invoice.id, %why, "a method is not charged again");
            return Err(Refusal::PaymentDeclined(ChargeFailure::NotPermitted).into());
        }
        let checkout = self.record_attempt(work, collection, (method, None)).await?;
        request.invoice_id = Some(invoice.id);
        request.look_at = later(request.created_at, self.ports.clock.now());
        work.change_requests().save(&request, &[]).await?;
        Ok((checkout, invoice))
    }

    /// The invoice of a change is paid: it comes true. Whether it is of one.
    pub(crate) async fn change_paid(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        invoice: &Invoice,
    ) -> Result<bool, Error> {
        let Some(held) = Held::of_invoice(work, invoice).await? else { return Ok(false) };
        self.make_true(work, catalogue, (held, invoice.period)).await?;
        Ok(true)
    }

    /// The money of a change did not come: nothing has changed, and nothing is owed. Whether it was
    /// for one.
    pub(crate) async fn change_unpaid(
        &self,
        work: &mut dyn UnitOfWork,
        collection: &mut Collection,
        invoice: &mut Invoice,
    ) -> Result<bool, Error> {
        let Some(held) = Held::of_invoice(work, invoice).await? else { return Ok(false) };
        let (mut request, now) = (held.request, self.ports.clock.now());
        self.void_collection(work, collection, invoice).await?;
        self.take_off(work, (invoice.organization_id, invoice.id)).await?;
        let why = "the payment was declined";
        request.fate = Fate::Failed { why: why.to_owned() };
        let what = What::SubscriptionChangeFailed {
            subscription_id: request.subscription_id,
            change_id: request.id,
            why: why.to_owned(),
        };
        let told = self.what(request.organization_id, now, what);
        work.change_requests().save(&request, &[told]).await?;
        Ok(true)
    }

    /// What is not paid yet when somebody ends it is not owed any more.
    async fn void_unpaid(
        &self,
        work: &mut dyn UnitOfWork,
        wish: &Wish,
        unpaid: Vec<Collection>,
    ) -> Result<(), Error> {
        if *wish != (Wish::Cancel { when: When::Now }) {
            return Ok(());
        }
        for mut collection in unpaid {
            let mut invoice = self.collected_invoice(work, &collection).await?;
            self.void_collection(work, &mut collection, &mut invoice).await?;
        }
        Ok(())
    }

    async fn void_collection(
        &self,
        work: &mut dyn UnitOfWork,
        collection: &mut Collection,
        invoice: &mut Invoice,
    ) -> Result<(), Error> {
        if collection.void(self.ports.clock.now()) {
            work.collections().save(collection, &[]).await?;
        }
        if invoice.void().map_err(fault)? {
            let told = self.invoice_told(invoice);
            work.invoices().save(invoice, &[told]).await?;
        }
        Ok(())
    }

    /// Why the money of a request did not come, if that is known by now.
    async fn why_declined(&self, request: &ChangeRequest) -> Result<Option<ChargeFailure>, Error> {
        let owner = request.organization_id;
        let mut work = self.ports.store.begin(Scope::Organization(owner)).await?;
        let found = work.change_requests().find(owner, request.id).await?;
        let failed = found.filter(|it| matches!(it.fate, Fate::Failed { .. }));
        let Some(invoice) = failed.and_then(|it| it.invoice_id) else { return Ok(None) };
        let collection = work.collections().find(owner, invoice).await?;
        let why = collection.and_then(|it| it.failure);
        Ok(Some(why.unwrap_or(ChargeFailure::Declined)))
    }
}

/// Refuses what cannot be while something of the subscription is not paid. While an attempt is
/// under way nothing changes what it is for; what only failed so far may be ended.
pub(super) fn refuse_unpaid(wish: &Wish, unpaid: &[Collection]) -> Result<(), Refusal> {
    let under_way = |it: &Collection| matches!(it.state, CollectionState::Charging(_));
    let refused = match wish {
        Wish::Change { when: When::Now, .. } | Wish::Pause { .. } => !unpaid.is_empty(),
        Wish::Resume(Resumption::Pause) => !unpaid.is_empty(),
        Wish::Cancel { when: When::Now } => unpaid.iter().any(under_way),
        Wish::Change { when: When::PeriodEnd, .. }
        | Wish::Cancel { when: When::PeriodEnd }
        | Wish::Resume(Resumption::Cancellation | Resumption::ScheduledChange) => false,
    };
    if refused { Err(Refusal::PaymentPending) } else { Ok(()) }
}

/// Whether what a wish costs is charged with it, and not with the next period.
const fn is_charged_now(wish: &Wish) -> bool {
    match wish {
        Wish::Change { when: When::Now, .. } | Wish::Resume(Resumption::Pause) => true,
        Wish::Change { when: When::PeriodEnd, .. }
        | Wish::Cancel { .. }
        | Wish::Pause { .. }
        | Wish::Resume(Resumption::Cancellation | Resumption::ScheduledChange) => false,
    }
}

fn invoice_of(request: &ChangeRequest, bill: ChangeBill) -> NewInvoice {
    NewInvoice {
        organization_id: request.organization_id,
        parts: bill.parts,
        tax: TaxBehavior::default(),
        subscription_id: Some(request.subscription_id),
        period: bill.period,
    }
}

/// Whether the period in which something was asked for is over: then it would cost something else.
fn is_stale(subscription: &Subscription, request: &ChangeRequest) -> bool {
    let now = matches!(request.wish, Wish::Change { when: When::Now, .. });
    now && subscription.period.start > request.created_at
}
