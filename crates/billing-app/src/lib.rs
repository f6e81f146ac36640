#![doc = include_str!("../README.md")]

mod error;
pub mod ports;

pub use self::error::{Error, Missing, Refusal};
