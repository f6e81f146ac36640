use proptest::prelude::*;
use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::gateway::Gateway;

const NOON: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

fn day(days: i64) -> OffsetDateTime {
    NOON + Duration::days(days)
}

fn checkout(n: u32) -> CheckoutId {
    CheckoutId(Uuid::from_u128(n.into()))
}

fn method(n: usize) -> GatewayRef {
    GatewayRef::new(Gateway::Stripe, format!("pm_{n}"))
}

fn a_collection() -> Collection {
    let owner = (OrganizationId(Uuid::nil()), InvoiceId(Uuid::nil()));
    Collection::begun(owner, None, NOON)
}

impl Collection {
    /// An attempt that fails at once.
    fn try_in_vain(&mut self, failure: ChargeFailure, now: OffsetDateTime) {
        let number = self.next_number();
        self.begin(checkout(number), (method(1), None), now);
        assert!(self.fail(checkout(number), failure, &DunningRules::default(), now));
    }
}

/// What an attempt that always fails comes to when somebody looks whenever something is due: on
/// which minutes it is tried, and when it is given up.
fn failing(failure: ChargeFailure) -> (Vec<i64>, i64) {
    let rules = DunningRules::default();
    let mut collection = a_collection();
    let mut tried = Vec::new();
    loop {
        let now = collection.next_due_at.unwrap();
        match collection.step(&rules, now) {
            CollectionStep::Charge => {
                tried.push((now - NOON).whole_minutes());
                collection.try_in_vain(failure, now);
            }
            CollectionStep::GiveUp => return (tried, (now - NOON).whole_minutes()),
            step @ (CollectionStep::Rest | CollectionStep::Ask(_)) => panic!("{step:?}"),
        }
    }
}

#[test]
fn each_kind_is_tried_again_as_it_may_be() {
    const DAY: i64 = 24 * 60;
    let week = 7 * DAY;
    for failure in ChargeFailure::ALL {
        let expected = match failure.kind() {
            DeclineKind::Hard | DeclineKind::AskCustomer | DeclineKind::NewMethod => vec![0],
            DeclineKind::Soft => vec![0, DAY, 3 * DAY, 5 * DAY, week],
            DeclineKind::Technical => vec![0, 5, 20, 80, DAY, 3 * DAY, 5 * DAY, week],
        };
        assert_eq!(failing(failure), (expected, week), "{failure:?}");
    }
}

#[test]
fn who_looks_late_tries_once_and_then_goes_by_the_days_that_are_left() {
    let rules = DunningRules::default();
    let mut collection = a_collection();
    collection.try_in_vain(ChargeFailure::Declined, NOON);
    assert_eq!(collection.step(&rules, day(4)), CollectionStep::Charge);
    collection.try_in_vain(ChargeFailure::Declined, day(4));
    assert_eq!(collection.retry_at, Some(day(5)));
    assert_eq!(collection.step(&rules, day(9)), CollectionStep::Charge);
    collection.try_in_vain(ChargeFailure::Declined, day(9));
    assert_eq!(collection.step(&rules, day(9)), CollectionStep::GiveUp);
    assert!(collection.give_up(day(9)) && !collection.give_up(day(9)));
    assert_eq!(collection.step(&rules, day(99)), CollectionStep::Rest);
}

#[test]
fn one_attempt_is_under_way_at_a_time() {
    let rules = DunningRules::default();
    let mut collection = a_collection();
    collection.begin(checkout(1), (method(1), None), NOON);
    assert_eq!(collection.step(&rules, NOON), CollectionStep::Rest);
    let later = NOON + Duration::MINUTE;
    assert_eq!(collection.step(&rules, later), CollectionStep::Ask(checkout(1)));
    collection.ask(later);
    assert_eq!(collection.step(&rules, later), CollectionStep::Rest);
    assert!(!collection.give_up(day(30)), "nobody knows yet");
    assert!(!collection.fail(checkout(9), ChargeFailure::Declined, &rules, later));
    assert!(collection.succeed(checkout(1), later) && !collection.succeed(checkout(1), later));
    assert!(!collection.fail(checkout(1), ChargeFailure::Declined, &rules, later));
    assert_eq!(collection.attempts[0].outcome, AttemptOutcome::Succeeded);
}

#[test]
fn a_new_method_is_tried_at_once_and_the_old_one_is_not() {
    let rules = DunningRules::default();
    let mut collection = a_collection();
    assert!(!collection.method_arrived(&method(2), NOON), "nothing failed yet");
    collection.try_in_vain(ChargeFailure::LostOrStolen, NOON);
    assert!(!collection.method_arrived(&method(1), day(2)));
    assert_eq!(collection.step(&rules, day(2)), CollectionStep::Rest);
    assert!(collection.method_arrived(&method(2), day(2)));
    assert_eq!(collection.step(&rules, day(2)), CollectionStep::Charge);

    let mut without = a_collection();
    without.fail_untried(ChargeFailure::NoSavedMethod, &rules, NOON);
    assert!(without.method_arrived(&method(1), day(1)));
    let mut over = a_collection();
    over.try_in_vain(ChargeFailure::Declined, NOON);
    over.give_up(day(7));
    assert!(!over.method_arrived(&method(2), day(8)));
}

