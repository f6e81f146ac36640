#![doc = include_str!("../README.md")]

pub mod email;
pub mod webhooks;
