//! What holds after any sequence of commands, whatever the clock does.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A command, and when it comes.
pub(super) type Step = (OffsetDateTime, CreditCommand);

/// How an account is set up.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) order: [GrantKind; 4],
    pub(super) overdraft_limit: i64,
}

impl Rules {
    pub(super) fn account(&self) -> CreditAccount {
        let mut account = an_account();
        account.order = DrawOrder(self.order);
        account.overdraft_limit = self.overdraft_limit;
        account
    }
}

pub(super) fn rules() -> impl Strategy<Value = Rules> {
    let order = Just(GrantKind::ALL).prop_shuffle();
    let overdraft_limit = prop_oneof![2 => Just(0_i64), 1 => 0_i64..40];
    (prop_oneof![Just(GrantKind::ALL), order], overdraft_limit)
        .prop_map(|(order, overdraft_limit)| Rules { order, overdraft_limit })
}

/// Small numbers, so that instants coincide, keys and sources repeat, and credits run out.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((jump(), command()), 0..40).prop_map(|timed| {
        let mut now = NOON;
        let mut steps = Vec::new();
        for (n, (jump, mut command)) in timed.into_iter().enumerate() {
            now += Duration::seconds(jump);
            let id = Uuid::from_u128(u128::try_from(n).unwrap());
            match &mut command {
                CreditCommand::Grant(grant) => {
                    // Instants of grants are made relative to noon; here they become so to now.
                    grant.id = GrantId(id);
                    grant.starts_at += now - NOON;
                    grant.expires_at = grant.expires_at.map(|end| end + (now - NOON));
                }
                CreditCommand::Consume(consume) => consume.decision = DecisionId(id),
                CreditCommand::BookDue => {}
            }
            steps.push((now, command));
        }
        steps
    })
}

fn for_something_else(mut consume: Consume) -> Consume {
    consume.event.push_str(" of another kind");
    consume
}

fn jump() -> impl Strategy<Value = i64> {
    prop_oneof![3 => Just(0_i64), 5 => 1_i64..4, 1 => 4_i64..30, 2 => -6_i64..0]
}

fn command() -> impl Strategy<Value = CreditCommand> {
    let kind = prop::sample::select(GrantKind::ALL.to_vec());
    let expires = prop::option::weighted(0.7, -3_i64..12);
    let grant = (kind, 1_i64..30, -3_i64..8, expires, 0_u128..20).prop_map(
        |(kind, amount, starts, expires, source)| {
            CreditCommand::Grant(NewGrant {
                starts_at: at(starts),
                expires_at: expires.map(at),
                ..a_grant(source, kind, amount)
            })
        },
    );
    let consume = (0_u8..20, any::<bool>(), 1_i64..3, 0_i64..25).prop_map(
        |(key, basic, quantity, unit_cost)| {
            let consume = a_consume(&key.to_string(), quantity, unit_cost);
            CreditCommand::Consume(if basic { consume } else { for_something_else(consume) })
        },
    );
    prop_oneof![4 => grant, 5 => consume, 1 => Just(CreditCommand::BookDue)]
}

/// The sums that must agree: each row with the one before, and all rows with the account.
fn sums_agree(account: &CreditAccount) {
    let entries = account.clone().take_pending().entries;
    let (mut seq, mut balance, mut overdrawn) = (0, 0, 0);
    let mut date = OffsetDateTime::UNIX_EPOCH;
    let mut touched: BTreeMap<GrantId, i64> = BTreeMap::new();
    for entry in &entries {
        assert_eq!(entry.seq, seq + 1, "no gaps");
        assert!(entry.at >= date, "dates do not go backwards");
        assert_eq!(entry.balance_after, balance + entry.amount);
        let moved: i64 = entry.touched.iter().map(|touch| touch.amount).sum();
        assert_eq!(entry.amount, moved - entry.overdrawn_change);
        assert!(entry.balance_after >= -account.overdraft_limit, "never beyond the overdraft");
        (seq, date, balance) = (entry.seq, entry.at, entry.balance_after);
        overdrawn += entry.overdrawn_change;
        for touch in &entry.touched {
            *touched.entry(touch.grant_id).or_default() += touch.amount;
        }
    }
    assert_eq!((account.last_seq, account.balance(), account.overdrawn), (seq, balance, overdrawn));
    assert!(overdrawn >= 0);
    let mut left = 0;
    for grant in account.grants() {
        assert!((0..=grant.amount).contains(&grant.remaining));
        if grant.started {
            assert_eq!(grant.remaining, touched[&grant.id], "given less drawn less expired");
            left += grant.remaining;
        } else {
            assert_eq!((touched.get(&grant.id), grant.remaining), (None, grant.amount));
        }
    }
    assert_eq!(balance, left - overdrawn);
    assert!(left == 0 || overdrawn == 0, "nothing is left while something is owed");
}

