//! A new installation has something to sell.

use billing_domain::catalogue::{self, Catalogue};

use crate::{
    Billing, Error,
    ports::{Catalogues, Scope},
};

impl Billing {
    /// Adds the default catalogue where there are no plans at all: what an operator changed or
    /// removed does not come back.
    pub async fn seed_catalogue(&self) -> Result<Catalogue, Error> {
        let mut work = self.ports.store.begin(Scope::Operator).await?;
        let shelf = work.catalogue();
        let present = shelf.read().await?;
        let seed = catalogue::seed(&mut || self.ports.ids.next());
        if !present.plans.is_empty() {
            // Older installations have plans, and had no table of rates.
            if present.tax_rates.is_empty() {
                add_tax_rates(shelf, &seed).await?;
                work.commit().await?;
            }
            return Ok(present);
        }
        add_tax_rates(shelf, &seed).await?;
        for meter in &seed.meters {
            shelf.add_meter(meter).await?;
        }
        for event in &seed.credit_events {
            shelf.add_credit_event(event).await?;
        }
        for product in &seed.credit_products {
            shelf.add_credit_product(product).await?;
        }
        for (position, plan) in (1..).zip(&seed.plans) {
            seed.check(plan)?;
            seed.check_prices(plan)?;
            shelf.add_plan(plan, position).await?;
        }
        // Another process may have been faster: what it added stays, under its ids.
        let seeded = shelf.read().await?;
        work.commit().await?;
        Ok(seeded)
    }
}

async fn add_tax_rates(shelf: &mut dyn Catalogues, seed: &Catalogue) -> Result<(), Error> {
    for rate in &seed.tax_rates {
        shelf.add_tax_rate(rate).await?;
    }
    Ok(())
}
