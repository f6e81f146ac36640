use proptest::prelude::*;
use time::macros::datetime;
use uuid::Uuid;

use super::*;

const NOON: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
const CHECKOUT: CheckoutId = CheckoutId(Uuid::from_u128(7));

fn day(day: i64) -> OffsetDateTime {
    NOON + Duration::days(day)
}

fn a_trial(days: u16) -> Trial {
    let begun = (SubscriptionId(Uuid::from_u128(1)), PlanVersionId(Uuid::from_u128(2)));
    Trial::begun(OrganizationId(Uuid::nil()), begun, days, NOON)
}

/// The reminders of a trial that is looked at at these instants, in hours.
fn reminded(trial: &mut Trial, hours: impl IntoIterator<Item = i64>) -> Vec<(u8, i64)> {
    let looks = hours.into_iter().map(|hour| NOON + Duration::hours(hour));
    let seen = looks.filter_map(|now| trial.remind(now));
    seen.map(|it| (it.days, (it.at - NOON).whole_days())).collect()
}

#[test]
fn a_trial_is_reminded_of_before_its_end_and_at_it() {
    let all = [(7, 7), (3, 11), (1, 13), (0, 14)];
    assert_eq!(reminded(&mut a_trial(14), 0..24 * 20), all);
    // A short one: what would be due before it began is not said.
    assert_eq!(reminded(&mut a_trial(7), 0..24 * 20), [(3, 4), (1, 6), (0, 7)]);
    assert_eq!(reminded(&mut a_trial(1), 0..24 * 20), [(0, 1)]);
    assert_eq!(reminded(&mut a_trial(30), 0..24 * 40), [(7, 23), (3, 27), (1, 29), (0, 30)]);
}

#[test]
fn of_several_that_are_due_at_once_the_last_is_given() {
    for (looks, expected) in [
        (vec![12 * 24], vec![(3, 11)]),
        (vec![13 * 24, 14 * 24], vec![(1, 13), (0, 14)]),
        (vec![90 * 24, 91 * 24], vec![(0, 14)]),
        (vec![8 * 24, 8 * 24, 20 * 24], vec![(7, 7), (0, 14)]),
    ] {
        assert_eq!(reminded(&mut a_trial(14), looks), expected);
    }
}

#[test]
fn it_is_known_when_there_is_something_to_do() {
    let mut trial = a_trial(14);
    for (next, days) in [(7, 7), (11, 3), (13, 1), (14, 0)] {
        assert_eq!(trial.next_due_at, Some(day(next)));
        assert!(!trial.has_ended(day(next) - Duration::MICROSECOND));
        assert_eq!(trial.remind(day(next)).map(|it| it.days), Some(days));
    }
    assert!(trial.has_ended(day(14)));
    assert_eq!(trial.next_due_at, Some(day(14)), "until its end is booked");
    trial.charge(CHECKOUT, day(14));
    assert_eq!(trial.next_due_at, None, "its collection goes on with it");
    assert!(!trial.has_ended(day(15)), "its end is booked");
    assert!(trial.convert());
    assert_eq!(trial.state, TrialState::Converted { at: day(14) });
    assert_eq!(trial.next_due_at, None);
    assert!(!trial.convert() && !trial.expire() && !trial.cancel(day(15)), "it ends once");
}

#[test]
fn an_extension_is_another_end_with_its_own_reminders() {
    let mut trial = a_trial(14);
    assert_eq!(reminded(&mut trial, 0..24 * 12), [(7, 7), (3, 11)]);
    let rules = TrialRules::default();
    assert_eq!(trial.extend(Extension::Operator, &rules, day(12)), Ok(3));
    assert_eq!(trial.ends_at, day(17));
    // Five days before the new end the one of seven days is over.
    assert_eq!(reminded(&mut trial, 12 * 24..24 * 30), [(3, 14), (1, 16), (0, 17)]);
}

#[test]
fn a_trial_is_extended_twice_and_by_two_weeks_at_most() {
    let rules = TrialRules::default();
    let mut trial = a_trial(14);
    assert_eq!(trial.extend(Extension::Referral, &rules, day(1)), Ok(7));
    assert_eq!(trial.extend(Extension::Referral, &rules, day(1)), Ok(7));
    let refused = trial.extend(Extension::Operator, &rules, day(1));
    let limit = CannotExtend::Limit { asked: 3, extensions_left: 0, days_left: 0 };
    assert_eq!((refused, trial.ends_at), (Err(limit), day(28)));

    let many = TrialRules { most_extensions: 9, ..rules };
    let mut trial = a_trial(14);
    for _ in 0..4 {
        assert_eq!(trial.extend(Extension::Promotion, &many, day(1)), Ok(3));
    }
    let limit = CannotExtend::Limit { asked: 3, extensions_left: 5, days_left: 2 };
    assert_eq!(trial.extend(Extension::Promotion, &many, day(1)), Err(limit));
}

#[test]
fn what_is_over_is_not_extended() {
    let rules = TrialRules::default();
    let over = Err(CannotExtend::Over { at: day(14) });
    let mut late = a_trial(14);
    assert_eq!(late.extend(Extension::Operator, &rules, day(14)), over);
    let mut charged = a_trial(14);
    charged.charge(CHECKOUT, day(14));
    assert_eq!(charged.extend(Extension::Operator, &rules, day(13)), over);
    let before = late.clone();
    assert_eq!(late.extend(Extension::Operator, &rules, day(20)), over);
    assert_eq!(late, before, "nothing changed");
}

#[test]
fn reasons_have_names() {
    for reason in Extension::ALL {
        assert_eq!(reason.name().parse(), Ok(reason));
    }
    assert!("bribe".parse::<Extension>().is_err());
}

proptest! {
    /// However often and irregularly it is looked at and extended: no reminder of an end is given
    /// twice or too early, none after a later one, and the last one at the end.
    #[test]
    fn reminders_are_given_once_for_each_end(
        days in 1_u16..40,
        steps in prop::collection::vec((0_i64..60, prop::bool::weighted(0.1)), 0..60),
    ) {
        let rules = TrialRules::default();
        let mut trial = a_trial(days);
        let (mut now, mut given) = (NOON, Vec::new());
        for (hours, extends) in steps.into_iter().chain([(24 * 90, false)]) {
            now += Duration::hours(hours);
            let due = trial.next_due_at.is_some_and(|at| at <= now);
            if let Some(reminder) = trial.remind(now) {
                prop_assert!(due, "what is due is known ahead");
                prop_assert!(reminder.at <= now && reminder.at > trial.started_at);
                let last = given.last().filter(|(end, _)| *end == trial.ends_at);
                prop_assert!(last.is_none_or(|(_, before)| reminder.days < *before));
                given.push((trial.ends_at, reminder.days));
            }
            if extends {
                let before = trial.ends_at;
                let extended = trial.extend(Extension::Referral, &rules, now);
                prop_assert_eq!(extended.is_ok(), before < trial.ends_at);
            }
        }
        prop_assert_eq!(given.last(), Some(&(trial.ends_at, 0)));
        prop_assert!(trial.has_ended(now));
        prop_assert!(trial.extensions <= 2 && trial.extra_days <= 14);
        let length = Duration::days(i64::from(days + trial.extra_days));
        prop_assert_eq!(trial.ends_at, NOON + length);
    }
}
