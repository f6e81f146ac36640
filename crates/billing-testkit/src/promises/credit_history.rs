//! The credit ledger decides and records as the domain does, over a long history.

use billing_app::ports::Clock;
use billing_domain::{
    credits::{
        Consume, CreditAccount, CreditCommand, DrawOrder, Entry, GrantKind, NewGrant, Source,
    },
    id::OrganizationId,
};
use time::{Duration, OffsetDateTime};

use super::{Promise, stage::Dice};
use crate::{
    Stopped, Subject,
    builders::{a_fresh_id, an_idempotency_key},
};

/// In microseconds, as dice are rolled.
const HOUR: i64 = 3_600_000_000;

/// A command such as many callers might give: keys and sources come again, grants start later or
/// are over before they are given.
fn any_command(dice: &mut Dice, now: OffsetDateTime) -> CreditCommand {
    match dice.roll(10) {
        0 => CreditCommand::BookDue,
        1..=3 => {
            let starts_at = now + Duration::microseconds(dice.roll(150 * HOUR) - 50 * HOUR);
            let life = Duration::microseconds(dice.roll(300 * HOUR) + 1);
            let kind = dice.pick(&GrantKind::ALL);
            let ends = kind != GrantKind::Purchased && dice.roll(3) > 0;
            CreditCommand::Grant(NewGrant {
                id: a_fresh_id(),
                kind,
                amount: dice.roll(300) + 1,
                starts_at,
                expires_at: ends.then_some(starts_at + life),
                source: Source::new("operator", dice.roll(40).to_string()),
            })
        }
        _ => {
            let key = an_idempotency_key(&format!("key {}", dice.roll(90)));
            let event = dice.pick(&["ai_inference", "api_call_premium"]);
            let (quantity, cost) = (dice.roll(2) + 1, dice.pick(&[0, 1, 5, 25]));
            let consume = Consume::new(a_fresh_id(), key, event, quantity, cost);
            CreditCommand::Consume(consume.expect("it can be consumed"))
        }
    }
}

/// The rows that the domain would have made, and the ledger did make.
async fn compare(
    subject: &Subject,
    organization: OrganizationId,
    account: &CreditAccount,
    expected: &[Entry],
) -> Promise {
    let entries = subject.entries(organization).await?;
    for (entry, expected) in entries.iter().zip(expected) {
        assert_eq!(entry, expected);
    }
    assert_eq!(entries.len(), expected.len());

    let mut left: Vec<_> =
        account.grants().iter().filter(|grant| grant.remaining > 0).cloned().collect();
    left.sort_by_key(|grant| DrawOrder::default().key(grant));
    let summary = subject.summary(organization).await?;
    assert_eq!(summary.grants, left);
    assert_eq!(summary.balance, account.balance());
    assert_eq!(summary.overdrawn, account.overdrawn);
    assert_eq!(summary.overdraft_limit, account.overdraft_limit);
    assert_eq!(summary.next_due_at, account.next_due_at());
    Ok(())
}

/// Every answer, every row and every field of what is left are those of the domain.
pub async fn credits_are_decided_as_the_domain_decides(subject: &Subject) -> Promise {
    for seed in [1, 2] {
        let (clock, organization) = (Stopped::default(), subject.registered().await?);
        let mut account = CreditAccount::new(organization);
        let (mut dice, mut entries) = (Dice::new(seed), Vec::new());
        for step in 0..120 {
            clock.advance(Duration::microseconds(dice.roll(30 * HOUR)));
            // Clocks of several machines differ: one command comes with an older time.
            let late = Duration::microseconds(dice.roll(2) * dice.roll(HOUR));
            let now = clock.now() - late;
            let command = any_command(&mut dice, now);
            let expected = account.apply(&command, now);
            entries.extend(account.take_pending().entries);
            let outcome = subject.credits.apply(organization, command.clone(), now).await?;
            assert_eq!(outcome, expected, "step {step} of {seed}: {command:?}");
        }
        compare(subject, organization, &account, &entries).await?;
    }
    Ok(())
}

/// The same inside units of work, of several commands each.
pub async fn units_decide_on_credits_as_the_domain_decides(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.registered().await?);
    let mut account = CreditAccount::new(organization);
    let (mut dice, mut entries) = (Dice::new(3), Vec::new());
    for step in 0..20 {
        let before = account.clone();
        let mut made = Vec::new();
        let mut work = subject.on_behalf_of(organization).await?;
        for _ in 0..4 {
            clock.advance(Duration::microseconds(dice.roll(20 * HOUR)));
            let command = any_command(&mut dice, clock.now());
            let expected = account.apply(&command, clock.now());
            made.extend(account.take_pending().entries);
            let outcome = work.credits().apply(organization, &command, clock.now()).await?;
            assert_eq!(outcome, expected, "step {step}: {command:?}");
        }
        if dice.roll(3) == 0 {
            drop(work);
            account = before;
        } else {
            work.commit().await?;
            entries.extend(made);
        }
    }
    compare(subject, organization, &account, &entries).await
}
