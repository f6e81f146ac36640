//! Trials, and what our engine does for subscriptions at their time.

use crate::Error;
use async_trait::async_trait;
use billing_domain::{
    event::Event,
    id::{OrganizationId, SubscriptionId},
    renewal::Renewal,
    trial::Trial,
};

/// Trials, one for an organization for ever. Who holds a checkout, a collection, an invoice, a trial,
/// a renewal and a subscription has found them in this order.
#[async_trait]
pub trait Trials: Send {
    /// Finds that of an organization and holds it.
    async fn find(&mut self, organization: OrganizationId) -> Result<Option<Trial>, Error>;
    /// Records that these persons have had their trial; of two at once one waits for the other.
    /// Answers with the first of them who had it before; then the unit must be dropped.
    async fn claim(
        &mut self,
        organization: OrganizationId,
        claims: &[TrialClaim],
    ) -> Result<Option<Claimant>, Error>;
    /// Records one, new or changed, together with what happened.
    async fn save(&mut self, trial: &Trial, events: &[Event]) -> Result<(), Error>;
}

/// A person who tries, known again but not by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TrialClaim {
    /// What the person is known by.
    pub by: Claimant,
    /// SHA-256 of it.
    pub digest: [u8; 32],
}

/// What a person who tries is known by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Claimant {
    /// The mailbox.
    Email,
    /// The product's id of the user.
    User,
}

impl Claimant {
    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::User => "user",
        }
    }
}

/// Renewals, one for each subscription that our engine bills and whose first period has begun.
#[async_trait]
pub trait Renewals: Send {
    /// Finds that of a subscription and holds it.
    async fn find(
        &mut self,
        organization: OrganizationId,
        subscription: SubscriptionId,
    ) -> Result<Option<Renewal>, Error>;
    /// Records one, new or changed.
    async fn save(&mut self, renewal: &Renewal) -> Result<(), Error>;
}
