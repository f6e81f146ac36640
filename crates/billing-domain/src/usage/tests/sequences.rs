//! What holds after any sequence of uses.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::catalogue::Aggregation;

/// A use, and when it is decided.
type Step = (OffsetDateTime, Use);

const LIMIT: u64 = 20;
const METERS: [&str; 2] = [METER, "exports"];

/// Small numbers, so that keys repeat and limits are met; two months, decided in any order.
fn steps(enforced: impl Strategy<Value = bool> + Clone) -> impl Strategy<Value = Vec<Step>> {
    let one = (0_u128..30, 0_usize..2, 1_u64..8, any::<bool>(), 0_i64..60, enforced).prop_map(
        |(key, meter, quantity, april, now, enforced)| {
            let at = if april { datetime!(2026-04-05 0:00 UTC) } else { NOON };
            let rule = at_most(LIMIT, at);
            let meter = METERS[meter].into();
            let operation =
                if enforced { UsageOperation::CheckAndRecord } else { UsageOperation::Track };
            let command = Use { at, rule, meter, operation, ..a_use(key, quantity) };
            (super::at(now), command)
        },
    );
    prop::collection::vec(one, 0..60)
}

fn enforced(command: &Use) -> bool {
    command.operation == UsageOperation::CheckAndRecord
}

fn bonuses() -> impl Strategy<Value = Vec<Bonus>> {
    prop::collection::vec((1_u64..10, 0_i64..60, 0_usize..2), 0..5).prop_map(|drawn| {
        let bonus = |(n, (amount, expires, meter)): (u128, (u64, i64, usize))| Bonus {
            meter: METERS[meter].to_owned(),
            ..a_bonus(n, amount, expires)
        };
        (1..).zip(drawn).map(bonus).collect()
    })
}

fn account_with(bonuses: &[Bonus]) -> UsageAccount {
    let mut account = an_account();
    bonuses.iter().cloned().for_each(|bonus| account.know_bonus(bonus));
    account
}

fn key(command: &Use) -> CounterKey {
    CounterKey::of(command.meter.clone(), &command.rule)
}

/// What was recorded anew, summed up here and not by the account.
fn sums(account: &mut UsageAccount, steps: &[Step]) -> BTreeMap<CounterKey, u64> {
    let mut sums = BTreeMap::new();
    for (now, command) in steps {
        if let UsageOutcome::Recorded(Recorded { replayed: false, .. }) =
            account.apply(&command.clone().into(), *now)
        {
            *sums.entry(key(command)).or_default() += command.quantity;
        }
    }
    sums
}

/// How much of a meter's bonuses was used.
fn bonus_used(account: &UsageAccount, meter: &str) -> u64 {
    let of_meter = account.bonuses.iter().filter(|bonus| bonus.meter == meter);
    of_meter.map(|bonus| bonus.amount - bonus.remaining).sum()
}

proptest! {
    #[test]
    fn enforced_use_never_exceeds_the_limit_and_bonuses(
        bonuses in bonuses(),
        steps in steps(Just(true)),
    ) {
        let mut account = account_with(&bonuses);
        let sums = sums(&mut account, &steps);
        for meter in METERS {
            let of_meter = sums.iter().filter(|(key, _)| &*key.meter == meter);
            let above: u64 = of_meter.map(|(_, used)| used.saturating_sub(LIMIT)).sum();
            let given: u64 =
                bonuses.iter().filter(|bonus| bonus.meter == meter).map(|bonus| bonus.amount).sum();
            prop_assert_eq!(above, bonus_used(&account, meter), "all above a limit is a bonus's");
            prop_assert!(above <= given);
        }
    }

    #[test]
    fn enforced_use_is_denied_only_where_it_would_not_fit(
        bonuses in bonuses(),
        steps in steps(any::<bool>()),
    ) {
        let mut account = account_with(&bonuses);
        for (now, command) in &steps {
            let quota = account.quota(&command.meter, &command.rule, *now);
            let fits = quota.used.max(LIMIT) - quota.used + quota.bonus >= command.quantity;
            match account.apply(&command.clone().into(), *now) {
                UsageOutcome::Recorded(facts) if !facts.replayed => {
                    prop_assert!(fits || !enforced(command));
                    prop_assert_eq!(facts.quota, quota);
                }
                UsageOutcome::Denied(facts) if !facts.replayed => {
                    prop_assert!(enforced(command) && !fits);
                    prop_assert_eq!(account.quota(&command.meter, &command.rule, *now), quota);
                }
                UsageOutcome::Recorded(_)
                | UsageOutcome::Denied(_)
                | UsageOutcome::KeyReused
                | UsageOutcome::TooLarge
                | UsageOutcome::Given { .. } => {
                    prop_assert_eq!(account.quota(&command.meter, &command.rule, *now), quota);
                }
            }
        }
    }

    #[test]
    fn counters_are_the_sums_of_what_was_recorded(
        bonuses in bonuses(),
        steps in steps(any::<bool>()),
    ) {
        let mut account = account_with(&bonuses);
        let sums = sums(&mut account, &steps);
        let pending = account.take_pending();
        let mut counted = BTreeMap::new();
        for (expected, event) in (1_i64..).zip(&pending.counted) {
            prop_assert_eq!(event.seq, expected, "no gaps");
            *counted.entry(key(&event.usage)).or_default() += event.usage.quantity;
        }
        prop_assert_eq!(&counted, &sums);
        let counters = pending.counters.into_iter().map(|(key, counter)| (key, counter.used));
        prop_assert_eq!(counters.collect::<BTreeMap<_, _>>(), sums);
    }

    #[test]
    fn a_repeated_use_changes_nothing(
        bonuses in bonuses(),
        steps in steps(any::<bool>()),
        later in 0_i64..90,
    ) {
        let mut account = account_with(&bonuses);
        for (now, command) in &steps {
            let first = account.apply(&command.clone().into(), *now);
            let mut repeated = account.clone();
            let again = repeated.apply(&command.clone().into(), *now + Duration::seconds(later));
            match (first, again) {
                // What was only tracked is answered with where the quota stands now.
                (UsageOutcome::Recorded(first), UsageOutcome::Recorded(again))
                    if !enforced(command) =>
                {
                    prop_assert!(again.replayed);
                    prop_assert_eq!(again.decision, first.decision);
                }
                (UsageOutcome::Recorded(first), again) => {
                    let same = Recorded { replayed: true, ..first };
                    prop_assert_eq!(again, UsageOutcome::Recorded(same));
                }
                (UsageOutcome::Denied(first), again) => {
                    let same = Recorded { replayed: true, ..first };
                    prop_assert_eq!(again, UsageOutcome::Denied(same));
                }
                (first, again) => prop_assert_eq!(again, first),
            }
            prop_assert_eq!(&repeated, &account);
        }
    }

    /// Only what the account says is to be recorded is kept, and a fresh account is told of it.
    #[test]
    fn uses_in_several_batches_end_as_in_one(
        bonuses in bonuses(),
        steps in steps(any::<bool>()),
        reloads in prop::collection::vec(any::<bool>(), 60),
    ) {
        let (mut whole, mut parts) = (account_with(&bonuses), account_with(&bonuses));
        let mut kept = UsagePending::default();
        for ((now, command), reload) in steps.iter().zip(reloads) {
            prop_assert_eq!(parts.apply(&command.clone().into(), *now), whole.apply(&command.clone().into(), *now));
            if reload {
                add(&mut kept, parts.take_pending());
                parts = reloaded(&bonuses, &kept);
            }
        }
        add(&mut kept, parts.take_pending());
        prop_assert_eq!(kept, whole.take_pending());
    }
}

