//! What a change of a subscription that our engine bills comes to: the same for the same instant,
//! for the preview and for the invoice.

use billing_domain::{
    catalogue::Catalogue,
    id::PriceId,
    invoice::{Billed, Invoice, InvoiceStatus, Line, LineKind, Parts, allocate},
    money::Money,
    period::{Anchor, Period},
    proration::{Sale, TermsChange, paid_for},
    subscription::{Resumption, Status, Subscription, Terms, When, Wish},
};
use time::OffsetDateTime;

use super::{fulfilling::terms, whole_second};
use crate::{Billing, Error, Missing, bill_period::PeriodToBill, ports::UnitOfWork};

/// What a change comes to, without what has waited for an invoice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ChangeBill {
    /// What it makes; no lines where it costs nothing.
    pub(crate) parts: Parts,
    /// The period that begins with it, where one does.
    pub(crate) period: Option<Period>,
}

impl Billing {
    /// The bill of a wish for an instant.
    pub(crate) async fn change_bill(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        (subscription, wish): (&Subscription, &Wish),
        at: OffsetDateTime,
    ) -> Result<ChangeBill, Error> {
        let on_trial = matches!(subscription.status, Status::Trialing { .. });
        match *wish {
            Wish::Change { when: When::Now, .. } if !on_trial => {
                let change = self.terms_change(work, catalogue, (subscription, wish), at).await?;
                let credit = change.credit()?;
                let Some(period) = change.new_period() else {
                    let lines = vec![credit, change.charge()?];
                    return Ok(ChangeBill {
                        parts: plain(catalogue, subscription, lines)?,
                        period: None,
                    });
                };
                let then = with_terms(subscription, terms(catalogue, wish)?);
                let closed = Period { start: subscription.period.start, end: period.start };
                let to_bill = PeriodToBill {
                    was: subscription,
                    subscription: &then,
                    closed: Some(closed),
                    period,
                };
                let mut parts = self.period_bill(work, catalogue, to_bill).await?;
                parts.lines.insert(0, credit);
                Ok(ChangeBill { parts, period: Some(period) })
            }
            Wish::Change { when: When::PeriodEnd, .. } => {
                let anchor = self.anchor(work, subscription).await?;
                let then = with_terms(subscription, terms(catalogue, wish)?);
                let period = anchor.period_from(then.interval, subscription.period.end);
                // What will have been used by then nobody knows.
                let to_bill =
                    PeriodToBill { was: subscription, subscription: &then, closed: None, period };
                let parts = self.period_bill(work, catalogue, to_bill).await?;
                Ok(ChangeBill { parts, period: Some(period) })
            }
            Wish::Resume(Resumption::Pause) if whole_second(subscription.period.end) <= at => {
                let start = at.max(subscription.period.end);
                let period = Anchor(start).period(subscription.interval, 0);
                let closed =
                    self.was_paid(work, subscription).await?.then_some(subscription.period);
                let to_bill = PeriodToBill { was: subscription, subscription, closed, period };
                let parts = self.period_bill(work, catalogue, to_bill).await?;
                Ok(ChangeBill { parts, period: Some(period) })
            }
            Wish::Change { when: When::Now, .. }
            | Wish::Cancel { .. }
            | Wish::Pause { .. }
            | Wish::Resume(_) => {
                Ok(ChangeBill { parts: plain(catalogue, subscription, Vec::new())?, period: None })
            }
        }
    }

