//! Use is counted; where it is asked for, only if the quota allows it.

use std::sync::Arc;

use billing_domain::{
    catalogue::{Aggregation, Meter},
    credits::IdempotencyKey,
    id::{DecisionId, OrganizationId, UsageEventId},
    usage::{Effect, UsageOperation, UsageOutcome, Use},
};
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use crate::{
    Billing, Entitlement, Error, Missing, QuotaReport, Refusal, check_quota::report,
    give_bonus::MOST_USE,
};

/// How late an event may be counted.
pub(crate) const LATE: Duration = Duration::days(35);
/// How far clocks may differ.
const EARLY: Duration = Duration::minutes(5);
/// The longest properties, as JSON.
const MOST_PROPERTIES_BYTES: usize = 8 * 1024;
/// How many of them.
const MOST_PROPERTIES: usize = 50;
/// The longest value of which distinct ones are counted.
const MOST_VALUE_BYTES: usize = 255;

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
    /// What the caller wants to remember with it.
    pub properties: Option<Map<String, Value>>,
    /// Whether it is counted only if the quota allows it.
    pub operation: UsageOperation,
    /// Whether it has ceased to exist, and is taken away.
    pub decrement: bool,
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
    ///
    /// What is used already is decided on as it stands, under the account's lock; what the plan
    /// allows may be a second old, where another process has just changed it.
    pub async fn record_usage(&self, request: RecordUsage) -> Result<UsageAnswer, Error> {
        let now = self.ports.clock.now();
        check_time(&request, now)?;
        let instant = (now, self.ports.clock.wall());
        let entitlement =
            self.known_entitlement(request.organization_id, instant).await?.entitlement;
        let (organization, quantity) = (request.organization_id, request.quantity);
        let meter: Arc<str> = request.meter.as_str().into();
        let usage = self.to_be_counted(request, meter.clone(), &entitlement, now)?;
        let key = usage.key.clone();
        let outcome = self.ports.usage.apply(organization, usage.into(), now).await;
        // Also where the outcome is unknown.
        self.usage_changed(organization);
        let (facts, recorded) = match outcome? {
            UsageOutcome::Recorded(facts) => (facts, true),
            UsageOutcome::Denied(facts) => (facts, false),
            UsageOutcome::KeyReused => return Err(Refusal::KeyReused.into()),
            UsageOutcome::TooLarge => return Err(Refusal::TooMuch.into()),
            UsageOutcome::Given { .. } => return Err(anyhow::anyhow!("use is no bonus").into()),
        };
        let answer = if recorded { facts.standing() } else { facts.refusal() };
        let report = report(&entitlement, &meter, answer, quantity, now)?;
        Ok(UsageAnswer {
            decision: facts.decision,
            key,
            recorded,
            replayed: facts.replayed,
            report,
        })
    }

    /// What a request asks to be counted, of a meter by its name.
    pub(crate) fn to_be_counted(
        &self,
        request: RecordUsage,
        name: Arc<str>,
        entitlement: &Entitlement,
        now: OffsetDateTime,
    ) -> Result<Use, Error> {
        let meter = entitlement.catalogue.meter(&name).ok_or(Error::NotFound(Missing::Meter))?;
        let effect = effect(&request, meter)?;
        let properties = request.properties.map(properties).transpose()?;
        let id = UsageEventId(self.ports.ids.next());
        let key = self.key(request.key.as_deref(), id.0)?;
        let key_is_new = request.key.is_none();
        let at = request.at.unwrap_or(now);
        let rule = entitlement.rule(&name, at)?;
        let plan_version_id = entitlement.plan()?.1.id;
        Ok(Use {
            id,
            key,
            key_is_new,
            meter: name,
            effect,
            quantity: request.quantity,
            at,
            rule,
            plan_version_id,
            operation: request.operation,
            properties,
        })
    }
}

/// What is wrong with a request whoever asks: how much, and when.
pub(crate) fn check_time(request: &RecordUsage, now: OffsetDateTime) -> Result<(), Error> {
    if !(1..=MOST_USE).contains(&request.quantity) {
        return Err(Error::invalid("quantity", "must be from 1 to 2^53 - 1"));
    }
    let at = request.at.unwrap_or(now);
    if now - at > LATE {
        return Err(Refusal::OutOfTime("the event is more than 35 days old").into());
    }
    if at - now > EARLY {
        return Err(Refusal::OutOfTime("the event is more than 5 minutes in the future").into());
    }
    Ok(())
}

fn properties(properties: Map<String, Value>) -> Result<String, Error> {
    if properties.len() > MOST_PROPERTIES {
        return Err(Error::invalid("properties", "must have at most 50 fields"));
    }
    let text = Value::Object(properties).to_string();
    if text.len() > MOST_PROPERTIES_BYTES {
        return Err(Error::invalid("properties", "must be at most 8 KiB of JSON"));
    }
    Ok(text)
}

/// What the use does to the count of its meter.
fn effect(request: &RecordUsage, meter: &Meter) -> Result<Effect, Error> {
    let aggregation = &meter.aggregation;
    let cannot = |what| {
        let (meter, aggregation) = (meter.key.clone(), aggregation.name());
        Err(Refusal::NotOnThisMeter { meter, aggregation, what }.into())
    };
    let checked = request.operation == UsageOperation::CheckAndRecord;
    if checked && !aggregation.adds_up() {
        return cannot("check its quota and track its use apart");
    }
    if request.decrement && !aggregation.adds_up() {
        return cannot("nothing can be taken away from it");
    }
    if request.decrement && checked {
        return Err(Error::invalid("decrement", "is for tracking: what is taken away always fits"));
    }
    match aggregation {
        Aggregation::Count | Aggregation::Unique(_) if request.quantity != 1 => {
            Err(Error::invalid("quantity", "must be 1: the meter counts events, or their values"))
        }
        Aggregation::Count | Aggregation::Sum if request.decrement => Ok(Effect::Remove),
        Aggregation::Count | Aggregation::Sum => Ok(Effect::Add),
        Aggregation::Max => Ok(Effect::Raise),
        Aggregation::Latest => Ok(Effect::Set),
        Aggregation::Unique(property) => {
            let value = request.properties.as_ref().and_then(|it| value_of(it, property));
            let wrong = || {
                let what = "a text of at most 255 bytes, a number, true or false";
                Error::invalid("properties", format!("must have `{property}`, {what}"))
            };
            let value = value.filter(|value| value.len() <= MOST_VALUE_BYTES);
            Ok(Effect::See(value.ok_or_else(wrong)?))
        }
    }
}

/// A property of which distinct values are counted, as JSON, so that the text `1` is not the
/// number.
pub(crate) fn value_of(properties: &Map<String, Value>, property: &str) -> Option<String> {
    match properties.get(property)? {
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        value @ (Value::Bool(_) | Value::Number(_) | Value::String(_)) => Some(value.to_string()),
    }
}
