#![doc = include_str!("../README.md")]

#[cfg(feature = "actix")]
pub mod actix;
mod call;
mod client;
mod credits;
mod denied;
mod error;
mod guard;
mod hold;
mod money;
mod quota;
mod retry;
mod subscription;
#[cfg(feature = "tower")]
pub mod tower;
mod usage;

pub use self::{
    client::{BuildError, Client, ClientBuilder},
    credits::{Consume, Consumption, CreditGrant, Credits, Drawn, Source},
    denied::{Denied, LimitReached, Reason, Shortfall, TopUp, Upgrade},
    error::{Error, Problem},
    guard::{Decision, Guard, Held, Passed, Refusal},
    hold::{Hold, HoldPlaced, Released, Settled},
    money::Money,
    quota::{Overage, Quota, QuotaCheck, QuotaReason},
    subscription::{Checkout, Portal, SubscribeTo, Subscription, SubscriptionStatus},
    usage::{BatchRecorded, RejectedEvent, Usage, UsageRecord},
};
