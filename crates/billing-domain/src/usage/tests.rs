//! What counting promises: single rules, and all of them over random sequences.

mod days;
mod effects;
mod graces;
mod rolling;
mod sequences;
mod warnings;

use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::*;
use crate::{
    catalogue::{Amount, Overage, Window},
    credits::IdempotencyKey,
    id::{BonusId, OrganizationId, PlanVersionId, UsageEventId},
    quota::QuotaReason,
};

const NOON: OffsetDateTime = datetime!(2026-03-10 12:00 UTC);
const METER: &str = "ai_generations";

fn at(seconds: i64) -> OffsetDateTime {
    NOON + Duration::seconds(seconds)
}

fn an_account() -> UsageAccount {
    UsageAccount::new(OrganizationId(Uuid::nil()))
}

/// At most so many in the calendar month of an instant.
fn at_most(limit: u64, at: OffsetDateTime) -> UsageRule {
    let window = Window::CalendarMonth;
    let period = window.around(at, None);
    UsageRule { limit: Amount::AtMost(limit), overage: Overage::Block, window, period }
}

/// An enforced use of so much, now, against a limit of 10 a month; each key has its own event.
fn a_use(key: u128, quantity: u64) -> Use {
    Use {
        id: UsageEventId(Uuid::from_u128(key)),
        key: IdempotencyKey::parse(&key.to_string()).unwrap(),
        key_is_new: false,
        meter: METER.into(),
        effect: Effect::Add,
        quantity,
        at: NOON,
        rule: at_most(10, NOON),
        plan_version_id: PlanVersionId(Uuid::nil()),
        operation: UsageOperation::CheckAndRecord,
        properties: None,
    }
}

/// So many more of the meter, until some seconds after noon.
fn a_bonus(n: u128, amount: u64, expires: i64) -> Bonus {
    Bonus {
        id: BonusId(Uuid::from_u128(n)),
        meter: METER.to_owned(),
        amount,
        remaining: amount,
        reason: "signup".to_owned(),
        expires_at: at(expires),
        created_at: NOON,
    }
}

fn recorded(outcome: UsageOutcome) -> Recorded {
    let UsageOutcome::Recorded(facts) = outcome else { panic!("not recorded: {outcome:?}") };
    facts
}

fn denied(outcome: UsageOutcome) -> Recorded {
    let UsageOutcome::Denied(facts) = outcome else { panic!("not denied: {outcome:?}") };
    facts
}

/// What bonuses have left, where something of them was used.
fn bonuses_left(pending: &UsagePending) -> Vec<(u128, u64)> {
    pending.bonuses.iter().map(|(id, left)| (id.0.as_u128(), *left)).collect()
}

#[test]
fn the_base_goes_before_bonuses_and_the_soonest_to_expire_goes_first() {
    let mut account = an_account();
    for bonus in [a_bonus(1, 5, 300), a_bonus(2, 3, 100), a_bonus(3, 4, 200)] {
        account.know_bonus(bonus);
    }
    let base = recorded(account.apply(&a_use(1, 9).into(), NOON));
    assert_eq!(base.standing().reason, QuotaReason::WithinLimit);
    assert_eq!(bonuses_left(&account.take_pending()), []);

    // One of the base, three of the second bonus, one of the third carries over.
    let mixed = recorded(account.apply(&a_use(2, 5).into(), NOON));
    assert_eq!(mixed.standing().reason, QuotaReason::WithinBonus);
    assert_eq!(bonuses_left(&account.take_pending()), [(2, 0), (3, 3)]);

    recorded(account.apply(&a_use(3, 4).into(), NOON));
    assert_eq!(bonuses_left(&account.take_pending()), [(1, 4), (3, 0)]);
    assert_eq!(account.quota(METER, &at_most(10, NOON), NOON).bonus, 4);
}

