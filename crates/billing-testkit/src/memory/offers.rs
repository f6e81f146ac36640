//! The catalogue, keys and marks on webhooks, inside a unit of work.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{AccessKeys, ApiKey, CatalogueChange, Catalogues, Claim, InboxMarks, Scope, Tried},
};
use billing_domain::{
    catalogue::{Catalogue, CreditEvent, CreditProduct, Meter, Plan},
    id::{ApiKeyId, OrganizationId},
    tax::TaxRate,
};
use time::OffsetDateTime;

use super::unit::Unit;

#[async_trait]
impl Catalogues for Unit {
    async fn add_plan(&mut self, plan: &Plan, position: i32) -> Result<(), Error> {
        self.shared.reachable()?;
        let plans = &mut self.world.catalogue.plans;
        if plans.iter().all(|(_, there)| there.key != plan.key) {
            plans.push((position, plan.clone()));
        }
        Ok(())
    }

    async fn add_credit_product(&mut self, product: &CreditProduct) -> Result<(), Error> {
        self.shared.reachable()?;
        let products = &mut self.world.catalogue.rest.credit_products;
        if products.iter().all(|there| there.key != product.key) {
            products.push(product.clone());
        }
        Ok(())
    }

    async fn add_credit_event(&mut self, event: &CreditEvent) -> Result<(), Error> {
        self.shared.reachable()?;
        let events = &mut self.world.catalogue.rest.credit_events;
        if events.iter().all(|there| there.name != event.name) {
            events.push(event.clone());
        }
        Ok(())
    }

    async fn add_meter(&mut self, meter: &Meter) -> Result<(), Error> {
        self.shared.reachable()?;
        let meters = &mut self.world.catalogue.rest.meters;
        if meters.iter().all(|there| there.key != meter.key) {
            meters.push(meter.clone());
        }
        Ok(())
    }

    async fn add_tax_rate(&mut self, rate: &TaxRate) -> Result<(), Error> {
        self.shared.reachable()?;
        let rates = &mut self.world.catalogue.rest.tax_rates;
        let key = |rate: &TaxRate| (rate.country, rate.valid_from);
        if rates.iter().all(|there| key(there) != key(rate)) {
            rates.push(rate.clone());
        }
        Ok(())
    }

    async fn record(&mut self, change: &CatalogueChange) -> Result<(), Error> {
        self.shared.reachable()?;
        self.world.catalogue_changes.push(change.clone());
        Ok(())
    }

    async fn read(&mut self) -> Result<Catalogue, Error> {
        self.shared.reachable()?;
        Ok(self.world.catalogue.read())
    }
}

#[async_trait]
impl AccessKeys for Unit {
    async fn insert(&mut self, key: &ApiKey) -> Result<(), Error> {
        self.shared.reachable()?;
        if !self.sees_key(key.organization_id) {
            return Err(anyhow::anyhow!("the key {} is not in {:?}", key.id, self.scope).into());
        }
        let taken = |there: &ApiKey| there.id == key.id || there.public == key.public;
        if self.world.keys.values().any(taken) {
            return Err(Error::Conflict("the API key"));
        }
        self.world.keys.insert(key.id, key.clone());
        Ok(())
    }

    async fn revoke(&mut self, id: ApiKeyId, at: OffsetDateTime) -> Result<Option<ApiKey>, Error> {
        self.shared.reachable()?;
        let owner = self.world.keys.get(&id).map(|key| key.organization_id);
        if !owner.is_some_and(|owner| self.sees_key(owner)) {
            return Ok(None);
        }
        Ok(self.world.keys.get_mut(&id).map(|key| {
            key.revoked_at.get_or_insert(at);
            key.clone()
        }))
    }
}

impl Unit {
    fn sees_key(&self, owner: Option<OrganizationId>) -> bool {
        match self.scope {
            Scope::Organization(own) => owner == Some(own),
            Scope::Engine | Scope::Operator => true,
        }
    }
}

#[async_trait]
impl InboxMarks for Unit {
    async fn done(&mut self, claim: Claim, ignored: bool, tried: Tried) -> Result<(), Error> {
        self.shared.reachable()?;
        let kept = self.world.webhooks.get_mut(&claim.id);
        let held = kept.filter(|kept| kept.is_held_by(claim));
        held.ok_or(Error::Conflict("the webhook"))?.finish(ignored, tried);
        Ok(())
    }
}
