//! A decision, told to an operator: on what it was decided, and whether it comes out the same.

use anyhow::ensure;
use billing_app::Explanation;
use billing_domain::{
    credits::{CreditDecision, Grant, Verdict},
    id::DecisionId,
    quota::QuotaAnswer,
    usage::UsageDecision,
};

use crate::{banner, wiring::Wired};

/// Explains a decision; an error where it comes out otherwise.
pub(crate) async fn decision(wired: Wired, id: DecisionId) -> anyhow::Result<()> {
    let explained = wired.billing().explain_decision(id, None).await;
    wired.close().await?;
    let explained = explained.map_err(|error| anyhow::anyhow!("{}: {id}", error.in_full()))?;
    let lines = match &explained {
        Explanation::Credits { decision, .. } => told(decision),
        Explanation::Usage { decision, recomputed } => used(decision, recomputed),
    };
    for line in lines {
        banner::say(&line);
    }
    ensure!(explained.is_same(), "decided once more, it comes out otherwise: {explained:?}");
    banner::say("same     decided once more on these facts, it comes out the same");
    Ok(())
}

fn told(decision: &CreditDecision) -> Vec<String> {
    let CreditDecision { organization_id, decided, entry, before } = decision;
    let (operation, required) = (decided.operation.name(), decided.required);
    let verdict = match decided.verdict {
        Verdict::Allowed { seq } => format!("allowed, row {seq} of the ledger"),
        Verdict::Denied { available, .. } => format!("denied, {available} were available"),
    };
    let settings = before.settings;
    let mut lines = vec![
        format!("decided  {operation} of {} × {}", decided.asked.quantity, decided.asked.what),
        format!("of       {organization_id}"),
        format!("at       {}", decided.at),
        format!("key      {}", decided.key),
        format!("takes    {required} credits: {verdict}"),
        format!(
            "before   row {}: balance {}, held {}, overdrawn {}, overdraft limit {}, available {}",
            before.last_seq,
            before.balance(),
            before.held,
            before.overdrawn,
            settings.overdraft_limit,
            before.available(),
        ),
    ];
    let mut grants: Vec<&Grant> = before.grants().iter().collect();
    grants.retain(|grant| grant.remaining > 0);
    grants.sort_by_key(|grant| settings.order.key(grant));
    for grant in grants {
        let end = grant.expires_at.map_or_else(|| "never".to_owned(), |end| end.to_string());
        let (kind, left) = (grant.kind.name(), grant.remaining);
        lines.push(format!(
            "grant    {} {kind}: {left} left, {} held, expires {end}",
            grant.id, grant.held
        ));
    }
    for touch in entry.iter().flat_map(|entry| &entry.touched) {
        lines.push(format!(
            "touched  {}: {:+} left, {:+} held",
            touch.grant_id, touch.amount, touch.held
        ));
    }
    lines
}

fn used(decision: &UsageDecision, answer: &QuotaAnswer) -> Vec<String> {
    let UsageDecision { organization_id, key, meter, quantity, at, .. } = decision;
    let limit = answer.limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
    let version = decision.plan_version_id.map_or_else(|| "-".to_owned(), |id| id.to_string());
    let verdict = if decision.allowed { "allowed, and counted" } else { "denied" };
    vec![
        format!("decided  check-and-record of {quantity} × {meter}: {verdict}"),
        format!("of       {organization_id}"),
        format!("at       {at}"),
        format!("key      {key}"),
        format!("plan     version {version}"),
        format!(
            "before   limit {limit}, used {}, bonuses {}, above it {:?}: {:?}",
            answer.used, answer.bonus_remaining, answer.policy, answer.reason
        ),
    ]
}
