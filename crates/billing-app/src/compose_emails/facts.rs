//! What an event of the outbox says, read from its JSON.

use core::str::FromStr;

use billing_domain::{letter::Letter, money::Money};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// What an event says.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a>(pub(super) &'a Value);

impl<'a> Facts<'a> {
    /// A text; an empty one where there is none.
    pub(super) fn text(self, name: &str) -> &'a str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number; 0 where there is none.
    pub(super) fn number(self, name: &str) -> i64 {
        self.0.get(name).and_then(Value::as_i64).unwrap_or_default()
    }

    /// Whether it is so.
    fn flag(self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// An id.
    pub(super) fn id<T: FromStr>(self, name: &str) -> Option<T> {
        self.text(name).parse().ok()
    }

    /// An instant.
    pub(super) fn instant(self, name: &str) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(self.text(name), &Rfc3339).ok()
    }

    /// An amount.
    pub(super) fn money(self, name: &str) -> Option<Money> {
        serde_json::from_value(self.0.get(name)?.clone()).ok()
    }

    /// What is told of the collection of an invoice of ours, by what it is for.
    pub(super) fn of_collection(self, kind: &str, plan: &str) -> Option<Letter> {
        let (plan, amount) = (plan.to_owned(), self.money("amount"));
        match kind {
            "payment.failed" => {
                let again_at = self.instant("next_try_at");
                Some(Letter::PaymentFailed { plan, amount, again_at })
            }
            "payment.recovered" => Some(Letter::PaymentRecovered { plan }),
            "invoice.uncollectible" => Some(Letter::PaymentGivenUp { plan, amount }),
            _ => None,
        }
    }

    /// What events say by themselves, whoever they are of.
    pub(super) fn alone(self, kind: &str) -> Option<Letter> {
        match kind {
            "credits.low" => Some(Letter::CreditsLow {
                balance: self.number("balance"),
                threshold: self.number("threshold"),
            }),
            "credits.expiring" => Some(Letter::CreditsExpiring {
                remaining: self.number("remaining"),
                expires_at: self.instant("expires_at")?,
            }),
            "credits.top_up_failed" => Some(Letter::TopUpFailed { off: self.flag("off") }),
            "bonus.expiring" => Some(Letter::BonusExpiring {
                meter: self.text("meter").to_owned(),
                remaining: u64::try_from(self.number("remaining")).ok()?,
                expires_at: self.instant("expires_at")?,
            }),
            "quota.warning" => Some(Letter::QuotaReached {
                meter: self.text("meter").to_owned(),
                percent: u8::try_from(self.number("percent")).ok()?,
                used: u64::try_from(self.number("used")).ok()?,
                limit: u64::try_from(self.number("limit")).ok()?,
                resets_at: self.instant("window_end")?,
            }),
            "subscription.duplicate_cancelled" => {
                Some(Letter::DuplicateCancelled { refunded: self.money("refunded") })
            }
            "webhook.failed" => Some(Letter::WebhookFailed {
                webhook_id: self.id("webhook_id")?,
                source: self.text("gateway").to_owned(),
                event_type: self.text("event_type").to_owned(),
                error: self.text("error").to_owned(),
                dead: self.flag("dead"),
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use billing_domain::currency::Currency;
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn each_step_of_a_collection_is_told() {
        let amount = json!({ "amount": 4900, "currency": "USD" });
        let failed = json!({
            "invoice_id": "0192d3a4-0000-7000-8000-00000000000a", "amount": amount,
            "reason": "declined", "attempts": 1, "next_try_at": "2026-03-15T12:00:00Z",
        });
        let last = json!({ "amount": amount, "next_try_at": null });
        let (plan, amount) = ("Pro".to_owned(), Some(Money::new(4_900, Currency::USD)));
        let again_at = Some(datetime!(2026-03-15 12:00 UTC));
        for (kind, data, letter) in [
            (
                "payment.failed",
                &failed,
                Some(Letter::PaymentFailed { plan: plan.clone(), amount, again_at }),
            ),
            (
                "payment.failed",
                &last,
                Some(Letter::PaymentFailed { plan: plan.clone(), amount, again_at: None }),
            ),
            ("payment.recovered", &last, Some(Letter::PaymentRecovered { plan: plan.clone() })),
            (
                "invoice.uncollectible",
                &last,
                Some(Letter::PaymentGivenUp { plan: plan.clone(), amount }),
            ),
            ("payment.updated", &last, None),
        ] {
            assert_eq!(Facts(data).of_collection(kind, "Pro"), letter, "{kind} {data}");
        }
    }
}
