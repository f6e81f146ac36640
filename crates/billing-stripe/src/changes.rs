//! Subscriptions are changed, stopped and ended.
//!
//! A change at the end of a period is a subscription schedule of two phases: Stripe itself changes
//! the price when the period is over, whether we are there or not, and bills the new one. The
//! schedule is released once it has done so, for Stripe lets nobody cancel what a schedule rules.

use anyhow::Context as _;
use async_trait::async_trait;
use billing_app::ports::{
    Cancellation, GatewayError, GatewaySubscriptions, GoingOn, Outcome, PreviewOf, PriceChange,
    SeenPreview, SeenSubscription,
};
use billing_domain::{
    id::ChangeId,
    payment::ChargeFailure,
    subscription::{Resumption, When},
};
use serde::Deserialize;

use crate::{
    Stripe,
    client::{Answer, is_id},
    declines::failed_as,
    failure::unreadable,
    form::Form,
    prices::rhythm,
    subscriptions::SUBSCRIPTIONS,
    wire::{Identified, Item, Schedule, Subscription},
};

const SCHEDULES: &str = "/v1/subscription_schedules";

#[async_trait]
impl GatewaySubscriptions for Stripe {
    async fn find(&self, id: &str) -> Result<Option<SeenSubscription>, GatewayError> {
        self.seen_subscription(id).await
    }

    async fn preview(&self, id: &str, of: &PreviewOf) -> Result<SeenPreview, GatewayError> {
        self.preview_of(id, of).await
    }

    async fn change(&self, id: &str, change: &PriceChange) -> Result<Outcome, GatewayError> {
        let subscription = self.subscription(id).await?.ok_or_else(gone)?;
        let price = self.price(&change.to).await?;
        let item = item(&subscription)?;
        self.detach(&subscription, change.change_id).await?;
        match change.when {
            When::Now => self.change_now(id, (&item.id, &price), change).await,
            When::PeriodEnd => {
                let current = self.reusable(id, &subscription, change).await?;
                let anew = !is_every(&subscription, change);
                let current = (current.as_str(), subscription.quantity());
                self.plan(id, current, (&price, change, anew)).await?;
                Ok(Outcome::Done)
            }
        }
    }

    async fn cancel(&self, id: &str, end: &Cancellation) -> Result<(), GatewayError> {
        let subscription = self.subscription(id).await?.ok_or_else(gone)?;
        if has_ended(&subscription) {
            return Ok(());
        }
        match end.when {
            When::Now => {
                let path = format!("{SUBSCRIPTIONS}/{id}");
                self.client.delete::<Identified>(&path).await?;
            }
            When::PeriodEnd => {
                self.detach(&subscription, end.change_id).await?;
                let form = Form::new().with("cancel_at_period_end", true);
                self.update(id, &form, &format!("change_{}", end.change_id)).await?;
            }
        }
        Ok(())
    }

    async fn resume(&self, id: &str, going_on: &GoingOn) -> Result<Outcome, GatewayError> {
        let key = format!("change_{}", going_on.change_id);
        match going_on.takes_back {
            Resumption::Cancellation => {
                let subscription = self.subscription(id).await?.ok_or_else(gone)?;
                // The portal plans an end by its date.
                let by_date =
                    !subscription.cancel_at_period_end && subscription.cancel_at.is_some();
                if by_date {
                    let form = Form::new().with("cancel_at", "");
                    self.update(id, &form, &format!("{key}_date")).await?;
                } else {
                    let form = Form::new().with("cancel_at_period_end", false);
                    self.update(id, &form, &key).await?;
                }
                Ok(Outcome::Done)
            }
            Resumption::ScheduledChange => {
                let subscription = self.subscription(id).await?.ok_or_else(gone)?;
                if let Some(schedule) = subscription.schedule() {
                    self.release(schedule, &key).await?;
                }
                Ok(Outcome::Done)
            }
            Resumption::Pause => {
                let anchor = if going_on.new_period { "now" } else { "unchanged" };
                let form = Form::new()
                    .with("billing_cycle_anchor[type]", anchor)
                    .with("proration_behavior", "none")
                    .with("payment_behavior", "resume_on_payment_success");
                let path = path_of(id, "/resume")?;
                let resumed: Standing = self.client.post(&path, &form, &key).await?;
                Ok(if resumed.status == "paused" {
                    Outcome::Declined(ChargeFailure::Declined)
                } else {
                    Outcome::Done
                })
            }
        }
    }

    async fn pause(&self, id: &str, change_id: ChangeId) -> Result<(), GatewayError> {
        let form = Form::new()
            .with("type", "subscription")
            .with("bill_for[unused_time_from][type]", "none")
            .with("bill_for[outstanding_usage_through][type]", "none");
        let key = format!("change_{change_id}");
        self.client.post::<Identified>(&path_of(id, "/pause")?, &form, &key).await?;
        Ok(())
    }
}

impl Stripe {
    /// Settles the rest of the period and charges it. Where that fails Stripe has changed nothing.
    async fn change_now(
        &self,
        id: &str,
        (item, price): (&str, &str),
        change: &PriceChange,
    ) -> Result<Outcome, GatewayError> {
        let form = Form::new()
            .with("items[0][id]", item)
            .with("items[0][price]", price)
            .with("items[0][quantity]", change.to.quantity)
            .with("proration_behavior", "always_invoice")
            .with("proration_date", change.proration_at.unix_timestamp())
            .with("payment_behavior", "error_if_incomplete");
        let key = format!("change_{}", change.change_id);
        let path = path_of(id, "")?;
        let changed: Changed = self.client.post_to_bank(&path, &form, &key, declined).await?;
        Ok(changed.declined.map_or(Outcome::Done, Outcome::Declined))
    }

