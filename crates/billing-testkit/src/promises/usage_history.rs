//! The usage ledger decides and records as the domain does, over a long history.

use billing_app::ports::{Clock, Scope};
use billing_domain::{
    catalogue::{Amount, Overage, Rolling, Window},
    period::{Anchor, Interval},
    usage::{
        Bonus, Effect, Grace, UsageAccount, UsageCommand,
        UsageOperation::{CheckAndRecord, Track},
        UsageRule, Use,
    },
};
use time::{Duration, OffsetDateTime};

use super::{Promise, stage::Dice};
use crate::{
    NOON, Stopped, Subject,
    builders::{a_bonus, a_fresh_id, an_idempotency_key},
};

/// In microseconds, as dice are rolled.
const HOUR: i64 = 3_600_000_000;
const METERS: [&str; 2] = ["api_calls", "exports"];
const WINDOWS: [Window; 5] = [
    Window::BillingPeriod,
    Window::CalendarMonth,
    Window::Lifetime,
    Window::Rolling(Rolling::Hours(36)),
    Window::Rolling(Rolling::Days(5)),
];

fn any_rule(dice: &mut Dice, at: OffsetDateTime) -> UsageRule {
    let window = dice.pick(&WINDOWS);
    let billed = Some((Anchor(NOON).period(Interval::Month, 0), Interval::Month));
    let most = u64::try_from(dice.roll(60)).unwrap_or_default();
    UsageRule {
        limit: dice.pick(&[Amount::AtMost(most), Amount::AtMost(most), Amount::Unlimited]),
        overage: dice.pick(&[Overage::Block, Overage::Block, Overage::Allow]),
        window,
        period: window.around(at, billed),
    }
}

fn any_use(dice: &mut Dice, now: OffsetDateTime) -> Use {
    let at = now - Duration::microseconds(dice.roll(90 * HOUR));
    let operation = dice.pick(&[Track, CheckAndRecord, CheckAndRecord]);
    let effect = match operation {
        CheckAndRecord => Effect::Add,
        Track => any_effect(dice),
    };
    Use {
        id: a_fresh_id(),
        key: an_idempotency_key(&format!("key {}", dice.roll(90))),
        key_is_new: false,
        meter: dice.pick(&METERS).into(),
        effect,
        quantity: u64::try_from(dice.roll(4) + 1).unwrap_or_default(),
        at,
        rule: any_rule(dice, at),
        plan_version_id: a_fresh_id(),
        operation,
        properties: (dice.roll(2) == 0).then(|| r#"{"n": 1}"#.to_owned()),
    }
}

/// Whatever a meter does: the ledger does not know its aggregation.
fn any_effect(dice: &mut Dice) -> Effect {
    match dice.roll(6) {
        0 => Effect::Remove,
        1 => Effect::Raise,
        2 => Effect::Set,
        3 => Effect::See(format!("user {}", dice.roll(5))),
        _ => Effect::Add,
    }
}

/// Some commands are bonuses, given twice at times, and graces.
fn any_command(dice: &mut Dice, now: OffsetDateTime, given: &mut Vec<Bonus>) -> UsageCommand {
    match dice.roll(14) {
        0 => {
            given.push(any_bonus(dice, now));
            given.last().cloned().map_or_else(|| any_use(dice, now).into(), UsageCommand::Bonus)
        }
        1 if !given.is_empty() => {
            let n = usize::try_from(dice.roll(1_000)).unwrap_or_default() % given.len();
            given.get(n).cloned().map_or_else(|| any_use(dice, now).into(), UsageCommand::Bonus)
        }
        2 => UsageCommand::Grace(Grace {
            id: a_fresh_id(),
            meter: dice.pick(&METERS).into(),
            rule: any_rule(dice, now),
            expires_at: now + Duration::microseconds(dice.roll(200 * HOUR) + 1),
        }),
        _ => any_use(dice, now).into(),
    }
}

fn any_bonus(dice: &mut Dice, now: OffsetDateTime) -> Bonus {
    let amount = u64::try_from(dice.roll(9) + 1).unwrap_or_default();
    Bonus {
        meter: dice.pick(&METERS).to_owned(),
        amount,
        remaining: amount,
        expires_at: now + Duration::microseconds(dice.roll(200 * HOUR) + 1),
        created_at: now,
        ..a_bonus()
    }
}

/// Every answer and every count are those of the domain.
pub async fn use_is_decided_as_the_domain_decides(subject: &Subject) -> Promise {
    for seed in [4, 5] {
        let (clock, organization) = (Stopped::default(), subject.registered().await?);
        let mut account = UsageAccount::new(organization);
        let (mut dice, mut given) = (Dice::new(seed), Vec::new());
        for step in 0..160 {
            clock.advance(Duration::microseconds(dice.roll(12 * HOUR)));
            let now = clock.now();
            let command = any_command(&mut dice, now, &mut given);
            let expected = account.apply(&command, now);
            let outcome = if dice.roll(4) == 0 {
                let mut work = subject.store.begin(Scope::Operator).await?;
                let outcome = work.usage().apply(organization, &command, now).await?;
                work.commit().await?;
                outcome
            } else {
                subject.usage.apply(organization, command.clone(), now).await?
            };
            assert_eq!(outcome, expected, "step {step} of {seed}: {command:?}");
        }
        let mut rules = Vec::new();
        for _ in 0..12 {
            let at = NOON + Duration::microseconds(dice.roll(1_400 * HOUR));
            rules.push((dice.pick(&METERS).to_owned(), any_rule(&mut dice, at)));
        }
        let now = clock.now();
        let quotas = subject.quotas(organization, &rules, now).await?;
        let expected: Vec<_> =
            rules.iter().map(|(meter, rule)| account.quota(meter, rule, now)).collect();
        assert_eq!(quotas, expected);
    }
    Ok(())
}
