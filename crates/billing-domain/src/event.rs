//! What happened, as others are told of it.

mod catalogue;
mod kind;
mod told;

use serde::Serialize;
use time::OffsetDateTime;

pub use self::{
    catalogue::EVENT_TYPES,
    kind::{EventType, Field, FieldKind},
    told::{Event, INSTALLATION},
};
use crate::{
    gateway::Gateway,
    id::{
        ChangeId, CheckoutId, CreditNoteId, DifferenceId, DiscountId, EndpointId, GrantId,
        InvoiceId, PaymentId, SubscriptionId, WebhookId,
    },
    identity::Source,
    invoice::InvoiceStatus,
    money::Money,
    payment::{ChargeFailure, DeclineKind, PaymentStatus},
    reconciliation::{DifferenceKind, Thing},
    trial::Extension,
    webhook_endpoint::DisabledFor,
};

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
    /// An organization is called or written to otherwise than before: its identity provider says
    /// so.
    #[serde(rename = "organization.updated")]
    OrganizationUpdated {
        /// Its name.
        name: String,
    },
    /// An organization is gone at its identity provider. Its records and subscriptions stay.
    #[serde(rename = "organization.deleted")]
    OrganizationDeleted {
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
    /// A checkout was paid at a discount.
    #[serde(rename = "discount.redeemed")]
    DiscountRedeemed {
        /// Which discount.
        discount_id: DiscountId,
        /// In which checkout.
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
        /// Which parts of it changed, such as `status` or `plan`; several joined by a comma.
        changed: String,
    },
    /// A subscription was cancelled.
    #[serde(rename = "subscription.cancelled")]
    SubscriptionCancelled {
        /// Which one.
        subscription_id: SubscriptionId,
    },
    /// A change of a subscription will come true by itself.
    #[serde(rename = "subscription.change_scheduled")]
    SubscriptionChangeScheduled {
        /// Which one.
        subscription_id: SubscriptionId,
        /// The request for it.
        change_id: ChangeId,
        /// `change` or `resume`.
        action: &'static str,
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
    },
    /// A change of a subscription that was planned was taken back.
    #[serde(rename = "subscription.change_withdrawn")]
    SubscriptionChangeWithdrawn {
        /// Which one.
        subscription_id: SubscriptionId,
        /// The request for it.
        change_id: ChangeId,
    },
    /// A change of a subscription was asked for, and did not happen.
    #[serde(rename = "subscription.change_failed")]
    SubscriptionChangeFailed {
        /// Which one.
        subscription_id: SubscriptionId,
        /// The request for it.
        change_id: ChangeId,
        /// Why, in a few words.
        why: String,
    },
    /// A second subscription was paid for where one is enough: it is ended, and what was paid for
    /// it given back.
    #[serde(rename = "subscription.duplicate_cancelled")]
    DuplicateCancelled {
        /// What the gateway calls it.
        gateway_subscription_id: String,
        /// What was given back; nothing where nothing was paid.
        refunded: Option<Money>,
    },
    /// A trial began.
    #[serde(rename = "trial.started")]
    TrialStarted {
        /// The subscription that it began.
        subscription_id: SubscriptionId,
        /// When it ends.
        #[serde(with = "time::serde::rfc3339")]
        ends_at: OffsetDateTime,
    },
    /// A trial ends soon, or has ended.
    #[serde(rename = "trial.reminder")]
    TrialReminder {
        /// The subscription on trial.
        subscription_id: SubscriptionId,
        /// So many days before the end; 0 at the end.
        days: u8,
        /// When it ends.
        #[serde(with = "time::serde::rfc3339")]
        ends_at: OffsetDateTime,
    },
    /// A trial became longer.
    #[serde(rename = "trial.extended")]
    TrialExtended {
        /// The subscription on trial.
        subscription_id: SubscriptionId,
        /// Why.
        by: Extension,
        /// How much longer.
        days: u16,
        /// When it ends now.
        #[serde(with = "time::serde::rfc3339")]
        ends_at: OffsetDateTime,
    },
    /// A trial ended, and the first period is paid.
    #[serde(rename = "trial.converted")]
    TrialConverted {
        /// The subscription, active now.
        subscription_id: SubscriptionId,
        /// The first payment; nothing where nothing was to be paid.
        payment_id: Option<PaymentId>,
        /// How much.
        amount: Money,
    },
    /// A trial ended, and nothing was paid.
    #[serde(rename = "trial.expired")]
    TrialExpired {
        /// The subscription, which has ended.
        subscription_id: SubscriptionId,
        /// Why nothing was paid.
        reason: ChargeFailure,
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
    /// An attempt to take the money of an invoice failed, or there was nothing to charge.
    #[serde(rename = "payment.failed")]
    PaymentFailed {
        /// For which invoice.
        invoice_id: InvoiceId,
        /// The subscription that it is for, if any.
        subscription_id: Option<SubscriptionId>,
        /// The payment that failed; nothing where there was none.
        payment_id: Option<PaymentId>,
        /// What is due.
        amount: Money,
        /// Why.
        reason: ChargeFailure,
        /// What may be done about it.
        kind: DeclineKind,
        /// How many attempts were made so far; nothing where the gateway makes them.
        attempts: Option<usize>,
        /// When it is tried again by itself; nothing where only the customer can help, and where
        /// the gateway decides.
        #[serde(with = "time::serde::rfc3339::option")]
        next_try_at: Option<OffsetDateTime>,
    },
    /// The money of an invoice came after attempts that failed.
    #[serde(rename = "payment.recovered")]
    PaymentRecovered {
        /// For which invoice.
        invoice_id: InvoiceId,
        /// The subscription that it is for, if any.
        subscription_id: Option<SubscriptionId>,
        /// The payment that succeeded.
        payment_id: PaymentId,
        /// How much.
        amount: Money,
        /// How many attempts were made in all; nothing where the gateway made them.
        attempts: Option<usize>,
    },
    /// Nobody tries any more to take the money of an invoice.
    #[serde(rename = "invoice.uncollectible")]
    InvoiceUncollectible {
        /// Which one.
        invoice_id: InvoiceId,
        /// The subscription that it is for, if any.
        subscription_id: Option<SubscriptionId>,
        /// Its number.
        number: Option<String>,
        /// What is due.
        amount: Money,
        /// Why the money did not come last.
        reason: Option<ChargeFailure>,
    },
    /// An invoice was drawn up, or changed.
    #[serde(rename = "invoice.updated")]
    InvoiceUpdated {
        /// Which one.
        invoice_id: InvoiceId,
        /// Its number; a draft has none.
        number: Option<String>,
        /// Where it stands.
        status: InvoiceStatus,
        /// What is to be paid, in all.
        total: Money,
    },
    /// A credit note was issued.
    #[serde(rename = "credit_note.issued")]
    CreditNoteIssued {
        /// Which one.
        credit_note_id: CreditNoteId,
        /// Of which invoice.
        invoice_id: InvoiceId,
        /// Its number.
        number: String,
        /// How much was given back.
        amount: Money,
    },
    /// The balance of credits fell below what is worth telling.
    #[serde(rename = "credits.low")]
    CreditsLow {
        /// What is left.
        balance: i64,
        /// Below what.
        threshold: i64,
    },
    /// Far more credits were used within an hour than usual.
    #[serde(rename = "credits.unusual")]
    CreditsUnusual {
        /// How many within the hour.
        in_hour: i64,
        /// How many an hour in the seven days before.
        hourly_mean: i64,
    },
    /// Credits will soon be lost.
    #[serde(rename = "credits.expiring")]
    CreditsExpiring {
        /// Of which grant.
        grant_id: GrantId,
        /// How many it has left.
        remaining: i64,
        /// When they are lost.
        #[serde(with = "time::serde::rfc3339")]
        expires_at: OffsetDateTime,
        /// So many days before.
        days: u8,
    },
    /// An auto top-up was paid, and its credits are given.
    #[serde(rename = "credits.topped_up")]
    CreditsToppedUp {
        /// The checkout that records it.
        checkout_id: CheckoutId,
        /// How many credits.
        credits: i64,
        /// How much was asked for them.
        amount: Money,
    },
    /// An auto top-up brought no credits.
    #[serde(rename = "credits.top_up_failed")]
    CreditsTopUpFailed {
        /// The checkout that records it; nothing where there was nothing to charge.
        checkout_id: Option<CheckoutId>,
        /// Why.
        reason: ChargeFailure,
        /// Whether auto top-up was switched off for it.
        off: bool,
    },
    /// An alert, of the installation: a gateway and we differ, and it does not heal.
    #[serde(rename = "reconciliation.difference")]
    DifferenceOpen {
        /// Which difference.
        difference_id: DifferenceId,
        /// Which gateway.
        gateway: Gateway,
        /// What it is about.
        thing: Thing,
        /// What the gateway calls it.
        id: String,
        /// How they differ.
        kind: DifferenceKind,
        /// Why it does not heal.
        why: String,
    },
    /// Use has reached a part of the limit, for the first time in its window.
    #[serde(rename = "quota.warning")]
    QuotaWarning {
        /// Of what.
        meter: String,
        /// How much of the limit: 80 or 100.
        percent: u8,
        /// What is used.
        used: u64,
        /// What the plan allows.
        limit: u64,
        /// Since when it is counted.
        #[serde(with = "time::serde::rfc3339")]
        window_start: OffsetDateTime,
        /// When the count ends.
        #[serde(with = "time::serde::rfc3339")]
        window_end: OffsetDateTime,
    },
    /// An endpoint is not sent webhooks any more, and nobody asked for that.
    #[serde(rename = "webhook_endpoint.disabled")]
    WebhookEndpointDisabled {
        /// Which one.
        endpoint_id: EndpointId,
        /// Where it is.
        url: String,
        /// Why.
        reason: DisabledFor,
    },
    /// An alert, of the installation: a webhook failed for good, or one on which money or access
    /// hangs failed for the first time.
    #[serde(rename = "webhook.failed")]
    WebhookFailed {
        /// Which one.
        webhook_id: WebhookId,
        /// Who sent it.
        #[serde(rename = "gateway")]
        source: Source,
        /// The gateway's name of the event type.
        event_type: String,
        /// Why.
        error: String,
        /// Whether it waits for a person; else it is tried again.
        dead: bool,
    },
}
