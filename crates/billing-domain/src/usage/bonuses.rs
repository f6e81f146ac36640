//! Bonuses: drawn on above the limit, and given back what is freed.

use time::OffsetDateTime;

use crate::{
    id::BonusId,
    usage::{CounterKey, Grace, UsageAccount, UsageOutcome},
};

/// Why a bonus of grace is given.
const GRACE: &str = "plan_downgrade_grace";

/// More of a meter than the plan allows, given for a reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bonus {
    /// Our id.
    pub id: BonusId,
    /// Of what.
    pub meter: String,
    /// How much was given.
    pub amount: u64,
    /// How much is left.
    pub remaining: u64,
    /// Why, in a few words.
    pub reason: String,
    /// Before when it must be used.
    pub expires_at: OffsetDateTime,
    /// When it was given.
    pub created_at: OffsetDateTime,
}

impl Bonus {
    fn is_alive(&self, meter: &str, now: OffsetDateTime) -> bool {
        self.meter == meter && now < self.expires_at
    }
}

impl UsageAccount {
    /// What bonuses on a meter have left.
    pub(super) fn bonus(&self, meter: &str, now: OffsetDateTime) -> u64 {
        let alive = self.bonuses.iter().filter(|bonus| bonus.is_alive(meter, now));
        alive.map(|bonus| bonus.remaining).fold(0, u64::saturating_add)
    }

    pub(super) fn give(&mut self, bonus: &Bonus) -> UsageOutcome {
        let already = self.bonuses.iter().any(|known| known.id == bonus.id);
        if !already {
            self.bonuses.push(bonus.clone());
            self.pending.given.push(bonus.clone());
        }
        UsageOutcome::Given { already }
    }

    /// What is above the limit is borne by bonuses as far as they reach, and for the rest by one
    /// that is used up already.
    pub(super) fn grace(&mut self, grace: &Grace, now: OffsetDateTime) -> UsageOutcome {
        if self.bonuses.iter().any(|known| known.id == grace.id) {
            return UsageOutcome::Given { already: true };
        }
        let Grace { id, meter, rule, expires_at } = grace;
        let key = CounterKey::of(meter.clone(), rule);
        let above = rule.above(self.used(&key, rule, now).0);
        let borne = self.counter(&key).from_bonus.min(self.bonus_used(meter, now));
        let open = above.saturating_sub(borne);
        if open == 0 {
            return UsageOutcome::Given { already: false };
        }
        let excess = open - self.draw(meter, open, now);
        let mut counter = self.counter(&key);
        counter.from_bonus = borne.saturating_add(open);
        self.put(key, counter);
        if excess > 0 {
            self.give(&Bonus {
                id: *id,
                meter: meter.to_string(),
                amount: excess,
                remaining: 0,
                reason: GRACE.to_owned(),
                expires_at: *expires_at,
                created_at: now,
            });
        }
        UsageOutcome::Given { already: false }
    }

    /// What was drawn from bonuses that have not expired.
    fn bonus_used(&self, meter: &str, now: OffsetDateTime) -> u64 {
        let alive = self.bonuses.iter().filter(|bonus| bonus.is_alive(meter, now));
        alive.map(|bonus| bonus.amount - bonus.remaining).fold(0, u64::saturating_add)
    }

    /// Takes from bonuses, the soonest to expire first, as far as they reach. How much.
    pub(super) fn draw(&mut self, meter: &str, wanted: u64, now: OffsetDateTime) -> u64 {
        let mut open = wanted;
        if open == 0 {
            return 0;
        }
        self.bonuses.sort_by_key(|bonus| (bonus.expires_at, bonus.created_at, bonus.id));
        let alive = |bonus: &&mut Bonus| bonus.remaining > 0 && bonus.is_alive(meter, now);
        for bonus in self.bonuses.iter_mut().filter(alive) {
            if open == 0 {
                break;
            }
            let taken = open.min(bonus.remaining);
            bonus.remaining -= taken;
            open -= taken;
            self.pending.bonuses.insert(bonus.id, bonus.remaining);
        }
        wanted - open
    }

    /// Gives back to bonuses, the latest to expire first, never more than was drawn.
    pub(super) fn give_back(&mut self, meter: &str, mut open: u64, now: OffsetDateTime) {
        if open == 0 {
            return;
        }
        self.bonuses.sort_by_key(|bonus| (bonus.expires_at, bonus.created_at, bonus.id));
        let used =
            |bonus: &&mut Bonus| bonus.remaining < bonus.amount && bonus.is_alive(meter, now);
        for bonus in self.bonuses.iter_mut().rev().filter(used) {
            if open == 0 {
                return;
            }
            let back = open.min(bonus.amount - bonus.remaining);
            bonus.remaining += back;
            open -= back;
            self.pending.bonuses.insert(bonus.id, bonus.remaining);
        }
    }
}
