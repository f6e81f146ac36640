//! What emails say: the facts alone, in no language.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    id::{InvoiceId, PaymentId, WebhookId},
    money::Money,
};

/// What an email says. The tag is its name in tables and answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "letter", content = "data", rename_all = "snake_case")]
pub enum Letter {
    /// A trial ends soon, or now.
    TrialEnds {
        /// What is tried.
        plan: String,
        /// So many days before; 0 at the end.
        days: u8,
        /// When it ends.
        #[serde(with = "time::serde::rfc3339")]
        ends_at: OffsetDateTime,
    },
    /// A payment did not come.
    PaymentFailed {
        /// For what.
        plan: String,
        /// How much, where that is known.
        amount: Option<Money>,
        /// When it is tried again, if it is and that is known.
        #[serde(with = "time::serde::rfc3339::option")]
        again_at: Option<OffsetDateTime>,
    },
    /// A payment that did not come has come.
    PaymentRecovered {
        /// For what.
        plan: String,
    },
    /// Nobody tries any more to get a payment.
    PaymentGivenUp {
        /// For what.
        plan: String,
        /// How much.
        amount: Option<Money>,
    },
    /// Another plan, another price or another number of seats.
    SubscriptionChanged {
        /// The plan, as it is now.
        plan: String,
        /// How many seats.
        quantity: u32,
    },
    /// A change will come true by itself.
    SubscriptionWillChange {
        /// The plan until then.
        plan: String,
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
    },
    /// A change was asked for, and did not happen.
    SubscriptionChangeFailed {
        /// The plan, as it stays.
        plan: String,
    },
    /// It will end with the period.
    SubscriptionWillEnd {
        /// The plan until then.
        plan: String,
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
    },
    /// It will go on, and was to end.
    SubscriptionContinues {
        /// The plan.
        plan: String,
    },
    /// It is neither billed nor usable for a while.
    SubscriptionPaused {
        /// The plan.
        plan: String,
    },
    /// It goes on after a pause.
    SubscriptionResumed {
        /// The plan.
        plan: String,
    },
    /// It was ended by somebody's wish.
    SubscriptionCancelled {
        /// What it was to.
        plan: String,
    },
    /// It ended without renewal.
    SubscriptionExpired {
        /// What it was to.
        plan: String,
    },
    /// A second subscription was ended, and what was paid for it given back.
    DuplicateCancelled {
        /// What was given back; nothing where nothing was paid.
        refunded: Option<Money>,
    },
    /// Few credits are left.
    CreditsLow {
        /// How many.
        balance: i64,
        /// Below what it is told.
        threshold: i64,
    },
    /// Credits will soon be lost.
    CreditsExpiring {
        /// How many.
        remaining: i64,
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        expires_at: OffsetDateTime,
    },
    /// An auto top-up brought no credits.
    TopUpFailed {
        /// Whether it was switched off for it.
        off: bool,
    },
    /// A bonus will soon be lost.
    BonusExpiring {
        /// Of what.
        meter: String,
        /// How much is left of it.
        remaining: u64,
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        expires_at: OffsetDateTime,
    },
    /// An invoice.
    Invoice {
        /// Which one.
        invoice_id: InvoiceId,
        /// Its number.
        number: String,
        /// What is to be paid, or was, in all.
        total: Money,
        /// Whether it is paid.
        paid: bool,
    },
    /// Use has reached a part of the limit.
    QuotaReached {
        /// Of what.
        meter: String,
        /// How much of the limit: 80 or 100.
        percent: u8,
        /// What is used.
        used: u64,
        /// What the plan allows.
        limit: u64,
        /// When the count ends.
        #[serde(with = "time::serde::rfc3339")]
        resets_at: OffsetDateTime,
    },
    /// To administrators: a payer disputes a payment.
    Disputed {
        /// Who.
        organization: String,
        /// Which payment.
        payment_id: PaymentId,
        /// How much.
        amount: Money,
    },
    /// To administrators: a webhook that came in failed.
    WebhookFailed {
        /// Which one.
        webhook_id: WebhookId,
        /// Who sent it.
        source: String,
        /// Of which type.
        event_type: String,
        /// Why.
        error: String,
        /// Whether it waits for a person; else it is tried again.
        dead: bool,
    },
    /// To administrators: far more credits were used than usual.
    CreditsUnusual {
        /// By whom.
        organization: String,
        /// How many within the hour.
        in_hour: i64,
        /// How many an hour in the seven days before.
        hourly_mean: i64,
    },
}

impl Letter {
    /// Its name in tables and answers.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TrialEnds { .. } => "trial_ends",
            Self::PaymentFailed { .. } => "payment_failed",
            Self::PaymentRecovered { .. } => "payment_recovered",
            Self::PaymentGivenUp { .. } => "payment_given_up",
            Self::SubscriptionChanged { .. } => "subscription_changed",
            Self::SubscriptionWillChange { .. } => "subscription_will_change",
            Self::SubscriptionChangeFailed { .. } => "subscription_change_failed",
            Self::SubscriptionWillEnd { .. } => "subscription_will_end",
            Self::SubscriptionContinues { .. } => "subscription_continues",
            Self::SubscriptionPaused { .. } => "subscription_paused",
            Self::SubscriptionResumed { .. } => "subscription_resumed",
            Self::SubscriptionCancelled { .. } => "subscription_cancelled",
            Self::SubscriptionExpired { .. } => "subscription_expired",
            Self::DuplicateCancelled { .. } => "duplicate_cancelled",
            Self::CreditsLow { .. } => "credits_low",
            Self::CreditsExpiring { .. } => "credits_expiring",
            Self::TopUpFailed { .. } => "top_up_failed",
            Self::BonusExpiring { .. } => "bonus_expiring",
            Self::Invoice { .. } => "invoice",
            Self::QuotaReached { .. } => "quota_reached",
            Self::Disputed { .. } => "disputed",
            Self::WebhookFailed { .. } => "webhook_failed",
            Self::CreditsUnusual { .. } => "credits_unusual",
        }
    }

    /// The invoice that it is about.
    pub const fn invoice(&self) -> Option<InvoiceId> {
        if let Self::Invoice { invoice_id, .. } = self { Some(*invoice_id) } else { None }
    }

    /// Whether another payment method would help.
    pub const fn asks_for_a_method(&self) -> bool {
        matches!(
            self,
            Self::TrialEnds { .. }
                | Self::PaymentFailed { .. }
                | Self::PaymentGivenUp { .. }
                | Self::TopUpFailed { .. }
        )
    }

    /// Whether it is for administrators, and not for the organization.
    pub const fn is_alert(&self) -> bool {
        matches!(
            self,
            Self::Disputed { .. } | Self::WebhookFailed { .. } | Self::CreditsUnusual { .. }
        )
    }
}
