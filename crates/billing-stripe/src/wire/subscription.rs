use serde::Deserialize;
use time::{OffsetDateTime, serde::timestamp};

use billing_domain::id::{ChangeId, PriceId};

use super::{Expandable, Identified, Invoice, Link, List, Metadata, invoice::Span};

/// A subscription.
#[derive(Deserialize)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) customer: Link,
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) metadata: Metadata,
    pub(crate) latest_invoice: Option<Expandable<Invoice>>,
    #[serde(default, with = "timestamp::option")]
    pub(crate) trial_end: Option<OffsetDateTime>,
    #[serde(default, with = "timestamp::option")]
    pub(crate) ended_at: Option<OffsetDateTime>,
    #[serde(default, with = "timestamp::option")]
    pub(crate) canceled_at: Option<OffsetDateTime>,
    #[serde(default, with = "timestamp::option")]
    pub(crate) cancel_at: Option<OffsetDateTime>,
    #[serde(default)]
    pub(crate) cancel_at_period_end: bool,
    #[serde(with = "timestamp")]
    created: OffsetDateTime,
    #[serde(default, with = "timestamp::option")]
    start_date: Option<OffsetDateTime>,
    items: Option<List<Item>>,
    schedule: Option<Expandable<Schedule>>,
    /// Before basil, as the next.
    #[serde(default, with = "timestamp::option")]
    current_period_start: Option<OffsetDateTime>,
    #[serde(default, with = "timestamp::option")]
    current_period_end: Option<OffsetDateTime>,
    /// Before prices.
    plan: Option<Identified>,
}

/// What is subscribed to, at one price.
#[derive(Deserialize)]
pub(crate) struct Item {
    #[serde(default)]
    pub(crate) id: String,
    quantity: Option<u32>,
    price: Option<Price>,
    /// Before prices.
    plan: Option<Identified>,
    #[serde(default, with = "timestamp::option")]
    current_period_start: Option<OffsetDateTime>,
    #[serde(default, with = "timestamp::option")]
    current_period_end: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
struct Price {
    id: String,
    #[serde(default)]
    metadata: Metadata,
    recurring: Option<Recurring>,
}

#[derive(Deserialize)]
struct Recurring {
    interval: String,
    interval_count: Option<u8>,
}

/// What a subscription becomes, and when.
#[derive(Deserialize)]
pub(crate) struct Schedule {
    pub(crate) id: String,
    status: String,
    #[serde(default)]
    metadata: Metadata,
    current_phase: Option<Phase>,
    #[serde(default)]
    pub(crate) phases: Vec<Phase>,
}

/// A part of a schedule.
#[derive(Deserialize)]
pub(crate) struct Phase {
    pub(crate) start_date: i64,
    pub(crate) end_date: i64,
}

impl Schedule {
    /// Whether it rules the subscription.
    pub(crate) fn is_active(&self) -> bool {
        matches!(self.status.as_str(), "active" | "not_started")
    }

    /// The change of ours that it was made for.
    pub(crate) fn change_id(&self) -> Option<ChangeId> {
        self.metadata.id("change_id")
    }

    /// Whether a phase is still to come.
    pub(crate) fn is_ahead(&self) -> bool {
        let last = self.phases.iter().map(|phase| phase.start_date).max();
        let current = self.current_phase.as_ref().map(|phase| phase.start_date);
        self.is_active() && last > current
    }
}

impl Subscription {
    /// The schedule that rules it.
    pub(crate) fn schedule(&self) -> Option<&Schedule> {
        match &self.schedule {
            Some(Expandable::Object(schedule)) => Some(&**schedule).filter(|it| it.is_active()),
            Some(Expandable::Id(_)) | None => None,
        }
    }

    /// Our price, as it stands with the price itself, or else with the subscription.
    pub(crate) fn price_id(&self) -> Option<PriceId> {
        let price = self.items().first().and_then(|item| item.price.as_ref());
        price.and_then(|it| it.metadata.id("price_id")).or_else(|| self.metadata.id("price_id"))
    }

    /// How often it is paid, in Stripe's units.
    pub(crate) fn recurs(&self) -> Option<(&str, u8)> {
        let recurring = self.item()?.price.as_ref()?.recurring.as_ref()?;
        Some((&recurring.interval, recurring.interval_count.unwrap_or(1)))
    }

    /// What is changed when the price is: of several the first.
    pub(crate) fn item(&self) -> Option<&Item> {
        self.items().first()
    }

    /// How many of it; Stripe knows none, too, which is as one without a quantity.
    pub(crate) fn quantity(&self) -> u32 {
        self.item().and_then(|item| item.quantity).unwrap_or(1).max(1)
    }

    /// When it began.
    pub(crate) fn began_at(&self) -> OffsetDateTime {
        self.start_date.unwrap_or(self.created)
    }

    /// The period that is running: of several the one that ends first.
    pub(crate) fn period(&self) -> Option<Span> {
        let periods = self.items().iter().filter_map(|item| {
            Some(Span { start: item.current_period_start?, end: item.current_period_end? })
        });
        periods.min_by_key(|period| period.end).or_else(|| {
            Some(Span { start: self.current_period_start?, end: self.current_period_end? })
        })
    }

    /// What is paid for it.
    pub(crate) fn price(&self) -> Option<&str> {
        let item = self.items().first();
        let price = item.and_then(|item| item.price.as_ref()).map(|price| price.id.as_str());
        let plan = item.and_then(|item| item.plan.as_ref()).or(self.plan.as_ref());
        price.or_else(|| plan.map(|plan| plan.id.as_str()))
    }

    fn items(&self) -> &[Item] {
        self.items.as_ref().map(|list| list.data.as_slice()).unwrap_or_default()
    }
}
