//! Every type of event: its public name, what it says, and an example.

mod collecting;

use time::{OffsetDateTime, macros::datetime};
use uuid::{Uuid, uuid};

use super::{
    EventType, Field, What,
    kind::{boolean, id, instant, integer, kind, money, or_null, text},
};
use crate::{
    currency::Currency,
    gateway::Gateway,
    id::{
        ChangeId, CheckoutId, CreditNoteId, DiscountId, EndpointId, GrantId, InvoiceId, PaymentId,
        SubscriptionId, WebhookId,
    },
    identity::Source,
    invoice::InvoiceStatus,
    money::Money,
    payment::{ChargeFailure, PaymentStatus},
    trial::Extension,
    webhook_endpoint::DisabledFor,
};

const ID: Uuid = uuid!("0192d3a4-0000-7000-8000-0000000000e1");
const AT: OffsetDateTime = datetime!(2026-03-15 12:00 UTC);

fn dollars(amount: i64) -> Money {
    Money::new(amount, Currency::USD)
}

const SUBSCRIPTION: Field = id("subscription_id", "Which subscription.");
const CHECKOUT: Field = id("checkout_id", "Which checkout.");
const CHANGE: Field = id("change_id", "The request for the change.");
const ENDS_AT: Field = instant("ends_at", "When the trial ends.");
const WHY_NOT_CHARGED: Field = text(
    "reason",
    "Why: `authentication_required`, `insufficient_funds`, `expired_card`, `declined`, \
     `no_saved_method` or `refused`.",
);

