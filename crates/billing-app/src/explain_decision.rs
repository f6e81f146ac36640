//! Why was it decided so? Answered from stored facts, by the rules that decided.

use billing_domain::{
    credits::{CreditDecision, Recomputed},
    id::{DecisionId, OrganizationId},
    quota::QuotaAnswer,
    usage::UsageDecision,
};

use crate::{Billing, Error, Missing};

/// A decision, with what comes of it when it is decided once more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Explanation {
    /// On credits: a consume, a hold, a refund or a transfer.
    Credits {
        /// What was decided, and on what.
        decision: Box<CreditDecision>,
        /// What comes of it now.
        recomputed: Recomputed,
    },
    /// On use: a check-and-record.
    Usage {
        /// What was decided, and on what.
        decision: UsageDecision,
        /// What comes of it now.
        recomputed: QuotaAnswer,
    },
}

impl Explanation {
    /// Whether it comes out the same.
    pub const fn is_same(&self) -> bool {
        match self {
            Self::Credits { recomputed, .. } => recomputed.same,
            Self::Usage { decision, recomputed } => decision.allowed == recomputed.allowed,
        }
    }
}

impl Billing {
    /// Explains a decision; for a caller that may see one organization only, `of` is that one.
    pub async fn explain_decision(
        &self,
        id: DecisionId,
        of: Option<OrganizationId>,
    ) -> Result<Explanation, Error> {
        if let Some(decision) = self.ports.ledgers.credit_decision(id, of).await? {
            let recomputed = decision.recomputed();
            return Ok(Explanation::Credits { decision: Box::new(decision), recomputed });
        }
        let found = self.ports.ledgers.usage_decision(id, of).await?;
        let decision = found.ok_or(Error::NotFound(Missing::Decision))?;
        let recomputed = decision.recomputed();
        Ok(Explanation::Usage { decision, recomputed })
    }
}
