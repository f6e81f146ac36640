//! What stands on an invoice, in words of the domain.

use billing_app::ports::{GatewayError, SeenDocument};
use billing_domain::{
    invoice::{Bill, Billed, Deduction, InvoiceStatus, Line, LineKind, Parts, Party, TaxLine},
    money::Money,
    period::Period,
};

use crate::{
    Stripe,
    failure::unreadable,
    form::Form,
    money::from_wire,
    wire::{Address, Invoice, InvoiceLine, List, Tax},
};

/// As many as Stripe gives at once.
const PAGE: usize = 100;
/// Lines beyond these become one, with what is missing.
const PAGES_MAX: usize = 10;

impl Stripe {
    /// Lines that did not come with an invoice: only the first do.
    pub(crate) async fn more_lines(
        &self,
        invoice: &Invoice,
    ) -> Result<Vec<InvoiceLine>, GatewayError> {
        let Some(first) = invoice.lines.as_ref().filter(|lines| lines.has_more) else {
            return Ok(Vec::new());
        };
        let path = format!("/v1/invoices/{}/lines", invoice.id);
        let mut last = first.data.last().and_then(|line| line.id.clone());
        let mut more = Vec::new();
        for _ in 0..PAGES_MAX {
            let Some(after) = last else { break };
            let query = Form::new().with("limit", PAGE).with("starting_after", after);
            let page: List<InvoiceLine> = self.client.get(&path, &query).await?;
            last = page.data.last().filter(|_| page.has_more).and_then(|line| line.id.clone());
            more.extend(page.data);
        }
        Ok(more)
    }
}

/// All that stands on an invoice; nothing where it lacks what every invoice has.
pub(crate) fn document(
    invoice: &Invoice,
    more: &[InvoiceLine],
) -> Result<Option<SeenDocument>, GatewayError> {
    let (Some(currency), Some(created_at)) = (invoice.currency.as_deref(), invoice.created) else {
        return Ok(None);
    };
    let bill = bill(invoice, more, currency)?;
    let status = status(invoice);
    let transitions = invoice.status_transitions.as_ref();
    let finalized_at = transitions.and_then(|it| it.finalized_at).or(invoice.effective_at);
    let paid = status == InvoiceStatus::Paid;
    let amount_paid = invoice.amount_paid.map(|amount| from_wire(amount, currency)).transpose()?;
    let nothing = Money::zero(bill.total().currency());
    Ok(Some(SeenDocument {
        number: invoice.number.clone(),
        status,
        amount_paid: amount_paid.unwrap_or(if paid { bill.total() } else { nothing }),
        bill,
        seller: Party {
            name: invoice.account_name.clone().unwrap_or_default(),
            country: invoice.account_country.as_deref().and_then(|it| it.parse().ok()),
            ..Party::default()
        },
        buyer: buyer(invoice),
        hosted_url: invoice.hosted_invoice_url.clone(),
        pdf_url: invoice.invoice_pdf.clone(),
        created_at,
        issued_at: finalized_at.or((status != InvoiceStatus::Draft).then_some(created_at)),
        due_at: invoice.due_date,
        paid_at: transitions.and_then(|it| it.paid_at),
    }))
}

/// What was paid of an invoice, in minor units.
pub(crate) fn paid(invoice: &Invoice, status: InvoiceStatus) -> i64 {
    let whole = invoice.total.filter(|_| status == InvoiceStatus::Paid);
    invoice.amount_paid.or(whole).unwrap_or_default()
}

pub(crate) fn status(invoice: &Invoice) -> InvoiceStatus {
    match invoice.status().map(str::parse) {
        Some(Ok(status)) => status,
        Some(Err(_)) | None if invoice.is_paid() => InvoiceStatus::Paid,
        Some(Err(_)) | None => InvoiceStatus::Open,
    }
}

