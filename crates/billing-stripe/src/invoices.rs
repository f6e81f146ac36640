//! Invoices.

use billing_app::ports::{GatewayError, SeenInvoice, SeenPayment};
use billing_domain::period::Period;

use crate::{
    Stripe,
    documents::document,
    form::Form,
    payments::{Occasion, seen_payment},
    reference,
    wire::Invoice,
};

impl Stripe {
    /// An invoice with the list of its payments.
    pub(crate) async fn invoice(&self, id: &str) -> Result<Option<Invoice>, GatewayError> {
        self.client.find("/v1/invoices", id, &Form::expanding(&["payments"])).await
    }

    /// An invoice in words of the domain.
    pub(crate) async fn seen_invoice(
        &self,
        invoice: &Invoice,
    ) -> Result<SeenInvoice, GatewayError> {
        let subscription = invoice.subscription();
        let period = subscription.and_then(|_| invoice.period());
        let more = self.more_lines(invoice).await?;
        Ok(SeenInvoice {
            reference: reference(&invoice.id),
            subscription: subscription.map(ToOwned::to_owned),
            paid: invoice.is_paid(),
            period: period.map(|span| Period { start: span.start, end: span.end }),
            payment: self.payment_of(invoice).await?,
            customer: invoice.customer.as_ref().map(|customer| reference(&customer.0)),
            document: document(invoice, &more)?,
        })
    }

    /// The payment is always fetched: its charge lies too deep to come with the invoice.
    async fn payment_of(&self, invoice: &Invoice) -> Result<Option<SeenPayment>, GatewayError> {
        let Some(id) = invoice.payment() else { return Ok(None) };
        let Some(intent) = self.payment_intent(id).await? else { return Ok(None) };
        seen_payment(&intent, Occasion::invoice(invoice)?).map(Some)
    }
}
