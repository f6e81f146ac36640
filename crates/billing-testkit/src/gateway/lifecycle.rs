//! How subscriptions are changed, stopped and ended, and money given back.

use billing_app::ports::{
    Cancellation, GatewayError, GoingOn, NewPrice, NewRefund, Outcome, PreviewOf, PriceChange,
    SeenLine, SeenPreview,
};
use billing_domain::{
    id::ChangeId,
    money::Money,
    payment::{ChargeFailure, PaymentStatus},
    period::{Anchor, Period},
    proration::Settlement,
    subscription::{Resumption, Status, When},
};
use time::OffsetDateTime;

use super::{
    Mood,
    books::{Billed, Books},
    refused,
};

impl Billed {
    /// What a period costs.
    pub(super) fn whole(&self) -> Money {
        times(self.amount, self.quantity)
    }

    /// From now on it is at another price.
    pub(super) fn set(&mut self, to: &NewPrice) {
        self.price_id = to.price_id;
        self.gateway_price =
            to.gateway_price.clone().unwrap_or_else(|| format!("price_fake_{}", to.price_id));
        (self.name, self.amount) = (to.name.clone(), to.amount);
        (self.quantity, self.interval) = (to.quantity, to.interval);
    }

    fn is_live(&self) -> bool {
        self.status.is_live()
    }

    /// What another price costs from an instant on: the rest of the period, or a whole new one.
    fn lines(&self, to: &NewPrice, (at, now): (OffsetDateTime, OffsetDateTime)) -> Vec<SeenLine> {
        if matches!(self.status, Status::Trialing { .. }) {
            return Vec::new();
        }
        let prices = (self.whole(), times(to.amount, to.quantity));
        let rest = Settlement::of(prices, self.period, at).expect("it can be computed");
        let period = Period { start: at, end: self.period.end };
        let credit = line(format!("Unused time on {}", self.name), rest.credit, period, true);
        let charge = if to.interval == self.interval {
            line(format!("Remaining time on {}", to.name), rest.charge, period, true)
        } else {
            let period = Anchor(now).period(to.interval, 0);
            line(to.name.clone(), prices.1, period, false)
        };
        vec![credit, charge]
    }
}

impl Books {
    /// What is left of an amount after the customer's credit, which is used up or grows.
    pub(super) fn after_credit(&mut self, customer: &str, amount: Money) -> Money {
        let credit = self.credit.entry(customer.to_owned()).or_default();
        let due = (amount.minor() - *credit).max(0);
        *credit = (*credit - amount.minor()).max(0);
        Money::new(due, amount.currency())
    }

    pub(super) fn preview(
        &self,
        id: &str,
        of: &PreviewOf,
        now: OffsetDateTime,
    ) -> Result<SeenPreview, GatewayError> {
        let billed = self.subscriptions.get(id).ok_or_else(|| refused("no such subscription"))?;
        let lines = match of {
            PreviewOf::Change { to, when: When::Now, proration_at } => {
                billed.lines(to, (*proration_at, now))
            }
            PreviewOf::Change { to, when: When::PeriodEnd, .. } => {
                let period = Anchor(billed.period.end).period(to.interval, 0);
                vec![line(to.name.clone(), times(to.amount, to.quantity), period, false)]
            }
            PreviewOf::NewPeriod => {
                let period = Anchor(now).period(billed.interval, 0);
                vec![line(billed.name.clone(), billed.whole(), period, false)]
            }
        };
        let total = sum(&lines, billed.amount);
        let credit = self.credit.get(&billed.customer).copied().unwrap_or_default();
        let due = Money::new((total.minor() - credit).max(0), total.currency());
        Ok(SeenPreview { lines, total, amount_due: due })
    }

    pub(super) fn change(
        &mut self,
        id: &str,
        change: &PriceChange,
        now: OffsetDateTime,
    ) -> Result<Outcome, GatewayError> {
        if let Some(before) = self.told(change.change_id, change)? {
            return Ok(before);
        }
        self.live(id)?;
        let outcome = match change.when {
            When::PeriodEnd => {
                self.billed(id).planned = Some((change.change_id, change.to.clone()));
                Outcome::Done
            }
            When::Now => self.change_now(id, change, now),
        };
        Ok(self.remember(change.change_id, change, outcome))
    }

    fn change_now(&mut self, id: &str, change: &PriceChange, now: OffsetDateTime) -> Outcome {
        let (to, at) = (&change.to, change.proration_at);
        let of = PreviewOf::Change { to: to.clone(), when: When::Now, proration_at: at };
        let preview = self.preview(id, &of, now).expect("it is live");
        let customer = self.billed(id).customer.clone();
        if !preview.amount_due.is_zero() && self.declines(&customer) {
            return Outcome::Declined(ChargeFailure::Declined);
        }
        let billed = self.billed(id);
        if billed.interval != to.interval && !preview.lines.is_empty() {
            (billed.anchor, billed.period) = (now, Anchor(now).period(to.interval, 0));
        }
        billed.set(to);
        if !preview.lines.is_empty() {
            self.invoice(id, preview.total, now);
        }
        Outcome::Done
    }

