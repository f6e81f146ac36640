//! Cards that Stripe has kept, charged while nobody is there.

use anyhow::anyhow;
use async_trait::async_trait;
use billing_app::ports::{ChargeRequest, Charges, GatewayError, SeenPayment};
use billing_domain::{gateway::GatewayRef, id::CheckoutId};
use serde::Deserialize;
use time::OffsetDateTime;

use crate::{
    Stripe,
    client::{Answer, is_id},
    failure::unknown,
    form::Form,
    money::{currency_to_wire, to_wire},
    payments::{Occasion, seen_payment},
    reference,
    wire::{Identified, Link, List, PaymentIntent},
};

const INTENTS: &str = "/v1/payment_intents";
const CUSTOMERS: &str = "/v1/customers";
/// As many as Stripe gives at once.
const PAGE: usize = 100;
/// Nobody has more payments in the days that are searched.
const PAGES_MAX: usize = 10;

#[async_trait]
impl Charges for Stripe {
    async fn saved_method(&self, customer: &str) -> Result<Option<GatewayRef>, GatewayError> {
        let found: Option<Customer> = self.client.find(CUSTOMERS, customer, &Form::new()).await?;
        let Some(found) = found.filter(|customer| !customer.deleted) else { return Ok(None) };
        let default = found.invoice_settings.and_then(|settings| settings.default_payment_method);
        if let Some(default) = default {
            return Ok(Some(reference(&default.0)));
        }
        // The newest comes first.
        let path = format!("{CUSTOMERS}/{customer}/payment_methods");
        let query = Form::new().with("type", "card").with("limit", 1);
        let cards: List<Identified> = self.client.get(&path, &query).await?;
        Ok(cards.data.first().map(|card| reference(&card.id)))
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<SeenPayment, GatewayError> {
        let form = Form::new()
            .with("amount", to_wire(request.amount)?)
            .with("currency", currency_to_wire(request.amount.currency()))
            .with("customer", &request.customer)
            .with("payment_method", &request.method)
            .with("confirm", true)
            .with("off_session", true)
            .with("description", &request.description)
            .with("metadata[checkout_id]", request.checkout_id)
            .with("metadata[organization_id]", request.organization_id)
            .with("expand[0]", "latest_charge");
        let key = format!("charge_{}", request.checkout_id);
        let intent = self.client.post_to_bank(INTENTS, &form, &key, refused).await?;
        seen_payment(&intent, Occasion::default())
    }

    async fn find(
        &self,
        customer: &str,
        checkout: CheckoutId,
        since: OffsetDateTime,
    ) -> Result<Option<SeenPayment>, GatewayError> {
        if !is_id(customer) {
            return Ok(None);
        }
        let query = Form::expanding(&["data.latest_charge"])
            .with("customer", customer)
            .with("created[gte]", since.unix_timestamp())
            .with("limit", PAGE);
        let mut page = query.clone();
        for _ in 0..PAGES_MAX {
            let found: List<PaymentIntent> = self.client.get(INTENTS, &page).await?;
            let ours = |it: &&PaymentIntent| it.metadata.id("checkout_id") == Some(checkout);
            if let Some(intent) = found.data.iter().find(ours) {
                return seen_payment(intent, Occasion::default()).map(Some);
            }
            match found.data.last().filter(|_| found.data.len() == PAGE) {
                Some(last) => page = query.clone().with("starting_after", &last.id),
                None => return Ok(None),
            }
        }
        Err(unknown(anyhow!("{customer} has too many payments to be searched")))
    }
}

/// The payment that a bank refused.
fn refused(answer: &Answer) -> Option<PaymentIntent> {
    serde_json::from_slice::<Refused>(&answer.body).ok().map(|body| body.error.payment_intent)
}

#[derive(Deserialize)]
struct Refused {
    error: OfPayment,
}

#[derive(Deserialize)]
struct OfPayment {
    payment_intent: PaymentIntent,
}

/// Whom to charge.
#[derive(Deserialize)]
struct Customer {
    #[serde(default)]
    deleted: bool,
    invoice_settings: Option<InvoiceSettings>,
}

#[derive(Deserialize)]
struct InvoiceSettings {
    default_payment_method: Option<Link>,
}