/// What is due, for the balance of the customer is a credit. What Stripe charged and did not
/// itemize, such as shipping, becomes a line of its own, so that the bill adds up.
fn bill(invoice: &Invoice, more: &[InvoiceLine], currency: &str) -> Result<Bill, GatewayError> {
    let money = |amount| from_wire(amount, currency);
    let listed = invoice.lines.iter().flat_map(|lines| &lines.data);
    let lines: Result<Vec<_>, _> = listed.chain(more).map(|it| line(it, currency)).collect();
    let deductions = |why: &str, amounts: Vec<i64>| {
        let amounts = amounts.into_iter().filter(|amount| *amount != 0).map(money);
        amounts.map(|amount| Ok(deduction(why, amount?))).collect::<Result<Vec<_>, GatewayError>>()
    };
    let mut parts = Parts {
        currency: money(0)?.currency(),
        lines: lines?,
        discounts: deductions("Discount", invoice.discounts().collect())?,
        taxes: taxes(invoice, currency)?,
        credits: deductions("Credits", invoice.granted_credits().collect())?,
    };
    let sum = sum(&parts).map_err(|error| unreadable(error.into()))?;
    let total = invoice.total.map_or(Ok(sum), money)?;
    let missing = total.minus(sum).map_err(|error| unreadable(error.into()))?;
    if !missing.is_zero() {
        parts.lines.push(Line {
            kind: LineKind::Adjustment,
            description: "Other amounts".to_owned(),
            quantity: 1,
            unit_amount: None,
            amount: missing,
            period: None,
            bills: Billed::Nothing,
        });
    }
    let due = invoice.amount_due.map_or(Ok(total), money)?;
    let balance = total.minus(due).map_err(|error| unreadable(error.into()))?;
    if !balance.is_zero() {
        parts.credits.push(deduction("Account balance", balance));
    }
    Bill::stated(parts, due).map_err(|error| unreadable(error.into()))
}

/// What the parts come to, also where that is less than nothing.
fn sum(parts: &Parts) -> Result<Money, billing_domain::money::MoneyError> {
    let nothing = Money::zero(parts.currency);
    let on_top = parts.taxes.iter().filter(|tax| !tax.inclusive).map(|tax| tax.amount);
    let mut plus = parts.lines.iter().map(|line| line.amount).chain(on_top);
    let mut off = parts.discounts.iter().chain(&parts.credits).map(|it| it.amount);
    off.try_fold(plus.try_fold(nothing, Money::plus)?, Money::minus)
}

fn deduction(description: &str, amount: Money) -> Deduction {
    Deduction { description: description.to_owned(), amount }
}

fn kind(line: &InvoiceLine) -> LineKind {
    if line.is_proration() {
        LineKind::Proration
    } else if line.is_metered() {
        LineKind::Metered
    } else if line.is_for_a_period() {
        LineKind::Recurring
    } else {
        LineKind::OneOff
    }
}

fn line(line: &InvoiceLine, currency: &str) -> Result<Line, GatewayError> {
    let unit_amount = line.unit_amount().map(|amount| from_wire(amount, currency)).transpose()?;
    let subscribed = line.is_of_a_subscription();
    let bills = Billed::Subscription {
        subscription_id: None,
        price_id: None,
        gateway_price: line.price().map(ToOwned::to_owned),
    };
    Ok(Line {
        kind: kind(line),
        description: line.description.clone().unwrap_or_default(),
        quantity: line.quantity.unwrap_or(1),
        unit_amount,
        amount: from_wire(line.amount, currency)?,
        period: line.period.map(|span| Period { start: span.start, end: span.end }),
        bills: if subscribed { bills } else { Billed::Nothing },
    })
}

fn taxes(invoice: &Invoice, currency: &str) -> Result<Vec<TaxLine>, GatewayError> {
    let line = |amount: i64, tax: Option<&Tax>| {
        let taxable = tax.and_then(|tax| tax.taxable_amount);
        Ok(TaxLine {
            name: "Tax".to_owned(),
            jurisdiction: None,
            percent: None,
            inclusive: tax.is_some_and(Tax::is_inclusive),
            taxable: taxable.map(|amount| from_wire(amount, currency)).transpose()?,
            amount: from_wire(amount, currency)?,
        })
    };
    match invoice.taxes() {
        Some(taxes) => taxes
            .iter()
            .filter(|tax| tax.amount != 0)
            .map(|tax| line(tax.amount, Some(tax)))
            .collect(),
        None if invoice.tax() == 0 => Ok(Vec::new()),
        None => Ok(vec![line(invoice.tax(), None)?]),
    }
}

fn buyer(invoice: &Invoice) -> Party {
    let address = invoice.customer_address.as_ref();
    Party {
        name: invoice.customer_name.clone().unwrap_or_default(),
        email: invoice.customer_email.clone(),
        address: address.and_then(lines_of),
        country: address.and_then(|it| it.country.as_deref()).and_then(|it| it.parse().ok()),
        tax_id: invoice.tax_id().map(ToOwned::to_owned),
    }
}

fn lines_of(address: &Address) -> Option<String> {
    let Address { line1, line2, postal_code, city, state, country: _ } = address;
    let place = [postal_code, city, state].into_iter().flatten().map(String::as_str);
    let place = place.collect::<Vec<_>>().join(" ");
    let all = [line1.as_deref().unwrap_or_default(), line2.as_deref().unwrap_or_default(), &place];
    let filled: Vec<_> = all.into_iter().filter(|it| !it.is_empty()).collect();
    (!filled.is_empty()).then(|| filled.join("\n"))
}
