//! Errors as the caller sees them: one total match from what went wrong to code and status.

mod envelope;

use core::fmt;

use actix_web::http::StatusCode;
use billing_app::{Error, Missing, Refusal};
use billing_domain::{
    discount::NotDiscounted,
    subscription::{Action, NotNow},
    trial::CannotExtend,
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::{
    codes::{Code, Entry},
    moment::Moment,
};

/// An error on its way to the caller.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    code: Code,
    message: String,
    details: Map<String, Value>,
    retry_after_seconds: Option<u64>,
    allow: Option<String>,
    replayed: bool,
    request_id: Option<String>,
    cause: Option<anyhow::Error>,
}

impl Problem {
    /// An error in its own words.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            code,
            message: message.into(),
            details: Map::new(),
            retry_after_seconds: None,
            allow: None,
            replayed: false,
            request_id: None,
            cause: None,
        }))
    }

    /// A field that must be something else.
    pub(crate) fn invalid(field: &str, message: impl fmt::Display) -> Self {
        Self::new(Code::Validation, format!("`{field}` {message}")).with("field", field)
    }

    /// The same with one more fact.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.details.insert(name.to_owned(), value.into());
        self
    }

    /// The same with these facts.
    pub(crate) fn with_details(mut self, details: Map<String, Value>) -> Self {
        self.0.details = details;
        self
    }

    /// The same, to be tried again after so many seconds.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_seconds = Some(seconds.max(1));
        self
    }

    /// The same, with the methods that the path has.
    pub(crate) fn allow(mut self, methods: String) -> Self {
        self.0.allow = Some(methods);
        self
    }

    /// The same, given before.
    pub(crate) fn replayed(mut self, replayed: bool) -> Self {
        self.0.replayed = replayed;
        self
    }

    /// What it says.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// What it means for the caller.
    pub(crate) fn entry(&self) -> Entry {
        self.0.code.entry()
    }

    fn caused_by(mut self, cause: anyhow::Error) -> Self {
        self.0.cause = Some(cause);
        self
    }

    /// An answer that somebody else made without our envelope.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => Code::RouteNotFound,
            StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
            StatusCode::NOT_ACCEPTABLE => Code::NotAcceptable,
            StatusCode::PAYLOAD_TOO_LARGE => Code::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
            status if status.is_client_error() => Code::Validation,
            _ => Code::Internal,
        };
        Self::new(code, code.entry().title)
    }

    /// Writes down what the caller is not told. Called once, where the answer leaves.
    pub(crate) fn log(&self) {
        let Some(cause) = &self.0.cause else { return };
        let cause = format!("{cause:#}");
        if self.0.code == Code::Internal {
            tracing::error!(cause, "internal error");
        } else {
            tracing::warn!(cause, code = self.entry().code, "not available");
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.entry().code, self.0.message)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let message = capital(&error.to_string());
        match error {
            Error::Unauthenticated(_) => Self::new(Code::Unauthenticated, message),
            Error::Forbidden(scope) => {
                Self::new(Code::InsufficientScope, message).with("scope", scope)
            }
            Error::NotFound(missing) => Self::new(not_found(missing), message),
            Error::Invalid { field, message } => {
                // Some messages name their field already.
                let named = message.starts_with('`');
                let message = if named { message } else { format!("`{field}` {message}") };
                Self::new(Code::Validation, message).with("field", field)
            }
            Error::Refused(refusal) => refused(&refusal),
            Error::Conflict(_) => Self::new(Code::Conflict, message),
            Error::Unavailable { what: _, retry_after, cause } => {
                let seconds = retry_after.as_secs();
                Self::new(Code::Unavailable, message).retry_after(seconds).caused_by(cause)
            }
            Error::GatewayUnavailable { gateway, retry_after } => {
                Self::new(Code::GatewayUnavailable, message)
                    .with("gateway", gateway)
                    .retry_after(retry_after.as_secs())
            }
            Error::Internal(cause) => Self::new(Code::Internal, message).caused_by(cause),
        }
    }
}

const fn not_found(missing: Missing) -> Code {
    match missing {
        Missing::Organization => Code::OrganizationNotFound,
        Missing::Plan => Code::PlanNotFound,
        Missing::CreditProduct => Code::CreditProductNotFound,
        Missing::CreditEvent => Code::CreditEventNotFound,
        Missing::Meter => Code::MeterNotFound,
        Missing::Subscription => Code::SubscriptionNotFound,
        Missing::ApiKey => Code::ApiKeyNotFound,
        Missing::Gateway => Code::GatewayNotFound,
        Missing::Customer => Code::CustomerNotFound,
        Missing::Webhook => Code::WebhookNotFound,
        Missing::Email => Code::EmailNotFound,
        Missing::IdentityProvider => Code::IdentityProviderNotFound,
        Missing::WebhookEndpoint => Code::WebhookEndpointNotFound,
        Missing::Delivery => Code::DeliveryNotFound,
        Missing::Hold => Code::HoldNotFound,
        Missing::Draw => Code::DrawNotFound,
        Missing::Decision => Code::DecisionNotFound,
        Missing::AutoTopUp => Code::AutoTopUpNotFound,
        Missing::Job => Code::JobNotFound,
        Missing::Reconciliation => Code::ReconciliationNotFound,
        Missing::Trial => Code::TrialNotFound,
        Missing::Discount => Code::DiscountNotFound,
        Missing::Invoice => Code::InvoiceNotFound,
    }
}

