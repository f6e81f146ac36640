//! What an answer of the ledger says, told in the model's words.

use super::*;

fn parts(touched: &[Touch], part: impl Fn(&Touch) -> i64) -> Vec<(u128, i64)> {
    touched.iter().map(|touch| (touch.grant_id.0.as_u128(), part(touch))).collect()
}

impl Answer {
    pub(crate) fn of(outcome: &CreditOutcome) -> Self {
        match outcome {
            CreditOutcome::Consumed(it) => {
                Self::Took(parts(&it.touched, |touch| -touch.amount), it.balance_after)
            }
            CreditOutcome::Held(it) => Self::SetAside(parts(&it.touched, |touch| touch.held)),
            CreditOutcome::Denied(it) => Self::Refused { available: it.available },
            CreditOutcome::KeyReused => Self::OtherBody,
            CreditOutcome::Settled(it) => Self::Settled {
                amount: it.settled,
                returned: it.returned,
                balance: it.balance_after,
            },
            CreditOutcome::Released(it) => Self::LetGo(it.returned),
            CreditOutcome::HoldRefused(refusal) => Self::NoHold(*refusal),
            CreditOutcome::Granted { id, .. } => Self::Gave(id.0.as_u128()),
            CreditOutcome::Revoked(more) => Self::TookBack(*more),
            CreditOutcome::Refunded(it) => {
                let mut back = BTreeMap::new();
                for (id, amount) in parts(&it.touched, |touch| touch.amount) {
                    *back.entry(id).or_default() += amount;
                }
                Self::GaveBack(it.draw, back, it.balance_after)
            }
            CreditOutcome::RefundRefused(refusal) => Self::NoUse(*refusal),
            CreditOutcome::Sent(it) => {
                let part = |it: &Taken| (it.kind, it.amount, it.expires_at.map(units));
                Self::Sent(it.taken.iter().map(part).collect(), it.balance_after)
            }
            CreditOutcome::Configured(_) | CreditOutcome::Booked => Self::Nothing,
        }
    }
}
