//! Use is counted; where it is asked for, only if the quota allows it.

use billing_domain::{
    credits::IdempotencyKey,
    id::{DecisionId, OrganizationId, UsageEventId},
    usage::{UsageCommand, UsageOperation, UsageOutcome},
};
use time::{Duration, OffsetDateTime};

use crate::{
    Billing, Error, Missing, QuotaReport, Refusal, check_quota::report, give_bonus::MOST_USE,
};

/// How late an event may be counted.
const LATE: Duration = Duration::days(35);
/// How far clocks may differ.
const EARLY: Duration = Duration::minutes(5);
/// The longest properties, as JSON.
const MOST_PROPERTIES: usize = 8 * 1024;

/// Use to be counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordUsage {
    /// Who uses.
    pub organization_id: OrganizationId,
    /// What.
    pub meter: String,
    /// How much of it.
    pub quantity: u64,
    /// When; now by default.
    pub at: Option<OffsetDateTime>,
    /// Counted once per key; one is made where there is none.
    pub key: Option<String>,
    /// What the caller wants to remember with it, as a JSON object.
    pub properties: Option<String>,
    /// Whether it is counted only if the quota allows it.
    pub operation: UsageOperation,
}

/// What was decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageAnswer {
    /// The decision.
    pub decision: DecisionId,
    /// Under which key.
    pub key: IdempotencyKey,
    /// Whether it was counted.
    pub recorded: bool,
    /// Whether it was decided before, and this is the same answer again.
    pub replayed: bool,
    /// Where the quota stands now, or why it denies.
    pub report: QuotaReport,
}

impl Billing {
    /// Counts use, atomically with the check where it is asked for.
    pub async fn record_usage(&self, request: RecordUsage) -> Result<UsageAnswer, Error> {
        let now = self.ports.clock.now();
        let at = request.at.unwrap_or(now);
        check(&request, at, now)?;
        let entitlement = self.entitlement(request.organization_id).await?;
        entitlement.catalogue.meter(&request.meter).ok_or(Error::NotFound(Missing::Meter))?;
        let id = UsageEventId(self.ports.ids.next());
        let key = match &request.key {
            Some(key) => IdempotencyKey::parse(key)?,
            None => IdempotencyKey::parse(&id.to_string())?,
        };
        let command = UsageCommand {
            id,
            key: key.clone(),
            meter: request.meter.clone(),
            quantity: request.quantity,
            at,
            rule: entitlement.rule(&request.meter, at)?,
            operation: request.operation,
            properties: request.properties,
        };
        let outcome = self.ports.usage.apply(request.organization_id, command, now).await;
        // Also where the outcome is unknown.
        self.known_quotas.forget(request.organization_id);
        let outcome = outcome?;
        let (facts, recorded) = match outcome {
            UsageOutcome::Recorded(facts) => (facts, true),
            UsageOutcome::Denied(facts) => (facts, false),
            UsageOutcome::KeyReused => return Err(Refusal::KeyReused.into()),
        };
        let answer = if recorded { facts.standing() } else { facts.refusal() };
        let report = report(&entitlement, &request.meter, answer, request.quantity, now)?;
        Ok(UsageAnswer {
            decision: facts.decision,
            key,
            recorded,
            replayed: facts.replayed,
            report,
        })
    }
}

fn check(request: &RecordUsage, at: OffsetDateTime, now: OffsetDateTime) -> Result<(), Error> {
    if !(1..=MOST_USE).contains(&request.quantity) {
        return Err(Error::invalid("quantity", "must be from 1 to 2^53 - 1"));
    }
    if now - at > LATE {
        return Err(Refusal::OutOfTime("the event is more than 35 days old").into());
    }
    if at - now > EARLY {
        return Err(Refusal::OutOfTime("the event is more than 5 minutes in the future").into());
    }
    if request.properties.as_ref().is_some_and(|it| it.len() > MOST_PROPERTIES) {
        return Err(Error::invalid("properties", "must be at most 8 KiB of JSON"));
    }
    Ok(())
}