/// What one outcome says, against the account before (with all that was due booked) and after.
fn outcome_agrees(outcome: &CreditOutcome, before: &CreditAccount, after: &CreditAccount) {
    match outcome {
        CreditOutcome::Consumed(consumed) if !consumed.replayed => {
            assert!(consumed.cost <= before.available());
            assert_eq!(consumed.seq, before.last_seq + 1);
            assert_eq!(consumed.balance_after, before.balance() - consumed.cost);
            assert_eq!(consumed.balance_after, after.balance());
            drawn_in_order(consumed, after);
        }
        CreditOutcome::Denied(denied) if !denied.replayed => {
            assert_eq!(denied.available, before.available());
            assert!(denied.required > denied.available);
            assert_eq!(after.grants(), before.grants());
            assert_eq!(after.last_seq, before.last_seq);
        }
        CreditOutcome::Granted { already: false, .. } => {
            assert_eq!(after.grants().len(), before.grants().len() + 1);
        }
        CreditOutcome::Consumed(_)
        | CreditOutcome::Denied(_)
        | CreditOutcome::Granted { .. }
        | CreditOutcome::KeyReused
        | CreditOutcome::Booked => assert_eq!(after, before, "nothing happened"),
    }
}

/// What was touched was touched in order, and nothing that goes before has anything left.
fn drawn_in_order(consumed: &Consumed, after: &CreditAccount) {
    let forever = at(1_000_000);
    let place = |grant: &Grant| {
        let rank = after.order.0.iter().position(|kind| *kind == grant.kind);
        (rank, grant.expires_at.unwrap_or(forever), grant.granted_at, grant.id)
    };
    let find = |id| after.grants().iter().find(|grant| grant.id == id).unwrap();
    let places: Vec<_> = consumed.touched.iter().map(|touch| place(find(touch.grant_id))).collect();
    assert!(places.is_sorted());
    let open = after.grants().iter().filter(|grant| grant.started && grant.remaining > 0);
    if let (Some(last), Some(first_left)) = (places.last(), open.map(place).min()) {
        assert!(*last <= first_left, "what goes before is used up");
    }
}

fn booked(account: &CreditAccount, now: OffsetDateTime) -> CreditAccount {
    let mut account = account.clone();
    account.apply(&CreditCommand::BookDue, now);
    account
}

proptest! {
    #[test]
    fn sums_agree_after_every_command(rules in rules(), steps in steps()) {
        let mut account = rules.account();
        for (now, command) in &steps {
            let before = booked(&account, *now);
            let outcome = account.apply(command, *now);
            outcome_agrees(&outcome, &before, &account);
            sums_agree(&account);
            prop_assert!(account.next_due_at().is_none_or(|due| due > *now), "all due is booked");
        }
    }

    #[test]
    fn a_repeated_command_changes_nothing_and_answers_the_same(
        rules in rules(),
        steps in steps(),
        later in 0_i64..20,
    ) {
        let mut account = rules.account();
        for (now, command) in &steps {
            let first = account.apply(command, *now);
            let then = *now + Duration::seconds(later);
            let before = booked(&account, then);
            let mut repeated = account.clone();
            let again = repeated.apply(command, then);
            prop_assert_eq!(again, replayed(first));
            prop_assert_eq!(repeated, before);
        }
    }

    #[test]
    fn a_key_used_for_something_else_changes_nothing(rules in rules(), steps in steps()) {
        let mut account = rules.account();
        for (now, command) in &steps {
            account.apply(command, *now);
            let CreditCommand::Consume(consume) = command else { continue };
            let before = account.clone();
            let other = for_something_else(for_something_else(consume.clone()));
            let outcome = account.apply(&CreditCommand::Consume(other), *now);
            prop_assert_eq!(outcome, CreditOutcome::KeyReused);
            prop_assert_eq!(&account, &before);
        }
    }
}

fn replayed(outcome: CreditOutcome) -> CreditOutcome {
    match outcome {
        CreditOutcome::Consumed(first) => {
            CreditOutcome::Consumed(Consumed { replayed: true, ..first })
        }
        CreditOutcome::Denied(first) => CreditOutcome::Denied(Denied { replayed: true, ..first }),
        CreditOutcome::Granted { id, already: _ } => CreditOutcome::Granted { id, already: true },
        same @ (CreditOutcome::KeyReused | CreditOutcome::Booked) => same,
    }
}
