//! Subscriptions that Stripe bills.

use anyhow::{Context as _, anyhow};
use billing_app::ports::{GatewayError, SeenInvoice, SeenPrice, SeenSubscription};
use billing_domain::{id::ChangeId, period::Period, subscription::Status};

use crate::{
    Stripe,
    failure::unreadable,
    form::Form,
    reference,
    wire::{Expandable, Invoice, Schedule, Subscription},
};

pub(crate) const SUBSCRIPTIONS: &str = "/v1/subscriptions";

impl Stripe {
    /// A subscription with all that is read of it.
    pub(crate) async fn subscription(
        &self,
        id: &str,
    ) -> Result<Option<Subscription>, GatewayError> {
        let whole = Form::expanding(&["latest_invoice", "latest_invoice.payments", "schedule"]);
        self.client.find(SUBSCRIPTIONS, id, &whole).await
    }

    /// The same in words of the domain.
    pub(crate) async fn seen_subscription(
        &self,
        id: &str,
    ) -> Result<Option<SeenSubscription>, GatewayError> {
        let Some(subscription) = self.subscription(id).await? else { return Ok(None) };
        let latest_invoice = self.latest_invoice(&subscription).await?;
        seen_subscription(&subscription, latest_invoice).map(Some).map_err(unreadable)
    }

    async fn latest_invoice(
        &self,
        subscription: &Subscription,
    ) -> Result<Option<SeenInvoice>, GatewayError> {
        let fetched;
        let invoice = match &subscription.latest_invoice {
            None => None,
            Some(Expandable::Object(invoice)) => Some(&**invoice),
            Some(Expandable::Id(id)) => {
                fetched = self.invoice(id).await?;
                fetched.as_ref()
            }
        };
        match invoice {
            Some(invoice) => self.seen_invoice(invoice).await.map(Some),
            None => Ok(None),
        }
    }
}

/// A subscription in words of the domain.
pub(crate) fn seen_subscription(
    subscription: &Subscription,
    latest_invoice: Option<SeenInvoice>,
) -> anyhow::Result<SeenSubscription> {
    let span = subscription.period().context("a subscription without a period")?;
    let period = Period { start: span.start, end: span.end };
    let gateway_price = subscription.price().context("a subscription without a price")?;
    Ok(SeenSubscription {
        reference: reference(&subscription.id),
        customer: reference(&subscription.customer.0),
        price: SeenPrice {
            gateway_price: gateway_price.to_owned(),
            price_id: subscription.price_id(),
        },
        status: status(subscription, period)?,
        period,
        cancel_at_period_end: ends_with(subscription, period),
        quantity: subscription.quantity(),
        planned_change: planned(subscription),
        created_at: subscription.began_at(),
        latest_invoice,
    })
}

/// The change of ours that a schedule still has ahead.
fn planned(subscription: &Subscription) -> Option<ChangeId> {
    subscription.schedule().filter(|it| it.is_ahead()).and_then(Schedule::change_id)
}

/// The portal cancels by setting `cancel_at` to the end of the period.
fn ends_with(subscription: &Subscription, period: Period) -> bool {
    subscription.cancel_at_period_end || subscription.cancel_at.is_some_and(|at| at <= period.end)
}

/// One to one. `pause_collection` changes nothing: periods go by, and Stripe only does not collect.
fn status(subscription: &Subscription, period: Period) -> anyhow::Result<Status> {
    let ended_at = || {
        let at = subscription.ended_at.or(subscription.canceled_at);
        at.context("a subscription that ended nobody knows when")
    };
    Ok(match subscription.status.as_str() {
        "incomplete" => Status::Incomplete,
        "trialing" => Status::Trialing { ends_at: subscription.trial_end.unwrap_or(period.end) },
        "active" => Status::Active,
        "past_due" | "unpaid" => Status::PastDue { since: unpaid_since(subscription, period) },
        "paused" => Status::Paused { resumes_at: None },
        "canceled" => Status::Cancelled { at: ended_at()? },
        "incomplete_expired" => Status::Expired { at: ended_at()? },
        other => return Err(anyhow!("a subscription that is {other:?}")),
    })
}

/// When the unpaid invoice was made, or else when the period began.
fn unpaid_since(subscription: &Subscription, period: Period) -> time::OffsetDateTime {
    let made = |invoice: &Invoice| if invoice.is_paid() { None } else { invoice.created };
    match &subscription.latest_invoice {
        Some(Expandable::Object(invoice)) => made(invoice),
        Some(Expandable::Id(_)) | None => None,
    }
    .unwrap_or(period.start)
}
