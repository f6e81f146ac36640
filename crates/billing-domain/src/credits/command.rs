//! What one can ask of a credit account.

use time::OffsetDateTime;

use crate::{
    credits::{DrawRef, GrantKind, IdempotencyKey, SettingsChange, Source},
    id::{DecisionId, GrantId, HoldId, OrganizationId},
};

/// Something that changes credits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CreditCommand {
    /// Use credits, all or nothing.
    Consume(Consume),
    /// Reserve credits, all or nothing.
    Hold(NewHold),
    /// Use what is held, or a part of it; the rest returns.
    Settle(Settle),
    /// Return what is held.
    Release(HoldId),
    /// Give credits.
    Grant(NewGrant),
    /// Take credits back that were given.
    Revoke(Revoke),
    /// Give back what was used.
    Refund(Refund),
    /// Give credits away to another organization.
    Send(Send),
    /// Change what the account is decided by.
    Configure(SettingsChange),
    /// Book what is due, and nothing else.
    BookDue,
}

/// Use credits for something that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Consume {
    /// The id that the decision gets, unless the key was decided before.
    pub decision: DecisionId,
    /// Decided once per organization.
    pub key: IdempotencyKey,
    /// The credit event.
    pub event: String,
    /// How many of them.
    quantity: i64,
    /// Credits for one.
    unit_cost: i64,
    /// Credits for all.
    cost: i64,
}

/// Why nothing of the kind can be consumed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidConsume {
    /// Less than one.
    #[error("`quantity` must be at least 1")]
    Quantity,
    /// More than can be counted.
    #[error("`quantity` is too large: the cost must stay below 2^53 credits")]
    TooLarge,
}

/// The most credits of one command: exact in every JSON reader.
pub const MOST_CREDITS: i64 = (1 << 53) - 1;

impl Consume {
    /// So many of an event at so many credits each.
    pub fn new(
        decision: DecisionId,
        key: IdempotencyKey,
        event: impl Into<String>,
        quantity: i64,
        unit_cost: i64,
    ) -> Result<Self, InvalidConsume> {
        let cost = cost(quantity, unit_cost)?;
        Ok(Self { decision, key, event: event.into(), quantity, unit_cost, cost })
    }

    /// How many are consumed.
    pub const fn quantity(&self) -> i64 {
        self.quantity
    }

    /// Credits for one.
    pub const fn unit_cost(&self) -> i64 {
        self.unit_cost
    }

    /// Credits for all.
    pub const fn cost(&self) -> i64 {
        self.cost
    }
}

/// Credits for so many at so much each.
fn cost(quantity: i64, unit_cost: i64) -> Result<i64, InvalidConsume> {
    if quantity < 1 {
        return Err(InvalidConsume::Quantity);
    }
    quantity
        .checked_mul(unit_cost)
        .filter(|cost| (0..=MOST_CREDITS).contains(cost))
        .ok_or(InvalidConsume::TooLarge)
}

/// No such number of credits can be held, settled, returned or given.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`amount` must be from 1 to 2^53 - 1 credits")]
pub struct InvalidCredits;

/// From 1 to 2^53 - 1 credits.
pub(super) fn credits(amount: i64) -> Result<i64, InvalidCredits> {
    if (1..=MOST_CREDITS).contains(&amount) { Ok(amount) } else { Err(InvalidCredits) }
}

/// Reserve credits for something that is about to happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewHold {
    /// The id that the hold gets, which is also its decision, unless the key was decided before.
    pub id: HoldId,
    /// Decided once per organization.
    pub key: IdempotencyKey,
    /// What they are for: the credit event.
    pub event: String,
    /// When what is not settled returns by itself.
    pub until: OffsetDateTime,
    amount: i64,
}

impl NewHold {
    /// So many credits.
    pub fn new(
        id: HoldId,
        key: IdempotencyKey,
        event: impl Into<String>,
        amount: i64,
        until: OffsetDateTime,
    ) -> Result<Self, InvalidCredits> {
        Ok(Self { id, key, event: event.into(), until, amount: credits(amount)? })
    }

