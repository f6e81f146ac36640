//! What a client does under a key, from its first request to its last; done again from the
//! beginning, it changes nothing.

use serde_json::{Value, json};

use crate::api::{Answer, Api, consume};

/// What one inference costs.
const COST: i64 = 25;

/// What a client does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operation {
    Consume,
    /// Holds, and settles a part of it.
    Settle,
    /// Holds, and gives it up.
    Release,
    /// Holds, and forgets it.
    Forget,
    /// Consumes, and is given back a part of it.
    Refund,
    /// Gives credits to another organization.
    Transfer,
    /// Counts on a meter.
    Track,
}

/// As often as each is done.
const MIX: [Operation; 10] = [
    Operation::Consume,
    Operation::Settle,
    Operation::Track,
    Operation::Refund,
    Operation::Consume,
    Operation::Transfer,
    Operation::Release,
    Operation::Consume,
    Operation::Forget,
    Operation::Consume,
];

/// Who does it, and to whom.
pub(super) struct Parties<'a> {
    pub(super) organization: &'a str,
    pub(super) other: &'a str,
}

/// What is asked for after an answer: of the organization, under the key.
type Second = fn(&str, &str, &Answer) -> (String, Value);

/// All requests up to the one that was not done, or to the last.
pub(super) struct Done {
    /// How many were done.
    pub(super) requests: usize,
    pub(super) last: reqwest::Result<Answer>,
}

impl Operation {
    /// All of them in turn.
    pub(super) fn nth(number: usize) -> Self {
        MIX[number % MIX.len()]
    }

    /// What it leaves in the ledgers: origin or meter, amount, and what it holds more.
    pub(super) fn rows(self) -> &'static str {
        match self {
            Self::Consume => "consume -25 0",
            Self::Settle => "hold 0 40, settle -15 -40",
            Self::Release => "hold 0 40, release 0 -40",
            Self::Forget => "hold 0 40, time_out 0 -40",
            Self::Refund => "consume -25 0, refund 10 0",
            Self::Transfer => "transfer -5 0",
            Self::Track => "exports 1 0",
        }
    }

    /// What it takes.
    pub(super) const fn takes(self) -> i64 {
        match self {
            Self::Consume => COST,
            Self::Settle => 15,
            Self::Release | Self::Forget | Self::Track => 0,
            Self::Refund => COST - 10,
            Self::Transfer => 5,
        }
    }

    /// What the other one gets.
    pub(super) const fn gives(self) -> i64 {
        match self {
            Self::Transfer => 5,
            Self::Consume
            | Self::Settle
            | Self::Release
            | Self::Forget
            | Self::Refund
            | Self::Track => 0,
        }
    }

    /// Does it from the beginning.
    pub(super) async fn run(self, api: &Api, parties: &Parties<'_>, key: &str) -> Done {
        let Parties { organization, other } = parties;
        let (first, second): (_, Option<Second>) = match self {
            Self::Consume => (("credits/consume", consume(organization, key)), None),
            Self::Settle => (hold(organization, key, 900), Some(settle)),
            Self::Release => (hold(organization, key, 900), Some(release)),
            Self::Forget => (hold(organization, key, 1), None),
            Self::Refund => (("credits/consume", consume(organization, key)), Some(refund)),
            Self::Transfer => {
                let body = json!({ "organization_id": organization, "to_organization_id": other,
                                   "amount": 5, "idempotency_key": key });
                (("credits/transfers", body), None)
            }
            Self::Track => {
                let body = json!({ "organization_id": organization, "meter": "exports",
                                   "idempotency_key": key });
                (("track-usage", body), None)
            }
        };
        let (path, body) = first;
        let answer = api.try_post(&format!("/api/billing/{path}"), &body).await;
        let (Ok(done), Some(second)) = (&answer, second) else {
            return Done { requests: requests(&answer), last: answer };
        };
        if done.status == 503 {
            return Done { requests: 0, last: answer };
        }
        assert!([200, 201].contains(&done.status), "{self:?}: {done:?}");
        let (path, body) = second(organization, key, done);
        let answer = api.try_post(&format!("/api/billing/{path}"), &body).await;
        Done { requests: 1 + requests(&answer), last: answer }
    }
}

fn requests(answer: &reqwest::Result<Answer>) -> usize {
    usize::from(answer.as_ref().is_ok_and(|answer| answer.status != 503))
}

fn hold(organization: &str, key: &str, seconds: u32) -> (&'static str, Value) {
    let body = json!({ "organization_id": organization, "event": "ai_inference", "amount": 40,
                       "ttl_seconds": seconds, "idempotency_key": key });
    ("credits/holds", body)
}

fn settle(organization: &str, _: &str, held: &Answer) -> (String, Value) {
    let path = format!("credits/holds/{}/settle", held.text("/hold_id"));
    (path, json!({ "organization_id": organization, "amount": 15 }))
}

fn release(organization: &str, _: &str, held: &Answer) -> (String, Value) {
    let path = format!("credits/holds/{}/release", held.text("/hold_id"));
    (path, json!({ "organization_id": organization }))
}

fn refund(organization: &str, key: &str, used: &Answer) -> (String, Value) {
    let body = json!({ "organization_id": organization, "amount": 10,
                       "decision_id": used.text("/decision_id"), "idempotency_key": key });
    ("credits/refunds".to_owned(), body)
}
