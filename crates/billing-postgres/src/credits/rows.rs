//! Rows of the ledger's tables, as the domain knows them.

use anyhow::Context;
use billing_app::Error;
use billing_domain::{
    credits::{
        Asked, Consumed, CreditAccount, CreditOutcome, Denied, Draw, DrawOrder, DrawRef, Grant,
        GrantKind, Held, Hold, HoldState, IdempotencyKey, Operation, Pace, Refunded, Sent,
        Settings, Source,
    },
    id::{DecisionId, GrantId, HoldId, OrganizationId},
};
use diesel::sql_types::{BigInt, Bool, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::origins::Until;

pub(super) type AccountRow = (
    Uuid,
    i64,
    OffsetDateTime,
    i64,
    i64,
    i64,
    OffsetDateTime,
    i64,
    i64,
    Vec<i64>,
    i64,
    i16,
    Option<String>,
);
/// The columns of a grant.
#[rustfmt::skip]
pub(crate) type GrantSql = (
    SqlUuid, SqlUuid, Text, BigInt, BigInt, BigInt, BigInt, Timestamptz, Nullable<Timestamptz>,
    Text, Text, Timestamptz, Bool, SmallInt,
);
/// A grant, as read.
#[rustfmt::skip]
pub(crate) type GrantRow = (
    Uuid, Uuid, String, i64, i64, i64, i64, OffsetDateTime, Option<OffsetDateTime>,
    String, String, OffsetDateTime, bool, i16,
);
/// A hold, as read.
#[rustfmt::skip]
pub(crate) type HoldRow = (
    Uuid, Uuid, String, i64, Value, OffsetDateTime, Option<String>, Option<i64>, Option<i64>,
    Option<i64>,
);
pub(super) type DrawRow = (Uuid, i64, Uuid, i64, i64, Value, i64);
#[rustfmt::skip]
pub(super) type KeyRow = (
    Uuid, String, String, OffsetDateTime, Uuid, String, i64, i64, Option<i64>, Option<i64>,
    Option<i64>, Option<Value>, Option<i64>, Option<Value>,
);

/// An account without what is in it.
pub(super) fn account(row: AccountRow) -> Result<CreditAccount, Error> {
    let (
        id,
        last_seq,
        last_at,
        overdrawn,
        overdraft_limit,
        held,
        hour,
        in_hour,
        in_day,
        before,
        low_balance,
        low_percent,
        order,
    ) = row;
    let mut account = CreditAccount::new(OrganizationId(id));
    account.last_seq = last_seq;
    account.last_at = last_at;
    account.overdrawn = overdrawn;
    account.held = held;
    account.settings = settings((overdraft_limit, low_balance, low_percent), order.as_deref())?;
    let mut days = [in_day, 0, 0, 0, 0, 0, 0, 0];
    for (day, used) in days.iter_mut().skip(1).zip(before) {
        *day = used;
    }
    account.pace = Pace { hour, in_hour, days };
    Ok(account)
}

/// What an account is decided by.
pub(crate) fn settings(
    (overdraft_limit, low_balance, low_percent): (i64, i64, i16),
    order: Option<&str>,
) -> Result<Settings, Error> {
    let low_percent = u8::try_from(low_percent).context("a percentage")?;
    let order = order.map(draw_order).transpose()?.unwrap_or_default();
    Ok(Settings { overdraft_limit, order, low_balance, low_percent })
}

fn draw_order(names: &str) -> anyhow::Result<DrawOrder> {
    let kinds: Vec<GrantKind> = names.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let kinds: [GrantKind; 4] = kinds.try_into().ok().context("four kinds of grants")?;
    Ok(kinds.try_into()?)
}

/// The order of draw as a column; nothing for the default.
pub(super) fn order_column(order: DrawOrder) -> Option<String> {
    let names = <[GrantKind; 4]>::from(order).map(GrantKind::name);
    (order != DrawOrder::default()).then(|| names.join(","))
}

/// A grant, and whose it is.
pub(crate) fn grant(row: GrantRow) -> Result<(OrganizationId, Grant), Error> {
    let (
        organization,
        id,
        kind,
        amount,
        remaining,
        held,
        revoked,
        starts_at,
        expires_at,
        source_kind,
        source_id,
        granted_at,
        started,
        noticed,
    ) = row;
    let kind = kind.parse().with_context(|| format!("grant {id} cannot be read"))?;
    let grant = Grant {
        id: GrantId(id),
        kind,
        amount,
        remaining,
        held,
        revoked,
        starts_at,
        expires_at,
        source: Source { kind: source_kind, id: source_id },
        granted_at,
        started,
        noticed: u8::try_from(noticed).context("days of notice")?,
    };
    Ok((OrganizationId(organization), grant))
}

/// A hold, and whose it is.
pub(crate) fn hold(row: HoldRow) -> Result<(OrganizationId, Hold), Error> {
    let (organization, id, event, amount, parts, until, how, settled, seq, balance_after) = row;
    let state = match how.zip(settled).zip(seq).zip(balance_after) {
        Some((((how, settled), seq), balance_after)) => {
            let how = how.parse().with_context(|| format!("hold {id} cannot be read"))?;
            HoldState::Resolved { how, settled, seq, balance_after }
        }
        None => HoldState::Open,
    };
    let parts = serde_json::from_value(parts).map_err(anyhow::Error::from)?;
    let hold = Hold { id: HoldId(id), event, amount, parts, until, state };
    Ok((OrganizationId(organization), hold))
}

/// What names a use of credits, as the columns by which it is looked up.
pub(super) fn named_draw(draw: DrawRef) -> (Option<i64>, Option<Uuid>) {
    match draw {
        DrawRef::Row(seq) => (Some(seq), None),
        DrawRef::Decision(decision) => (None, Some(decision.0)),
    }
}

pub(super) fn draw(row: DrawRow) -> Result<(OrganizationId, Draw), Error> {
    let (organization, seq, decision, amount, overdrawn, touched, returned) = row;
    let mut touched: Vec<billing_domain::credits::Touch> =
        serde_json::from_value(touched).map_err(anyhow::Error::from)?;
    touched.retain(|touch| touch.amount < 0);
    let decision = DecisionId(decision);
    let draw = Draw { seq, decision, amount: -amount, touched, overdrawn, returned };
    Ok((OrganizationId(organization), draw))
}

/// What came of a key, and whose it is.
pub(super) struct Known {
    pub(super) organization: OrganizationId,
    pub(super) operation: Operation,
    pub(super) key: IdempotencyKey,
    pub(super) asked: Asked,
    pub(super) outcome: CreditOutcome,
}

pub(super) fn known(row: KeyRow) -> Result<Known, Error> {
    let decision = row.4;
    Ok(read(row).with_context(|| format!("decision {decision} cannot be read"))?)
}

fn read(row: KeyRow) -> anyhow::Result<Known> {
    let (
        organization,
        key,
        operation,
        at,
        decision,
        what,
        quantity,
        required,
        available,
        seq,
        balance_after,
        touched,
        refers_to,
        detail,
    ) = row;
    let operation: Operation = operation.parse()?;
    let decision = DecisionId(decision);
    let replayed = false;
    let outcome = if let Some(available) = available {
        CreditOutcome::Denied(Denied { decision, required, available, at, replayed })
    } else {
        let seq = seq.context("no row in the ledger")?;
        let balance_after = balance_after.context("no row in the ledger")?;
        let touched = serde_json::from_value(touched.context("no row in the ledger")?)?;
        match operation {
            Operation::Consume => {
                let cost = required;
                let it = Consumed { decision, seq, cost, balance_after, touched, replayed };
                CreditOutcome::Consumed(it)
            }
            Operation::Hold => {
                let until: Until = serde_json::from_value(detail.context("until when")?)?;
                let (hold, until, amount) = (HoldId(decision.0), until.until, required);
                CreditOutcome::Held(Held { hold, seq, amount, until, touched, replayed })
            }
            Operation::Refund => CreditOutcome::Refunded(Refunded {
                decision,
                seq,
                draw: refers_to.context("the row that is given back")?,
                amount: required,
                balance_after,
                touched,
                replayed,
            }),
            Operation::Transfer => {
                let (amount, taken) = (required, Vec::new());
                CreditOutcome::Sent(Sent { decision, seq, amount, balance_after, taken, replayed })
            }
        }
    };
    Ok(Known {
        organization: OrganizationId(organization),
        operation,
        key: IdempotencyKey::parse(&key)?,
        asked: Asked { what, quantity },
        outcome,
    })
}