    /// How many credits of a quantity at so much each.
    pub fn cost_of(quantity: i64, unit_cost: i64) -> Result<i64, InvalidConsume> {
        cost(quantity, unit_cost)
    }

    /// How many credits.
    pub const fn amount(&self) -> i64 {
        self.amount
    }
}

/// Use what is held, or a part of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settle {
    /// Which hold.
    pub hold: HoldId,
    amount: Option<i64>,
}

impl Settle {
    /// So many credits, or all that is held.
    pub fn new(hold: HoldId, amount: Option<i64>) -> Result<Self, InvalidCredits> {
        Ok(Self { hold, amount: amount.map(credits).transpose()? })
    }

    /// How many credits; nothing for all.
    pub const fn amount(&self) -> Option<i64> {
        self.amount
    }
}

/// Give credits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewGrant {
    /// The id that the grant gets, unless the source gave before.
    pub id: GrantId,
    /// Why.
    pub kind: GrantKind,
    /// How many.
    pub amount: i64,
    /// From when they may be used.
    pub starts_at: OffsetDateTime,
    /// Before when they must be used.
    pub expires_at: Option<OffsetDateTime>,
    /// What for: the same source gives only once.
    pub source: Source,
}

/// Why such a grant is impossible.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidGrant {
    /// None, or more than can be counted.
    #[error(transparent)]
    Amount(#[from] InvalidCredits),
    /// It would expire before it starts.
    #[error("`expires_at` must be after `starts_at`")]
    Expiry,
    /// It would take away what was paid for.
    #[error("purchased credits never expire: leave out `expires_at`")]
    Purchased,
}

impl NewGrant {
    /// Checks what people typed.
    pub fn validated(self) -> Result<Self, InvalidGrant> {
        credits(self.amount)?;
        if self.expires_at.is_some_and(|end| end <= self.starts_at) {
            return Err(InvalidGrant::Expiry);
        }
        if self.kind == GrantKind::Purchased && self.expires_at.is_some() {
            return Err(InvalidGrant::Purchased);
        }
        Ok(self)
    }
}

/// Say how much of a grant is taken back, all in all. Said again it changes nothing, and said lower
/// it gives again, so that any order of reports about a refund ends in the same.
///
/// What is already used becomes a debt. What expired unused is not asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revoke {
    /// What the credits were given for.
    pub source: Source,
    /// How many of them are taken back by now; at most all.
    pub total: i64,
}

/// Give back what was used, or a part of it, to the grants from which it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refund {
    /// The id that the decision gets, unless the key was decided before.
    pub decision: DecisionId,
    /// Decided once per organization.
    pub key: IdempotencyKey,
    /// What was used.
    pub draw: DrawRef,
    /// The id of a grant, for credits that came from an overdraft which is repaid by now.
    pub grant: GrantId,
    amount: Option<i64>,
}

impl Refund {
    /// So many credits, or all that are left of it.
    pub fn new(
        decision: DecisionId,
        key: IdempotencyKey,
        draw: DrawRef,
        amount: Option<i64>,
        grant: GrantId,
    ) -> Result<Self, InvalidCredits> {
        Ok(Self { decision, key, draw, grant, amount: amount.map(credits).transpose()? })
    }

    /// How many credits; nothing for all that are left.
    pub const fn amount(&self) -> Option<i64> {
        self.amount
    }
}

/// Give credits away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Send {
    /// The id that the transfer gets, unless the key was decided before.
    pub decision: DecisionId,
    /// Decided once per organization.
    pub key: IdempotencyKey,
    /// To whom.
    pub to: OrganizationId,
    amount: i64,
}

impl Send {
    /// So many credits.
    pub fn new(
        decision: DecisionId,
        key: IdempotencyKey,
        to: OrganizationId,
        amount: i64,
    ) -> Result<Self, InvalidCredits> {
        Ok(Self { decision, key, to, amount: credits(amount)? })
    }

    /// How many credits.
    pub const fn amount(&self) -> i64 {
        self.amount
    }
}
