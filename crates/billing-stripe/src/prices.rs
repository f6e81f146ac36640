//! Our prices at Stripe: pushed there before, or made when they are first needed.

use billing_app::ports::{GatewayError, NewPrice};
use billing_domain::period::Interval;

use crate::{
    Stripe,
    form::Form,
    money::{currency_to_wire, to_wire},
    wire::{Identified, List},
};

const PRICES: &str = "/v1/prices";

impl Stripe {
    /// What Stripe calls a price of ours. One that was not pushed is known again by its lookup
    /// key, which is our id: our prices never change.
    pub(crate) async fn price(&self, price: &NewPrice) -> Result<String, GatewayError> {
        if let Some(pushed) = &price.gateway_price {
            return Ok(pushed.clone());
        }
        let lookup_key = format!("price_{}", price.price_id);
        let query = Form::new().with("lookup_keys[0]", &lookup_key).with("limit", 1);
        let found: List<Identified> = self.client.get(PRICES, &query).await?;
        if let Some(found) = found.data.into_iter().next() {
            return Ok(found.id);
        }
        let (unit, count) = rhythm(price.interval);
        let form = Form::new()
            .with("currency", currency_to_wire(price.amount.currency()))
            .with("unit_amount", to_wire(price.amount)?)
            .with("recurring[interval]", unit)
            .with("recurring[interval_count]", count)
            .with("product_data[name]", &price.name)
            .with("lookup_key", &lookup_key)
            .with("metadata[price_id]", price.price_id);
        let made: Identified = self.client.post(PRICES, &form, &lookup_key).await?;
        Ok(made.id)
    }
}

/// How often, in Stripe's units.
pub(crate) const fn rhythm(interval: Interval) -> (&'static str, u8) {
    match interval {
        Interval::Month => ("month", 1),
        Interval::Quarter => ("month", 3),
        Interval::HalfYear => ("month", 6),
        Interval::Year => ("year", 1),
        Interval::TwoYears => ("year", 2),
    }
}
