//! A payment gateway: small, and made of the roles that it can play.

mod circuit;
mod coupons;
mod document;
mod listings;
mod subscriptions;

use std::collections::BTreeMap;

use async_trait::async_trait;
use billing_domain::{
    checkout::HostedPage,
    gateway::{Gateway, GatewayRef},
    id::{CheckoutId, OrganizationId, PriceId, RefundId},
    money::Money,
    payment::{ChargeFailure, PaymentStatus},
    period::{Interval, Period},
};
use time::OffsetDateTime;

pub use self::{
    circuit::Circuit,
    coupons::{CouponLasts, Coupons, NewCoupon},
    document::SeenDocument,
    listings::{Listed, ListedPage, Listings, Sighting},
    subscriptions::{
        Cancellation, GatewaySubscriptions, GoingOn, NewPrice, Outcome, PreviewOf, PriceChange,
        SeenLine, SeenPreview, SeenPrice, SeenSubscription,
    },
};

/// A payment gateway. A capability is the presence of a role; what is absent is refused by name.
///
/// Every write carries an idempotency key derived from a record of ours, so that it can be sent
/// again. `Ok` is known; [`GatewayError::Unknown`] is not, and may be asked again with the same key.
pub trait PaymentGateway: Send + Sync {
    /// Which one it is.
    fn gateway(&self) -> Gateway;
    /// Whether calls reach it now: without a breaker before it they always do.
    fn circuit(&self) -> Circuit;
    /// Customers.
    fn customers(&self) -> &dyn CustomerAccounts;
    /// Hosted payment pages.
    fn checkouts(&self) -> &dyn HostedCheckouts;
    /// Payments and invoices that it has made.
    fn payments(&self) -> &dyn GatewayPayments;
    /// What it sends us.
    fn webhooks(&self) -> &dyn Webhooks;
    /// Subscriptions that it bills, if it can.
    fn subscriptions(&self) -> Option<&dyn GatewaySubscriptions>;
    /// A page on which a customer looks after payment methods and subscriptions, if it has one.
    fn portal(&self) -> Option<&dyn PortalSessions>;
    /// Giving money back, if it can.
    fn refunds(&self) -> Option<&dyn Refunds>;
    /// Taking discounts off what it bills, if it can.
    fn coupons(&self) -> Option<&dyn Coupons>;
    /// Charging a method that it has kept, while nobody is there, if it can.
    fn charges(&self) -> Option<&dyn Charges>;
    /// Lists of what it keeps, if it has them.
    fn listings(&self) -> Option<&dyn Listings>;
}

/// Why a gateway did not do it.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// It says that the request is wrong: sending it again is useless.
    #[error("refused: {message}")]
    Refused {
        /// In its words.
        message: String,
    },
    /// It did not answer, or says that it cannot now: nobody knows whether it was done.
    #[error("no answer: {0:#}")]
    Unknown(anyhow::Error),
    /// It was not asked, for it has not answered others: nothing was done.
    #[error("not asked, since it does not answer")]
    Unreached {
        /// When to come back.
        retry_after: std::time::Duration,
    },
    /// It answered something that we cannot read.
    #[error("not understood: {0:#}")]
    Unreadable(anyhow::Error),
}

/// Customers at a gateway.
#[async_trait]
pub trait CustomerAccounts: Send + Sync {
    /// Makes the customer of an organization; made once, however often it is asked.
    async fn create(&self, customer: &NewCustomer) -> Result<GatewayRef, GatewayError>;
}

/// An organization, as the gateway needs to know it. The idempotency key is derived from its id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewCustomer {
    /// Whose customer it is; kept as metadata.
    pub organization_id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Where receipts go.
    pub email: Option<String>,
    /// Its country, two letters.
    pub country: Option<String>,
}

/// Hosted payment pages.
#[async_trait]
pub trait HostedCheckouts: Send + Sync {
    /// Opens a page; the same one, however often it is asked for one checkout of ours.
    async fn open(&self, request: &CheckoutRequest) -> Result<HostedPage, GatewayError>;
    /// What became of a page; nothing when the gateway does not know it.
    async fn find(&self, session: &str) -> Result<Option<SeenCheckout>, GatewayError>;
    /// Closes an open page, so that nobody pays on it; one that is closed already is no error.
    async fn expire(&self, session: &str) -> Result<(), GatewayError>;
}

