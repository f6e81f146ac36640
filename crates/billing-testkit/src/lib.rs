#![doc = include_str!("../README.md")]

pub mod builders;
mod clock;
mod conformance;
mod gateway;
mod ids;
mod memory;
pub mod promises;
mod secrets;
mod subject;

pub use self::{
    clock::{NOON, Stopped},
    gateway::{Call, FakeGateway},
    ids::Counting,
    memory::MemoryStore,
    secrets::FixedSecrets,
    subject::{GatewaySubject, Payer, Subject},
};
