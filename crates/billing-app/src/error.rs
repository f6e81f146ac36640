//! One error, sorted by what the caller does next.

mod missing;

use std::time::Duration;

use billing_domain::{
    catalogue::{InvalidLimit, InvalidPrice},
    collection::NotAgain,
    credits::{InvalidConsume, InvalidCredits, InvalidGrant, InvalidKey, InvalidSettings},
    discount::NotDiscounted,
    money::MoneyError,
    organization::InvalidOrganization,
    payment::ChargeFailure,
    subscription::{InvalidTransition, NotNow},
    trial::{CannotExtend, NotAnAddress},
};
use time::OffsetDateTime;

pub use self::missing::Missing;

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller did not prove who they are: send a valid key.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The caller may not do that: ask for a key with this scope.
    #[error("the API key lacks the scope `{0}`")]
    Forbidden(&'static str),
    /// The request names something that is not there, or not the caller's.
    #[error("{} not found", .0.name())]
    NotFound(Missing),
    /// The request is malformed: change the named field.
    #[error("{message}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What it must be.
        message: String,
    },
    /// The request is well-formed, but the rules forbid it: do something else.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Somebody else was faster: look again and retry.
    #[error("{0} has changed in the meantime; look again and retry")]
    Conflict(&'static str),
    /// Something that we need does not answer: retry later. Nothing is lost, nothing half done.
    #[error("{what} is not available")]
    Unavailable {
        /// What does not answer.
        what: &'static str,
        /// When to try again.
        retry_after: Duration,
        /// What it said, for the log.
        cause: anyhow::Error,
    },
    /// A gateway is not asked, since it does not answer: retry later. Nothing was done.
    #[error("the gateway {gateway} does not answer")]
    GatewayUnavailable {
        /// Which one.
        gateway: &'static str,
        /// When to try again.
        retry_after: Duration,
    },
    /// A fault of ours.
    #[error("internal error")]
    Internal(#[from] anyhow::Error),
}

/// Which rule forbids it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The organization has a live subscription in the plan's group.
    #[error("the organization already has a live subscription; change it, or cancel it first")]
    AlreadySubscribed {
        /// The plan it is on.
        plan: String,
        /// Where that stands.
        status: &'static str,
    },
    /// The organization, or who asks for it, has had a trial.
    #[error(
        "there is one trial for each organization, user and email: this {by} has had it; \
         subscribe instead"
    )]
    TrialUsed {
        /// Who: `organization`, `user` or `email`.
        by: &'static str,
    },
    /// The trial cannot be extended, or not so far.
    #[error(transparent)]
    CannotExtend(#[from] CannotExtend),
    /// Nothing is to be paid for it.
    #[error("the plan `{0}` is free: there is nothing to check out")]
    PlanIsFree(String),
    /// There is no price in this currency, nor in dollars.
    #[error("there is no price for that currency and interval")]
    NoSuchPrice,
    /// It is there, but switched off.
    #[error("the credit event `{0}` is not active")]
    CreditEventInactive(String),
    /// The code takes nothing off.
    #[error(transparent)]
    NotDiscounted(#[from] NotDiscounted),
    /// There is such a code already.
    #[error("there is a discount code `{0}` already")]
    DiscountCodeTaken(String),
    /// The key was used before with another request.
    #[error("the idempotency key was used before with another request; take a new key")]
    KeyReused,
    /// Another organization has this external id.
    #[error("another organization has the external id `{0}`")]
    ExternalIdTaken(String),
    /// The event is too late or too early to be counted.
    #[error("{0}")]
    OutOfTime(&'static str),
    /// The meter does not count in a way in which that can be done.
    #[error("`{meter}` counts by {aggregation}: {what}")]
    NotOnThisMeter {
        /// Which one.
        meter: String,
        /// How it counts.
        aggregation: &'static str,
        /// What cannot be done.
        what: &'static str,
    },
    /// The gateway cannot do it.
    #[error("{gateway} cannot do that: {what}")]
    NotAtThisGateway {
        /// Which one.
        gateway: &'static str,
        /// What it cannot do.
        what: &'static str,
    },
    /// The gateway says that the request is wrong.
    #[error("the gateway refused: {message}")]
    GatewayRefused {
        /// In its words.
        message: String,
    },
    /// The subscription is not where that can be done.
    #[error(transparent)]
    InvalidTransition(#[from] InvalidTransition),
    /// The subscription cannot be changed in that way now.
    #[error(transparent)]
    NotNow(#[from] NotNow),
    /// It is so already.
    #[error("the subscription is so already: there is nothing to change")]
    NothingToChange,
    /// What is wanted is not dearer.
    #[error("that is no upgrade: it does not cost more")]
    NotAnUpgrade,
    /// More seats are in use than would be left.
    #[error("{used} seats are in use")]
    SeatsInUse {
        /// How many.
        used: u64,
    },
    /// The preview is too old, or something has changed since.
    #[error("what the preview said holds no more; look at a new one")]
    PreviewStale,
    /// A payment of the subscription is under way, or overdue.
    #[error("a payment of the subscription is under way or overdue: that comes first")]
    PaymentPending,
    /// The payment that a change needs did not come.
    #[error("the payment was declined, and nothing has changed")]
    PaymentDeclined(ChargeFailure),
    /// The method that is kept must not be charged again.
    #[error("the payment method is not charged again: {0}")]
    NotAgain(NotAgain),
    /// An attempt is under way.
    #[error("it is not known yet how the last charge ended; look again soon")]
    ChargePending,
    /// An invoice that we cannot charge.
    #[error("there is nothing of ours to charge for an invoice that is {status}")]
    NotPayable {
        /// Where it stands.
        status: &'static str,
    },
    /// The hold was settled, for another amount.
    #[error("the hold was settled before, for {0} credits")]
    HoldSettled(i64),
    /// The hold was given up.
    #[error("the hold was released before")]
    HoldReleased,
    /// The hold has returned by itself.
    #[error("the hold timed out at {0}; what it held has returned")]
    HoldTimedOut(OffsetDateTime),
    /// No more can be settled than is held.
    #[error("only {0} credits are held")]
    MoreThanHeld(i64),
    /// No more can be given back than was used.
    #[error("only {0} credits of it can be given back")]
    MoreThanUsed(i64),
    /// The webhook had its effect, or none to have.
    #[error("the webhook is {0}: there is nothing to give up")]
    WebhookDone(&'static str),
    /// Only a sandbox without a mail server keeps emails in a mailbox.
    #[error("there is no mailbox: emails are sent, or kept as `unsent`")]
    NoMailbox,
    /// Emails are only kept.
    #[error("there is no way to send emails: set SMTP_URL")]
    NoMailer,
    /// There is nothing to make secrets of.
    #[error("the installation has no key to make secrets with: set BILLING_SECRET_KEY")]
    NoSecretKey,
    /// A meter that cannot be counted beyond.
    #[error("the total on this meter would be too large to be counted")]
    TooMuch,
    /// Another runs the job: one at a time.
    #[error("the job `{0}` is running already")]
    JobRunning(String),
    /// Where money is real, time is too.
    #[error("the clock moves only in a sandbox: where money is real, time is too")]
    ClockIsReal,
    /// What has been booked has been booked.
    #[error("the clock stands at {0}, and cannot go back")]
    ClockGoesBack(OffsetDateTime),
}

impl Error {
    /// The message with its causes: for logs and operators, never for callers.
    pub fn in_full(&self) -> String {
        match self {
            Self::Internal(cause) | Self::Unavailable { cause, .. } => format!("{self}: {cause:#}"),
            Self::Unauthenticated(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Invalid { .. }
            | Self::Refused(_)
            | Self::GatewayUnavailable { .. }
            | Self::Conflict(_) => self.to_string(),
        }
    }

    /// The same for another caller who was to be served together with the first.
    pub fn for_another(&self) -> Self {
        match self {
            Self::Unauthenticated(why) => Self::Unauthenticated(why),
            Self::Forbidden(scope) => Self::Forbidden(scope),
            Self::NotFound(missing) => Self::NotFound(*missing),
            Self::Invalid { field, message } => Self::invalid(field, message),
            Self::Refused(refusal) => Self::Refused(refusal.clone()),
            Self::Conflict(what) => Self::Conflict(what),
            Self::Unavailable { what, retry_after, cause } => Self::Unavailable {
                what,
                retry_after: *retry_after,
                cause: anyhow::anyhow!("{cause:#}"),
            },
            Self::GatewayUnavailable { gateway, retry_after } => {
                Self::GatewayUnavailable { gateway, retry_after: *retry_after }
            }
            Self::Internal(cause) => Self::Internal(anyhow::anyhow!("{cause:#}")),
        }
    }

    /// A field that must be something else.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }
}

impl From<InvalidKey> for Error {
    fn from(error: InvalidKey) -> Self {
        Self::invalid("idempotency_key", error.to_string())
    }
}

impl From<NotAnAddress> for Error {
    fn from(error: NotAnAddress) -> Self {
        Self::invalid("email", error.to_string())
    }
}

impl From<InvalidConsume> for Error {
    fn from(error: InvalidConsume) -> Self {
        Self::invalid("quantity", error.to_string())
    }
}

impl From<InvalidCredits> for Error {
    fn from(error: InvalidCredits) -> Self {
        Self::invalid("amount", error.to_string())
    }
}

impl From<InvalidSettings> for Error {
    fn from(error: InvalidSettings) -> Self {
        let field = match error {
            InvalidSettings::Credits { field } => field,
            InvalidSettings::Percent => "low_percent",
        };
        Self::invalid(field, error.to_string())
    }
}

impl From<InvalidGrant> for Error {
    fn from(error: InvalidGrant) -> Self {
        let field = match error {
            InvalidGrant::Amount(_) => "amount",
            InvalidGrant::Expiry | InvalidGrant::Purchased => "expires_at",
        };
        Self::invalid(field, error.to_string())
    }
}

impl From<InvalidOrganization> for Error {
    fn from(error: InvalidOrganization) -> Self {
        let field = match error {
            InvalidOrganization::Name => "name",
            InvalidOrganization::ExternalId => "external_id",
            InvalidOrganization::BillingEmail => "billing_email",
            InvalidOrganization::TaxId => "tax_id",
        };
        Self::invalid(field, error.to_string())
    }
}

impl From<InvalidLimit> for Error {
    fn from(error: InvalidLimit) -> Self {
        Self::invalid("window", error.to_string())
    }
}

impl From<InvalidPrice> for Error {
    fn from(error: InvalidPrice) -> Self {
        Self::invalid("prices", error.to_string())
    }
}

impl From<NotNow> for Error {
    fn from(error: NotNow) -> Self {
        Refusal::from(error).into()
    }
}

impl From<MoneyError> for Error {
    fn from(error: MoneyError) -> Self {
        Self::Internal(error.into())
    }
}
