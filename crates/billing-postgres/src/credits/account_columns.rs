//! What changed on accounts, as the columns of the statements that write it.

use billing_domain::{
    credits::{CreditAccount, Pending, Settings},
    id::OrganizationId,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Accounts,
    rows::order_column,
    writes::{ConfigureAccount, UpdateAccounts},
};

#[derive(Default)]
pub(super) struct Moved {
    pub(super) organizations: Vec<Uuid>,
    seqs: Vec<i64>,
    dates: Vec<OffsetDateTime>,
    balances: Vec<i64>,
    overdrawn: Vec<i64>,
    held: Vec<i64>,
    dues: Vec<Option<OffsetDateTime>>,
    hours: Vec<OffsetDateTime>,
    in_hour: Vec<i64>,
    in_day: Vec<i64>,
}

impl Moved {
    pub(super) fn of(accounts: &Accounts, pending: &[(OrganizationId, Pending)]) -> Self {
        let mut moved = Self::default();
        for (id, pending) in pending {
            let Some(account) = accounts.get(id) else { continue };
            // A grant that starts later moves nothing but the date at which something is due.
            if pending.entries.is_empty() && pending.granted.is_empty() && !pending.moved {
                continue;
            }
            let [today, ..] = account.pace.days;
            moved.organizations.push(id.0);
            moved.seqs.push(account.last_seq);
            moved.dates.push(account.last_at);
            moved.balances.push(account.balance());
            moved.overdrawn.push(account.overdrawn);
            moved.held.push(account.held);
            moved.dues.push(account.next_due_at());
            moved.hours.push(account.pace.hour);
            moved.in_hour.push(account.pace.in_hour);
            moved.in_day.push(today);
        }
        moved
    }

    pub(super) fn statement(&self) -> UpdateAccounts<'_> {
        UpdateAccounts {
            organizations: &self.organizations,
            seqs: &self.seqs,
            dates: &self.dates,
            balances: &self.balances,
            overdrawn: &self.overdrawn,
            held: &self.held,
            dues: &self.dues,
            hours: &self.hours,
            in_hour: &self.in_hour,
            in_day: &self.in_day,
        }
    }
}

/// What seldom changes on an account.
#[derive(Default)]
pub(super) struct Configured {
    organization: Option<Uuid>,
    before: Vec<i64>,
    settings: Settings,
    draw_order: Option<String>,
}

impl Configured {
    pub(super) fn of(accounts: &Accounts, pending: &[(OrganizationId, Pending)]) -> Vec<Self> {
        let changed = pending.iter().filter(|(_, pending)| pending.configured);
        let of = |account: &CreditAccount| {
            let [_, before @ ..] = account.pace.days;
            Self {
                organization: Some(account.organization_id.0),
                before: before.to_vec(),
                settings: account.settings,
                draw_order: order_column(account.settings.order),
            }
        };
        changed.filter_map(|(id, _)| accounts.get(id).map(of)).collect()
    }

    pub(super) fn statement(&self) -> ConfigureAccount<'_> {
        ConfigureAccount {
            organization: self.organization,
            before: &self.before,
            overdraft_limit: self.settings.overdraft_limit,
            low_balance: self.settings.low_balance,
            low_percent: i16::from(self.settings.low_percent),
            draw_order: self.draw_order.as_deref(),
        }
    }
}
