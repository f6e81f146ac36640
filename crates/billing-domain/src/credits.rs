//! The credit ledger of one organization.
//!
//! All that changes credits is a [`CreditCommand`], and [`CreditAccount::apply`] decides on it.
//! The same function decides in a request of its own, in a batch of many, in a unit of work and in
//! an explanation afterwards.
//!
//! **Balance** = what started grants have left − what is overdrawn. Every change of it is an
//! [`Entry`], numbered without gaps; what is due (starts, expiries) is booked, dated when it was
//! due, before anything later is decided.

mod account;
mod command;
mod entry;
mod grant;

pub use self::{
    account::{CreditAccount, Pending},
    command::{
        Consume, Consumed, CreditCommand, CreditOutcome, Denied, IdempotencyKey, InvalidConsume,
        InvalidGrant, InvalidKey, NewGrant,
    },
    entry::{Entry, EntryKind, Origin, Touch, UnknownEntryKind},
    grant::{DrawOrder, Grant, GrantKind, Source, UnknownGrantKind},
};

#[cfg(test)]
mod tests;