    /// The change of terms that is wanted, of a period that runs.
    async fn terms_change<'a>(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &'a Catalogue,
        (subscription, wish): (&Subscription, &Wish),
        at: OffsetDateTime,
    ) -> Result<TermsChange<'a>, Error> {
        let from = sale(catalogue, (subscription.price_id, subscription.quantity))?;
        let to = match *wish {
            Wish::Change { price_id, quantity, .. } => sale(catalogue, (price_id, quantity))?,
            Wish::Cancel { .. } | Wish::Pause { .. } | Wish::Resume(_) => from,
        };
        let paid = self.paid_for_period(work, subscription, from.whole()?).await?;
        let period = subscription.period;
        Ok(TermsChange { subscription_id: subscription.id, from, to, period, paid, at })
    }

    /// What was paid for the running period at the present terms, as far as it can be given back.
    async fn paid_for_period(
        &self,
        work: &mut dyn UnitOfWork,
        subscription: &Subscription,
        whole: Money,
    ) -> Result<Money, Error> {
        let (owner, start) = (subscription.organization_id, subscription.period.start);
        let found = work.invoices().of_period(owner, subscription.id, start).await?;
        let paid = found.filter(|it| it.status == InvoiceStatus::Paid);
        let Some(invoice) = paid else { return Ok(Money::zero(whole.currency())) };
        let notes = work.invoices().credit_notes(owner, invoice.id).await?;
        let back: i64 = notes.iter().map(|note| note.amount.minor()).fold(0, i64::saturating_add);
        let charged = charged_for(&invoice, subscription)
            .map(|charged| Money::new(charged.minor().saturating_sub(back), charged.currency()));
        Ok(paid_for(whole, charged))
    }

    /// From where the periods of a subscription are counted.
    async fn anchor(
        &self,
        work: &mut dyn UnitOfWork,
        subscription: &Subscription,
    ) -> Result<Anchor, Error> {
        let renewal = work.renewals().find(subscription.organization_id, subscription.id).await?;
        Ok(Anchor(renewal.map_or(subscription.period.start, |it| it.anchor)))
    }

    /// Whether its period was paid, or was that of a trial.
    async fn was_paid(
        &self,
        work: &mut dyn UnitOfWork,
        subscription: &Subscription,
    ) -> Result<bool, Error> {
        let (owner, start) = (subscription.organization_id, subscription.period.start);
        Ok(work.invoices().of_period(owner, subscription.id, start).await?.is_some())
    }
}

/// What was charged for the present terms on the invoice of their period; nothing where they are
/// others than then: what is paid since is paid in full.
fn charged_for(invoice: &Invoice, subscription: &Subscription) -> Option<Money> {
    let parts = invoice.bill.parts();
    let weights = parts.lines.iter().map(|line| u64::try_from(line.amount.minor()).unwrap_or(0));
    let off = allocate(invoice.bill.discount(), &weights.collect::<Vec<_>>());
    let is_it = |line: &Line| {
        line.kind == LineKind::Recurring
            && line.quantity == i64::from(subscription.quantity)
            && matches!(&line.bills,
                Billed::Subscription { price_id, .. } if *price_id == Some(subscription.price_id))
    };
    let (line, off) = parts.lines.iter().zip(off).find(|(line, _)| is_it(line))?;
    line.amount.minus(off).ok()
}

fn plain(
    catalogue: &Catalogue,
    subscription: &Subscription,
    lines: Vec<Line>,
) -> Result<Parts, Error> {
    let now = sale(catalogue, (subscription.price_id, subscription.quantity))?;
    Ok(Parts {
        currency: now.price.amount.currency(),
        lines,
        discounts: Vec::new(),
        taxes: Vec::new(),
        credits: Vec::new(),
    })
}

/// A subscription as it will be.
fn with_terms(subscription: &Subscription, terms: Option<Terms>) -> Subscription {
    let then = subscription.clone();
    match terms {
        Some(Terms { plan_version_id, price_id, interval, quantity }) => {
            Subscription { plan_version_id, price_id, interval, quantity, ..then }
        }
        None => then,
    }
}

/// A price of ours, and how many of it.
fn sale(catalogue: &Catalogue, (id, quantity): (PriceId, u32)) -> Result<Sale<'_>, Error> {
    let (plan, _, price) = catalogue.price(id).ok_or(Error::NotFound(Missing::Plan))?;
    Ok(Sale { plan: &plan.name, price, quantity })
}
