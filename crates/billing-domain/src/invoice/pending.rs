//! What waits for the next invoice.

use time::OffsetDateTime;

use super::{Billed, Line, LineKind, Parts};
use crate::{
    id::{InvoiceId, OrganizationId, PendingItemId, PriceId, SubscriptionId},
    money::{Money, MoneyError},
    period::Period,
};

/// A line that stands on the next invoice of a subscription. All that wait for one invoice come to
/// nothing or to a credit: what is to be paid is charged at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PendingItem {
    /// Our id.
    pub id: PendingItemId,
    /// Whose.
    pub organization_id: OrganizationId,
    /// Of which subscription.
    pub subscription_id: SubscriptionId,
    /// Of what sort it is.
    pub kind: LineKind,
    /// What people read.
    pub description: String,
    /// How many.
    pub quantity: i64,
    /// What one costs; nothing for a part of a period.
    pub unit_amount: Option<Money>,
    /// What all of it costs; negative where it gives something back.
    pub amount: Money,
    /// For what time, if it is for one.
    pub period: Option<Period>,
    /// What it bills, where that is a price.
    pub price_id: Option<PriceId>,
    /// The invoice that it stands on; nothing while it waits.
    pub invoice_id: Option<InvoiceId>,
    /// Since when it waits.
    pub created_at: OffsetDateTime,
}

impl PendingItem {
    /// A line of a subscription that waits from now on.
    pub fn new(
        id: PendingItemId,
        (organization_id, subscription_id): (OrganizationId, SubscriptionId),
        line: Line,
        now: OffsetDateTime,
    ) -> Self {
        let Line { kind, description, quantity, unit_amount, amount, period, bills } = line;
        let price_id = match bills {
            Billed::Subscription { price_id, .. } => price_id,
            Billed::Nothing | Billed::Credits { .. } | Billed::Use { .. } => None,
        };
        Self {
            id,
            organization_id,
            subscription_id,
            kind,
            description,
            quantity,
            unit_amount,
            amount,
            period,
            price_id,
            invoice_id: None,
            created_at: now,
        }
    }

    /// The line that it is on an invoice.
    pub fn line(&self) -> Line {
        Line {
            kind: self.kind,
            description: self.description.clone(),
            quantity: self.quantity,
            unit_amount: self.unit_amount,
            amount: self.amount,
            period: self.period,
            bills: Billed::Subscription {
                subscription_id: Some(self.subscription_id),
                price_id: self.price_id,
                gateway_price: None,
            },
        }
    }
}

impl Parts {
    /// Adds lines that have waited. Nobody pays less than nothing: what is too much of them is kept,
    /// and is the line that waits for the next invoice then.
    pub fn take_in(
        &mut self,
        waiting: &[PendingItem],
        of: SubscriptionId,
    ) -> Result<Option<Line>, MoneyError> {
        self.lines.extend(waiting.iter().map(PendingItem::line));
        let sum = self.due()?;
        if sum.minor() >= 0 {
            return Ok(None);
        }
        let line = |description: &str, amount| Line {
            kind: LineKind::Adjustment,
            description: description.to_owned(),
            quantity: 1,
            unit_amount: None,
            amount,
            period: None,
            bills: Billed::Subscription {
                subscription_id: Some(of),
                price_id: None,
                gateway_price: None,
            },
        };
        let kept = Money::zero(self.currency).minus(sum)?;
        self.lines.push(line("Kept for the next invoice", kept));
        Ok(Some(line("Kept from the last invoice", sum)))
    }

    /// What lines and discounts come to; below zero, what is to the customer's credit.
    pub fn due(&self) -> Result<Money, MoneyError> {
        let lines = self.lines.iter().map(|line| line.amount);
        let sum = lines.into_iter().try_fold(Money::zero(self.currency), Money::plus)?;
        self.discounts.iter().try_fold(sum, |sum, off| sum.minus(off.amount))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;
    use crate::{
        currency::Currency,
        invoice::{Bill, Deduction},
    };

    const OF: SubscriptionId = SubscriptionId(Uuid::from_u128(1));
    const NOON: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD)
    }

    fn line(minor: i64) -> Line {
        Line {
            kind: LineKind::Proration,
            description: "Unused time on Starter".to_owned(),
            quantity: 3,
            unit_amount: Some(usd(7)),
            amount: usd(minor),
            period: Some(Period { start: NOON, end: NOON + time::Duration::DAY }),
            bills: Billed::Subscription {
                subscription_id: Some(OF),
                price_id: Some(PriceId(Uuid::from_u128(9))),
                gateway_price: None,
            },
        }
    }

    #[test]
    fn a_line_that_waited_is_the_same_line() {
        let owner = (OrganizationId(Uuid::nil()), OF);
        let item = PendingItem::new(PendingItemId(Uuid::from_u128(1)), owner, line(-5), NOON);
        assert_eq!(item.line(), line(-5));
        assert_eq!((item.invoice_id, item.created_at), (None, NOON));
    }

    fn waiting(minor: i64) -> PendingItem {
        let owner = (OrganizationId(Uuid::nil()), OF);
        PendingItem::new(PendingItemId(Uuid::from_u128(1)), owner, line(minor), NOON)
    }

    /// What the period costs, what is given off it, what has waited, what is paid, and what waits
    /// then.
    #[test]
    fn what_waits_is_used_up_invoice_by_invoice() {
        for (costs, off, has_waited, paid, waits) in [
            (900, 0, vec![], 900, 0),
            (900, 0, vec![-500], 400, 0),
            (900, 0, vec![-500, 100], 500, 0),
            (900, 0, vec![-900], 0, 0),
            (900, 450, vec![-900], 0, -450),
            (900, 0, vec![-5_000, 900], 0, -3_200),
            (0, 0, vec![-1], 0, -1),
        ] {
            let off = Deduction { description: String::new(), amount: usd(off) };
            let mut parts = Parts {
                currency: Currency::USD,
                lines: vec![line(costs)],
                discounts: vec![off],
                taxes: Vec::new(),
                credits: Vec::new(),
            };
            let waiting: Vec<_> = has_waited.iter().map(|minor| waiting(*minor)).collect();
            let left = parts.take_in(&waiting, OF).unwrap();
            assert_eq!(parts.due(), Ok(usd(paid)), "{costs} {has_waited:?}");
            assert_eq!(left.map_or(0, |line| line.amount.minor()), waits);
            assert_eq!(Bill::new(parts).unwrap().total(), usd(paid));
        }
    }
}
