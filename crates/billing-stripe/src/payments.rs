//! Payments.

use anyhow::ensure;
use async_trait::async_trait;
use billing_app::ports::{GatewayError, GatewayPayments, SeenInvoice, SeenPayment};
use billing_domain::{id::CheckoutId, money::Money, payment::PaymentStatus};

use crate::{
    Stripe,
    checkouts::SESSIONS,
    declines::failed_as,
    failure::unreadable,
    form::Form,
    money::from_wire,
    reference,
    wire::{Charge, Expandable, Invoice, InvoicePayment, List, PaymentIntent, Session},
};

#[async_trait]
impl GatewayPayments for Stripe {
    async fn find(&self, id: &str) -> Result<Option<SeenPayment>, GatewayError> {
        let Some(intent) = self.payment_intent(id).await? else { return Ok(None) };
        let occasion = self.occasion(&intent).await?;
        seen_payment(&intent, occasion).map(Some)
    }

    async fn find_invoice(&self, id: &str) -> Result<Option<SeenInvoice>, GatewayError> {
        match self.invoice(id).await? {
            Some(invoice) => self.seen_invoice(&invoice).await.map(Some),
            None => Ok(None),
        }
    }
}

/// What a payment was made for; the payment itself does not say.
#[derive(Default)]
pub(crate) struct Occasion {
    checkout_id: Option<CheckoutId>,
    tax: Option<Money>,
    taxed: bool,
    discount: Option<Money>,
    description: Option<String>,
    document_url: Option<String>,
}

impl Occasion {
    /// A purchase on a page.
    pub(crate) fn checkout(session: &Session) -> Result<Self, GatewayError> {
        let currency = session.currency.as_deref();
        let tax = currency.map(|currency| from_wire(session.tax(), currency));
        let discount = currency.map(|currency| from_wire(session.discount(), currency));
        Ok(Self {
            checkout_id: session.checkout_id(),
            tax: tax.transpose()?,
            taxed: session.is_taxed(),
            discount: discount.transpose()?,
            ..Self::default()
        })
    }

    /// An invoice.
    pub(crate) fn invoice(invoice: &Invoice) -> Result<Self, GatewayError> {
        let tax = invoice.currency.as_deref().map(|currency| from_wire(invoice.tax(), currency));
        let number = invoice.number.as_deref();
        Ok(Self {
            checkout_id: None,
            tax: tax.transpose()?,
            taxed: true,
            discount: None,
            description: Some(
                number.map_or_else(|| "Invoice".to_owned(), |number| format!("Invoice {number}")),
            ),
            document_url: invoice.hosted_invoice_url.clone(),
        })
    }
}

impl Stripe {
    /// A payment with its last charge, by its own id or by that of a charge. A charge without a
    /// payment intent was not made by us.
    pub(crate) async fn payment_intent(
        &self,
        id: &str,
    ) -> Result<Option<PaymentIntent>, GatewayError> {
        let whole = Form::expanding(&["latest_charge"]);
        if !(id.starts_with("ch_") || id.starts_with("py_")) {
            return self.client.find("/v1/payment_intents", id, &whole).await;
        }
        let charge: Option<Charge> = self.client.find("/v1/charges", id, &Form::new()).await?;
        match charge.and_then(|charge| charge.payment_intent) {
            Some(intent) => self.client.find("/v1/payment_intents", &intent.0, &whole).await,
            None => Ok(None),
        }
    }

    /// What a payment was made for: a page of ours, or an invoice, or neither.
    async fn occasion(&self, intent: &PaymentIntent) -> Result<Occasion, GatewayError> {
        if intent.metadata.id::<CheckoutId>("checkout_id").is_some() {
            let query = Form::new().with("payment_intent", &intent.id).with("limit", 1);
            let found: List<Session> = self.client.get(SESSIONS, &query).await?;
            return found.data.first().map_or_else(|| Ok(Occasion::default()), Occasion::checkout);
        }
        let invoice = match &intent.invoice {
            Some(invoice) => self.invoice(&invoice.0).await?,
            None => self.invoice_paid_by(intent).await?,
        };
        invoice.as_ref().map_or_else(|| Ok(Occasion::default()), Occasion::invoice)
    }

    async fn invoice_paid_by(
        &self,
        intent: &PaymentIntent,
    ) -> Result<Option<Invoice>, GatewayError> {
        let query = Form::expanding(&["data.invoice"])
            .with("payment[type]", "payment_intent")
            .with("payment[payment_intent]", &intent.id)
            .with("limit", 1);
        let found: List<InvoicePayment> = self.client.get("/v1/invoice_payments", &query).await?;
        match found.data.into_iter().find_map(|payment| payment.invoice) {
            Some(Expandable::Object(invoice)) => Ok(Some(*invoice)),
            Some(Expandable::Id(id)) => self.invoice(&id).await,
            None => Ok(None),
        }
    }
}

/// A payment in words of the domain.
pub(crate) fn seen_payment(
    intent: &PaymentIntent,
    occasion: Occasion,
) -> Result<SeenPayment, GatewayError> {
    let charge = intent.charge();
    let received = intent.amount_received.filter(|received| *received > 0);
    let amount = from_wire(received.unwrap_or(intent.amount), &intent.currency)?;
    let refunded = charge.map(|charge| charge.amount_refunded).unwrap_or_default();
    let refunded = from_wire(refunded, &intent.currency)?;
    let tax = occasion.tax.unwrap_or(Money::zero(amount.currency()));
    one_currency(tax, amount).map_err(unreadable)?;
    let status = status(intent, amount, refunded);
    let failed = status == PaymentStatus::Failed;
    let receipt = || charge.and_then(|charge| charge.receipt_url.clone());
    Ok(SeenPayment {
        reference: reference(&intent.id),
        customer: intent.customer.as_ref().map(|customer| reference(&customer.0)),
        checkout_id: intent.metadata.id("checkout_id").or(occasion.checkout_id),
        status,
        amount,
        tax,
        taxed: occasion.taxed,
        discount: occasion.discount.unwrap_or(Money::zero(amount.currency())),
        refunded,
        description: occasion
            .description
            .or_else(|| intent.description.clone())
            .unwrap_or_else(|| "Payment".to_owned()),
        document_url: occasion.document_url.or_else(receipt),
        failure: intent.failure().filter(|_| failed).map(ToOwned::to_owned),
        failed_as: failed.then(|| failed_as(intent.failure())),
        created_at: intent.created,
    })
}

fn one_currency(tax: Money, amount: Money) -> anyhow::Result<()> {
    ensure!(
        tax.currency() == amount.currency(),
        "a payment in {} with its tax in {}",
        amount.currency(),
        tax.currency()
    );
    Ok(())
}

fn status(intent: &PaymentIntent, amount: Money, refunded: Money) -> PaymentStatus {
    match intent.status.as_str() {
        "succeeded" if intent.charge().is_some_and(|charge| charge.disputed) => {
            PaymentStatus::Disputed
        }
        "succeeded" if refunded.is_zero() => PaymentStatus::Completed,
        "succeeded" if refunded.minor() < amount.minor() => PaymentStatus::PartiallyRefunded,
        "succeeded" => PaymentStatus::Refunded,
        "canceled" => PaymentStatus::Failed,
        "requires_payment_method" if intent.was_refused() => PaymentStatus::Failed,
        "requires_payment_method"
        | "requires_confirmation"
        | "requires_action"
        | "requires_capture"
        | "processing" => PaymentStatus::Pending,
        _ => PaymentStatus::Unknown,
    }
}
