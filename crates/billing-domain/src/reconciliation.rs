//! What a gateway and we say of the same thing, and where they differ.

use core::str::FromStr;

use serde::Serialize;

use crate::{
    id::PriceId, invoice::InvoiceStatus, money::Money, payment::PaymentStatus, period::Period,
    subscription::Status,
};

/// Something that both sides keep.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    /// A payment page, by its session.
    Checkout,
    /// A subscription.
    Subscription,
    /// A payment.
    Payment,
    /// An invoice.
    Invoice,
}

/// How two sides, or our records among themselves, differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// The gateway has it, and we do not.
    MissingHere,
    /// We have it, and the gateway does not.
    MissingThere,
    /// It stands elsewhere.
    Status,
    /// It is of another currency.
    Currency,
    /// It is of another amount.
    Amount,
    /// Another sum was given back.
    Refund,
    /// A subscription is to another price, of another quantity or period, or ends otherwise.
    Terms,
    /// What was paid for in credits was not given.
    NoGrant,
    /// Credits were given for what was not paid.
    NoPayment,
    /// Money was given back, and its credits were not taken back.
    NoReversal,
    /// A paid invoice has no payment, or one of another amount.
    InvoicePayment,
    /// For days nobody has known how it ended.
    Overdue,
}

/// No difference, or nothing that can differ, has this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is nothing that is reconciled")]
pub struct UnknownName(pub String);

impl Thing {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Checkout, Self::Subscription, Self::Payment, Self::Invoice];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Checkout => "checkout",
            Self::Subscription => "subscription",
            Self::Payment => "payment",
            Self::Invoice => "invoice",
        }
    }
}

impl DifferenceKind {
    /// Every one of them.
    pub const ALL: [Self; 12] = [
        Self::MissingHere,
        Self::MissingThere,
        Self::Status,
        Self::Currency,
        Self::Amount,
        Self::Refund,
        Self::Terms,
        Self::NoGrant,
        Self::NoPayment,
        Self::NoReversal,
        Self::InvoicePayment,
        Self::Overdue,
    ];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MissingHere => "missing_here",
            Self::MissingThere => "missing_there",
            Self::Status => "status",
            Self::Currency => "currency",
            Self::Amount => "amount",
            Self::Refund => "refund",
            Self::Terms => "terms",
            Self::NoGrant => "no_grant",
            Self::NoPayment => "no_payment",
            Self::NoReversal => "no_reversal",
            Self::InvoicePayment => "invoice_payment",
            Self::Overdue => "overdue",
        }
    }

    /// Whether it is one between our own records, which comparing with the gateway does not show.
    pub const fn is_of_ledger(self) -> bool {
        match self {
            Self::NoGrant
            | Self::NoPayment
            | Self::NoReversal
            | Self::InvoicePayment
            | Self::Overdue => true,
            Self::MissingHere
            | Self::MissingThere
            | Self::Status
            | Self::Currency
            | Self::Amount
            | Self::Refund
            | Self::Terms => false,
        }
    }
}

impl FromStr for Thing {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|it| it.name() == name);
        found.ok_or_else(|| UnknownName(name.to_owned()))
    }
}

impl FromStr for DifferenceKind {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|it| it.name() == name);
        found.ok_or_else(|| UnknownName(name.to_owned()))
    }
}

/// What one side says of a thing, as far as it is compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// What it is.
    pub thing: Thing,
    /// What the gateway calls it.
    pub id: String,
    /// Where it stands.
    pub status: &'static str,
    /// How much it is of.
    pub amount: Option<Money>,
    /// How much of it was given back.
    pub refunded: Option<Money>,
    /// What a live subscription is to, and until when.
    pub terms: Option<String>,
    /// Whether it may still come to nothing: then the other side need not have heard of it.
    pub tentative: bool,
}

/// What a live subscription is to, and until when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Our price; nothing where it is none of ours.
    pub price_id: Option<PriceId>,
    /// How many.
    pub quantity: u32,
    /// The period that runs.
    pub period: Period,
    /// Whether it ends with it.
    pub cancel_at_period_end: bool,
}

