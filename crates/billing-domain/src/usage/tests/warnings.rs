//! Warnings: once per window each.

use super::*;
use crate::{
    catalogue::Rolling,
    event::{Event, What},
};

const NONE: [u8; 0] = [];

fn track(account: &mut UsageAccount, key: u128, effect: Effect, quantity: u64) -> Vec<u8> {
    let usage = Use { effect, operation: UsageOperation::Track, ..a_use(key, quantity) };
    recorded(account.apply(&usage.into(), NOON));
    percents(&account.take_pending().events)
}

fn percents(events: &[Event]) -> Vec<u8> {
    let percent = |event: &Event| {
        let What::QuotaWarning { percent, .. } = event.what else { panic!("{event:?}") };
        percent
    };
    events.iter().map(percent).collect()
}

#[test]
fn each_part_of_the_limit_is_told_once() {
    let mut account = an_account();
    assert_eq!(track(&mut account, 1, Effect::Add, 7), NONE);
    assert_eq!(track(&mut account, 2, Effect::Add, 1), [80]);
    assert_eq!(track(&mut account, 3, Effect::Add, 1), NONE);
    assert_eq!(track(&mut account, 4, Effect::Add, 1), [100]);
    assert_eq!(track(&mut account, 5, Effect::Remove, 9), NONE);
    assert_eq!(track(&mut account, 6, Effect::Add, 9), NONE, "crossed again, and not told again");
}

#[test]
fn one_use_may_reach_both() {
    let mut account = an_account();
    recorded(account.apply(&a_use(1, 10).into(), NOON));
    let events = account.take_pending().events;
    assert_eq!(percents(&events), [80, 100]);
    assert_ne!(events[0].id, events[1].id);
    let What::QuotaWarning { used, limit, window_start, window_end, .. } = events[0].what else {
        panic!("{events:?}")
    };
    assert_eq!((used, limit), (10, 10));
    let march = at_most(10, NOON).period;
    assert_eq!((window_start, window_end), (march.start, march.end));
}

#[test]
fn what_is_denied_warns_of_nothing() {
    let mut account = an_account();
    denied(account.apply(&a_use(1, 11).into(), NOON));
    assert_eq!(account.take_pending().events, []);
    let none = Use { rule: at_most(0, NOON), operation: UsageOperation::Track, ..a_use(2, 1) };
    recorded(account.apply(&none.into(), NOON));
    assert_eq!(account.take_pending().events, [], "there is no part of nothing");
}

#[test]
fn a_rolling_window_warns_once_within_its_length() {
    let mut account = an_account();
    let use_at = |account: &mut UsageAccount, key, at: OffsetDateTime| {
        let window = Window::Rolling(Rolling::Hours(3));
        let rule = UsageRule { window, period: window.around(at, None), ..at_most(10, at) };
        let operation = UsageOperation::Track;
        let usage = Use { at, rule, operation, ..a_use(key, 9) };
        recorded(account.apply(&usage.into(), at));
        percents(&account.take_pending().events)
    };
    assert_eq!(use_at(&mut account, 1, NOON), [80]);
    assert_eq!(use_at(&mut account, 2, NOON + Duration::HOUR), [100]);
    assert_eq!(use_at(&mut account, 3, NOON + Duration::hours(2)), NONE);
    assert_eq!(use_at(&mut account, 4, NOON + Duration::hours(4)), [80, 100]);
}
