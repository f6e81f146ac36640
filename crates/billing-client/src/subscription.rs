//! Subscriptions: what an organization is on, and the pages on which that changes.

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};
use uuid::Uuid;

use crate::{call::Call, client::Client, error::Error, money::Money, retry::new_key};

const SUBSCRIPTION: &str = "/api/billing/subscription";
pub(crate) const CHECKOUT: &str = "/api/billing/subscription/checkout";
const PORTAL: &str = "/api/billing/subscription/portal";

/// What an organization is on. Without a subscription `plan` is the free one, and what only a
/// subscription has is `None`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct Subscription {
    /// Whose.
    pub organization_id: Uuid,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// The key of the plan of the subscription.
    pub plan: String,
    /// The plan whose limits hold now: the free one once a subscription gives no access.
    pub entitled_plan: String,
    /// Of the subscription.
    pub id: Option<Uuid>,
    /// `month`, `quarter`, `half_year`, `year` or `two_years`.
    pub interval: Option<String>,
    /// For one interval.
    pub price: Option<Money>,
    /// When what is paid for began.
    #[serde(default, with = "rfc3339::option")]
    pub current_period_start: Option<OffsetDateTime>,
    /// When what is paid for ends.
    #[serde(default, with = "rfc3339::option")]
    pub current_period_end: Option<OffsetDateTime>,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// When the first payment is due, while trialing.
    #[serde(default, with = "rfc3339::option")]
    pub trial_ends_at: Option<OffsetDateTime>,
    /// Since when a payment is overdue.
    #[serde(default, with = "rfc3339::option")]
    pub past_due_since: Option<OffsetDateTime>,
    /// Until when it is paused, if that is known.
    #[serde(default, with = "rfc3339::option")]
    pub resumes_at: Option<OffsetDateTime>,
    /// When it was cancelled or expired.
    #[serde(default, with = "rfc3339::option")]
    pub ended_at: Option<OffsetDateTime>,
}

/// Where a subscription stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SubscriptionStatus {
    /// There is none.
    None,
    /// The first payment is not made yet.
    Incomplete,
    /// Tried out.
    Trialing,
    /// Paid.
    Active,
    /// A payment is overdue; access lasts through the days of grace.
    PastDue,
    /// Paused.
    Paused,
    /// Ended by somebody.
    Cancelled,
    /// Ended by itself.
    Expired,
    /// Something that this version of the crate does not know.
    #[serde(other)]
    Unknown,
}

/// A plan to pay for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[must_use = "it is sent by `Client::open_checkout`"]
pub struct SubscribeTo {
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<Uuid>,
    plan: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    success_url: String,
    cancel_url: String,
    #[serde(skip)]
    idempotency_key: Option<String>,
}

/// A page on which to pay.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct Checkout {
    /// Which page.
    pub checkout_id: Uuid,
    /// Whose page.
    pub gateway: String,
    /// Where to send the payer.
    pub url: String,
    /// Until when it can be paid on.
    #[serde(with = "rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// The gateway's page for a customer.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct Portal {
    /// Where to send the customer; it works for a short time.
    pub url: String,
}

#[derive(Serialize)]
struct OpenPortal<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<Uuid>,
    return_url: &'a str,
}

impl Subscription {
    /// Whether there is one that gives access now: tried out, paid, or in the days of grace.
    pub fn gives_access(&self) -> bool {
        self.status != SubscriptionStatus::None && self.plan == self.entitled_plan
    }
}

impl SubscribeTo {
    /// A plan by the month, for the organization of the API key; the payer goes to one URL after
    /// paying, to the other instead.
    pub fn new(
        plan: impl Into<String>,
        success_url: impl Into<String>,
        cancel_url: impl Into<String>,
    ) -> Self {
        Self {
            organization_id: None,
            plan: plan.into(),
            interval: None,
            currency: None,
            success_url: success_url.into(),
            cancel_url: cancel_url.into(),
            idempotency_key: None,
        }
    }

    /// Who pays. A key for all organizations must name it.
    pub fn organization(self, id: Uuid) -> Self {
        Self { organization_id: Some(id), ..self }
    }

    /// `month`, `quarter`, `half_year`, `year` or `two_years`.
    pub fn interval(self, interval: impl Into<String>) -> Self {
        Self { interval: Some(interval.into()), ..self }
    }

    /// An ISO 4217 code; by default what the organization pays in.
    pub fn currency(self, currency: impl Into<String>) -> Self {
        Self { currency: Some(currency.into()), ..self }
    }

    /// 1 to 255 printable ASCII characters. Asking for a page that is open gives the same page with
    /// or without one.
    pub fn idempotency_key(self, key: impl Into<String>) -> Self {
        Self { idempotency_key: Some(key.into()), ..self }
    }
}

impl Client {
    /// Says what an organization, by default the one of the API key, is on.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown organization, and what every call may end in.
    pub async fn subscription(
        &self,
        organization: impl Into<Option<Uuid>>,
    ) -> Result<Subscription, Error> {
        let id = organization.into().map(|id| id.to_string());
        let query: Vec<_> = id.iter().map(|id| ("organization_id", id.as_str())).collect();
        self.call(&Call::get(SUBSCRIPTION, &query)).await
    }

    /// Opens a page on which to pay for a plan. The subscription begins when the gateway reports
    /// the payment.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown organization or plan; `Conflict` where there is a subscription
    /// already; `Invalid` where the plan is not on sale so; and what every call may end in.
    pub async fn open_checkout(&self, mut subscribe: SubscribeTo) -> Result<Checkout, Error> {
        let key = subscribe.idempotency_key.take().unwrap_or_else(new_key);
        self.call(&Call::post(CHECKOUT, &subscribe)?.once(key)).await
    }

    /// Opens the gateway's page for payment methods, invoices and subscriptions, from which the
    /// customer comes back to a URL.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown organization, or one that never paid; and what every call may end
    /// in.
    pub async fn open_portal(
        &self,
        organization: impl Into<Option<Uuid>>,
        return_url: &str,
    ) -> Result<Portal, Error> {
        let body = OpenPortal { organization_id: organization.into(), return_url };
        self.call(&Call::post(PORTAL, &body)?.once(new_key())).await
    }
}
