//! Discounts and their uses, inside a unit of work.

use async_trait::async_trait;
use billing_domain::{
    discount::{CustomerHistory, Discount, Redemption},
    event::Event,
    id::{CheckoutId, DiscountId, OrganizationId},
};

use crate::Error;

/// Discounts, which are everybody's, and their uses, each of an organization. Who holds a use and
/// its discount found them in this order.
#[async_trait]
pub trait Discounts: Send {
    /// Finds one and holds it: whoever else wants to use it waits.
    async fn find(&mut self, id: DiscountId) -> Result<Option<Discount>, Error>;
    /// Records a new one, by an operator. `Refused(DiscountCodeTaken)` when another has its code.
    async fn insert(&mut self, discount: &Discount) -> Result<(), Error>;
    /// Records whether it is active and how often it is taken: nothing else of it changes.
    async fn save(&mut self, discount: &Discount) -> Result<(), Error>;
    /// What an organization did before, as far as this discount asks. It is not held.
    async fn history(
        &mut self,
        organization: OrganizationId,
        id: DiscountId,
    ) -> Result<CustomerHistory, Error>;
    /// The use in a checkout, held.
    async fn redemption(
        &mut self,
        organization: OrganizationId,
        checkout: CheckoutId,
    ) -> Result<Option<Redemption>, Error>;
    /// Records a use, new or changed, together with what happened.
    async fn save_redemption(
        &mut self,
        redemption: &Redemption,
        events: &[Event],
    ) -> Result<(), Error>;
}
