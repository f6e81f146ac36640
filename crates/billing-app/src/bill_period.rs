//! What a period of a subscription that our engine bills comes to, before tax.

use billing_domain::{
    catalogue::Catalogue,
    invoice::{Line, Parts},
    period::Period,
    subscription::Subscription,
};

use crate::{Billing, Error, Missing, period_lines::PeriodTurn, ports::UnitOfWork};

/// A period of a subscription to be billed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeriodToBill<'a> {
    /// As it stood in the period that is over.
    pub(crate) was: &'a Subscription,
    /// As it stands when the period begins.
    pub(crate) subscription: &'a Subscription,
    /// The period that is over; nothing for the first one that is paid.
    pub(crate) closed: Option<Period>,
    /// The period that begins.
    pub(crate) period: Period,
}

impl Billing {
    /// All that stands on the invoice of a period but tax, which is assessed when it is issued. It
    /// is computed in the unit of work in which the period begins, so once.
    pub(crate) async fn period_bill(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        of: PeriodToBill<'_>,
    ) -> Result<Parts, Error> {
        let PeriodToBill { was, subscription, closed, period } = of;
        let begins = Some((subscription.price_id, subscription.quantity, period));
        let turn = PeriodTurn { subscription: was, closed, begins };
        let lines = self.period_lines(work, catalogue, &turn).await?;
        parts(catalogue, subscription, lines)
    }

    /// What is still to be paid for use where a subscription ends with its period; nothing where
    /// that is nothing.
    pub(crate) async fn last_bill(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        subscription: &Subscription,
    ) -> Result<Option<Parts>, Error> {
        let closed = Some(subscription.period);
        let turn = PeriodTurn { subscription, closed, begins: None };
        let lines = self.period_lines(work, catalogue, &turn).await?;
        if lines.iter().all(|line| line.amount.is_zero()) {
            return Ok(None);
        }
        parts(catalogue, subscription, lines).map(Some)
    }
}

fn parts(
    catalogue: &Catalogue,
    subscription: &Subscription,
    lines: Vec<Line>,
) -> Result<Parts, Error> {
    let price = catalogue.price(subscription.price_id).map(|(_, _, price)| price);
    let currency = price.ok_or(Error::NotFound(Missing::Plan))?.amount.currency();
    Ok(Parts { currency, lines, discounts: Vec::new(), taxes: Vec::new(), credits: Vec::new() })
}
