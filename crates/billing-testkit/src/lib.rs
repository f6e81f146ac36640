#![doc = include_str!("../README.md")]

pub mod builders;
mod changes;
mod clock;
mod conformance;
mod gateway;
mod identity;
mod ids;
mod memory;
pub mod promises;
mod receiver;
mod secrets;
mod subject;

pub use self::{
    changes::MemoryChanges,
    clock::{NOON, Stopped},
    gateway::{Call, FakeGateway},
    identity::FakeIdentity,
    ids::Counting,
    memory::{MemoryStore, PlainLetters},
    receiver::FakeReceivers,
    secrets::FixedSecrets,
    subject::{GatewaySubject, Payer, Subject, Witness},
};