/// Uses of every effect, each meter with one aggregation.
fn mixed() -> impl Strategy<Value = Vec<Step>> {
    let one = (0_u128..40, 0_usize..4, 1_u64..8, 0_i64..9, any::<bool>()).prop_map(
        |(key, meter, quantity, at, flag)| {
            let (meter, effect, quantity) = match meter {
                0 if flag => ("projects", Effect::Add, quantity),
                0 => ("projects", Effect::Remove, quantity),
                1 => ("peak", Effect::Raise, quantity),
                2 => ("disk", Effect::Set, quantity),
                _ => ("people", Effect::See(format!("user {quantity}")), 1),
            };
            let operation = UsageOperation::Track;
            let (meter, at) = (meter.into(), super::at(at));
            let command = Use { at, meter, effect, operation, ..a_use(key, quantity) };
            (NOON, command)
        },
    );
    prop::collection::vec(one, 0..60)
}

proptest! {
    /// Whatever bonuses do, counting all raw events anew ends in the same numbers.
    #[test]
    fn counters_are_rebuilt_from_raw_events(steps in mixed(), bonus in 0_u64..9) {
        let mut account = an_account();
        account.know_bonus(Bonus { meter: "projects".to_owned(), ..a_bonus(1, bonus, 60) });
        for (now, command) in &steps {
            account.apply(&command.clone().into(), *now);
            for bonus in &account.bonuses {
                prop_assert!(bonus.remaining <= bonus.amount);
            }
        }
        let pending = account.take_pending();
        let (mut tallies, mut aggregations) = (Tallies::default(), BTreeMap::new());
        for event in &pending.counted {
            let Use { meter, effect, at, properties, .. } = &*event.usage;
            let (aggregation, value) = match effect {
                Effect::Add | Effect::Remove => (Aggregation::Sum, None),
                Effect::Raise => (Aggregation::Max, None),
                Effect::Set => (Aggregation::Latest, None),
                Effect::See(value) => (Aggregation::Unique("user".to_owned()), Some(value.clone())),
            };
            let key = CounterKey::of(meter.clone(), &event.usage.rule);
            let (at, properties) = (*at, properties.clone());
            let raw = RawUse { seq: event.seq, key, applied: event.applied, at, properties };
            tallies.add(&raw, value);
            aggregations.insert(meter.to_string(), aggregation);
        }
        let counted = pending.counters.into_iter().map(|(key, counter)| {
            (key, Counter { from_bonus: 0, warned: 0, ..counter })
        });
        let recount = tallies.recount(|meter| &aggregations[meter]);
        prop_assert_eq!(recount.counters, counted.collect::<BTreeMap<_, _>>());
        prop_assert_eq!(recount.values.len(), pending.values.len());
    }
}

fn add(kept: &mut UsagePending, new: UsagePending) {
    kept.counted.extend(new.counted);
    kept.counters.extend(new.counters);
    kept.values.extend(new.values);
    kept.events.extend(new.events);
    kept.bonuses.extend(new.bonuses);
    kept.decided.extend(new.decided);
}

fn reloaded(bonuses: &[Bonus], kept: &UsagePending) -> UsageAccount {
    let mut account = an_account();
    account.last_seq = kept.counted.last().map_or(0, |counted| counted.seq);
    for bonus in bonuses {
        let remaining = kept.bonuses.get(&bonus.id).copied().unwrap_or(bonus.remaining);
        account.know_bonus(Bonus { remaining, ..bonus.clone() });
    }
    for (key, used) in &kept.counters {
        account.know_counter(key.clone(), *used);
    }
    for (key, value) in &kept.values {
        account.know_value(key.clone(), value.clone());
    }
    for decision in &kept.decided {
        let key = decision.usage.key.clone();
        account.know_decision(decision.usage.operation, key, decision.decided.clone());
    }
    account
}
