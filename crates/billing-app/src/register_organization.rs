//! An organization becomes known.

use billing_domain::{
    currency::Currency,
    event::{Event, What},
    id::{EventId, OrganizationId},
    locale::Locale,
    organization::{Country, Organization},
};

use crate::{Billing, Error, ports::Scope};

/// An organization, as it is described.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewOrganization {
    /// What people call it.
    pub name: String,
    /// The product's own id of it.
    pub external_id: Option<String>,
    /// Where receipts go.
    pub billing_email: Option<String>,
    /// Where it is at home.
    pub country: Option<Country>,
    /// What it pays in; by default what its country pays in.
    pub currency: Option<Currency>,
    /// Under what number it pays tax.
    pub tax_id: Option<String>,
    /// The language in which it is written to.
    pub locale: Locale,
}

impl Billing {
    /// Registers an organization, with empty accounts, on the free plan.
    pub async fn register_organization(&self, new: NewOrganization) -> Result<Organization, Error> {
        let now = self.ports.clock.now();
        let by_country = new.country.map_or(Currency::USD, Country::currency);
        let organization = Organization {
            id: OrganizationId(self.ports.ids.next()),
            external_id: new.external_id,
            name: new.name,
            billing_email: new.billing_email,
            country: new.country,
            currency: new.currency.unwrap_or(by_country),
            tax_id: new.tax_id,
            locale: new.locale,
            created_at: now,
        }
        .validated()?;
        let created = Event {
            id: EventId(self.ports.ids.next()),
            organization_id: organization.id,
            at: now,
            what: What::OrganizationCreated { name: organization.name.clone() },
        };
        let mut work = self.ports.store.begin(Scope::Operator).await?;
        work.organizations().insert(&organization, &[created]).await?;
        work.commit().await?;
        Ok(organization)
    }
}
