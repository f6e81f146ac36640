//! Windows that roll.

use super::*;
use crate::catalogue::Rolling;

fn rolling(limit: u64, rolling: Rolling, at: OffsetDateTime) -> UsageRule {
    let window = Window::Rolling(rolling);
    let period = window.around(at, None);
    UsageRule { limit: Amount::AtMost(limit), overage: Overage::Block, window, period }
}

fn used_at(key: u128, quantity: u64, at: OffsetDateTime, length: Rolling) -> UsageCommand {
    Use { at, rule: rolling(10, length, at), ..a_use(key, quantity) }.into()
}

const A_DAY: Rolling = Rolling::Hours(24);

#[test]
fn what_leaves_the_window_may_be_used_again() {
    let mut account = an_account();
    let used = |account: &UsageAccount, now| account.quota(METER, &rolling(10, A_DAY, now), now);
    recorded(account.apply(&used_at(1, 6, at(60), A_DAY), at(60)));
    let later = at(5 * 3600);
    recorded(account.apply(&used_at(2, 4, later, A_DAY), later));
    denied(account.apply(&used_at(3, 1, later, A_DAY), later));

    let leaves = datetime!(2026-03-11 12:00 UTC);
    assert_eq!(used(&account, leaves - Duration::MICROSECOND).used, 10);
    assert_eq!(used(&account, leaves - Duration::MICROSECOND).resets_at, Some(leaves));
    assert_eq!(used(&account, leaves).used, 4);
    assert_eq!(used(&account, leaves).resets_at, Some(leaves + Duration::hours(5)));
    recorded(account.apply(&used_at(4, 6, leaves, A_DAY), leaves));
    let empty = used(&account, leaves + Duration::days(3));
    assert_eq!((empty.used, empty.resets_at), (0, None));
}

#[test]
fn late_use_counts_in_its_own_bucket() {
    let mut account = an_account();
    let late = NOON - Duration::hours(23);
    recorded(account.apply(&used_at(1, 3, late, A_DAY), NOON));
    assert_eq!(account.quota(METER, &rolling(10, A_DAY, NOON), NOON).used, 3);
    let out = Use { operation: UsageOperation::Track, ..a_use(2, 5) };
    let before = NOON - Duration::hours(24);
    let out = Use { at: before, rule: rolling(10, A_DAY, before), ..out };
    assert_eq!(recorded(account.apply(&out.into(), NOON)).used, 3, "it has left the window");
    let pending = account.take_pending();
    assert_eq!(pending.counters.len(), 2);
    assert!(pending.counters.keys().all(|key| key.window == CounterWindow::Hour));
}

#[test]
fn use_that_is_ahead_of_the_clock_counts_at_once() {
    let mut account = an_account();
    let (now, ahead) = (at(3600 - 60), at(3600 + 60));
    recorded(account.apply(&used_at(1, 10, ahead, A_DAY), now));
    denied(account.apply(&used_at(2, 1, ahead, A_DAY), now));
}

#[test]
fn a_long_window_counts_days() {
    let mut account = an_account();
    let week = Rolling::Days(7);
    recorded(account.apply(&used_at(1, 10, NOON, week), NOON));
    let leaves = datetime!(2026-03-17 0:00 UTC);
    let before = leaves - Duration::MICROSECOND;
    denied(account.apply(&used_at(2, 1, before, week), before));
    recorded(account.apply(&used_at(3, 1, leaves, week), leaves));
}

#[test]
fn all_buckets_of_a_window_are_asked_for() {
    let meter = METER.into();
    let asked = |at| CounterKey::all_of(&meter, &rolling(1, Rolling::Days(3), at), NOON);
    let starts: Vec<_> = asked(NOON).into_iter().map(|key| key.start.date().day()).collect();
    assert_eq!(starts, [8, 9, 10]);
    let late: Vec<_> =
        asked(NOON - Duration::days(5)).iter().map(|key| key.start.date().day()).collect();
    assert_eq!(late, [5, 8, 9, 10]);
    assert_eq!(CounterKey::all_of(&meter, &at_most(1, NOON), NOON).len(), 1);
}
