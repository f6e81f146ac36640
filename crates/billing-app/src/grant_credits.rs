//! An operator gives credits.

use billing_domain::{
    credits::{CreditCommand, CreditOutcome, GrantKind, NewGrant, Source},
    id::{GrantId, OrganizationId},
};
use time::OffsetDateTime;

use crate::{Billing, Error, consume_credits::unexpected};

/// Credits to give.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GrantCredits {
    /// To whom.
    pub organization_id: OrganizationId,
    /// Why: promotional or adjustment.
    pub kind: GrantKind,
    /// How many.
    pub amount: i64,
    /// From when; now by default.
    pub starts_at: Option<OffsetDateTime>,
    /// Before when they must be used; by default they never expire.
    pub expires_at: Option<OffsetDateTime>,
    /// Given once per key; one is made where there is none.
    pub key: Option<String>,
}

impl Billing {
    /// Gives credits, and says whether the key had given before. The same key gives once.
    pub async fn grant_credits(&self, request: GrantCredits) -> Result<(GrantId, bool), Error> {
        if matches!(request.kind, GrantKind::Purchased | GrantKind::Subscription) {
            let message = "must be promotional or adjustment: the others come from payments";
            return Err(Error::invalid("kind", message));
        }
        let now = self.ports.clock.now();
        let id = GrantId(self.ports.ids.next());
        let key = self.key(request.key.as_deref(), id.0)?;
        let starts_at = request.starts_at.unwrap_or(now);
        if request.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid("expires_at", "must be in the future"));
        }
        let grant = NewGrant {
            id,
            kind: request.kind,
            amount: request.amount,
            starts_at,
            expires_at: request.expires_at,
            source: Source::new("operator", key.as_str()),
        }
        .validated()?;
        let outcome =
            self.ports.credits.apply(request.organization_id, CreditCommand::Grant(grant), now);
        let outcome = outcome.await?;
        let CreditOutcome::Granted { id, already } = outcome else {
            return Err(unexpected(&outcome));
        };
        Ok((id, already))
    }
}
