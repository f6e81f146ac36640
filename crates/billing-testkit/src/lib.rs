#![doc = include_str!("../README.md")]

pub mod builders;
mod changes;
mod clock;
mod conformance;
mod gateway;
mod ids;
mod memory;
pub mod promises;
mod secrets;
mod subject;

pub use self::{
    changes::MemoryChanges,
    clock::{NOON, Stopped},
    gateway::{Call, FakeGateway},
    ids::Counting,
    memory::MemoryStore,
    secrets::FixedSecrets,
    subject::{GatewaySubject, Payer, Subject, Witness},
};
