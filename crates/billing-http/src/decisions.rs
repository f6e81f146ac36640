//! Decision receipts: what was decided, on what, and whether it comes out the same again.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use billing_app::{Error, Explanation, Missing};
use billing_domain::{
    credits::{CreditAccount, CreditDecision, Grant, GrantKind, Recomputed, Verdict},
    id::DecisionId,
    usage::UsageOperation,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::Known,
    credit_ledger::{CreditSettings, Part, Transaction},
    moment::Moment,
    problem::Problem,
    quota::Standing,
    state::Http,
};

/// A decision, with what it was decided on.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Receipt {
    /// On credits: a consume, a hold, a refund or a transfer.
    Credits(Box<CreditReceipt>),
    /// On use: a check-and-record.
    Usage(Box<UsageReceipt>),
}

/// A decision on use, with what it was decided on.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageReceipt {
    decision_id: Uuid,
    organization_id: Uuid,
    /// `check_and_record`.
    #[schema(example = "check_and_record")]
    operation: &'static str,
    allowed: bool,
    /// The clock of the decision.
    at: Moment,
    idempotency_key: String,
    meter: String,
    /// How much was asked for.
    quantity: u64,
    /// The plan version that decided.
    plan_version_id: Option<Uuid>,
    /// Where the quota stood, and why it allows or denies, decided once more on the stored facts.
    recomputed: Standing,
    /// Whether that is what was decided.
    same: bool,
}

/// A decision on credits, with what it was decided on.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreditReceipt {
    decision_id: Uuid,
    organization_id: Uuid,
    /// `consume`, `hold`, `refund` or `transfer`.
    #[schema(example = "consume")]
    operation: &'static str,
    allowed: bool,
    /// `enough_credits` or `insufficient_credits`.
    #[schema(example = "enough_credits")]
    reason: &'static str,
    /// The clock of the decision.
    at: Moment,
    idempotency_key: String,
    /// The credit event; of a refund the row or decision, of a transfer the receiver.
    what: String,
    /// How many of it were asked for; 0 for all there is.
    quantity: i64,
    /// How many credits that takes.
    required: i64,
    before: Before,
    /// The row that it left, where it was allowed.
    transaction: Option<Transaction>,
    recomputed: Again,
}

/// The account as it stood before the decision.
#[derive(Serialize, ToSchema)]
pub(crate) struct Before {
    /// The number of the last row of the ledger.
    seq: i64,
    balance: i64,
    held: i64,
    overdrawn: i64,
    /// What could be used: the balance without what was held, and the overdraft.
    available: i64,
    settings: CreditSettings,
    /// Grants with something left, in the order in which they were used.
    grants: Vec<Had>,
}

/// A grant as it stood before the decision.
#[derive(Serialize, ToSchema)]
pub(crate) struct Had {
    id: Uuid,
    /// `purchased`, `subscription`, `promotional` or `adjustment`.
    #[schema(example = "promotional")]
    kind: &'static str,
    remaining: i64,
    held: i64,
    expires_at: Option<Moment>,
}

/// What comes of it when it is decided once more, by the same rules on the stored facts.
#[derive(Serialize, ToSchema)]
pub(crate) struct Again {
    /// Whether verdict and row are the same.
    same: bool,
    allowed: Option<bool>,
    /// What the row would do to each grant.
    grants: Vec<Part>,
}

/// Shows a decision of consume, hold, check-and-record, refund or transfer: why it was decided so.
///
/// The facts are those that the decision left anyway; it is decided once more on them, and the
/// answer says whether that comes out the same. Decisions are found for a month.
#[utoipa::path(get, path = "/api/billing/decisions/{id}", tag = "Credits",
    params(("id" = Uuid, Path, description = "The decision")),
    responses(
        (status = 200, description = "The decision", body = Receipt),
        (status = 404, description = "`DECISION_NOT_FOUND`"),
    ))]
pub(crate) async fn show(
    http: Data<Http>,
    caller: Known,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id: DecisionId = id.parse().map_err(|_| Error::NotFound(Missing::Decision))?;
    let explanation = http.billing.explain_decision(id, caller.0.organization_id).await?;
    Ok(HttpResponse::Ok().json(Receipt::from(explanation)))
}

impl From<Explanation> for Receipt {
    fn from(explanation: Explanation) -> Self {
        let same = explanation.is_same();
        match explanation {
            Explanation::Credits { decision, recomputed } => {
                Self::Credits(Box::new((*decision, recomputed).into()))
            }
            Explanation::Usage { decision, recomputed } => Self::Usage(Box::new(UsageReceipt {
                decision_id: decision.decision.0,
                organization_id: decision.organization_id.0,
                operation: UsageOperation::CheckAndRecord.name(),
                allowed: decision.allowed,
                at: Moment(decision.at),
                idempotency_key: decision.key.as_str().to_owned(),
                meter: decision.meter,
                quantity: decision.quantity,
                plan_version_id: decision.plan_version_id.map(|id| id.0),
                recomputed: recomputed.into(),
                same,
            })),
        }
    }
}

impl From<(CreditDecision, Recomputed)> for CreditReceipt {
    fn from((decision, recomputed): (CreditDecision, Recomputed)) -> Self {
        let CreditDecision { organization_id, decided, entry, before } = decision;
        let allowed = matches!(decided.verdict, Verdict::Allowed { .. });
        let again = recomputed.entry.map(|entry| entry.touched).unwrap_or_default();
        Self {
            decision_id: decided.decision.0,
            organization_id: organization_id.0,
            operation: decided.operation.name(),
            allowed,
            reason: if allowed { "enough_credits" } else { "insufficient_credits" },
            at: Moment(decided.at),
            idempotency_key: decided.key.as_str().to_owned(),
            what: decided.asked.what,
            quantity: decided.asked.quantity,
            required: decided.required,
            before: Before::from(&before),
            transaction: entry.map(Transaction::from),
            recomputed: Again {
                same: recomputed.same,
                allowed: recomputed.verdict.map(|it| matches!(it, Verdict::Allowed { .. })),
                grants: again.into_iter().map(Part::from).collect(),
            },
        }
    }
}

impl From<&CreditAccount> for Before {
    fn from(account: &CreditAccount) -> Self {
        let mut grants: Vec<&Grant> = account.grants().iter().collect();
        grants.retain(|grant| grant.remaining > 0);
        grants.sort_by_key(|grant| account.settings.order.key(grant));
        Self {
            seq: account.last_seq,
            balance: account.balance(),
            held: account.held,
            overdrawn: account.overdrawn,
            available: account.available(),
            settings: account.settings.into(),
            grants: grants.into_iter().map(Had::from).collect(),
        }
    }
}

impl From<&Grant> for Had {
    fn from(grant: &Grant) -> Self {
        Self {
            id: grant.id.0,
            kind: GrantKind::name(grant.kind),
            remaining: grant.remaining,
            held: grant.held,
            expires_at: grant.expires_at.map(Moment),
        }
    }
}