impl Standing {
    /// A payment.
    pub fn payment(
        id: impl Into<String>,
        status: PaymentStatus,
        (amount, refunded): (Money, Money),
    ) -> Self {
        Self {
            thing: Thing::Payment,
            id: id.into(),
            status: status.name(),
            amount: Some(amount),
            refunded: Some(refunded),
            terms: None,
            tentative: status == PaymentStatus::Pending,
        }
    }

    /// An invoice, by what was paid of it.
    pub fn invoice(id: impl Into<String>, status: InvoiceStatus, paid: Money) -> Self {
        Self {
            thing: Thing::Invoice,
            id: id.into(),
            status: status.name(),
            amount: Some(paid),
            refunded: None,
            terms: None,
            tentative: status == InvoiceStatus::Draft,
        }
    }

    /// A subscription. Nothing is said of the terms of one that has ended.
    pub fn subscription(id: impl Into<String>, status: &Status, terms: Terms) -> Self {
        let Terms { price_id, quantity, period, cancel_at_period_end } = terms;
        let price = price_id.map_or_else(|| "an unknown price".to_owned(), |id| id.to_string());
        let (start, end) = (period.start.unix_timestamp(), period.end.unix_timestamp());
        let ends = if cancel_at_period_end { ", then ends" } else { "" };
        let terms = format!("{quantity} × {price}, {start} to {end}{ends}");
        Self {
            thing: Thing::Subscription,
            id: id.into(),
            status: status.name(),
            amount: None,
            refunded: None,
            terms: status.is_live().then_some(terms),
            tentative: *status == Status::Incomplete,
        }
    }

    /// A payment page. One that is not paid on may come to nothing.
    pub fn checkout(id: impl Into<String>, status: &'static str) -> Self {
        Self {
            thing: Thing::Checkout,
            id: id.into(),
            status,
            amount: None,
            refunded: None,
            terms: None,
            tentative: true,
        }
    }

    fn in_words(&self) -> String {
        let amount = self.amount.map(|amount| format!(" {amount}")).unwrap_or_default();
        format!("{}{amount}", self.status)
    }
}

/// Where two sides differ, in words of both.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Difference {
    /// What it is about.
    pub thing: Thing,
    /// What the gateway calls it.
    pub id: String,
    /// How they differ.
    pub kind: DifferenceKind,
    /// What we say.
    pub ours: Option<String>,
    /// What the gateway says, or what should be.
    pub theirs: Option<String>,
}

/// Where a gateway and we differ on a thing that it has.
pub fn compare(theirs: &Standing, ours: Option<&Standing>) -> Vec<Difference> {
    let differs = |kind, own: Option<String>, other: Option<String>| Difference {
        thing: theirs.thing,
        id: theirs.id.clone(),
        kind,
        ours: own,
        theirs: other,
    };
    let Some(ours) = ours else {
        let missing = differs(DifferenceKind::MissingHere, None, Some(theirs.in_words()));
        return if theirs.tentative { Vec::new() } else { vec![missing] };
    };
    let mut found = Vec::new();
    if theirs.status != ours.status {
        let (own, other) = (ours.status.to_owned(), theirs.status.to_owned());
        found.push(differs(DifferenceKind::Status, Some(own), Some(other)));
    }
    let text = |money: Option<Money>| money.map(|money| money.to_string());
    let currency = |money: Option<Money>| money.map(|money| money.currency());
    if currency(theirs.amount) != currency(ours.amount) {
        let (own, other) = (text(ours.amount), text(theirs.amount));
        found.push(differs(DifferenceKind::Currency, own, other));
    } else if theirs.amount != ours.amount {
        found.push(differs(DifferenceKind::Amount, text(ours.amount), text(theirs.amount)));
    }
    if theirs.refunded != ours.refunded {
        found.push(differs(DifferenceKind::Refund, text(ours.refunded), text(theirs.refunded)));
    }
    // Of one that has ended on one side, the status says it all.
    if theirs.status == ours.status && theirs.terms != ours.terms {
        found.push(differs(DifferenceKind::Terms, ours.terms.clone(), theirs.terms.clone()));
    }
    found
}

/// We have a thing that the gateway does not know.
pub fn missing_there(ours: &Standing) -> Difference {
    Difference {
        thing: ours.thing,
        id: ours.id.clone(),
        kind: DifferenceKind::MissingThere,
        ours: Some(ours.in_words()),
        theirs: None,
    }
}

#[cfg(test)]
mod tests;
