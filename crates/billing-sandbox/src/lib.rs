#![doc = include_str!("../README.md")]

mod clock;
mod config;
mod running;

mod sandbox;
mod store;
mod work;

mod journal;
mod json;
mod record;

mod delivery;
mod outbox;

mod fault_controls;
mod faults;

mod index;
mod money;
mod pages;

mod stripe;

pub use config::{Clock, Config, Ids, WebhookTarget};
pub use running::{Running, start};
