//! What happened, as others are told of it.

use serde::Serialize;
use time::OffsetDateTime;

use crate::{
    id::{CheckoutId, EventId, OrganizationId, PaymentId, SubscriptionId},
    money::Money,
    payment::PaymentStatus,
};

/// A committed change of a lifecycle record. It leaves with the save that it explains.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Unique for ever; consumers count it once.
    pub id: EventId,
    /// Whose change it is.
    pub organization_id: OrganizationId,
    /// When it happened, by the business clock.
    pub at: OffsetDateTime,
    /// What happened.
    pub what: What,
}

/// What happened. The tag is the public name of the event type.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", content = "data")]
pub enum What {
    /// An organization was registered.
    #[serde(rename = "organization.created")]
    OrganizationCreated {
        /// Its name.
        name: String,
    },
    /// A payment page was opened.
    #[serde(rename = "checkout.opened")]
    CheckoutOpened {
        /// Which checkout.
        checkout_id: CheckoutId,
    },
    /// A checkout was paid, or begun without payment.
    #[serde(rename = "checkout.completed")]
    CheckoutCompleted {
        /// Which checkout.
        checkout_id: CheckoutId,
    },
    /// Nobody paid in time.
    #[serde(rename = "checkout.expired")]
    CheckoutExpired {
        /// Which checkout.
        checkout_id: CheckoutId,
    },
    /// A subscription began.
    #[serde(rename = "subscription.created")]
    SubscriptionCreated {
        /// Which one.
        subscription_id: SubscriptionId,
        /// Its status.
        status: &'static str,
    },
    /// Something about a subscription changed.
    #[serde(rename = "subscription.updated")]
    SubscriptionUpdated {
        /// Which one.
        subscription_id: SubscriptionId,
        /// What it was.
        from: &'static str,
        /// What it is.
        status: &'static str,
    },
    /// A subscription was cancelled.
    #[serde(rename = "subscription.cancelled")]
    SubscriptionCancelled {
        /// Which one.
        subscription_id: SubscriptionId,
    },
    /// A payment was made, or changed.
    #[serde(rename = "payment.updated")]
    PaymentUpdated {
        /// Which one.
        payment_id: PaymentId,
        /// Whether the money came.
        status: PaymentStatus,
        /// How much.
        amount: Money,
    },
}
