//! What stands on an invoice, in the words of a language.

use billing_domain::{
    invoice::{CreditNote, Invoice, Line, Party, TaxLine},
    locale::Locale,
    money::Money,
    period::Period,
};
use time::OffsetDateTime;

use crate::{
    shown::{amount, day},
    words::{Words, words},
};

/// An invoice, as it is to be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    pub(crate) locale: Locale,
    pub(crate) title: &'static str,
    pub(crate) facts: Vec<Fact>,
    pub(crate) seller: Block,
    pub(crate) buyer: Block,
    /// Description, quantity, unit price, amount.
    pub(crate) head: [&'static str; 4],
    pub(crate) rows: Vec<Row>,
    pub(crate) sums: Vec<Fact>,
    pub(crate) notes: Vec<String>,
}

/// Something that has a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Whether it matters more than those around it.
    pub(crate) strong: bool,
}

/// Somebody who stands on the invoice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Block {
    pub(crate) heading: &'static str,
    pub(crate) lines: Vec<String>,
}

/// A line of the invoice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) description: String,
    pub(crate) period: Option<String>,
    pub(crate) quantity: String,
    pub(crate) unit_price: String,
    pub(crate) amount: String,
}

impl Document {
    /// An invoice with the credit notes on it, in a language.
    pub fn of(invoice: &Invoice, credit_notes: &[CreditNote], locale: Locale) -> Self {
        let words = words(locale);
        let head = [words.description, words.quantity, words.unit_price, words.amount];
        let note = invoice.no_tax.and_then(|why| words.note_on(why));
        let credited = credit_notes.iter().map(|note| {
            let on = day(locale, note.issued_at);
            let [number, on, amount] = [note.number.as_str(), &on, &amount(note.amount)].map(apart);
            format!("{} {number} · {on} · {amount}", words.credit_note)
        });
        Self {
            locale,
            title: words.invoice,
            facts: facts(words, invoice, locale),
            seller: Block { heading: words.seller, lines: party(words, &invoice.seller) },
            buyer: Block { heading: words.buyer, lines: party(words, &invoice.buyer) },
            head,
            rows: invoice.bill.parts().lines.iter().map(|line| row(locale, line)).collect(),
            sums: sums(words, invoice),
            notes: note.map(str::to_owned).into_iter().chain(credited).collect(),
        }
    }

    /// Which way it is written.
    pub(crate) const fn is_right_to_left(&self) -> bool {
        match self.locale {
            Locale::En => false,
            Locale::Ar => true,
        }
    }
}

fn facts(words: &Words, invoice: &Invoice, locale: Locale) -> Vec<Fact> {
    let on = |at: Option<OffsetDateTime>| at.map(|at| day(locale, at));
    let all = [
        (words.number, invoice.number.clone()),
        (words.status, Some(words.status_of(invoice.status).to_owned())),
        (words.issued, on(invoice.issued_at)),
        (words.due_on, on(invoice.due_at)),
        (words.paid_on, on(invoice.paid_at)),
        (words.period, invoice.period.map(|it| period(locale, it))),
    ];
    all.into_iter().filter_map(|(name, value)| Some(fact(name, value?))).collect()
}

fn sums(words: &Words, invoice: &Invoice) -> Vec<Fact> {
    let bill = &invoice.bill;
    let parts = bill.parts();
    let mut sums = vec![fact(words.subtotal, amount(bill.subtotal()))];
    if !bill.discount().is_zero() {
        sums.push(fact(words.discount, less(bill.discount())));
    }
    for tax in parts.taxes.iter().filter(|tax| !tax.inclusive) {
        sums.push(fact(tax_name(words, tax), amount(tax.amount)));
    }
    if !bill.credit().is_zero() {
        sums.push(fact(words.credit, less(bill.credit())));
    }
    sums.push(Fact { strong: true, ..fact(words.total, amount(bill.total())) });
    for tax in parts.taxes.iter().filter(|tax| tax.inclusive) {
        sums.push(fact(tax_name(words, tax), amount(tax.amount)));
    }
    sums.push(fact(words.paid, amount(invoice.paid)));
    sums.push(Fact { strong: true, ..fact(words.due, amount(invoice.due())) });
    sums
}

fn tax_name(words: &Words, tax: &TaxLine) -> String {
    let name = match tax.name.as_str() {
        "VAT" => words.vat,
        "Tax" => words.tax,
        other => other,
    };
    let percent = tax.percent.map(|it| format!(" {it}%")).unwrap_or_default();
    let place = tax.jurisdiction.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
    let included = if tax.inclusive { format!(" ({})", words.included) } else { String::new() };
    format!("{name}{percent}{place}{included}")
}

fn row(locale: Locale, line: &Line) -> Row {
    let lasts = |it: &Period| it.start < it.end;
    Row {
        description: line.description.clone(),
        period: line.period.filter(lasts).map(|it| period(locale, it)),
        quantity: line.quantity.to_string(),
        unit_price: line.unit_amount.map(amount).unwrap_or_default(),
        amount: amount(line.amount),
    }
}

fn party(words: &Words, party: &Party) -> Vec<String> {
    let Party { name, email, address, country, tax_id } = party;
    let mut lines = vec![name.clone()];
    lines.extend(address.iter().flat_map(|it| it.lines()).map(str::to_owned));
    lines.extend(country.map(|it| it.code().to_owned()));
    lines.extend(email.clone());
    lines.extend(tax_id.as_ref().map(|it| format!("{}: {}", words.tax_id, apart(it))));
    lines.retain(|line| !line.trim().is_empty());
    lines
}

fn fact(name: impl Into<String>, value: impl Into<String>) -> Fact {
    Fact { name: name.into(), value: value.into(), strong: false }
}

/// Text that may run the other way than what is around it.
fn apart(text: &str) -> String {
    format!("\u{2068}{text}\u{2069}")
}

fn period(locale: Locale, period: Period) -> String {
    let [start, end] = [period.start, period.end].map(|at| apart(&day(locale, at)));
    format!("{start} – {end}")
}

fn less(money: Money) -> String {
    amount(Money::new(money.minor().saturating_neg(), money.currency()))
}
