//! Accounts, with the rows that they produced.

use std::collections::BTreeSet;

use billing_app::ports::CreditSummary;
use billing_domain::{
    credits::{CreditAccount, CreditCommand, CreditOutcome, Entry},
    id::{BonusId, OrganizationId},
    usage::{Bonus, UsageAccount, UsageCommand, UsageOutcome},
};
use time::OffsetDateTime;

/// The credit ledger of an organization.
#[derive(Clone)]
pub(super) struct CreditBook {
    pub(super) account: CreditAccount,
    pub(super) entries: Vec<Entry>,
}

impl CreditBook {
    pub(super) fn new(organization: OrganizationId) -> Self {
        Self { account: CreditAccount::new(organization), entries: Vec::new() }
    }

    pub(super) fn apply(&mut self, command: &CreditCommand, now: OffsetDateTime) -> CreditOutcome {
        let outcome = self.account.apply(command, now);
        self.entries.extend(self.account.take_pending().entries);
        outcome
    }

    pub(super) fn summary(&self) -> CreditSummary {
        let account = &self.account;
        let left = account.grants().iter().filter(|grant| grant.remaining > 0);
        let mut grants: Vec<_> = left.cloned().collect();
        grants.sort_by_key(|grant| account.order.key(grant));
        CreditSummary {
            balance: account.balance(),
            overdrawn: account.overdrawn,
            overdraft_limit: account.overdraft_limit,
            next_due_at: account.next_due_at(),
            grants,
        }
    }
}

/// The usage ledger of an organization.
#[derive(Clone)]
pub(super) struct UsageBook {
    pub(super) account: UsageAccount,
    pub(super) counted: Vec<(i64, UsageCommand)>,
    bonuses: BTreeSet<BonusId>,
}

impl UsageBook {
    pub(super) fn new(organization: OrganizationId) -> Self {
        Self {
            account: UsageAccount::new(organization),
            counted: Vec::new(),
            bonuses: BTreeSet::new(),
        }
    }

    pub(super) fn apply(&mut self, command: &UsageCommand, now: OffsetDateTime) -> UsageOutcome {
        let outcome = self.account.apply(command, now);
        self.counted.extend(self.account.take_pending().counted);
        outcome
    }

    pub(super) fn give(&mut self, bonus: &Bonus) {
        if self.bonuses.insert(bonus.id) {
            self.account.know_bonus(bonus.clone());
        }
    }
}