/// Every type of event, by name.
pub const EVENT_TYPES: &[EventType] = &[
    kind(
        "checkout.completed",
        "A checkout was paid, or begun without payment.",
        &[CHECKOUT],
        || What::CheckoutCompleted { checkout_id: CheckoutId(ID) },
    ),
    kind("checkout.expired", "Nobody paid in time.", &[CHECKOUT], || What::CheckoutExpired {
        checkout_id: CheckoutId(ID),
    }),
    kind("checkout.opened", "A payment page was opened.", &[CHECKOUT], || What::CheckoutOpened {
        checkout_id: CheckoutId(ID),
    }),
    kind(
        "credit_note.issued",
        "A credit note was issued: something of an invoice was given back.",
        &[
            id("credit_note_id", "Which credit note."),
            id("invoice_id", "Of which invoice."),
            text("number", "Its number."),
            money("amount", "How much was given back."),
        ],
        || What::CreditNoteIssued {
            credit_note_id: CreditNoteId(ID),
            invoice_id: InvoiceId(ID),
            number: "CN-2026-0001".to_owned(),
            amount: dollars(900),
        },
    ),
    kind(
        "credits.expiring",
        "Credits will soon be lost: told 7 days and 1 day before.",
        &[
            id("grant_id", "Of which grant."),
            integer("remaining", "How many it has left."),
            instant("expires_at", "When they are lost."),
            integer("days", "So many days before."),
        ],
        || What::CreditsExpiring { grant_id: GrantId(ID), remaining: 120, expires_at: AT, days: 7 },
    ),
    kind(
        "credits.low",
        "The balance of credits fell below what is worth telling.",
        &[integer("balance", "What is left."), integer("threshold", "Below what.")],
        || What::CreditsLow { balance: 950, threshold: 1000 },
    ),
    kind(
        "credits.top_up_failed",
        "An auto top-up brought no credits.",
        &[
            or_null(id(
                "checkout_id",
                "The checkout that records it; null where nothing was charged.",
            )),
            WHY_NOT_CHARGED,
            boolean("off", "Whether auto top-up was switched off for it."),
        ],
        || What::CreditsTopUpFailed {
            checkout_id: Some(CheckoutId(ID)),
            reason: ChargeFailure::Declined,
            off: false,
        },
    ),
    kind(
        "credits.topped_up",
        "An auto top-up was paid, and its credits are given.",
        &[
            CHECKOUT,
            integer("credits", "How many credits."),
            money("amount", "How much was asked for them."),
        ],
        || What::CreditsToppedUp {
            checkout_id: CheckoutId(ID),
            credits: 1000,
            amount: dollars(2500),
        },
    ),
    kind(
        "credits.unusual",
        "Far more credits were used within an hour than usual.",
        &[
            integer("in_hour", "How many within the hour."),
            integer("hourly_mean", "How many an hour in the seven days before."),
        ],
        || What::CreditsUnusual { in_hour: 800, hourly_mean: 40 },
    ),
    kind(
        "discount.redeemed",
        "A discount code was used: what it was reserved for is paid.",
        &[id("discount_id", "Which discount."), CHECKOUT],
        || What::DiscountRedeemed { discount_id: DiscountId(ID), checkout_id: CheckoutId(ID) },
    ),
    collecting::INVOICE_UNCOLLECTIBLE,
    kind(
        "invoice.updated",
        "An invoice was drawn up, or changed.",
        &[
            id("invoice_id", "Which invoice."),
            or_null(text("number", "Its number; a draft has none.")),
            text("status", "`draft`, `open`, `uncollectible`, `paid` or `void`."),
            money("total", "What is to be paid, in all."),
        ],
        || What::InvoiceUpdated {
            invoice_id: InvoiceId(ID),
            number: Some("INV-2026-0001".to_owned()),
            status: InvoiceStatus::Paid,
            total: dollars(2900),
        },
    ),
    kind(
        "organization.created",
        "An organization was registered.",
        &[text("name", "Its name.")],
        || What::OrganizationCreated { name: "Acme".to_owned() },
    ),
    kind(
        "organization.deleted",
        "An identity provider says that an organization is gone. Its records stay.",
        &[text("name", "Its name.")],
        || What::OrganizationDeleted { name: "Acme".to_owned() },
    ),
    kind(
        "organization.updated",
        "An organization is called otherwise, or written to elsewhere.",
        &[text("name", "Its name.")],
        || What::OrganizationUpdated { name: "Acme".to_owned() },
    ),
    collecting::PAYMENT_FAILED,
    collecting::PAYMENT_RECOVERED,
    kind(
        "payment.updated",
        "A payment was made, or changed.",
        &[
            id("payment_id", "Which payment."),
            text(
                "status",
                "`pending`, `unknown`, `failed`, `completed`, `partially_refunded`, `refunded` or \
                 `disputed`.",
            ),
            money("amount", "How much."),
        ],
        || What::PaymentUpdated {
            payment_id: PaymentId(ID),
            status: PaymentStatus::Completed,
            amount: dollars(2900),
        },
    ),
    kind(
        "quota.warning",
        "Use has reached a part of the limit, for the first time in its window.",
        &[
            text("meter", "Of what."),
            integer("percent", "How much of the limit: 80 or 100."),
            integer("used", "What is used."),
            integer("limit", "What the plan allows."),
            instant("window_start", "Since when it is counted."),
            instant("window_end", "When the count ends."),
        ],
        || What::QuotaWarning {
            meter: "api_calls".to_owned(),
            percent: 80,
            used: 40_000,
            limit: 50_000,
            window_start: datetime!(2026-03-01 0:00 UTC),
            window_end: datetime!(2026-04-01 0:00 UTC),
        },
    ),
    collecting::RECONCILIATION_DIFFERENCE,
    kind("subscription.cancelled", "A subscription was cancelled.", &[SUBSCRIPTION], || {
        What::SubscriptionCancelled { subscription_id: SubscriptionId(ID) }
    }),
    kind(
        "subscription.change_failed",
        "A change of a subscription was asked for, and did not happen.",
        &[SUBSCRIPTION, CHANGE, text("why", "Why, in a few words.")],
        || What::SubscriptionChangeFailed {
            subscription_id: SubscriptionId(ID),
            change_id: ChangeId(ID),
            why: "the payment was declined".to_owned(),
        },
    ),
    kind(
        "subscription.change_scheduled",
        "A change of a subscription will come true by itself.",
        &[SUBSCRIPTION, CHANGE, text("action", "`change` or `resume`."), instant("at", "When.")],
        || What::SubscriptionChangeScheduled {
            subscription_id: SubscriptionId(ID),
            change_id: ChangeId(ID),
            action: "change",
            at: AT,
        },
    ),
    kind(
        "subscription.change_withdrawn",
        "A change of a subscription that was planned was taken back.",
        &[SUBSCRIPTION, CHANGE],
        || What::SubscriptionChangeWithdrawn {
            subscription_id: SubscriptionId(ID),
            change_id: ChangeId(ID),
        },
    ),
    kind(
        "subscription.created",
        "A subscription began.",
        &[SUBSCRIPTION, text("status", "Its status, such as `trialing` or `active`.")],
        || What::SubscriptionCreated { subscription_id: SubscriptionId(ID), status: "active" },
    ),
    kind(
        "subscription.duplicate_cancelled",
        "A second subscription was paid for where one is enough: it is ended, and what was \
                paid for it given back.",
        &[
            text("gateway_subscription_id", "What the gateway calls it."),
            or_null(money("refunded", "What was given back; null where nothing was paid.")),
        ],
        || What::DuplicateCancelled {
            gateway_subscription_id: "sub_1".to_owned(),
            refunded: Some(dollars(2900)),
        },
    ),
    kind(
        "subscription.updated",
        "Something about a subscription changed.",
        &[
            SUBSCRIPTION,
            text("from", "The status that it had."),
            text("status", "The status that it has."),
            text(
                "changed",
                "What changed, such as `status` or `period`; several joined by commas.",
            ),
        ],
        || What::SubscriptionUpdated {
            subscription_id: SubscriptionId(ID),
            from: "trialing",
            status: "active",
            changed: "status".to_owned(),
        },
    ),
    kind(
        "trial.converted",
        "A trial ended, and the first period is paid.",
        &[
            SUBSCRIPTION,
            or_null(id("payment_id", "The first payment; null where nothing was to be paid.")),
            money("amount", "How much."),
        ],
        || What::TrialConverted {
            subscription_id: SubscriptionId(ID),
            payment_id: Some(PaymentId(ID)),
            amount: dollars(2900),
        },
    ),
    kind(
        "trial.expired",
        "A trial ended, and nothing was paid.",
        &[SUBSCRIPTION, WHY_NOT_CHARGED],
        || What::TrialExpired {
            subscription_id: SubscriptionId(ID),
            reason: ChargeFailure::NoSavedMethod,
        },
    ),
    kind(
        "trial.extended",
        "A trial became longer.",
        &[
            SUBSCRIPTION,
            text("by", "Why: `referral`, `operator` or `promotion`."),
            integer("days", "How much longer."),
            ENDS_AT,
        ],
        || What::TrialExtended {
            subscription_id: SubscriptionId(ID),
            by: Extension::Operator,
            days: 3,
            ends_at: AT,
        },
    ),
    kind(
        "trial.reminder",
        "A trial ends soon, or has ended.",
        &[SUBSCRIPTION, integer("days", "So many days before the end; 0 at the end."), ENDS_AT],
        || What::TrialReminder { subscription_id: SubscriptionId(ID), days: 3, ends_at: AT },
    ),
    kind("trial.started", "A trial began.", &[SUBSCRIPTION, ENDS_AT], || What::TrialStarted {
        subscription_id: SubscriptionId(ID),
        ends_at: AT,
    }),
    kind(
        "webhook.failed",
        "An alert of the installation: a webhook to us failed for good, or one on which \
                money or access hangs failed for the first time.",
        &[
            id("webhook_id", "Which webhook."),
            text("gateway", "Who sent it."),
            text("event_type", "The gateway's name of the event type."),
            text("error", "Why."),
            boolean("dead", "Whether it waits for a person; else it is tried again."),
        ],
        || What::WebhookFailed {
            webhook_id: WebhookId(ID),
            source: Source::Gateway(Gateway::Stripe),
            event_type: "invoice.paid".to_owned(),
            error: "there is no such customer".to_owned(),
            dead: true,
        },
    ),
    kind(
        "webhook_endpoint.disabled",
        "An endpoint is not sent webhooks any more: it said that it is gone, or has failed \
                for five days.",
        &[
            id("endpoint_id", "Which endpoint."),
            text("url", "Where it is."),
            text("reason", "`gone` or `failing`."),
        ],
        || What::WebhookEndpointDisabled {
            endpoint_id: EndpointId(ID),
            url: "https://product.example/billing-events".to_owned(),
            reason: DisabledFor::Failing,
        },
    ),
];

impl EventType {
    /// The one of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        EVENT_TYPES.iter().find(|it| it.name == name)
    }
}

#[cfg(test)]
mod tests;
