//! What each kind of use does to its count, and what is freed.

use super::*;

fn tracked(key: u128, effect: Effect, quantity: u64) -> Use {
    Use { effect, operation: UsageOperation::Track, ..a_use(key, quantity) }
}

/// Applies uses in their order, each under a key of its own; what is used after each.
fn used_after(account: &mut UsageAccount, uses: &[(Effect, u64)]) -> Vec<u64> {
    let keyed = (1..).zip(uses);
    keyed
        .map(|(key, (effect, quantity))| {
            let usage = tracked(key, effect.clone(), *quantity);
            let facts = recorded(account.apply(&usage.into(), NOON));
            assert_eq!(facts.standing().used, account.quota(METER, &at_most(10, NOON), NOON).used);
            facts.used
        })
        .collect()
}

#[test]
fn the_largest_counts() {
    let raised = [5, 3, 8, 8, 1].map(|quantity| (Effect::Raise, quantity));
    assert_eq!(used_after(&mut an_account(), &raised), [5, 5, 8, 8, 8]);
}

#[test]
fn the_latest_counts_and_a_late_one_does_not_overwrite_it() {
    let mut account = an_account();
    for (key, seconds, quantity, expected) in
        [(1, 10, 5, 5), (2, 5, 99, 5), (3, 10, 7, 7), (4, 11, 2, 2)]
    {
        let usage = Use { at: at(seconds), ..tracked(key, Effect::Set, quantity) };
        assert_eq!(recorded(account.apply(&usage.into(), NOON)).used, expected, "{key}");
    }
}

#[test]
fn distinct_values_count_once_per_window() {
    let seen = ["ann", "bob", "ann", "cem"].map(|value| (Effect::See(value.to_owned()), 1));
    let mut account = an_account();
    assert_eq!(used_after(&mut account, &seen), [1, 2, 2, 3]);
    let april = datetime!(2026-04-01 0:00 UTC);
    let usage =
        Use { at: april, rule: at_most(10, april), ..tracked(9, Effect::See("ann".to_owned()), 1) };
    assert_eq!(recorded(account.apply(&usage.into(), april)).used, 1);
    assert_eq!(account.take_pending().values.len(), 4);
}

#[test]
fn a_known_value_is_not_counted_again() {
    let mut account = an_account();
    let key = CounterKey::of(METER.into(), &at_most(10, NOON));
    account.know_counter(key.clone(), Counter { used: 1, ..Counter::default() });
    account.know_value(key, "ann".to_owned());
    let seen = ["ann", "bob"].map(|value| (Effect::See(value.to_owned()), 1));
    assert_eq!(used_after(&mut account, &seen), [1, 2]);
}

#[test]
fn what_ceases_to_exist_is_taken_away_but_never_below_zero() {
    let mut account = an_account();
    let uses = [(Effect::Add, 5), (Effect::Remove, 2), (Effect::Remove, 9), (Effect::Add, 1)];
    assert_eq!(used_after(&mut account, &uses), [5, 3, 0, 1]);
    let applied: Vec<_> =
        account.take_pending().counted.iter().map(|counted| counted.applied).collect();
    assert_eq!(applied, [5, -2, -3, 1], "the raw event says what was applied");
    assert_eq!(account.last_seq, 4);
}

#[test]
fn adding_and_taking_away_are_different_requests() {
    let mut account = an_account();
    recorded(account.apply(&tracked(1, Effect::Remove, 2).into(), NOON));
    assert!(recorded(account.apply(&tracked(1, Effect::Remove, 2).into(), NOON)).replayed);
    let added = account.apply(&tracked(1, Effect::Add, 2).into(), NOON);
    assert_eq!(added, UsageOutcome::KeyReused);
}

#[test]
fn what_is_freed_above_the_limit_goes_back_to_bonuses_the_latest_first() {
    let mut account = an_account();
    account.know_bonus(a_bonus(1, 3, 100));
    account.know_bonus(a_bonus(2, 4, 200));
    recorded(account.apply(&tracked(1, Effect::Add, 16).into(), NOON));
    assert_eq!(bonuses_left(&account.take_pending()), [(1, 0), (2, 1)]);

    recorded(account.apply(&tracked(2, Effect::Remove, 4).into(), NOON));
    assert_eq!(bonuses_left(&account.take_pending()), [(1, 1), (2, 4)]);
    assert!(account.quota(METER, &at_most(10, NOON), NOON).check(5).allowed);

    // Below the limit nothing of a bonus was used, and nothing more than it had comes back.
    recorded(account.apply(&tracked(3, Effect::Remove, 8).into(), NOON));
    assert_eq!(bonuses_left(&account.take_pending()), [(1, 3)]);
    assert_eq!(account.quota(METER, &at_most(10, NOON), NOON).check(0).total_remaining, Some(13));
}

#[test]
fn what_no_bonus_bore_is_freed_first() {
    let mut account = an_account();
    account.know_bonus(a_bonus(1, 5, 100));
    recorded(account.apply(&tracked(1, Effect::Add, 40).into(), NOON));
    assert_eq!(bonuses_left(&account.take_pending()), [(1, 0)]);
    recorded(account.apply(&tracked(2, Effect::Remove, 25).into(), NOON));
    assert_eq!(bonuses_left(&account.take_pending()), [], "fifteen are in use, the bonus too");
    recorded(account.apply(&tracked(3, Effect::Remove, 1).into(), NOON));
    assert_eq!(bonuses_left(&account.take_pending()), [(1, 1)]);
}

#[test]
fn an_expired_bonus_takes_nothing_back() {
    let mut account = an_account();
    account.know_bonus(a_bonus(1, 5, 100));
    recorded(account.apply(&tracked(1, Effect::Add, 15).into(), NOON));
    account.take_pending();
    recorded(account.apply(&tracked(2, Effect::Remove, 5).into(), at(100)));
    assert_eq!(bonuses_left(&account.take_pending()), []);
}

#[test]
fn a_gauge_that_falls_gives_back_too() {
    let mut account = an_account();
    account.know_bonus(a_bonus(1, 5, 100));
    recorded(account.apply(&tracked(1, Effect::Set, 14).into(), NOON));
    assert_eq!(bonuses_left(&account.take_pending()), [(1, 1)]);
    recorded(account.apply(&tracked(2, Effect::Set, 12).into(), NOON));
    assert_eq!(bonuses_left(&account.take_pending()), [(1, 3)]);
}
