//! Records as tests need them: plain functions, for use with struct-update syntax.
//!
//! Each call makes a record with an id of its own; the instants are counted from
//! [`NOON`](crate::NOON). The catalogue alone is always the same.

mod ledgers;
mod offers;
mod records;
mod webhooks;

use billing_app::ports::Ids;
use uuid::Uuid;

pub use self::{
    ledgers::{
        a_bonus, a_consume, a_grant, a_hold, a_refund, a_source, a_transfer, a_usage_rule, a_use,
        an_idempotency_key,
    },
    offers::{a_price_of, the_default_catalogue},
    records::{
        a_bill, a_change, a_change_request, a_checkout, a_customer, a_discount, a_duplicate,
        a_hosted_page, a_payment, a_reference, a_subscription_on_trial, a_trial,
        an_active_subscription, an_api_key, an_auto_top_up, an_event, an_invoice, an_organization,
    },
    webhooks::{
        a_failed_try, a_new_customer, a_plan_checkout_request, a_request_key, a_try, a_webhook,
        a_webhook_action, an_alert,
    },
};
use crate::Counting;

static IDS: Counting = Counting::series(1);

/// An id that nobody has, greater than those before.
pub fn a_fresh_id<I: From<Uuid>>() -> I {
    I::from(IDS.next())
}