fn refused(refusal: &Refusal) -> Problem {
    let says = |code| Problem::new(code, capital(&refusal.to_string()));
    match refusal {
        Refusal::AlreadySubscribed { plan, status } => {
            says(Code::AlreadySubscribed).with("plan", plan.as_str()).with("status", *status)
        }
        Refusal::TrialUsed { by } => says(Code::TrialUsed).with("by", *by),
        Refusal::CannotExtend(why) => cannot_extend(why, says),
        Refusal::PlanIsFree(plan) => says(Code::PlanIsFree).with("plan", plan.as_str()),
        Refusal::NoSuchPrice => says(Code::NoSuchPrice),
        Refusal::CreditEventInactive(event) => {
            says(Code::CreditEventInactive).with("event", event.as_str())
        }
        Refusal::NotDiscounted(why) => not_discounted(why, says),
        Refusal::DiscountCodeTaken(code) => {
            says(Code::DiscountCodeTaken).with("code", code.as_str())
        }
        Refusal::KeyReused => says(Code::IdempotencyKeyReused),
        Refusal::ExternalIdTaken(id) => {
            says(Code::ExternalIdTaken).with("external_id", id.as_str())
        }
        Refusal::OutOfTime(_) => says(Code::EventOutOfTime).with("field", "timestamp"),
        Refusal::NotOnThisMeter { meter, aggregation, what: _ } => says(Code::NotOnThisMeter)
            .with("meter", meter.as_str())
            .with("aggregation", *aggregation),
        Refusal::NotAtThisGateway { gateway, what: _ } => {
            says(Code::NotAtThisGateway).with("gateway", *gateway)
        }
        Refusal::GatewayRefused { message: _ } => says(Code::GatewayRefused),
        Refusal::InvalidTransition(transition) => {
            says(Code::InvalidTransition).with("status", transition.from)
        }
        Refusal::NotNow(NotNow::ChangePending { allowed }) => {
            says(Code::ChangePending).with("allowed", names(allowed))
        }
        Refusal::NotNow(NotNow::NotFromHere { from, verb: _, allowed }) => {
            says(Code::InvalidTransition).with("status", *from).with("allowed", names(allowed))
        }
        Refusal::NothingToChange => says(Code::NothingToChange),
        Refusal::NotAnUpgrade => says(Code::NotAnUpgrade),
        Refusal::SeatsInUse { used } => says(Code::SeatsInUse).with("used", *used),
        Refusal::PaymentPending => says(Code::PaymentPending),
        Refusal::PreviewStale => says(Code::PreviewStale),
        Refusal::PaymentDeclined(why) => says(Code::PaymentDeclined).with("why", json!(why)),
        Refusal::NotAgain(_) => says(Code::MethodNotCharged),
        Refusal::ChargePending => says(Code::ChargePending),
        Refusal::NotPayable { status } => says(Code::InvoiceNotPayable).with("status", *status),
        Refusal::HoldSettled(settled) => {
            says(Code::HoldResolved).with("how", "settled").with("settled", *settled)
        }
        Refusal::HoldReleased => says(Code::HoldResolved).with("how", "released"),
        Refusal::HoldTimedOut(at) => says(Code::HoldResolved)
            .with("how", "timed_out")
            .with("at", Moment(*at).text().unwrap_or_default()),
        Refusal::MoreThanHeld(held) => says(Code::HoldExceeded).with("held", *held),
        Refusal::MoreThanUsed(left) => says(Code::RefundExceeded).with("left", *left),
        Refusal::NoMailbox => says(Code::NoMailbox),
        Refusal::NoMailer => says(Code::EmailNotConfigured),
        Refusal::WebhookDone(status) => says(Code::WebhookDone).with("status", *status),
        Refusal::NoSecretKey => says(Code::NoSecretKey),
        Refusal::TooMuch => says(Code::UsageTooLarge).with("field", "quantity"),
        Refusal::JobRunning(job) => says(Code::JobRunning).with("job", job.as_str()),
        Refusal::ClockIsReal => says(Code::ClockIsReal),
        Refusal::ClockGoesBack(now) => {
            says(Code::ClockGoesBack).with("now", Moment(*now).text().unwrap_or_default())
        }
    }
}

fn cannot_extend(why: &CannotExtend, says: impl Fn(Code) -> Problem) -> Problem {
    match why {
        CannotExtend::Over { at } => {
            says(Code::TrialOver).with("ended_at", Moment(*at).text().unwrap_or_default())
        }
        CannotExtend::Limit { asked, extensions_left, days_left } => {
            says(Code::TrialExtensionLimit)
                .with("days", *asked)
                .with("extensions_left", *extensions_left)
                .with("days_left", *days_left)
        }
    }
}

fn not_discounted(why: &NotDiscounted, says: impl Fn(Code) -> Problem) -> Problem {
    let text = |at: &OffsetDateTime| Moment(*at).text().unwrap_or_default();
    match why {
        NotDiscounted::Inactive => says(Code::DiscountInactive),
        NotDiscounted::NotStarted(at) => says(Code::DiscountNotStarted).with("starts_at", text(at)),
        NotDiscounted::Expired(at) => says(Code::DiscountExpired).with("ended_at", text(at)),
        NotDiscounted::NotForPlan => says(Code::DiscountNotForPlan),
        NotDiscounted::OtherCurrency => says(Code::DiscountCurrency),
        NotDiscounted::BelowMinimum(minimum) => {
            says(Code::DiscountBelowMinimum).with("minimum", json!(minimum))
        }
        NotDiscounted::FirstTimeOnly => says(Code::DiscountFirstTimeOnly),
        NotDiscounted::AlreadyUsed => says(Code::DiscountAlreadyUsed),
        NotDiscounted::Exhausted => says(Code::DiscountExhausted),
    }
}

fn names(actions: &[Action]) -> Vec<&'static str> {
    actions.iter().map(|action| action.name()).collect()
}

/// Errors are written as clauses; here they begin a sentence.
pub(crate) fn capital(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
