//! Hosted checkouts: what was offered to pay, and what became of it.

use time::OffsetDateTime;

use crate::{
    gateway::{Gateway, GatewayRef},
    id::{CheckoutId, CreditProductId, OrganizationId, PlanVersionId, PriceId},
    money::Money,
};

/// A page at a gateway on which an organization can pay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkout {
    /// Our id, from which the gateway's idempotency key is derived.
    pub id: CheckoutId,
    /// Who would pay.
    pub organization_id: OrganizationId,
    /// Where.
    pub gateway: Gateway,
    /// What for.
    pub purpose: Purpose,
    /// What became of it.
    pub status: CheckoutStatus,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
}

/// What a checkout sells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// A plan.
    Subscription {
        /// In this version.
        plan_version_id: PlanVersionId,
        /// At this price.
        price_id: PriceId,
    },
    /// A pack of credits.
    Credits {
        /// This pack.
        credit_product_id: CreditProductId,
        /// So many credits, as promised when the page was opened.
        credits: i64,
        /// At this price.
        price: Money,
    },
}

/// What became of a checkout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CheckoutStatus {
    /// Asked for; the gateway may or may not know of it yet.
    Pending,
    /// The page can be paid on.
    Open(HostedPage),
    /// Paid, or begun without payment.
    Completed(GatewayRef),
    /// Nobody paid in time.
    Expired,
}

impl CheckoutStatus {
    /// Its name in tables and answers.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Open(_) => "open",
            Self::Completed(_) => "completed",
            Self::Expired => "expired",
        }
    }
}

/// A page of the gateway on which one pays.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostedPage {
    /// What the gateway calls the session.
    pub session: GatewayRef,
    /// Where to send the payer.
    pub url: String,
    /// Until when it can be paid on.
    pub expires_at: OffsetDateTime,
}

impl Checkout {
    /// The page, while it can still be paid on.
    pub fn payable(&self, now: OffsetDateTime) -> Option<&HostedPage> {
        match &self.status {
            CheckoutStatus::Open(page) if now < page.expires_at => Some(page),
            CheckoutStatus::Open(_)
            | CheckoutStatus::Pending
            | CheckoutStatus::Completed(_)
            | CheckoutStatus::Expired => None,
        }
    }

    /// Records that it was paid, or begun. Whether that is news.
    pub fn complete(&mut self, session: GatewayRef) -> bool {
        let done = matches!(self.status, CheckoutStatus::Completed(_));
        if !done {
            self.status = CheckoutStatus::Completed(session);
        }
        !done
    }

    /// Records that nobody paid in time; a completed one stays completed. Whether that is news.
    pub fn expire(&mut self) -> bool {
        let ended = matches!(self.status, CheckoutStatus::Completed(_) | CheckoutStatus::Expired);
        if !ended {
            self.status = CheckoutStatus::Expired;
        }
        !ended
    }
}
