//! The credit ledger of one organization.
//!
//! All that changes credits is a [`CreditCommand`], and [`CreditAccount::apply`] decides on it.
//! The same function decides in a request of its own, in a batch of many, in a unit of work and in
//! an explanation afterwards.
//!
//! **Balance** = what started grants have left − what is overdrawn. **Available** = balance − what
//! is held + the overdraft limit. Every change is an [`Entry`], numbered without gaps; what is due
//! (holds that time out, expiries, starts) is booked, dated when it was due, before anything later
//! is decided.

mod account;
mod command;
mod consume;
mod draw;
mod due;
mod entry;
mod explain;
mod grant;
mod grants;
mod hold;
mod holds;
mod key;
mod outcome;
mod pace;
mod pending;
mod refunds;
mod settings;
mod transfers;

pub use self::{
    account::CreditAccount,
    command::{
        Consume, CreditCommand, InvalidConsume, InvalidCredits, InvalidGrant, MOST_CREDITS,
        NewGrant, NewHold, Refund, Revoke, Send, Settle,
    },
    draw::{Draw, DrawRef},
    entry::{Entry, EntryKind, Origin, Touch, UnknownEntryKind},
    explain::{CreditDecision, Recomputed},
    grant::{DrawOrder, Grant, GrantKind, InvalidDrawOrder, Source, UnknownGrantKind},
    hold::{Hold, HoldState, Resolution, UnknownResolution},
    key::{Asked, IdempotencyKey, InvalidKey, Operation, UnknownOperation},
    outcome::{
        Consumed, CreditOutcome, Denied, Held, HoldRefusal, RefundRefusal, Refunded, Released,
        Sent, Settled, Taken,
    },
    pace::Pace,
    pending::{Decided, Pending, Verdict},
    settings::{InvalidSettings, Settings, SettingsChange},
};

#[cfg(test)]
mod tests;