/// A page to open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckoutRequest {
    /// Ours; the idempotency key is derived from it, and it comes back as metadata.
    pub checkout_id: CheckoutId,
    /// Who would pay; comes back as metadata.
    pub organization_id: OrganizationId,
    /// The same, as the gateway knows it.
    pub customer: String,
    /// What for.
    pub item: CheckoutItem,
    /// Where the payer goes afterwards.
    pub success_url: String,
    /// Where the payer goes instead.
    pub cancel_url: String,
    /// The coupon that is taken off, by the gateway's name of it.
    pub coupon: Option<String>,
    /// Whether codes may be typed in, where there is no coupon.
    pub promotion_codes: bool,
    /// Whether the gateway computes tax.
    pub automatic_tax: bool,
    /// Whether it keeps the method, to be charged again while nobody is there. A subscription
    /// keeps it anyway.
    pub saves_method: bool,
}

/// What is sold on a page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CheckoutItem {
    /// A plan.
    Subscription {
        /// Our price; comes back as metadata of the subscription.
        price_id: PriceId,
        /// The gateway's price, where it was pushed there.
        gateway_price: Option<String>,
        /// What people call it.
        name: String,
        /// How much each time.
        amount: Money,
        /// How often.
        interval: Interval,
        /// Days before the first payment.
        trial_days: u32,
    },
    /// A pack of credits.
    Credits {
        /// What people call it.
        name: String,
        /// How much.
        amount: Money,
    },
}

/// What a gateway says of a page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeenCheckout {
    /// What it calls the session.
    pub session: GatewayRef,
    /// Ours, from its metadata; nothing for a page that we did not open.
    pub checkout_id: Option<CheckoutId>,
    /// What became of it.
    pub status: SeenCheckoutStatus,
    /// Whether nothing is left to pay: paid, or no payment was needed.
    pub paid: bool,
    /// The subscription that began on it.
    pub subscription: Option<String>,
    /// The payment that was made on it.
    pub payment: Option<SeenPayment>,
}

/// What became of a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SeenCheckoutStatus {
    /// It can be paid on.
    Open,
    /// The payer is through.
    Complete,
    /// It was closed.
    Expired,
}

/// Payments and invoices at a gateway.
#[async_trait]
pub trait GatewayPayments: Send + Sync {
    /// How a payment stands now; nothing when the gateway does not know it.
    async fn find(&self, id: &str) -> Result<Option<SeenPayment>, GatewayError>;
    /// How an invoice stands now; nothing when the gateway does not know it.
    async fn find_invoice(&self, id: &str) -> Result<Option<SeenInvoice>, GatewayError>;
}

/// What a gateway says of an invoice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeenInvoice {
    /// What it calls it.
    pub reference: GatewayRef,
    /// The subscription that it is for.
    pub subscription: Option<String>,
    /// Whether nothing is left to pay.
    pub paid: bool,
    /// The period of the subscription that it pays.
    pub period: Option<Period>,
    /// The payment that was made or tried for it; nothing for an invoice of nothing.
    pub payment: Option<SeenPayment>,
    /// Who pays, as it knows them.
    pub customer: Option<GatewayRef>,
    /// All that stands on it; nothing where the gateway showed only a part.
    pub document: Option<SeenDocument>,
}

/// What a gateway says of a payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeenPayment {
    /// What it calls it.
    pub reference: GatewayRef,
    /// Who pays, as it knows them.
    pub customer: Option<GatewayRef>,
    /// Our checkout, from the metadata that we sent along.
    pub checkout_id: Option<CheckoutId>,
    /// Whether the money came.
    pub status: PaymentStatus,
    /// All that was charged, tax included.
    pub amount: Money,
    /// The tax in it.
    pub tax: Money,
    /// Whether the gateway computed the tax, be it nothing; else nobody did.
    pub taxed: bool,
    /// What was given off the price.
    pub discount: Money,
    /// How much was given back.
    pub refunded: Money,
    /// What it is for, in a few words.
    pub description: String,
    /// A page that shows the invoice or receipt.
    pub document_url: Option<String>,
    /// Why it failed, in the gateway's word.
    pub failure: Option<String>,
    /// The same in our word: there exactly when it failed.
    pub failed_as: Option<ChargeFailure>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

