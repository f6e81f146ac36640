//! Counting what is used, and deciding on more of it.
//!
//! The same shape as the ledger: an account with what is known, a pure `apply`, and what is to be
//! recorded afterwards.

mod account;
mod bonuses;
mod command;
mod counter;
mod days;
mod explain;
mod outcome;
mod rebuild;
mod warning;

pub use self::{
    account::{Counted, Decision, UsageAccount, UsagePending},
    bonuses::Bonus,
    command::{Effect, Grace, UsageCommand, UsageOperation, UsageRule, Use},
    counter::{Counter, CounterKey, CounterWindow},
    days::{DayOfUse, Pace, Percentiles, limit_share},
    explain::UsageDecision,
    outcome::{Decided, Recorded, UsageOutcome},
    rebuild::{RawUse, Recount, Tallies, Tally},
};

#[cfg(test)]
mod tests;
