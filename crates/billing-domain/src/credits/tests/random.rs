//! Random sequences of commands.

use proptest::prelude::*;

use super::*;

/// A command, and when it comes.
pub(super) type Step = (OffsetDateTime, CreditCommand);

/// So many units after noon. Half a day each, so that there are notices in short sequences.
pub(super) fn instant(units: i64) -> OffsetDateTime {
    NOON + Duration::hours(12 * units)
}

pub(super) fn units(instant: OffsetDateTime) -> i64 {
    (instant - NOON).whole_hours().div_euclid(12)
}

pub(super) fn settings() -> impl Strategy<Value = Settings> {
    let order = prop_oneof![Just(GrantKind::ALL), Just(GrantKind::ALL).prop_shuffle()];
    let overdraft_limit = prop_oneof![2 => Just(0_i64), 1 => 0_i64..40];
    (order, overdraft_limit, 0_i64..30, 0_u8..=100).prop_map(
        |(order, overdraft_limit, low_balance, low_percent)| Settings {
            overdraft_limit,
            order: DrawOrder::try_from(order).unwrap(),
            low_balance,
            low_percent,
        },
    )
}

/// Some of them.
fn change() -> impl Strategy<Value = SettingsChange> {
    let named = prop::array::uniform4(any::<bool>());
    (settings(), named).prop_map(|(settings, [overdraft, order, balance, percent])| {
        SettingsChange {
            overdraft_limit: overdraft.then_some(settings.overdraft_limit),
            order: order.then_some(settings.order),
            low_balance: balance.then_some(settings.low_balance),
            low_percent: percent.then_some(settings.low_percent),
        }
    })
}

/// Small numbers, so that instants coincide, keys and sources repeat, and credits run out.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((jump(), command()), 0..40).prop_map(|timed| {
        let (mut now, mut made) = (0, Made::default());
        let mut steps = Vec::new();
        for (n, (jump, mut command)) in timed.into_iter().enumerate() {
            now += jump;
            made.place(&mut command, Uuid::from_u128(u128::try_from(n).unwrap()), now);
            steps.push((instant(now), command));
        }
        steps
    })
}

/// What commands before have made, or tried to.
#[derive(Default)]
struct Made {
    holds: Vec<HoldId>,
    uses: Vec<DecisionId>,
}

impl Made {
    /// Gives ids to a command, and lets it name what is there: instants that were made relative to
    /// noon become so to now, numbers become those of things.
    fn place(&mut self, command: &mut CreditCommand, id: Uuid, now: i64) {
        let later = instant(now) - NOON;
        match command {
            CreditCommand::Grant(grant) => {
                grant.id = GrantId(id);
                grant.starts_at += later;
                grant.expires_at = grant.expires_at.map(|end| end + later);
            }
            CreditCommand::Consume(consume) => {
                consume.decision = DecisionId(id);
                self.uses.push(consume.decision);
            }
            CreditCommand::Hold(hold) => {
                hold.id = HoldId(id);
                hold.until += later;
                self.holds.push(hold.id);
                self.uses.push(DecisionId(id));
            }
            CreditCommand::Settle(settle) => settle.hold = one_of(&self.holds, settle.hold.0),
            CreditCommand::Release(hold) => *hold = one_of(&self.holds, hold.0),
            CreditCommand::Refund(refund) => {
                (refund.decision, refund.grant) = (DecisionId(id), GrantId(id));
                if let DrawRef::Decision(use_) = &mut refund.draw {
                    *use_ = one_of(&self.uses, use_.0);
                }
            }
            CreditCommand::Send(send) => send.decision = DecisionId(id),
            CreditCommand::Revoke(_) | CreditCommand::Configure(_) | CreditCommand::BookDue => {}
        }
    }
}

/// One of the last few things, by a number; now and then something that is not there.
fn one_of<Id: Copy + From<Uuid>>(things: &[Id], number: Uuid) -> Id {
    let back = usize::try_from(number.as_u128()).unwrap();
    things.iter().rev().nth(back).copied().unwrap_or(Id::from(Uuid::max()))
}

