//! What is asked before every decision, by many at once.

use async_trait::async_trait;
use billing_domain::{
    id::OrganizationId, organization::Organization, quota::Quota, subscription::Subscription,
    usage::UsageRule,
};
use time::OffsetDateTime;

use crate::Error;

/// What decisions rest on: no locks, and never older than the last commit before the question.
///
/// An adapter may answer many askers by one read. Answers come in the order of what was asked; one
/// who stops waiting holds up nobody. `Unavailable` when more is asked than can be read.
#[async_trait]
pub trait Facts: Send + Sync {
    /// Organizations and what they subscribe to; nothing for an unknown one.
    async fn subscribers(&self, ids: &[OrganizationId]) -> Result<Vec<Option<Subscriber>>, Error>;

    /// What quotas are decided on. Nothing is used by an unknown organization.
    async fn quotas(
        &self,
        asked: &[QuotaQuestion],
        now: OffsetDateTime,
    ) -> Result<Vec<Quota>, Error>;
}

/// An organization and what it subscribes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscriber {
    /// Whose it is.
    pub organization: Organization,
    /// One for each product group: the live one, else the one that ended last.
    pub subscriptions: Vec<Subscription>,
}

impl Subscriber {
    /// The subscription of a product group, live or the last one that ended.
    pub fn subscription(&self, product_group: &str) -> Option<&Subscription> {
        self.subscriptions.iter().find(|it| it.product_group == product_group)
    }
}

/// Whose quota, on what, and by which rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuotaQuestion {
    /// Whose.
    pub organization_id: OrganizationId,
    /// On which meter.
    pub meter: String,
    /// Where use is counted, and against what.
    pub rule: UsageRule,
}
