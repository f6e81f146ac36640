//! What letters have to say, as people read it: values with names, filled into phrases.

use billing_documents::{amount, day, number};
use billing_domain::{letter::Letter, locale::Locale, money::Money};
use time::OffsetDateTime;

use super::phrases::Names;

/// Values with names.
pub(super) struct Values {
    pairs: Vec<(&'static str, String)>,
    locale: Locale,
}

impl Values {
    /// Those of a letter.
    pub(super) fn of(letter: &Letter, locale: Locale) -> Self {
        let values = Self { pairs: Vec::new(), locale };
        match letter {
            Letter::TrialEnds { plan, days, ends_at } => {
                values.text("plan", plan).number("days", *days).day("date", *ends_at)
            }
            Letter::PaymentFailed { plan, amount, again_at } => {
                let values = values.text("plan", plan).money("amount", *amount);
                match again_at {
                    Some(again_at) => values.day("date", *again_at),
                    None => values,
                }
            }
            Letter::PaymentGivenUp { plan, amount } => {
                values.text("plan", plan).money("amount", *amount)
            }
            Letter::SubscriptionChanged { plan, quantity } => {
                values.text("plan", plan).number("quantity", *quantity)
            }
            Letter::SubscriptionWillChange { plan, at }
            | Letter::SubscriptionWillEnd { plan, at } => {
                values.text("plan", plan).day("date", *at)
            }
            Letter::PaymentRecovered { plan }
            | Letter::SubscriptionChangeFailed { plan }
            | Letter::SubscriptionContinues { plan }
            | Letter::SubscriptionPaused { plan }
            | Letter::SubscriptionResumed { plan }
            | Letter::SubscriptionCancelled { plan }
            | Letter::SubscriptionExpired { plan } => values.text("plan", plan),
            Letter::DuplicateCancelled { refunded } => values.money("amount", *refunded),
            Letter::CreditsLow { balance, threshold } => {
                values.number("credits", *balance).number("threshold", *threshold)
            }
            Letter::CreditsExpiring { remaining, expires_at } => {
                values.number("credits", *remaining).day("date", *expires_at)
            }
            Letter::TopUpFailed { off: _ } => values,
            Letter::BonusExpiring { meter, remaining, expires_at } => {
                let values = values.text("meter", meter).number("remaining", *remaining);
                values.day("date", *expires_at)
            }
            Letter::Invoice { number, total, .. } => {
                values.text("number", number).money("amount", Some(*total))
            }
            Letter::QuotaReached { meter, percent, used, limit, resets_at } => {
                let values = values.text("meter", meter).number("percent", *percent);
                values.number("used", *used).number("limit", *limit).day("date", *resets_at)
            }
            Letter::Disputed { .. }
            | Letter::WebhookFailed { .. }
            | Letter::CreditsUnusual { .. } => values.of_alert(letter),
        }
    }

    fn of_alert(self, letter: &Letter) -> Self {
        if let Letter::Disputed { organization, payment_id, amount } = letter {
            let values = self.text("organization", organization);
            return values.text("payment", &payment_id.to_string()).money("amount", Some(*amount));
        }
        if let Letter::CreditsUnusual { organization, in_hour, hourly_mean } = letter {
            let values = self.text("organization", organization);
            return values.number("credits", *in_hour).number("mean", *hourly_mean);
        }
        if let Letter::WebhookFailed { webhook_id, source, event_type, error, dead: _ } = letter {
            let values = self.text("webhook", &webhook_id.to_string()).text("source", source);
            return values.text("type", event_type).text("error", error);
        }
        self
    }

    /// The same with a text.
    pub(super) fn text(mut self, name: &'static str, value: &str) -> Self {
        self.pairs.push((name, value.to_owned()));
        self
    }

    fn number(self, name: &'static str, value: impl Into<i128>) -> Self {
        let shown = number(value.into());
        self.text(name, &shown)
    }

    fn money(self, name: &'static str, value: Option<Money>) -> Self {
        match value {
            Some(value) => self.text(name, &amount(value)),
            None => self,
        }
    }

    fn day(self, name: &'static str, value: OffsetDateTime) -> Self {
        let shown = day(self.locale, value);
        self.text(name, &shown)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// A phrase with its `{names}` filled in. What is filled in is not looked into again.
    pub(super) fn fill(&self, phrase: &str) -> String {
        let mut filled = String::new();
        let mut rest = phrase;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let (name, behind) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(&self.apart(self.get(name).unwrap_or_default()));
            rest = behind;
        }
        filled.push_str(rest);
        filled
    }

    /// In a text that runs from right to left: text that may run the other way.
    fn apart(&self, text: &str) -> String {
        match self.locale {
            Locale::En => text.to_owned(),
            Locale::Ar => format!("\u{2068}{text}\u{2069}"),
        }
    }

    /// What stands at a glance, by what it is called.
    pub(super) fn at_a_glance(&self, names: &Names) -> Vec<(&'static str, String)> {
        let called = |name: &str| match name {
            "plan" => Some(names.plan),
            "quantity" => Some(names.quantity),
            "amount" => Some(names.amount),
            "date" => Some(names.date),
            "number" => Some(names.number),
            "credits" => Some(names.credits),
            "meter" => Some(names.meter),
            "used" => Some(names.used),
            "limit" => Some(names.limit),
            "organization" => Some(names.organization),
            "payment" => Some(names.payment),
            "webhook" => Some(names.webhook),
            "source" => Some(names.source),
            "type" => Some(names.kind),
            "error" => Some(names.error),
            _ => None,
        };
        let shown = self.pairs.iter().filter(|(_, value)| !value.is_empty());
        shown.filter_map(|(name, value)| Some((called(name)?, value.clone()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(locale: Locale) -> Values {
        let values = Values { pairs: Vec::new(), locale };
        values.text("plan", "{amount} Pro").text("amount", "USD 1.00")
    }

    #[test]
    fn what_is_filled_in_is_not_looked_into() {
        assert_eq!(values(Locale::En).fill("To {plan}, {nobody}!"), "To {amount} Pro, !");
        assert_eq!(values(Locale::En).fill("open {plan"), "open {amount} Pro");
    }

    #[test]
    fn what_runs_the_other_way_is_set_apart() {
        let filled = values(Locale::Ar).fill("{amount}.");
        assert_eq!(filled, "\u{2068}USD 1.00\u{2069}.");
    }
}
