//! What a simulated payment comes to.

/// What the gateway is told to do with a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    Declined(Decline),
    /// The payer's bank wants to ask the payer first.
    RequiresAction,
    /// The money arrives, or not, later.
    Processing,
}

/// Why a payer's bank says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decline {
    InsufficientFunds,
    ExpiredCard,
    Generic,
    /// The bank may not honor it, and does not say why.
    DoNotHonor,
    /// The card is reported lost: nobody may try it again.
    LostCard,
    /// The same for a stolen one.
    StolenCard,
    /// The bank does not let it be used for this, ever.
    TransactionNotAllowed,
    /// Somebody in between failed; it may be tried again soon.
    ProcessingError,
    /// The payer did not pass the bank's question.
    AuthenticationFailure,
    /// The bank wants to ask the payer, who is not there.
    AuthenticationRequired,
}

impl Outcome {
    /// What the hosted page offers, in its order: the outcome, its title, what it means.
    pub(crate) const OFFERED: [(Self, &'static str, &'static str); 5] = [
        (Self::Success, "Payment succeeds", "Card accepted at once"),
        (
            Self::Declined(Decline::InsufficientFunds),
            "Insufficient funds",
            "Soft decline, may work later",
        ),
        (Self::Declined(Decline::ExpiredCard), "Card expired", "Hard decline, no retry"),
        (Self::RequiresAction, "3-D Secure challenge", "Shows a challenge page, then returns"),
        (Self::Processing, "Payment is processing", "Settles later, by hand"),
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "success" => Some(Self::Success),
            "requires_action" => Some(Self::RequiresAction),
            "processing" => Some(Self::Processing),
            other => Decline::named(other).map(Self::Declined),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Declined(decline) => decline.decline_code(),
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
        }
    }
}

impl Decline {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "insufficient_funds" => Some(Self::InsufficientFunds),
            "expired_card" => Some(Self::ExpiredCard),
            "generic_decline" => Some(Self::Generic),
            "do_not_honor" => Some(Self::DoNotHonor),
            "lost_card" => Some(Self::LostCard),
            "stolen_card" => Some(Self::StolenCard),
            "transaction_not_allowed" => Some(Self::TransactionNotAllowed),
            "processing_error" => Some(Self::ProcessingError),
            "authentication_failure" => Some(Self::AuthenticationFailure),
            "authentication_required" => Some(Self::AuthenticationRequired),
            _ => None,
        }
    }

    pub(crate) fn decline_code(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "insufficient_funds",
            Self::ExpiredCard => "expired_card",
            Self::Generic => "generic_decline",
            Self::DoNotHonor => "do_not_honor",
            Self::LostCard => "lost_card",
            Self::StolenCard => "stolen_card",
            Self::TransactionNotAllowed => "transaction_not_allowed",
            Self::ProcessingError => "processing_error",
            Self::AuthenticationFailure => "authentication_failure",
            Self::AuthenticationRequired => "authentication_required",
        }
    }

    /// Stripe's error code, which is coarser than the decline code.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::InsufficientFunds
            | Self::Generic
            | Self::DoNotHonor
            | Self::LostCard
            | Self::StolenCard
            | Self::TransactionNotAllowed => "card_declined",
            Self::ProcessingError => "processing_error",
            Self::ExpiredCard => "expired_card",
            Self::AuthenticationFailure => "payment_intent_authentication_failure",
            Self::AuthenticationRequired => "authentication_required",
        }
    }

    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "Your card has insufficient funds.",
            Self::ExpiredCard => "Your card has expired.",
            Self::Generic
            | Self::DoNotHonor
            | Self::LostCard
            | Self::StolenCard
            | Self::TransactionNotAllowed => "Your card was declined.",
            Self::ProcessingError => {
                "An error occurred while processing your card. Try again in a little bit."
            }
            Self::AuthenticationRequired => {
                "Your card was declined. This transaction requires authentication."
            }
            Self::AuthenticationFailure => {
                "We are unable to authenticate your payment method. Please choose a different \
                 payment method and try again."
            }
        }
    }
}
