//! Invoices, inside a unit of work.

use async_trait::async_trait;
use billing_domain::{
    event::Event,
    gateway::GatewayRef,
    id::{InvoiceId, OrganizationId, PaymentId, SubscriptionId},
    invoice::{BilledUse, CreditNote, DocumentNumber, Invoice, Series},
};
use time::OffsetDateTime;

use crate::Error;

/// Invoices, and credit notes on ours.
#[async_trait]
pub trait Invoices: Send {
    /// The one that a gateway knows under this id, held.
    async fn by_reference(&mut self, reference: &GatewayRef) -> Result<Option<Invoice>, Error>;
    /// One of an organization, by our id, held.
    async fn find(
        &mut self,
        organization: OrganizationId,
        id: InvoiceId,
    ) -> Result<Option<Invoice>, Error>;
    /// The one of ours that a payment paid, held.
    async fn paid_by(
        &mut self,
        organization: OrganizationId,
        payment: PaymentId,
    ) -> Result<Option<Invoice>, Error>;
    /// The one of ours for a period of a subscription, by its start, held. None that is void.
    async fn of_period(
        &mut self,
        organization: OrganizationId,
        subscription: SubscriptionId,
        start: OffsetDateTime,
    ) -> Result<Option<Invoice>, Error>;
    /// The credit notes on one, the oldest first. They are not held.
    async fn credit_notes(
        &mut self,
        organization: OrganizationId,
        invoice: InvoiceId,
    ) -> Result<Vec<CreditNote>, Error>;
    /// What invoices of ours that are not void bill of the use of a subscription, in windows that
    /// end after an instant: one for each meter, price and window, the oldest window first.
    async fn billed_use(
        &mut self,
        organization: OrganizationId,
        subscription: SubscriptionId,
        since: OffsetDateTime,
    ) -> Result<Vec<BilledUse>, Error>;
    /// Takes the next number of a series and year. Whoever else wants one waits until this unit
    /// ends, so it comes last; a unit that does not commit leaves no gap.
    async fn next_number(&mut self, series: Series, year: i32) -> Result<DocumentNumber, Error>;
    /// Records one, new or changed, with its lines, together with what happened. `Conflict` when
    /// the payment, or the period of the subscription, has another one of ours.
    async fn save(&mut self, invoice: &Invoice, events: &[Event]) -> Result<(), Error>;
    /// Records a new credit note, together with what happened.
    async fn issue(&mut self, note: &CreditNote, events: &[Event]) -> Result<(), Error>;
}
