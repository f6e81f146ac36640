//! The usage ledger decides and records as the domain does, over a long history.

use billing_app::ports::{Clock, Scope};
use billing_domain::{
    catalogue::{Amount, Overage, Window},
    period::{Anchor, Interval},
    usage::{
        Bonus, UsageAccount, UsageCommand,
        UsageOperation::{CheckAndRecord, Track},
        UsageRule,
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
const WINDOWS: [Window; 3] = [Window::BillingPeriod, Window::CalendarMonth, Window::Lifetime];

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

fn any_command(dice: &mut Dice, now: OffsetDateTime) -> UsageCommand {
    let at = now - Duration::microseconds(dice.roll(90 * HOUR));
    UsageCommand {
        id: a_fresh_id(),
        key: an_idempotency_key(&format!("key {}", dice.roll(90))),
        meter: dice.pick(&METERS).to_owned(),
        quantity: u64::try_from(dice.roll(4) + 1).unwrap_or_default(),
        at,
        rule: any_rule(dice, at),
        operation: dice.pick(&[Track, CheckAndRecord, CheckAndRecord]),
        properties: (dice.roll(2) == 0).then(|| r#"{"n": 1}"#.to_owned()),
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
        let mut dice = Dice::new(seed);
        for step in 0..120 {
            clock.advance(Duration::microseconds(dice.roll(12 * HOUR)));
            let now = clock.now();
            if dice.roll(12) == 0 {
                let bonus = any_bonus(&mut dice, now);
                account.know_bonus(bonus.clone());
                let mut work = subject.store.begin(Scope::Operator).await?;
                work.usage().give_bonus(organization, &bonus).await?;
                work.commit().await?;
            }
            let command = any_command(&mut dice, now);
            let expected = account.apply(&command, now);
            let outcome = subject.usage.apply(organization, command.clone(), now).await?;
            assert_eq!(outcome, expected, "step {step} of {seed}: {command:?}");
        }
        let mut rules = Vec::new();
        for _ in 0..12 {
            let at = NOON + Duration::microseconds(dice.roll(1_400 * HOUR));
            rules.push((dice.pick(&METERS).to_owned(), any_rule(&mut dice, at)));
        }
        let now = clock.now();
        let quotas = subject.ledger_queries.quotas(organization, &rules, now).await?;
        let expected: Vec<_> =
            rules.iter().map(|(meter, rule)| account.quota(meter, rule, now)).collect();
        assert_eq!(quotas, expected);
    }
    Ok(())
}
