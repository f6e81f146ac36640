//! Auto top-up: a pack of credits is bought by itself when few are left.

use time::{Duration, OffsetDateTime};

use crate::{
    checkout::{Checkout, CheckoutStatus, Purpose, ask_again_at},
    id::{CheckoutId, CreditProductId, OrganizationId},
    money::Money,
    period::Period,
};

/// After so many failures in a row it is switched off.
const MOST_FAILURES: u32 = 2;
/// How long nothing is tried after a failure.
const AFTER_FAILURE: Duration = Duration::DAY;
/// When to look again at what forbids to buy: the catalogue may have changed.
const LOOK_AGAIN: Duration = Duration::HOUR;
/// When to go on with a charge of which nothing was heard.
const FIRST_ASK: Duration = Duration::MINUTE;

/// What an organization wants bought for it, and how that goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AutoTopUp {
    /// Who pays.
    pub organization_id: OrganizationId,
    /// Whether it is switched on.
    pub enabled: bool,
    /// It buys when the balance is below so many credits.
    pub threshold: i64,
    /// It buys this pack.
    pub credit_product_id: CreditProductId,
    /// It spends at most so much in a calendar month of UTC.
    pub monthly_cap: Money,
    /// The checkout that is under way: nothing else is bought until its end is known.
    pub pending: Option<CheckoutId>,
    /// How often in a row it brought no credits.
    pub failures: u32,
    /// Before this there is nothing to do.
    pub look_at: OffsetDateTime,
}

/// What is known when it is decided whether to buy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing<'a> {
    /// Credits of the organization.
    pub balance: i64,
    /// What the pack costs in what the organization pays in; nothing when it is not on sale so.
    pub price: Option<Money>,
    /// The charges of this calendar month, others may be among them.
    pub charges: &'a [Checkout],
}

/// Whether to buy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Buy the pack at this price.
    Buy(Money),
    /// There is nothing to do now.
    Rest,
    /// It is wanted, but must not be; look again then.
    LookAgain(OffsetDateTime),
}

impl AutoTopUp {
    /// Whether to buy, while nothing is under way.
    pub fn decide(&self, standing: Standing<'_>, now: OffsetDateTime) -> Verdict {
        let low = standing.balance < self.threshold;
        if !self.enabled || self.pending.is_some() || now < self.look_at || !low {
            return Verdict::Rest;
        }
        let month = Period::calendar_month(now);
        let again = Verdict::LookAgain((now + LOOK_AGAIN).min(month.end));
        let Some(price) = standing.price else { return again };
        // A cap in another currency, or a sum that cannot be counted, forbids as well.
        match self.spent(standing.charges, month).plus(price) {
            Ok(total) if total.currency() != self.monthly_cap.currency() => again,
            Ok(total) if total.minor() <= self.monthly_cap.minor() => Verdict::Buy(price),
            Ok(_) | Err(_) => again,
        }
    }

    /// What the charges of a month came to, or may come to. One whose end is not known counts.
    fn spent(&self, charges: &[Checkout], month: Period) -> Money {
        let currency = self.monthly_cap.currency();
        let counts = |charge: &&Checkout| {
            charge.paid_by.is_saved_method()
                && charge.status != CheckoutStatus::Expired
                && month.contains(charge.created_at)
        };
        let minor = charges.iter().filter(counts).map(|charge| match &charge.purpose {
            Purpose::Credits { price, .. } if price.currency() == currency => price.minor(),
            Purpose::Credits { .. } | Purpose::Subscription { .. } | Purpose::Invoice { .. } => 0,
        });
        Money::new(minor.fold(0, i64::saturating_add), currency)
    }

    /// A charge is recorded and goes to the gateway now; whoever finds it later waits a little.
    pub fn begin(&mut self, checkout: CheckoutId, now: OffsetDateTime) {
        self.pending = Some(checkout);
        self.look_at = now + FIRST_ASK;
    }

    /// The gateway is asked once more about the charge that is under way; the next time comes
    /// later, the longer nobody knows.
    pub fn ask_again(&mut self, begun_at: OffsetDateTime, now: OffsetDateTime) {
        self.look_at = ask_again_at(begun_at, now);
    }

    /// The credits of a checkout are paid. More may be bought at once, up to the cap.
    pub fn succeeded(&mut self, checkout: CheckoutId, now: OffsetDateTime) {
        self.failures = 0;
        self.close(checkout, now);
    }

    /// A charge, or the search for something to charge, failed. Whether that switched it off.
    pub fn failed(&mut self, checkout: Option<CheckoutId>, now: OffsetDateTime) -> bool {
        if self.pending == checkout {
            self.pending = None;
        }
        self.failures = self.failures.saturating_add(1);
        self.look_at = now + AFTER_FAILURE;
        let off = self.enabled && self.failures >= MOST_FAILURES;
        self.enabled &= !off;
        off
    }

    /// A charge that was recorded was never made, and never will be.
    pub fn close(&mut self, checkout: CheckoutId, now: OffsetDateTime) {
        if self.pending == Some(checkout) {
            self.pending = None;
            self.look_at = now;
        }
    }

    /// The same, as somebody wants it now. What is under way stays so. Where something changes,
    /// earlier failures are forgotten; the same wish again changes nothing.
    pub fn wished(self, before: Option<&Self>) -> Self {
        let Some(before) = before else { return self };
        let kept = Self {
            pending: before.pending,
            failures: before.failures,
            look_at: before.look_at,
            ..self.clone()
        };
        if kept == *before {
            return kept;
        }
        let look_at = if before.pending.is_some() { before.look_at } else { self.look_at };
        Self { pending: before.pending, look_at, ..self }
    }
}

#[cfg(test)]
mod tests;
