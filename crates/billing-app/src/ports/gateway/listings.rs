//! What a gateway keeps, gone through page by page.

use async_trait::async_trait;
use billing_domain::{gateway::GatewayRef, invoice::InvoiceStatus, money::Money};
use time::OffsetDateTime;

use super::{GatewayError, SeenCheckout, SeenPayment, SeenSubscription};

/// Lists of what a gateway keeps: what changed since an instant is on them.
#[async_trait]
pub trait Listings: Send + Sync {
    /// A page of the things of a sort that were made since then; of subscriptions those that are
    /// live as well, whenever they began. `after` is the `next` of the page before. What is there
    /// while the pages are gone through is on one of them.
    async fn page(
        &self,
        sort: Listed,
        since: OffsetDateTime,
        after: Option<&str>,
    ) -> Result<ListedPage, GatewayError>;
}

/// A sort of things that is listed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Listed {
    /// Subscriptions.
    Subscriptions,
    /// Payment pages.
    Checkouts,
    /// Payments.
    Payments,
    /// Money that was given back.
    Refunds,
    /// Payments that the payer disputes.
    Disputes,
    /// Invoices.
    Invoices,
}

impl Listed {
    /// Every sort, in the order in which they are gone through: subscriptions bring most of the
    /// rest along.
    pub const ALL: [Self; 6] = [
        Self::Subscriptions,
        Self::Checkouts,
        Self::Payments,
        Self::Refunds,
        Self::Disputes,
        Self::Invoices,
    ];
}

/// A page of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedPage {
    /// What stands on it.
    pub sightings: Vec<Sighting>,
    /// Where the next page begins; nothing on the last one.
    pub next: Option<String>,
}

/// A thing, as far as a list shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sighting {
    /// A subscription, without its invoice.
    Subscription(Box<SeenSubscription>),
    /// A page, without its payment.
    Checkout(Box<SeenCheckout>),
    /// A payment, without what it was made for.
    Payment(Box<SeenPayment>),
    /// Money of this payment went back, or may.
    MoneyBack(String),
    /// An invoice.
    Invoice {
        /// What it calls it.
        reference: GatewayRef,
        /// Where it stands.
        status: InvoiceStatus,
        /// What was paid of it.
        paid: Money,
    },
}