#[test]
fn a_method_is_not_charged_for_ever() {
    let rules = DunningRules::default();
    let collection = a_collection();
    let record = |attempts, refused_for_good| MethodRecord { attempts, refused_for_good };
    for (record, expected) in [
        (record(0, false), Ok(())),
        (record(14, false), Ok(())),
        (record(15, false), Err(NotAgain::TooOften)),
        (record(0, true), Err(NotAgain::Hard)),
        (record(15, true), Err(NotAgain::Hard)),
    ] {
        assert_eq!(collection.may_try(record, &rules), expected, "{record:?}");
    }
}

/// What may happen to an invoice.
#[derive(Clone, Debug)]
enum Turn {
    /// Somebody looks after so many hours; the bank would answer this.
    Look(u16, Option<ChargeFailure>),
    /// The customer adds a method.
    Method,
    /// A person asks for an attempt.
    Ask(Option<ChargeFailure>),
}

fn a_turn() -> impl Strategy<Value = Turn> {
    let answer = || prop::option::weighted(0.95, prop::sample::select(&ChargeFailure::ALL[..8]));
    prop_oneof![
        8 => (0_u16..72, answer()).prop_map(|(hours, answer)| Turn::Look(hours, answer)),
        1 => Just(Turn::Method),
        2 => answer().prop_map(Turn::Ask),
    ]
}

/// Plays the engine: looks, and keeps to what the rules allow. Nothing where it is paid.
fn attempt(
    collection: &mut Collection,
    (rules, method): (&DunningRules, &GatewayRef),
    answer: Option<ChargeFailure>,
    (now, asked_for): (OffsetDateTime, bool),
) {
    let since = rules.counted_since(now);
    let own = || collection.attempts.iter().filter(|it| it.method == *method);
    let record = MethodRecord {
        attempts: own().filter(|it| it.at > since).count().try_into().unwrap(),
        refused_for_good: own()
            .any(|it| it.outcome.failure().map(ChargeFailure::kind) == Some(DeclineKind::Hard)),
    };
    if collection.may_try(record, rules).is_err() {
        let failure = collection.failure.unwrap_or(ChargeFailure::NotPermitted);
        if !asked_for {
            collection.fail_untried(failure, rules, now);
        }
        return;
    }
    let id = checkout(collection.next_number());
    collection.begin(id, (method.clone(), None), now);
    match answer {
        Some(failure) => assert!(collection.fail(id, failure, rules, now)),
        None => assert!(collection.succeed(id, now)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Over whatever happens to an invoice: never again after a hard decline, never more often than
    /// allowed, nothing after it is paid, and it comes to an end.
    #[test]
    fn rules_are_kept_whatever_happens(turns in prop::collection::vec(a_turn(), 1..80)) {
        let rules = DunningRules::default();
        let (mut collection, mut now, mut newest) = (a_collection(), NOON, 1);
        for turn in turns {
            let before = collection.attempts.len();
            let open = collection.state.is_open();
            match turn {
                Turn::Look(hours, answer) => {
                    now += Duration::hours(hours.into());
                    match collection.step(&rules, now) {
                        CollectionStep::Charge => {
                            attempt(&mut collection, (&rules, &method(newest)), answer, (now, false));
                        }
                        CollectionStep::GiveUp => prop_assert!(collection.give_up(now)),
                        CollectionStep::Rest => {}
                        CollectionStep::Ask(id) => panic!("{id} has ended"),
                    }
                }
                Turn::Method => {
                    newest += 1;
                    collection.method_arrived(&method(newest), now);
                }
                Turn::Ask(answer) if !matches!(collection.state, CollectionState::Collected { .. }) => {
                    attempt(&mut collection, (&rules, &method(newest)), answer, (now, true));
                }
                Turn::Ask(_) => {}
            }
            if !open && matches!(turn, Turn::Look(..) | Turn::Method) {
                prop_assert_eq!(collection.attempts.len(), before, "tried after its end");
            }
            let waits = collection.next_due_at.is_some();
            prop_assert_eq!(waits, collection.state.is_open(), "{:?}", collection);
        }
        for (n, attempt) in collection.attempts.iter().enumerate() {
            let own = || collection.attempts[..n].iter().filter(|it| it.method == attempt.method);
            let hard = |it: &&Attempt| {
                it.outcome.failure().map(ChargeFailure::kind) == Some(DeclineKind::Hard)
            };
            prop_assert_eq!(own().find(hard), None, "charged after a hard decline");
            let recent = own().filter(|it| it.at > attempt.at - Duration::days(30)).count();
            prop_assert!(recent < 15, "the {} attempt within 30 days", recent + 1);
        }
        // Left alone, it ends within the days of the rules.
        let end = now + Duration::days(60);
        for _ in 0..12 {
            let at = collection.next_due_at.map_or(end, |due| due.max(end));
            match collection.step(&rules, at) {
                CollectionStep::Charge => {
                    let answer = Some(ChargeFailure::Declined);
                    attempt(&mut collection, (&rules, &method(newest)), answer, (at, false));
                }
                CollectionStep::GiveUp => prop_assert!(collection.give_up(at)),
                CollectionStep::Rest | CollectionStep::Ask(_) => break,
            }
        }
        prop_assert!(!collection.state.is_open());
    }
}
