//! What is billed where one period of a subscription ends and another begins: what recurs in
//! advance, and use in arrears.
//!
//! Use is billed as a level, not as a step: what the counters of a period say, less what invoices
//! of ours bill of it already. So what is counted too late for its own invoice is on the next one,
//! at the price that its period had, and nothing is billed twice. What is taken away after its
//! period was billed is not given back.

use billing_domain::{
    catalogue::{Amount, Catalogue, Charged, Component, Model, Part, Plan, Price, Window},
    id::{PriceId, SubscriptionId},
    invoice::{Billed, BilledUse, Line, LineKind},
    money::{Money, MoneyError},
    period::Period,
    subscription::Subscription,
};
use time::{Duration, OffsetDateTime};

use crate::{Billing, Error, Missing, ports::UnitOfWork, record_usage::LATE};

/// Where a subscription passes from one period into the next.
pub(crate) struct PeriodTurn<'a> {
    /// As it was in the period that ends.
    pub(crate) subscription: &'a Subscription,
    /// The period whose use is billed; nothing after a trial, in which use is free.
    pub(crate) closed: Option<Period>,
    /// What is paid in advance: the price, how many of it, and for which period; nothing where the
    /// subscription ends.
    pub(crate) begins: Option<(PriceId, u32, Period)>,
}

impl Billing {
    /// The lines of an invoice of our own for a turn of periods. Late use that would give back
    /// more than there is to pay waits for an invoice that bears it.
    pub(crate) async fn period_lines(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        turn: &PeriodTurn<'_>,
    ) -> Result<Vec<Line>, Error> {
        let subscription = turn.subscription.id;
        let mut lines = Vec::new();
        if let Some((price_id, quantity, period)) = turn.begins {
            let (plan, _, price) =
                catalogue.price(price_id).ok_or(Error::NotFound(Missing::Plan))?;
            lines = in_advance((plan, price), (subscription, quantity), period)?;
        }
        let Some(closed) = turn.closed else { return Ok(lines) };
        for owed in owed_use(work, catalogue, turn, closed).await? {
            let more = owed.lines(subscription)?;
            if sum(&lines).saturating_add(sum(&more)) >= 0 {
                lines.extend(more);
            }
        }
        Ok(lines)
    }
}

fn sum(lines: &[Line]) -> i64 {
    lines.iter().map(|line| line.amount.minor()).fold(0, i64::saturating_add)
}

/// What recurs, for the period that begins.
fn in_advance(
    (plan, price): (&Plan, &Price),
    (subscription, quantity): (SubscriptionId, u32),
    period: Period,
) -> Result<Vec<Line>, MoneyError> {
    let line = |description: String, sold: u64, unit_amount, amount| {
        Ok(Line {
            kind: LineKind::Recurring,
            description,
            quantity: i64::try_from(sold).map_err(|_| MoneyError::Overflow)?,
            unit_amount,
            amount,
            period: Some(period),
            bills: Billed::Subscription {
                subscription_id: Some(subscription),
                price_id: Some(price.id),
                gateway_price: None,
            },
        })
    };
    let sold = match price.model {
        Model::Flat => 1,
        Model::PerSeat => u64::from(quantity),
    };
    let base = line(plan.name.clone(), sold, Some(price.amount), price.recurring(quantity)?);
    let mut lines = vec![base?];
    for component in &price.components {
        let Charged::Seats { included } = component.charged else { continue };
        let added = u64::from(quantity.saturating_sub(included));
        if added > 0 {
            for part in component.rate.parts(added, price.amount.currency())? {
                let name = described(component, &part);
                lines.push(line(name, part.sold, part.unit_amount, part.amount)?);
            }
        }
    }
    Ok(lines)
}

/// Use of a window that is to be billed.
struct OwedUse<'a> {
    price: &'a Price,
    component: &'a Component,
    /// What was counted of it, as far as it is charged.
    level: u64,
    /// What was billed of it before.
    billed: BilledUse,
    /// Whether that was on an invoice, and this is the rest.
    late: bool,
}