/// Money that is given back.
#[async_trait]
pub trait Refunds: Send + Sync {
    /// Gives a part of a payment back, or all of it; once, however often it is asked for one
    /// refund of ours. `Refused` when there is not so much left of the payment.
    ///
    /// The gateway may forget what it was asked after 24 hours: then look before asking again.
    async fn refund(&self, refund: &NewRefund) -> Result<(), GatewayError>;
}

/// Money to give back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRefund {
    /// Ours; the idempotency key is derived from it.
    pub refund_id: RefundId,
    /// Of which payment.
    pub payment: String,
    /// How much.
    pub amount: Money,
}

/// Charges of a method that the gateway has kept, while nobody is there.
#[async_trait]
pub trait Charges: Send + Sync {
    /// The method to charge: the customer's default, else the one that was kept last; nothing
    /// where none is kept, or the customer is not known.
    async fn saved_method(&self, customer: &str) -> Result<Option<GatewayRef>, GatewayError>;
    /// Charges a method; once, however often it is asked for one checkout of ours. A refusal of
    /// the payer's bank is a payment that failed, and no error. It is charged anew neither by us
    /// nor by the gateway. `Refused` when nothing was charged, nor will be.
    ///
    /// The gateway may forget what it was asked after 24 hours: then look before asking again.
    async fn charge(&self, request: &ChargeRequest) -> Result<SeenPayment, GatewayError>;
    /// The payment that was made or tried for a checkout of ours since then; nothing when it was
    /// never heard of there.
    async fn find(
        &self,
        customer: &str,
        checkout: CheckoutId,
        since: OffsetDateTime,
    ) -> Result<Option<SeenPayment>, GatewayError>;
}

/// Money to take. It must be the same each time that it is asked for one checkout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChargeRequest {
    /// Ours; the idempotency key is derived from it, and it comes back as metadata.
    pub checkout_id: CheckoutId,
    /// Who pays; comes back as metadata.
    pub organization_id: OrganizationId,
    /// The same, as the gateway knows it.
    pub customer: String,
    /// The method, by the gateway's id of it.
    pub method: String,
    /// How much.
    pub amount: Money,
    /// What for, in a few words.
    pub description: String,
}

/// A page of the gateway for its customers.
#[async_trait]
pub trait PortalSessions: Send + Sync {
    /// Opens it for a customer; the address works for a short time.
    async fn open(&self, customer: &str, return_url: &str) -> Result<String, GatewayError>;
}

/// What a gateway sends us.
pub trait Webhooks: Send + Sync {
    /// Checks that it comes from the gateway, is fresh, and is meant for this mode.
    fn verify(&self, delivery: &Delivery<'_>, wall: OffsetDateTime) -> Result<(), Forged>;
    /// What a verified body is about. One that is not for this account cannot be read.
    fn read(&self, body: &[u8]) -> Result<Notice, Unreadable>;
}

/// A request that claims to come from a gateway. Header names are in lower case.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Its headers.
    pub headers: &'a BTreeMap<String, String>,
    /// Its body, untouched.
    pub body: &'a [u8],
}

/// Why a delivery is not believed. The text is for the log and says nothing secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the signature is not accepted: {0}")]
pub struct Forged(pub &'static str);

/// The gateway signed something that cannot be understood.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the event cannot be read: {0}")]
pub struct Unreadable(pub String);

/// What a webhook tells: not what is so, but where to look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// The gateway's id of the event.
    pub event_id: String,
    /// The gateway's name of the event type.
    pub kind: String,
    /// Events of one subject are processed one at a time: the customer where there is one.
    pub subject: String,
    /// Where to look.
    pub about: About,
    /// Whether money or access hangs on it, so that a failure is told of at once.
    pub critical: bool,
}

/// Where to look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum About {
    /// At a page, by its session.
    Checkout(String),
    /// At a subscription.
    Subscription(String),
    /// At an invoice.
    Invoice(String),
    /// At a payment.
    Payment(String),
    /// At the payment methods of a customer.
    Customer(String),
    /// Nowhere: there is nothing to do for such an event.
    Nothing,
}
