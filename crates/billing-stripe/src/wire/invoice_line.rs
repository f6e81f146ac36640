use serde::Deserialize;

use super::{Link, invoice::Span};

/// A line of an invoice.
#[derive(Deserialize)]
pub(crate) struct InvoiceLine {
    pub(crate) id: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) quantity: Option<i64>,
    #[serde(default)]
    pub(crate) amount: i64,
    pub(crate) period: Option<Span>,
    parent: Option<LineParent>,
    pricing: Option<Pricing>,
    /// Before basil, as the next two.
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    proration: bool,
    price: Option<LinePrice>,
}

/// What a line comes from.
#[derive(Deserialize)]
pub(crate) struct LineParent {
    subscription_item_details: Option<Details>,
    invoice_item_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    subscription: Option<Link>,
    #[serde(default)]
    proration: bool,
}

#[derive(Deserialize)]
struct Pricing {
    unit_amount_decimal: Option<String>,
    price_details: Option<PriceDetails>,
}

#[derive(Deserialize)]
struct PriceDetails {
    price: Option<Link>,
}

#[derive(Deserialize)]
struct LinePrice {
    id: String,
    unit_amount: Option<i64>,
    recurring: Option<Recurring>,
}

#[derive(Deserialize)]
struct Recurring {
    usage_type: Option<String>,
}

impl InvoiceLine {
    /// Whether it is for a period of a subscription, and corrects no older one.
    pub(crate) fn is_for_a_period(&self) -> bool {
        match self.parent.as_ref().and_then(|parent| parent.subscription_item_details.as_ref()) {
            Some(details) => !details.proration,
            None => self.kind.as_deref() == Some("subscription") && !self.proration,
        }
    }

    /// Whether it corrects a period in the middle of it.
    pub(crate) fn is_proration(&self) -> bool {
        self.proration || self.details().is_some_and(|details| details.proration)
    }

    /// Whether it is for use that was counted; newer versions do not say.
    pub(crate) fn is_metered(&self) -> bool {
        let recurring = self.price.as_ref().and_then(|price| price.recurring.as_ref());
        recurring.is_some_and(|it| it.usage_type.as_deref() == Some("metered"))
    }

    /// Whether it belongs to a subscription.
    pub(crate) fn is_of_a_subscription(&self) -> bool {
        let linked = self.details().is_some_and(|details| details.subscription.is_some());
        linked || self.kind.as_deref() == Some("subscription") || self.proration
    }

    /// The price, by Stripe's id.
    pub(crate) fn price(&self) -> Option<&str> {
        let details = self.pricing.as_ref().and_then(|pricing| pricing.price_details.as_ref());
        let new = details.and_then(|details| details.price.as_ref()).map(|link| link.0.as_str());
        new.or(self.price.as_ref().map(|price| price.id.as_str()))
    }

    /// What one costs, in whole minor units.
    pub(crate) fn unit_amount(&self) -> Option<i64> {
        let exact = self.pricing.as_ref().and_then(|it| it.unit_amount_decimal.as_deref());
        let whole = exact.and_then(|it| it.parse().ok());
        whole.or(self.price.as_ref().and_then(|price| price.unit_amount))
    }

    fn details(&self) -> Option<&Details> {
        self.parent.as_ref().and_then(LineParent::details)
    }
}

impl LineParent {
    /// Whether it corrects a period in the middle of it.
    pub(crate) fn is_proration(&self) -> bool {
        self.details().is_some_and(|details| details.proration)
    }

    fn details(&self) -> Option<&Details> {
        self.subscription_item_details.as_ref().or(self.invoice_item_details.as_ref())
    }
}