#[test]
fn a_bonus_is_usable_strictly_before_its_expiry_and_only_for_its_meter() {
    let mut account = an_account();
    account.know_bonus(a_bonus(1, 5, 100));
    account.know_bonus(Bonus { meter: "exports".to_owned(), ..a_bonus(2, 7, 100) });
    let bonus = |seconds| account.quota(METER, &at_most(10, NOON), at(seconds)).bonus;
    assert_eq!((bonus(99), bonus(100)), (5, 0));

    let late = denied(account.apply(&a_use(1, 11).into(), at(100)));
    assert_eq!(late.refusal().total_remaining, Some(10));
    recorded(account.apply(&a_use(2, 11).into(), at(99)));
    assert_eq!(bonuses_left(&account.take_pending()), [(1, 4)]);
}

#[test]
fn the_answer_says_where_it_stands_after_the_use() {
    let mut account = an_account();
    account.know_bonus(a_bonus(1, 5, 100));
    let facts = recorded(account.apply(&a_use(1, 12).into(), NOON));
    let answer = facts.standing();
    assert!(answer.allowed);
    assert_eq!((answer.used, answer.remaining, answer.bonus_remaining), (12, Some(0), 3));
    assert_eq!(answer.total_remaining, Some(3));
    assert_eq!(answer.resets_at, Some(datetime!(2026-04-01 0:00 UTC)));
    let now = account.quota(METER, &at_most(10, NOON), NOON).check(0);
    assert_eq!((now.used, now.total_remaining), (answer.used, answer.total_remaining));
}

#[test]
fn what_is_denied_counts_nothing_and_is_remembered() {
    let mut account = an_account();
    account.know_bonus(a_bonus(1, 2, 100));
    let facts = denied(account.apply(&a_use(1, 13).into(), NOON));
    assert_eq!(facts.refusal().reason, QuotaReason::LimitReached);

    let pending = account.take_pending();
    assert_eq!((pending.counted.len(), pending.counters.len()), (0, 0));
    assert_eq!((pending.bonuses.len(), pending.decided.len()), (0, 1));
    assert_eq!(account.last_seq, 0);
    assert_eq!(recorded(account.apply(&a_use(2, 12).into(), NOON)).quota.used, 0);
}

#[test]
fn a_repeated_use_counts_once_and_answers_the_same() {
    let mut account = an_account();
    account.know_bonus(a_bonus(1, 5, 100));
    let first = recorded(account.apply(&a_use(1, 12).into(), NOON));
    let refused = denied(account.apply(&a_use(2, 4).into(), NOON));
    let before = account.clone();
    for later in [-50, 0, 5_000] {
        // A retry gets a new id on its way; the first one stands.
        let retry = Use { id: UsageEventId(Uuid::max()), ..a_use(1, 12) };
        let again = recorded(account.apply(&retry.clone().into(), at(later)));
        assert_eq!(again, Recorded { replayed: true, ..first.clone() });
        let again = denied(account.apply(&a_use(2, 4).into(), at(later)));
        assert_eq!(again, Recorded { replayed: true, ..refused.clone() });
    }
    assert_eq!(account, before);
}

#[test]
fn a_denial_is_replayed_even_when_a_bonus_has_arrived() {
    let mut account = an_account();
    denied(account.apply(&a_use(1, 11).into(), NOON));
    account.know_bonus(a_bonus(1, 5, 100));
    assert!(denied(account.apply(&a_use(1, 11).into(), at(1))).replayed);
    assert!(!recorded(account.apply(&a_use(2, 11).into(), at(1))).replayed);
}

#[test]
fn a_key_that_was_used_for_something_else_is_refused() {
    let mut account = an_account();
    recorded(account.apply(&a_use(1, 3).into(), NOON));
    denied(account.apply(&a_use(2, 99).into(), NOON));
    let before = account.clone();
    let other_meter = Use { meter: "exports".into(), ..a_use(1, 3) };
    for other in [a_use(1, 4), other_meter, a_use(2, 98)] {
        assert_eq!(account.apply(&other.clone().into(), NOON), UsageOutcome::KeyReused);
    }
    assert_eq!(account, before);
}