fn jump() -> impl Strategy<Value = i64> {
    prop_oneof![3 => Just(0_i64), 5 => 1_i64..4, 1 => 4_i64..30, 2 => -6_i64..0]
}

fn command() -> impl Strategy<Value = CreditCommand> {
    prop_oneof![
        5 => grant(),
        5 => consume(),
        4 => hold(),
        3 => (0_u128..4, parts()).prop_map(|(hold, amount)| {
            CreditCommand::Settle(Settle::new(hold_id(hold), amount).unwrap())
        }),
        1 => (0_u128..4).prop_map(|hold| CreditCommand::Release(hold_id(hold))),
        3 => refund(),
        2 => (0_u128..12, -1_i64..30).prop_map(|(n, total)| {
            let source = a_grant(n, GrantKind::Purchased, 1).source;
            CreditCommand::Revoke(Revoke { source, total })
        }),
        1 => gift(),
        1 => change().prop_map(CreditCommand::Configure),
        1 => Just(CreditCommand::BookDue),
    ]
}

fn grant() -> impl Strategy<Value = CreditCommand> {
    let kind = prop::sample::select(GrantKind::ALL.to_vec());
    let life = prop_oneof![3 => -3_i64..12, 1 => 10_i64..40];
    let expires = prop::option::weighted(0.7, life);
    (kind, 1_i64..30, -3_i64..8, expires, 0_u128..12).prop_map(
        |(kind, amount, starts, expires, source)| {
            CreditCommand::Grant(NewGrant {
                starts_at: instant(starts),
                expires_at: expires.map(instant),
                ..a_grant(source, kind, amount)
            })
        },
    )
}

fn consume() -> impl Strategy<Value = CreditCommand> {
    (a_key(), any::<bool>(), 1_i64..3, 0_i64..25).prop_map(|(name, basic, quantity, unit_cost)| {
        let consume = CreditCommand::Consume(a_consume(&name, quantity, unit_cost));
        if basic { consume } else { for_something_else(consume).unwrap() }
    })
}

fn hold() -> impl Strategy<Value = CreditCommand> {
    (a_key(), 1_i64..25, -1_i64..12).prop_map(|(name, amount, until)| {
        let until = instant(until);
        let hold = NewHold::new(hold_id(0), key(&name), "ai_inference", amount, until);
        CreditCommand::Hold(hold.unwrap())
    })
}

fn refund() -> impl Strategy<Value = CreditCommand> {
    let row = (1_i64..30).prop_map(DrawRef::Row);
    let decision = (0_u128..5).prop_map(|back| DrawRef::Decision(decision_id(back)));
    let draw = prop_oneof![1 => row, 4 => decision];
    (a_key(), draw, parts()).prop_map(|(name, draw, amount)| {
        let refund = Refund::new(decision_id(0), key(&name), draw, amount, grant_id(0));
        CreditCommand::Refund(refund.unwrap())
    })
}

fn gift() -> impl Strategy<Value = CreditCommand> {
    (a_key(), 1_i64..30).prop_map(|(name, amount)| CreditCommand::Send(a_gift(&name, amount)))
}

fn a_key() -> impl Strategy<Value = String> {
    (0_u8..20).prop_map(|n| n.to_string())
}

/// All, or a part of it.
fn parts() -> impl Strategy<Value = Option<i64>> {
    prop::option::of(1_i64..15)
}

/// A command under the same key that asks for something else; nothing for those without a key.
pub(super) fn for_something_else(mut command: CreditCommand) -> Option<CreditCommand> {
    match &mut command {
        CreditCommand::Consume(asked) => asked.event.push_str(" of another kind"),
        CreditCommand::Hold(asked) => asked.event.push_str(" of another kind"),
        CreditCommand::Refund(asked) => asked.draw = DrawRef::Row(10_000),
        CreditCommand::Send(asked) => asked.to = OrganizationId(Uuid::max()),
        CreditCommand::Settle(_)
        | CreditCommand::Release(_)
        | CreditCommand::Grant(_)
        | CreditCommand::Revoke(_)
        | CreditCommand::Configure(_)
        | CreditCommand::BookDue => return None,
    }
    Some(command)
}
