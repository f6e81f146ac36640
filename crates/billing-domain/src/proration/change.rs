//! What a change of terms costs, line by line.

use super::Settlement;
use crate::{
    catalogue::Price,
    id::SubscriptionId,
    invoice::{Billed, Line, LineKind},
    money::{Money, MoneyError},
    period::{Anchor, Period},
};
use time::OffsetDateTime;

/// A price of a plan, and how many of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sale<'a> {
    /// What people call the plan.
    pub plan: &'a str,
    /// At what price.
    pub price: &'a Price,
    /// How many.
    pub quantity: u32,
}

/// Other terms for a subscription whose period runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TermsChange<'a> {
    /// Of which subscription.
    pub subscription_id: SubscriptionId,
    /// From what.
    pub from: Sale<'a>,
    /// To what.
    pub to: Sale<'a>,
    /// The period that runs.
    pub period: Period,
    /// What was paid for all of it, as far as that can be given back: nothing on trial.
    pub paid: Money,
    /// The instant for which it is computed, in whole seconds.
    pub at: OffsetDateTime,
}

impl Sale<'_> {
    /// What a whole period costs.
    pub fn whole(&self) -> Result<Money, MoneyError> {
        self.price.recurring(self.quantity)
    }

    /// The line of a whole period.
    pub fn line(&self, of: SubscriptionId, period: Period) -> Result<Line, MoneyError> {
        Ok(Line {
            kind: LineKind::Recurring,
            description: self.plan.to_owned(),
            quantity: i64::from(self.quantity),
            unit_amount: Some(self.price.amount),
            amount: self.whole()?,
            period: Some(period),
            bills: self.bills(of),
        })
    }

    fn bills(&self, of: SubscriptionId) -> Billed {
        Billed::Subscription {
            subscription_id: Some(of),
            price_id: Some(self.price.id),
            gateway_price: None,
        }
    }
}

impl TermsChange<'_> {
    /// The period that begins with the change: only another interval begins one. The old period
    /// ends there, so that neither time nor money is left between them.
    pub fn new_period(&self) -> Option<Period> {
        let interval = self.to.price.interval;
        (interval != self.from.price.interval).then(|| Anchor(self.within()).period(interval, 0))
    }

    /// What is given back for the rest of the old terms.
    pub fn credit(&self) -> Result<Line, MoneyError> {
        let description = format!("Unused time on {}", self.from.plan);
        Ok(self.part(&self.from, description, self.settled()?.credit))
    }

    /// What the new terms cost: the rest of the period, or all of the one that begins.
    pub fn charge(&self) -> Result<Line, MoneyError> {
        if let Some(period) = self.new_period() {
            return self.to.line(self.subscription_id, period);
        }
        let description = format!("Remaining time on {}", self.to.plan);
        Ok(self.part(&self.to, description, self.settled()?.charge))
    }

    /// The instant, within the period: instants of changes are cut to whole seconds, and those of
    /// periods are not.
    pub fn within(&self) -> OffsetDateTime {
        self.at.clamp(self.period.start, self.period.end)
    }

    fn settled(&self) -> Result<Settlement, MoneyError> {
        Settlement::of((self.paid, self.to.whole()?), self.period, self.at)
    }

    fn part(&self, of: &Sale<'_>, description: String, amount: Money) -> Line {
        Line {
            kind: LineKind::Proration,
            description,
            quantity: i64::from(of.quantity),
            unit_amount: None,
            amount,
            period: Some(Period { start: self.within(), end: self.period.end }),
            bills: of.bills(self.subscription_id),
        }
    }
}

/// What was paid for a period, where all of it was discounted alike: the whole price, and less
/// where less was paid.
pub fn paid_for(whole: Money, charged: Option<Money>) -> Money {
    match charged {
        Some(charged) if charged.currency() == whole.currency() => {
            let paid = charged.minor().clamp(0, whole.minor().max(0));
            Money::new(paid, whole.currency())
        }
        Some(_) => Money::zero(whole.currency()),
        None => whole,
    }
}

#[cfg(test)]
mod tests;
