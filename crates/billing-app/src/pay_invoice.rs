//! An invoice of ours is charged because somebody asks for it: the customer, or an operator.

use billing_domain::{
    checkout::Checkout,
    collection::{AskedFor, AttemptOutcome, Collection, CollectionState},
    id::{InvoiceId, OrganizationId},
    invoice::{Invoice, InvoiceStatus},
    payment::ChargeFailure,
};

use crate::{
    Billing, Error, Mandate, Missing, Refusal,
    collect_invoices::Chargeable,
    ports::{PaymentGateway, Scope},
};

/// The longest reason.
const LONGEST_REASON: usize = 500;

impl Billing {
    /// Charges an invoice of ours now with the method that the gateway has kept, whatever the rules
    /// of dunning say of the day; not with one that was refused for good or charged too often. The
    /// invoice, paid. `PaymentDeclined` where the money did not come, `ChargePending` while nobody
    /// knows whether another attempt brought it.
    pub async fn pay_invoice(
        &self,
        organization: OrganizationId,
        id: InvoiceId,
        mandate: Mandate,
    ) -> Result<Invoice, Error> {
        let reason = mandate.reason.trim().to_owned();
        if !(1..=LONGEST_REASON).contains(&reason.chars().count()) {
            let wrong = format!("must have 1 to {LONGEST_REASON} characters");
            return Err(Error::invalid("reason", wrong));
        }
        let (invoice, _) = self.invoice(organization, id).await?;
        if invoice.status == InvoiceStatus::Paid {
            return Ok(invoice);
        }
        let asked_for = AskedFor { actor: mandate.actor, reason };
        let chargeable = self.chargeable(organization).await?;
        let (gateway, attempt) = self.record_wanted(invoice, chargeable, asked_for).await?;
        let sent = self.send_charge(gateway, &attempt).await;
        self.how_it_ended(organization, id, &attempt, sent).await
    }

    /// Records the attempt that is asked for, if it may be made.
    async fn record_wanted<'a>(
        &self,
        invoice: Invoice,
        chargeable: Chargeable<'a>,
        asked_for: AskedFor,
    ) -> Result<(&'a dyn PaymentGateway, Checkout), Error> {
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let found = work.collections().find(invoice.organization_id, invoice.id).await?;
        let not_payable = || Refusal::NotPayable { status: invoice.status.name() };
        let collection = found.ok_or_else(not_payable)?;
        match collection.state {
            CollectionState::Open | CollectionState::GivenUp { .. } => {}
            CollectionState::Charging(_) => return Err(Refusal::ChargePending.into()),
            CollectionState::Collected { .. } | CollectionState::Void { .. } => {
                return Err(not_payable().into());
            }
        }
        let Some((gateway, method)) = chargeable else {
            return Err(Refusal::PaymentDeclined(ChargeFailure::NoSavedMethod).into());
        };
        if let Some(why) = self.not_again(&mut *work, &collection, &method).await? {
            return Err(Refusal::NotAgain(why).into());
        }
        let attempt =
            self.record_attempt(&mut *work, collection, (method, Some(asked_for))).await?;
        work.commit().await?;
        Ok((gateway, attempt))
    }

    /// What became of the attempt that was asked for.
    async fn how_it_ended(
        &self,
        organization: OrganizationId,
        id: InvoiceId,
        attempt: &Checkout,
        sent: Result<bool, Error>,
    ) -> Result<Invoice, Error> {
        let (invoice, _) = self.invoice(organization, id).await?;
        if invoice.status == InvoiceStatus::Paid {
            return Ok(invoice);
        }
        let mut work = self.ports.store.begin(Scope::Organization(organization)).await?;
        let collection = work.collections().find(organization, id).await?;
        drop(work);
        let collection = collection.ok_or(Error::NotFound(Missing::Invoice))?;
        match outcome(&collection, attempt) {
            Some(AttemptOutcome::Failed(failure)) => Err(Refusal::PaymentDeclined(failure).into()),
            Some(AttemptOutcome::Succeeded) => Ok(invoice),
            Some(AttemptOutcome::Pending) | None => {
                sent?;
                Err(Refusal::ChargePending.into())
            }
        }
    }
}

fn outcome(collection: &Collection, of: &Checkout) -> Option<AttemptOutcome> {
    let mut attempts = collection.attempts.iter();
    attempts.find(|it| it.checkout_id == of.id).map(|it| it.outcome)
}