impl OwedUse<'_> {
    fn lines(&self, subscription: SubscriptionId) -> Result<Vec<Line>, MoneyError> {
        let currency = self.price.amount.currency();
        if !self.late {
            let parts = self.component.rate.parts(self.level, currency)?;
            let line = |part: Part| {
                let name = described(self.component, &part);
                self.line(name, (subscription, part))
            };
            return parts.into_iter().map(line).collect();
        }
        let more = self.level.saturating_sub(self.billed.used);
        if more == 0 {
            return Ok(Vec::new());
        }
        let all = self.component.rate.amount(self.level, currency)?;
        let part = Part {
            units: None,
            covers: more,
            sold: more,
            unit_amount: None,
            amount: all.minus(self.billed.amount)?,
        };
        let name = format!("{}, counted late", self.component.name);
        Ok(vec![self.line(name, (subscription, part))?])
    }

    fn line(
        &self,
        description: String,
        (subscription, part): (SubscriptionId, Part),
    ) -> Result<Line, MoneyError> {
        Ok(Line {
            kind: LineKind::Metered,
            description,
            quantity: i64::try_from(part.sold).map_err(|_| MoneyError::Overflow)?,
            unit_amount: part.unit_amount,
            amount: part.amount,
            period: Some(self.billed.window),
            bills: Billed::Use {
                subscription_id: Some(subscription),
                price_id: Some(self.price.id),
                meter: self.billed.meter.clone(),
                window: self.billed.window,
                used: part.covers,
            },
        })
    }
}

/// All use that may still be billed: of the period that is closed, and of those before it that
/// events may have come for since they were billed.
async fn owed_use<'a>(
    work: &mut dyn UnitOfWork,
    catalogue: &'a Catalogue,
    turn: &PeriodTurn<'_>,
    closed: Period,
) -> Result<Vec<OwedUse<'a>>, Error> {
    let subscription = turn.subscription;
    let id = subscription.organization_id;
    let billed = work.invoices().billed_use(id, subscription.id, closed.start - LATE).await?;
    let price = catalogue.price(subscription.price_id).map(|(_, _, price)| price);
    let price = price.ok_or(Error::NotFound(Missing::Plan))?;
    let meters = price.components.iter().filter_map(|component| component.charged.meter());
    let is_billed = |meter: &str| billed.iter().any(|it| it.meter == meter && it.window == closed);
    let fresh: Vec<_> = meters
        .filter(|meter| !is_billed(meter))
        .map(|meter| BilledUse {
            meter: meter.to_owned(),
            price_id: price.id,
            window: closed,
            used: 0,
            amount: Money::zero(price.amount.currency()),
        })
        .collect();
    let later: Vec<_> =
        turn.begins.map(|(_, _, period)| period).into_iter().chain([closed]).collect();
    let fresh = fresh.into_iter().map(|one| (one, false));
    let mut owed = Vec::new();
    for (billed, late) in fresh.chain(billed.into_iter().map(|one| (one, true))) {
        let Some((_, version, price)) = catalogue.price(billed.price_id) else { continue };
        let of_meter = |it: &&Component| it.charged.meter() == Some(billed.meter.as_str());
        let component = price.components.iter().find(of_meter);
        let (Some(component), Some(meter)) = (component, catalogue.meter(&billed.meter)) else {
            continue;
        };
        let starts = starts(billed.window, &later, price);
        let counted = work.usage().counted(id, meter, &starts).await?;
        let limit = version.limit(&meter.key).map_or(Amount::AtMost(0), |limit| limit.amount);
        let level = component.charged.of_use(limit, (counted.used, counted.from_bonus));
        owed.push(OwedUse { price, component, level, billed, late });
    }
    Ok(owed)
}

/// Where the use of a period is counted: from its start; and late events from where it would have
/// started, had every month as many days as the one from which it is counted back.
fn starts(window: Period, later: &[Period], price: &Price) -> Vec<OffsetDateTime> {
    let last = window.end - Duration::MICROSECOND;
    let later = later.iter().filter(|period| window.end <= period.start);
    let late = later
        .map(|period| Window::BillingPeriod.around(last, Some((*period, price.interval))).start);
    let mut starts: Vec<_> = late.chain([window.start]).collect();
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// The name of a component, with the units that a part of it is of.
fn described(component: &Component, part: &Part) -> String {
    let name = &component.name;
    match part.units {
        None => name.clone(),
        Some((first, Some(last))) => format!("{name} ({first} to {last})"),
        Some((first, None)) => format!("{name} ({first} and more)"),
    }
}

#[cfg(test)]
mod tests;