#[test]
fn a_decision_is_known_without_being_made_again() {
    let (mut account, mut other) = (an_account(), an_account());
    let made = account.apply(&a_use(1, 3).into(), NOON);
    let decided = account.take_pending().decided.remove(0).decided;
    other.know_decision(UsageOperation::CheckAndRecord, a_use(1, 3).key, decided);
    let again = recorded(other.apply(&a_use(1, 3).into(), NOON));
    assert_eq!(again, Recorded { replayed: true, ..recorded(made) });
    assert_eq!(other.apply(&a_use(1, 4).into(), NOON), UsageOutcome::KeyReused);
    assert_eq!(other.take_pending(), UsagePending::default());
}

#[test]
fn what_is_not_enforced_is_counted_above_the_limit() {
    let mut account = an_account();
    account.know_bonus(a_bonus(1, 5, 100));
    let tracked = Use { operation: UsageOperation::Track, ..a_use(1, 40) };
    let facts = recorded(account.apply(&tracked.clone().into(), NOON));
    assert_eq!(facts.standing().reason, QuotaReason::LimitReached);
    assert_eq!((facts.standing().used, facts.standing().total_remaining), (40, Some(0)));
    assert_eq!(bonuses_left(&account.take_pending()), [(1, 0)]);
    denied(account.apply(&a_use(2, 1).into(), NOON));
}

#[test]
fn overage_is_counted_after_bonuses_are_used_up() {
    let mut account = an_account();
    account.know_bonus(a_bonus(1, 5, 100));
    let rule = UsageRule { overage: Overage::Allow, ..at_most(10, NOON) };
    let facts = recorded(account.apply(&Use { rule, ..a_use(1, 40) }.into(), NOON));
    assert_eq!(facts.standing().reason, QuotaReason::OverageAllowed);
    assert_eq!(bonuses_left(&account.take_pending()), [(1, 0)]);
}

#[test]
fn without_a_limit_bonuses_are_left_alone_and_nothing_wraps() {
    let mut account = an_account();
    account.know_bonus(a_bonus(1, u64::MAX, 100));
    account.know_bonus(a_bonus(2, u64::MAX, 100));
    let rule = UsageRule { limit: Amount::Unlimited, ..at_most(0, NOON) };
    let most = i64::MAX.unsigned_abs();
    recorded(account.apply(&Use { rule, ..a_use(1, most) }.into(), NOON));
    for (key, too_much) in [(2, 1), (3, u64::MAX)] {
        let outcome = account.apply(&Use { rule, ..a_use(key, too_much) }.into(), NOON);
        assert_eq!(outcome, UsageOutcome::TooLarge);
    }
    assert_eq!(account.quota(METER, &rule, NOON).used, most);
    assert_eq!(bonuses_left(&account.take_pending()), []);
}

#[test]
fn each_window_and_each_meter_counts_for_itself() {
    let mut account = an_account();
    let (march, april) = (a_use(1, 10), datetime!(2026-04-01 0:00 UTC));
    recorded(account.apply(&march.clone().into(), NOON));
    let next = Use { at: april, rule: at_most(10, april), ..a_use(2, 10) };
    recorded(account.apply(&next.clone().into(), april));
    // A late use of March is counted in March, where nothing is left.
    denied(account.apply(&a_use(3, 1).into(), april));
    recorded(account.apply(&Use { meter: "exports".into(), ..a_use(4, 1) }.into(), NOON));
    let lifetime = UsageRule {
        window: Window::Lifetime,
        period: Window::Lifetime.around(NOON, None),
        ..at_most(10, NOON)
    };
    recorded(account.apply(&Use { rule: lifetime, ..a_use(5, 10) }.into(), NOON));
    assert_eq!(lifetime.resets_at(), None);

    let pending = account.take_pending();
    assert_eq!(pending.counters.values().map(|it| it.used).collect::<Vec<_>>(), [10, 10, 10, 1]);
    let numbers: Vec<_> = pending.counted.iter().map(|counted| counted.seq).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}