    /// The price that is paid now, so that a schedule can name it. One that was made for a page
    /// alone cannot be used again: then the subscription goes over to the same price that can.
    /// That costs nothing.
    async fn reusable(
        &self,
        id: &str,
        subscription: &Subscription,
        change: &PriceChange,
    ) -> Result<String, GatewayError> {
        let price = self.price(&change.from).await?;
        if subscription.price() == Some(&price) {
            return Ok(price);
        }
        if subscription.price_id() != Some(change.from.price_id) {
            let message = "the subscription is at another price".to_owned();
            return Err(GatewayError::Refused { message });
        }
        let form = Form::new()
            .with("items[0][id]", &item(subscription)?.id)
            .with("items[0][price]", &price)
            .with("proration_behavior", "none");
        self.update(id, &form, &format!("change_{}_price", change.change_id)).await?;
        Ok(price)
    }

    /// Makes a schedule: the period as it is, then another price.
    async fn plan(
        &self,
        id: &str,
        (current, quantity): (&str, u32),
        (price, change, anew): (&str, &PriceChange, bool),
    ) -> Result<(), GatewayError> {
        let change_id = change.change_id;
        let form = Form::new().with("from_subscription", id);
        let made: Schedule =
            self.client.post(SCHEDULES, &form, &format!("change_{change_id}_begin")).await?;
        // As it was made, also when this is asked again later: so the same is said again.
        let first = made.phases.first().context("a schedule without a phase");
        let first = first.map_err(unreadable)?;
        let (unit, count) = rhythm(change.to.interval);
        let form = Form::new()
            .with("end_behavior", "release")
            .with("proration_behavior", "none")
            .with("metadata[change_id]", change_id)
            .with("phases[0][start_date]", first.start_date)
            .with("phases[0][end_date]", first.end_date)
            .with("phases[0][items][0][price]", current)
            .with("phases[0][items][0][quantity]", quantity)
            .with("phases[1][items][0][price]", price)
            .with("phases[1][items][0][quantity]", change.to.quantity)
            .with("phases[1][proration_behavior]", "none")
            // Another rhythm is counted from where it begins; the same keeps its day.
            .with_some("phases[1][billing_cycle_anchor]", anew.then_some("phase_start"))
            .with("phases[1][duration][interval]", unit)
            .with("phases[1][duration][interval_count]", count);
        let path = format!("{SCHEDULES}/{}", made.id);
        self.client.post::<Identified>(&path, &form, &format!("change_{change_id}")).await?;
        Ok(())
    }

    /// Releases the schedule of an earlier change, which has come true.
    async fn detach(
        &self,
        subscription: &Subscription,
        change_id: ChangeId,
    ) -> Result<(), GatewayError> {
        match subscription.schedule() {
            Some(earlier) if earlier.change_id().is_some_and(|id| id != change_id) => {
                self.release(earlier, &format!("change_{change_id}_release")).await
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn release(&self, schedule: &Schedule, key: &str) -> Result<(), GatewayError> {
        let path = format!("{SCHEDULES}/{}/release", schedule.id);
        self.client.post::<Identified>(&path, &Form::new(), key).await?;
        Ok(())
    }

    async fn update(&self, id: &str, form: &Form, key: &str) -> Result<(), GatewayError> {
        self.client.post::<Identified>(&path_of(id, "")?, form, key).await?;
        Ok(())
    }
}

/// There is no such subscription.
pub(crate) fn gone() -> GatewayError {
    GatewayError::Refused { message: "no such subscription".to_owned() }
}

fn path_of(id: &str, verb: &str) -> Result<String, GatewayError> {
    if is_id(id) { Ok(format!("{SUBSCRIPTIONS}/{id}{verb}")) } else { Err(gone()) }
}

fn item(subscription: &Subscription) -> Result<&Item, GatewayError> {
    subscription.item().context("a subscription of nothing").map_err(unreadable)
}

fn has_ended(subscription: &Subscription) -> bool {
    matches!(subscription.status.as_str(), "canceled" | "incomplete_expired")
}

/// Whether the new price recurs as the subscription does.
fn is_every(subscription: &Subscription, change: &PriceChange) -> bool {
    subscription.recurs().is_some_and(|it| it == rhythm(change.to.interval))
}

/// Where a subscription stands after a verb.
#[derive(Deserialize)]
struct Standing {
    status: String,
}

/// What became of a change: nothing more is read of a subscription here.
#[derive(Deserialize)]
struct Changed {
    #[serde(skip)]
    declined: Option<ChargeFailure>,
}

/// What the bank said.
fn declined(answer: &Answer) -> Option<Changed> {
    let body: Refused = serde_json::from_slice(&answer.body).ok()?;
    let word = body.error.decline_code.or(body.error.code);
    Some(Changed { declined: Some(failed_as(word.as_deref())) })
}

#[derive(Deserialize)]
struct Refused {
    error: Words,
}

#[derive(Deserialize)]
struct Words {
    decline_code: Option<String>,
    code: Option<String>,
}
