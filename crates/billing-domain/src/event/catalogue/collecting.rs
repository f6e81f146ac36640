//! Events of how money is taken, and of what does not agree about it.

use super::{AT, ID, SUBSCRIPTION, WHY_NOT_CHARGED, dollars};
use crate::{
    event::{
        EventType, Field, What,
        kind::{id, instant, integer, kind, money, or_null, text},
    },
    gateway::Gateway,
    id::{DifferenceId, InvoiceId, PaymentId, SubscriptionId},
    payment::{ChargeFailure, DeclineKind},
    reconciliation::{DifferenceKind, Thing},
};

const INVOICE: Field = id("invoice_id", "Which invoice.");
const ATTEMPTS: Field =
    or_null(integer("attempts", "How often it was tried; null where the gateway tries."));

pub(super) const INVOICE_UNCOLLECTIBLE: EventType = kind(
    "invoice.uncollectible",
    "The money of an invoice is not expected any more.",
    &[
        INVOICE,
        or_null(SUBSCRIPTION),
        or_null(text("number", "Its number.")),
        money("amount", "How much was not paid."),
        or_null(WHY_NOT_CHARGED),
    ],
    || What::InvoiceUncollectible {
        invoice_id: InvoiceId(ID),
        subscription_id: Some(SubscriptionId(ID)),
        number: Some("INV-2026-0001".to_owned()),
        amount: dollars(2900),
        reason: Some(ChargeFailure::Declined),
    },
);

pub(super) const PAYMENT_FAILED: EventType = kind(
    "payment.failed",
    "An invoice was to be paid, and no money came.",
    &[
        INVOICE,
        or_null(SUBSCRIPTION),
        or_null(id("payment_id", "The payment that failed; null where none was made.")),
        money("amount", "How much was to be paid."),
        WHY_NOT_CHARGED,
        text(
            "kind",
            "What may be done: `hard`, `ask_customer`, `new_method`, `soft`, `technical`.",
        ),
        ATTEMPTS,
        or_null(instant("next_try_at", "When it is tried again; null where it is not.")),
    ],
    || What::PaymentFailed {
        invoice_id: InvoiceId(ID),
        subscription_id: Some(SubscriptionId(ID)),
        payment_id: Some(PaymentId(ID)),
        amount: dollars(2900),
        reason: ChargeFailure::InsufficientFunds,
        kind: DeclineKind::Soft,
        attempts: Some(1),
        next_try_at: Some(AT),
    },
);

pub(super) const PAYMENT_RECOVERED: EventType = kind(
    "payment.recovered",
    "An invoice was paid after it had failed.",
    &[
        INVOICE,
        or_null(SUBSCRIPTION),
        id("payment_id", "The payment."),
        money("amount", "How much."),
        ATTEMPTS,
    ],
    || What::PaymentRecovered {
        invoice_id: InvoiceId(ID),
        subscription_id: Some(SubscriptionId(ID)),
        payment_id: PaymentId(ID),
        amount: dollars(2900),
        attempts: Some(3),
    },
);

pub(super) const RECONCILIATION_DIFFERENCE: EventType = kind(
    "reconciliation.difference",
    "An alert of the installation: a gateway and we differ, and it does not heal.",
    &[
        id("difference_id", "Which difference."),
        text("gateway", "Which gateway."),
        text("thing", "What it is about, such as `payment` or `subscription`."),
        text("id", "What the gateway calls it."),
        text("kind", "How they differ, such as `missing_here`, `amount` or `refund`."),
        text("why", "Why it does not heal."),
    ],
    || What::DifferenceOpen {
        difference_id: DifferenceId(ID),
        gateway: Gateway::Stripe,
        thing: Thing::Payment,
        id: "pi_1".to_owned(),
        kind: DifferenceKind::MissingHere,
        why: "no organization has this customer".to_owned(),
    },
);
