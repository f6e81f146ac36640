//! Why was it decided so? Answered from stored facts, by the rules that decided.

use billing_domain::{
    credits::{CreditDecision, Recomputed},
    id::{DecisionId, OrganizationId},
};

use crate::{Billing, Error, Missing};

/// A decision, with what comes of it when it is decided once more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// What was decided, and on what.
    pub decision: CreditDecision,
    /// What comes of it now.
    pub recomputed: Recomputed,
}

impl Billing {
    /// Explains a decision; for a caller that may see one organization only, `of` is that one.
    pub async fn explain_decision(
        &self,
        id: DecisionId,
        of: Option<OrganizationId>,
    ) -> Result<Explanation, Error> {
        let found = self.ports.ledgers.credit_decision(id, of).await?;
        let decision = found.ok_or(Error::NotFound(Missing::Decision))?;
        let recomputed = decision.recomputed();
        Ok(Explanation { decision, recomputed })
    }
}
