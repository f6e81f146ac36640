#![doc = include_str!("../README.md")]

pub mod auto_top_up;
pub mod catalogue;
pub mod checkout;
pub mod credits;
pub mod currency;
pub mod event;
pub mod gateway;
pub mod id;
pub mod money;
pub mod organization;
pub mod payment;
pub mod period;
pub mod proration;
pub mod quota;
pub mod subscription;
pub mod usage;