    pub(super) fn cancel(
        &mut self,
        id: &str,
        end: &Cancellation,
        now: OffsetDateTime,
    ) -> Result<(), GatewayError> {
        let billed = self.subscriptions.get_mut(id).ok_or_else(|| refused("no such subscription"));
        let billed = billed?;
        if billed.is_live() {
            match end.when {
                When::Now => {
                    (billed.status, billed.planned) = (Status::Cancelled { at: now }, None);
                }
                When::PeriodEnd => billed.cancel_at_period_end = true,
            }
        }
        Ok(())
    }

    pub(super) fn go_on(
        &mut self,
        id: &str,
        going_on: &GoingOn,
        now: OffsetDateTime,
    ) -> Result<Outcome, GatewayError> {
        if let Some(before) = self.told(going_on.change_id, going_on)? {
            return Ok(before);
        }
        self.live(id)?;
        let customer = self.billed(id).customer.clone();
        let declines = self.declines(&customer);
        let billed = self.billed(id);
        let outcome = match going_on.takes_back {
            Resumption::Cancellation => {
                billed.cancel_at_period_end = false;
                Outcome::Done
            }
            Resumption::ScheduledChange => {
                billed.planned = None;
                Outcome::Done
            }
            Resumption::Pause if !matches!(billed.status, Status::Paused { .. }) => {
                return Err(refused("the subscription is not paused"));
            }
            Resumption::Pause if !going_on.new_period => {
                billed.status = Status::Active;
                Outcome::Done
            }
            Resumption::Pause if declines => Outcome::Declined(ChargeFailure::Declined),
            Resumption::Pause => {
                billed.status = Status::Active;
                (billed.anchor, billed.period) = (now, Anchor(now).period(billed.interval, 0));
                let whole = billed.whole();
                self.invoice(id, whole, now);
                Outcome::Done
            }
        };
        Ok(self.remember(going_on.change_id, going_on, outcome))
    }

    pub(super) fn pause(&mut self, id: &str, change_id: ChangeId) -> Result<(), GatewayError> {
        if self.told(change_id, &"pause")?.is_some() {
            return Ok(());
        }
        self.live(id)?;
        let billed = self.billed(id);
        if !matches!(billed.status, Status::Active | Status::Trialing { .. }) {
            return Err(refused("the subscription cannot be paused"));
        }
        billed.status = Status::Paused { resumes_at: None };
        let (Outcome::Done | Outcome::Declined(_)) =
            self.remember(change_id, &"pause", Outcome::Done);
        Ok(())
    }

    pub(super) fn refund(&mut self, refund: &NewRefund) -> Result<(), GatewayError> {
        if let Some(before) = self.given_back.get(&refund.refund_id) {
            let same = before == refund;
            return same.then_some(()).ok_or_else(|| refused("the key was used otherwise"));
        }
        let payment = self.payments.get_mut(&refund.payment);
        let payment = payment.ok_or_else(|| refused("no such payment"))?;
        let refunded = payment.refunded.plus(refund.amount).expect("one currency");
        if !payment.status.captured() || refunded.minor() > payment.amount.minor() {
            return Err(refused("more than is left of the payment"));
        }
        let whole = refunded == payment.amount;
        payment.refunded = refunded;
        payment.status =
            if whole { PaymentStatus::Refunded } else { PaymentStatus::PartiallyRefunded };
        self.given_back.insert(refund.refund_id, refund.clone());
        Ok(())
    }

    fn live(&self, id: &str) -> Result<(), GatewayError> {
        let live = self.subscriptions.get(id).is_some_and(Billed::is_live);
        live.then_some(()).ok_or_else(|| refused("no such subscription"))
    }

    fn declines(&self, customer: &str) -> bool {
        self.mood == Mood::Declining || self.refused.contains_key(customer)
    }

    /// What came of it, if it was asked before.
    fn told(
        &self,
        id: ChangeId,
        asked: &dyn core::fmt::Debug,
    ) -> Result<Option<Outcome>, GatewayError> {
        match self.told.get(&id) {
            None => Ok(None),
            Some((before, outcome)) if *before == format!("{asked:?}") => Ok(Some(*outcome)),
            Some(_) => Err(refused("the idempotency key was used with other parameters")),
        }
    }

    fn remember(
        &mut self,
        id: ChangeId,
        asked: &dyn core::fmt::Debug,
        outcome: Outcome,
    ) -> Outcome {
        self.told.insert(id, (format!("{asked:?}"), outcome));
        outcome
    }
}

fn times(amount: Money, quantity: u32) -> Money {
    Money::new(amount.minor() * i64::from(quantity), amount.currency())
}

fn line(description: String, amount: Money, period: Period, proration: bool) -> SeenLine {
    SeenLine { description, amount, period, proration }
}

fn sum(lines: &[SeenLine], like: Money) -> Money {
    let minor = lines.iter().map(|line| line.amount.minor()).sum();
    Money::new(minor, like.currency())
}
