use serde::Deserialize;
use time::{OffsetDateTime, serde::timestamp};

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
    /// Before basil, as the next.
    #[serde(default, with = "timestamp::option")]
    current_period_start: Option<OffsetDateTime>,
    #[serde(default, with = "timestamp::option")]
    current_period_end: Option<OffsetDateTime>,
    /// Before prices.
    plan: Option<Identified>,
}

#[derive(Deserialize)]
struct Item {
    price: Option<Identified>,
    /// Before prices.
    plan: Option<Identified>,
    #[serde(default, with = "timestamp::option")]
    current_period_start: Option<OffsetDateTime>,
    #[serde(default, with = "timestamp::option")]
    current_period_end: Option<OffsetDateTime>,
}

impl Subscription {
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
        let price = item.and_then(|item| item.price.as_ref().or(item.plan.as_ref()));
        price.or(self.plan.as_ref()).map(|price| price.id.as_str())
    }

    fn items(&self) -> &[Item] {
        self.items.as_ref().map(|list| list.data.as_slice()).unwrap_or_default()
    }
}
