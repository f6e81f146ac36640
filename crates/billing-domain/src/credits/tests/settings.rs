//! What an account is decided by, and what is told by it.

use super::*;
use EntryKind::Adjusted;
use GrantKind::{Adjustment, Promotional, Purchased, Subscription};

/// Nothing is told of these.
fn silent() -> Settings {
    Settings { low_balance: 0, low_percent: 0, ..Settings::default() }
}

fn configure(account: &mut CreditAccount, settings: Settings, now: i64) {
    let outcome = account.apply(&CreditCommand::Configure(settings.into()), at(now));
    assert_eq!(outcome, CreditOutcome::Configured(settings));
}

fn low(balance: i64, threshold: i64) -> What {
    What::CreditsLow { balance, threshold }
}

#[test]
fn a_change_is_a_row_and_a_change_to_the_same_is_none() {
    let mut account = an_account();
    configure(&mut account, Settings::default(), 0);
    assert_eq!(account.take_pending(), Pending::default());
    let wanted = Settings { overdraft_limit: 5, ..Settings::default() };
    configure(&mut account, wanted, 1);
    configure(&mut account, wanted, 2);
    assert_eq!(account.rows(), [(Adjusted, 1, 0, 0)]);
    assert_eq!(account.last_row().origin, Origin::Settings(wanted));
    assert_eq!((account.settings, account.available()), (wanted, 5));
}

#[test]
fn the_next_command_is_decided_by_it() {
    let mut account = an_account();
    account.give(a_grant(1, Purchased, 5), NOON);
    account.give(a_grant(2, Promotional, 5), NOON);
    let order = DrawOrder::try_from([Promotional, Adjustment, Purchased, Subscription]).unwrap();
    configure(&mut account, Settings { order, overdraft_limit: 2, ..silent() }, 0);
    assert_eq!(touches(&consumed(account.spend(12, at(1))).touched), [(2, -5), (1, -5)]);
}

#[test]
fn an_order_names_each_kind_once() {
    assert_eq!(DrawOrder::try_from(GrantKind::ALL), Ok(DrawOrder::default()));
    let twice = [Purchased, Purchased, Promotional, Adjustment];
    assert_eq!(DrawOrder::try_from(twice), Err(InvalidDrawOrder));
}

#[test]
fn impossible_settings_are_refused() {
    let credits = |field| Err(InvalidSettings::Credits { field });
    for bad in [-1, MOST_CREDITS + 1] {
        let settings = Settings { overdraft_limit: bad, ..silent() };
        assert_eq!(SettingsChange::from(settings).validated(), credits("overdraft_limit"));
        let settings = Settings { low_balance: bad, ..silent() };
        assert_eq!(SettingsChange::from(settings).validated(), credits("low_balance"));
    }
    let settings = Settings { low_percent: 101, ..silent() };
    assert_eq!(SettingsChange::from(settings).validated(), Err(InvalidSettings::Percent));
    let most = Settings {
        overdraft_limit: MOST_CREDITS,
        low_balance: MOST_CREDITS,
        low_percent: 100,
        ..silent()
    };
    let most = SettingsChange::from(most);
    assert_eq!(most.validated(), Ok(most));
}

#[test]
fn a_low_balance_is_told_once_when_it_is_crossed() {
    let mut account = an_account();
    account.settings = Settings { low_balance: 50, ..silent() };
    account.give(a_grant(1, Purchased, 60), NOON);
    consumed(account.spend(10, NOON));
    assert_eq!(account.told(), [], "at the bar is not below it");
    consumed(account.spend(1, NOON));
    consumed(account.spend(9, NOON));
    assert_eq!(account.told(), [low(49, 50)]);
    account.give(a_grant(2, Purchased, 20), at(1));
    account.reserve_as(1, 15, 60, 1);
    assert_eq!(account.told().len(), 1, "what is held is not used");
    settled(account.settle_as(1, None, 2));
    assert_eq!(account.told(), [low(49, 50), low(45, 50)], "each time it falls");
}

#[test]
fn a_low_balance_is_told_by_percentage_too() {
    let mut account = an_account();
    account.settings = Settings { low_percent: 10, ..silent() };
    account.give(a_grant(1, Purchased, 1_000), NOON);
    consumed(account.spend(90, NOON));
    consumed(account.spend(810, at(3_600)));
    account.take_pending();
    consumed(account.spend(1, at(7_200)));
    consumed(account.spend(1, at(7_200)));
    assert_eq!(account.told(), [low(99, 100)]);
}

#[test]
fn the_percentage_is_exact_for_few_credits() {
    let mut account = an_account();
    account.settings = Settings { low_percent: 10, ..silent() };
    account.give(a_grant(1, Purchased, 90), NOON);
    consumed(account.spend(82, NOON));
    assert_eq!(account.told(), [low(8, 9)]);
}

#[test]
fn zero_is_never_told_even_when_the_overdraft_is_used() {
    let mut account = with_overdraft(10);
    account.settings = Settings { overdraft_limit: 10, ..silent() };
    account.give(a_grant(1, Purchased, 5), NOON);
    consumed(account.spend(6, NOON));
    assert_eq!((account.balance(), account.told()), (-1, vec![]));
}

#[test]
fn an_unusual_hour_is_told() {
    let mut account = an_account();
    account.settings = silent();
    account.give(a_grant(1, Purchased, 1_000), NOON);
    consumed(account.spend(100, NOON));
    assert_eq!(account.told(), []);
    account.reserve_as(1, 300, 60, 1);
    assert_eq!(account.told(), [], "what is held is not used");
    settled(account.settle_as(1, Some(200), 2));
    assert_eq!(account.told(), [What::CreditsUnusual { in_hour: 300, hourly_mean: 0 }]);
    assert_eq!(account.pending.told[0].0, at(2));
}

#[test]
fn a_lowered_limit_is_no_debt_but_denies_what_costs() {
    let mut account = with_overdraft(10);
    account.reserve_as(1, 8, 60, 0);
    configure(&mut account, silent(), 1);
    assert_eq!((account.balance(), account.available()), (0, 0));
    assert_eq!(denied(account.spend(1, at(2))).available, 0);
    assert_eq!(settled(account.settle_as(1, None, 3)).balance_after, -8, "what is held stays so");
}
