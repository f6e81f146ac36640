//! Bonuses that are given, and those that let an excess stay for a while.

use super::*;

fn a_grace(n: u128, limit: u64) -> UsageCommand {
    UsageCommand::Grace(Grace {
        id: BonusId(Uuid::from_u128(n)),
        meter: METER.into(),
        rule: at_most(limit, NOON),
        expires_at: NOON + Duration::days(7),
    })
}

fn against(limit: u64, usage: Use) -> UsageCommand {
    Use { rule: at_most(limit, NOON), ..usage }.into()
}

fn removed(key: u128, quantity: u64) -> Use {
    let effect = Effect::Remove;
    Use { effect, operation: UsageOperation::Track, ..a_use(key, quantity) }
}

#[test]
fn a_bonus_is_given_once() {
    let mut account = an_account();
    let bonus = UsageCommand::Bonus(a_bonus(1, 5, 100));
    assert_eq!(account.apply(&bonus, NOON), UsageOutcome::Given { already: false });
    assert_eq!(account.apply(&bonus, NOON), UsageOutcome::Given { already: true });
    assert_eq!(account.take_pending().given, [a_bonus(1, 5, 100)]);
    assert_eq!(account.quota(METER, &at_most(10, NOON), NOON).bonus, 5);
}

#[test]
fn after_a_downgrade_nothing_new_fits_and_what_is_freed_may_be_used_again() {
    let mut account = an_account();
    recorded(account.apply(&against(100, a_use(1, 50)), NOON));
    account.apply(&a_grace(1, 10), NOON);
    let given = account.take_pending().given;
    assert_eq!((given[0].amount, given[0].remaining), (40, 0));
    assert_eq!(given[0].reason, "plan_downgrade_grace");
    denied(account.apply(&a_use(2, 1).into(), NOON));

    recorded(account.apply(&removed(3, 3).into(), NOON));
    denied(account.apply(&a_use(4, 4).into(), NOON));
    recorded(account.apply(&a_use(5, 3).into(), NOON));
    denied(account.apply(&a_use(6, 1).into(), NOON));

    // After it, only below the limit.
    let after = NOON + Duration::days(7);
    recorded(account.apply(&removed(7, 40).into(), after));
    denied(account.apply(&a_use(8, 1).into(), after));
    recorded(account.apply(&removed(9, 1).into(), after));
    recorded(account.apply(&a_use(10, 1).into(), after));
}

#[test]
fn a_grace_is_given_once_and_only_for_an_excess() {
    let mut account = an_account();
    recorded(account.apply(&a_use(1, 8).into(), NOON));
    account.take_pending();
    account.apply(&a_grace(1, 8), NOON);
    assert_eq!(account.take_pending(), UsagePending::default());
    account.apply(&a_grace(2, 5), NOON);
    assert_eq!(account.take_pending().given.len(), 1);
    assert_eq!(account.apply(&a_grace(2, 5), NOON), UsageOutcome::Given { already: true });
    assert_eq!(account.take_pending(), UsagePending::default());
    account.apply(&a_grace(3, 5), NOON);
    assert_eq!(account.take_pending(), UsagePending::default(), "it is borne already");
}

#[test]
fn bonuses_bear_the_excess_first() {
    let mut account = an_account();
    account.know_bonus(a_bonus(9, 4, 1000));
    recorded(account.apply(&a_use(1, 10).into(), NOON));
    account.take_pending();
    account.apply(&a_grace(1, 3), NOON);
    let pending = account.take_pending();
    assert_eq!(bonuses_left(&pending), [(9, 0)]);
    assert_eq!((pending.given[0].amount, pending.given[0].remaining), (3, 0));
    assert_eq!(account.quota(METER, &at_most(3, NOON), NOON).check(0).total_remaining, Some(0));
}
