//! Subscriptions that a gateway bills.

use async_trait::async_trait;
use billing_domain::{
    gateway::GatewayRef,
    id::{ChangeId, PriceId},
    money::Money,
    payment::ChargeFailure,
    period::{Interval, Period},
    subscription::{Resumption, Status, When},
};
use time::OffsetDateTime;

use super::{GatewayError, SeenInvoice};

/// Subscriptions that a gateway bills.
#[async_trait]
pub trait GatewaySubscriptions: Send + Sync {
    /// How one stands now; nothing when the gateway does not know it.
    async fn find(&self, id: &str) -> Result<Option<SeenSubscription>, GatewayError>;
    /// The invoice that a change would make. Nothing is changed by asking.
    async fn preview(&self, id: &str, of: &PreviewOf) -> Result<SeenPreview, GatewayError>;
    /// Changes price and quantity. Now: the rest of the period is settled as computed for the
    /// given instant, and charged at once or credited to the customer; where the charge fails
    /// nothing has changed. At the end of the period: nothing is charged before, and until then it
    /// is shown as planned.
    async fn change(&self, id: &str, change: &PriceChange) -> Result<Outcome, GatewayError>;
    /// Ends it, now without giving anything back, or with its period. One that has ended is no
    /// error.
    async fn cancel(&self, id: &str, end: &Cancellation) -> Result<(), GatewayError>;
    /// Takes back what was planned, or goes on after a pause: in the period that was paid while
    /// that runs, else in a new one that is charged at once. It stays paused while that fails.
    async fn resume(&self, id: &str, going_on: &GoingOn) -> Result<Outcome, GatewayError>;
    /// Stops it: no period passes and nothing is billed until it is resumed.
    async fn pause(&self, id: &str, change_id: ChangeId) -> Result<(), GatewayError>;
}

/// Whether the payment came that a change needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Outcome {
    /// It is so now.
    Done,
    /// The payer's bank said no, and nothing has changed.
    Declined(ChargeFailure),
}

/// A price and how many of it, as a gateway needs to know them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewPrice {
    /// Ours; it is known again by it.
    pub price_id: PriceId,
    /// The gateway's price, where it was pushed there.
    pub gateway_price: Option<String>,
    /// What people call it.
    pub name: String,
    /// How much each time, for one.
    pub amount: Money,
    /// How often.
    pub interval: Interval,
    /// How many.
    pub quantity: u32,
}

/// Another price or quantity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PriceChange {
    /// Ours; the idempotency key is derived from it, and a planned change is known again by it.
    pub change_id: ChangeId,
    /// What it is now: refused where the gateway knows another price of ours.
    pub from: NewPrice,
    /// To what.
    pub to: NewPrice,
    /// From when.
    pub when: When,
    /// The instant for which it is computed, in whole seconds.
    pub proration_at: OffsetDateTime,
}

/// An end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cancellation {
    /// Ours; the idempotency key is derived from it.
    pub change_id: ChangeId,
    /// When.
    pub when: When,
}

/// What is taken back so that a subscription goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GoingOn {
    /// Ours; the idempotency key is derived from it.
    pub change_id: ChangeId,
    /// What.
    pub takes_back: Resumption,
    /// Whether a new period begins: the paused one is over.
    pub new_period: bool,
}

/// A change of which to show what it would cost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PreviewOf {
    /// Another price or quantity.
    Change {
        /// To what.
        to: NewPrice,
        /// From when.
        when: When,
        /// The instant for which it is computed, in whole seconds.
        proration_at: OffsetDateTime,
    },
    /// A new period after a pause.
    NewPeriod,
}

/// An invoice that is none yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeenPreview {
    /// What it is made of, in the gateway's order.
    pub lines: Vec<SeenLine>,
    /// The sum of the lines with tax; below zero, what is credited.
    pub total: Money,
    /// What would be charged, after the customer's credit.
    pub amount_due: Money,
}

/// A line of an invoice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeenLine {
    /// In the gateway's words.
    pub description: String,
    /// How much; below zero for a credit.
    pub amount: Money,
    /// For which time.
    pub period: Period,
    /// Whether it settles a part of a period.
    pub proration: bool,
}

/// What a gateway says of a subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeenSubscription {
    /// What it calls it.
    pub reference: GatewayRef,
    /// Whose it is, as it knows them.
    pub customer: GatewayRef,
    /// What is paid for it.
    pub price: SeenPrice,
    /// Where it stands.
    pub status: Status,
    /// The period that is running, or was last.
    pub period: Period,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// How many of it.
    pub quantity: u32,
    /// The change of ours that is planned there for the end of the period.
    pub planned_change: Option<ChangeId>,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// The last invoice for it.
    pub latest_invoice: Option<SeenInvoice>,
}

/// What a gateway says of a price: enough to find ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeenPrice {
    /// What it calls it.
    pub gateway_price: String,
    /// Ours, from the metadata that we sent along.
    pub price_id: Option<PriceId>,
}
