//! What emails say in a language: texts with `{names}` in them, which are filled in.

use billing_domain::{letter::Letter, locale::Locale};

use super::{arabic::AR, english::EN};

/// What a letter says.
pub(super) struct Phrase {
    pub(super) subject: &'static str,
    /// A paragraph each.
    pub(super) body: &'static [&'static str],
}

/// What all letters say in a language.
pub(super) struct Phrases {
    pub(super) trial_ends: Phrase,
    pub(super) trial_ends_tomorrow: Phrase,
    pub(super) trial_has_ended: Phrase,
    pub(super) payment_failed: Phrase,
    pub(super) payment_failed_again_at: Phrase,
    pub(super) payment_recovered: Phrase,
    pub(super) payment_given_up: Phrase,
    pub(super) subscription_changed: Phrase,
    pub(super) subscription_will_change: Phrase,
    pub(super) subscription_change_failed: Phrase,
    pub(super) subscription_will_end: Phrase,
    pub(super) subscription_continues: Phrase,
    pub(super) subscription_paused: Phrase,
    pub(super) subscription_resumed: Phrase,
    pub(super) subscription_cancelled: Phrase,
    pub(super) subscription_expired: Phrase,
    pub(super) duplicate_cancelled: Phrase,
    pub(super) credits_low: Phrase,
    pub(super) credits_expiring: Phrase,
    pub(super) top_up_failed: Phrase,
    pub(super) top_up_off: Phrase,
    pub(super) bonus_expiring: Phrase,
    pub(super) invoice_open: Phrase,
    pub(super) invoice_paid: Phrase,
    pub(super) quota_reached: Phrase,
    pub(super) quota_used_up: Phrase,
    pub(super) disputed: Phrase,
    pub(super) webhook_dead: Phrase,
    pub(super) webhook_failed: Phrase,
    pub(super) credits_unusual: Phrase,
    /// How a value is called where it stands at a glance.
    pub(super) names: Names,
    /// Stands below: to an organization, to administrators.
    pub(super) footers: [&'static str; 2],
    pub(super) open_billing: &'static str,
    pub(super) update_method: &'static str,
    pub(super) open_invoice: &'static str,
}

/// How values are called.
pub(super) struct Names {
    pub(super) plan: &'static str,
    pub(super) quantity: &'static str,
    pub(super) amount: &'static str,
    pub(super) date: &'static str,
    pub(super) number: &'static str,
    pub(super) credits: &'static str,
    pub(super) meter: &'static str,
    pub(super) used: &'static str,
    pub(super) limit: &'static str,
    pub(super) organization: &'static str,
    pub(super) payment: &'static str,
    pub(super) webhook: &'static str,
    pub(super) source: &'static str,
    pub(super) kind: &'static str,
    pub(super) error: &'static str,
}

/// The phrases of a language.
pub(super) const fn phrases(locale: Locale) -> &'static Phrases {
    match locale {
        Locale::En => &EN,
        Locale::Ar => &AR,
    }
}

impl Phrases {
    /// What a letter says.
    pub(super) const fn of(&self, letter: &Letter) -> &Phrase {
        match letter {
            Letter::TrialEnds { days: 0, .. } => &self.trial_has_ended,
            Letter::TrialEnds { days: 1, .. } => &self.trial_ends_tomorrow,
            Letter::TrialEnds { .. } => &self.trial_ends,
            Letter::PaymentFailed { again_at: Some(_), .. } => &self.payment_failed_again_at,
            Letter::PaymentFailed { again_at: None, .. } => &self.payment_failed,
            Letter::PaymentRecovered { .. } => &self.payment_recovered,
            Letter::PaymentGivenUp { .. } => &self.payment_given_up,
            Letter::SubscriptionChanged { .. } => &self.subscription_changed,
            Letter::SubscriptionWillChange { .. } => &self.subscription_will_change,
            Letter::SubscriptionChangeFailed { .. } => &self.subscription_change_failed,
            Letter::SubscriptionWillEnd { .. } => &self.subscription_will_end,
            Letter::SubscriptionContinues { .. } => &self.subscription_continues,
            Letter::SubscriptionPaused { .. } => &self.subscription_paused,
            Letter::SubscriptionResumed { .. } => &self.subscription_resumed,
            Letter::SubscriptionCancelled { .. } => &self.subscription_cancelled,
            Letter::SubscriptionExpired { .. } => &self.subscription_expired,
            Letter::DuplicateCancelled { .. } => &self.duplicate_cancelled,
            Letter::CreditsLow { .. } => &self.credits_low,
            Letter::CreditsExpiring { .. } => &self.credits_expiring,
            Letter::TopUpFailed { off: true } => &self.top_up_off,
            Letter::TopUpFailed { off: false } => &self.top_up_failed,
            Letter::BonusExpiring { .. } => &self.bonus_expiring,
            Letter::Invoice { paid: true, .. } => &self.invoice_paid,
            Letter::Invoice { paid: false, .. } => &self.invoice_open,
            Letter::QuotaReached { percent: 100.., .. } => &self.quota_used_up,
            Letter::QuotaReached { .. } => &self.quota_reached,
            Letter::Disputed { .. } => &self.disputed,
            Letter::WebhookFailed { dead: true, .. } => &self.webhook_dead,
            Letter::WebhookFailed { dead: false, .. } => &self.webhook_failed,
            Letter::CreditsUnusual { .. } => &self.credits_unusual,
        }
    }
}
