//! A new installation has something to sell.

use billing_domain::catalogue::{self, Catalogue};

use crate::{Billing, Error, ports::Scope};

impl Billing {
    /// Adds the default catalogue where there are no plans at all: what an operator changed or
    /// removed does not come back.
    pub async fn seed_catalogue(&self) -> Result<Catalogue, Error> {
        let mut work = self.ports.store.begin(Scope::Operator).await?;
        let shelf = work.catalogue();
        let present = shelf.read().await?;
        if !present.plans.is_empty() {
            return Ok(present);
        }
        let seed = catalogue::seed(&mut || self.ports.ids.next());
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
            shelf.add_plan(plan, position).await?;
        }
        // Another process may have been faster: what it added stays, under its ids.
        let seeded = shelf.read().await?;
        work.commit().await?;
        Ok(seeded)
    }
}
