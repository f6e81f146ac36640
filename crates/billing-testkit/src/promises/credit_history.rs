//! The credit ledger decides and records as the domain does, over a long history.

use std::collections::BTreeSet;

use billing_app::ports::Clock;
use billing_domain::{
    credits::{
        Consume, CreditAccount, CreditCommand, CreditOutcome, Draw, DrawOrder, DrawRef, Entry,
        GrantKind, NewGrant, NewHold, Origin, Refund, Revoke, SettingsChange, Settle, Source,
    },
    event::What,
    id::{DecisionId, HoldId, OrganizationId},
};
use time::{Duration, OffsetDateTime};

use super::{Promise, stage::Dice};
use crate::{
    Stopped, Subject,
    builders::{a_fresh_id, a_grant, a_transfer, an_idempotency_key},
    subject::named,
};

/// In microseconds, as dice are rolled.
const HOUR: i64 = 3_600_000_000;

/// A command such as many callers might give: keys, sources, holds and uses come again, grants
/// start later or are over before they are given.
fn any_command(dice: &mut Dice, known: &mut Known, now: OffsetDateTime) -> CreditCommand {
    let key = |dice: &mut Dice| an_idempotency_key(&format!("key {}", dice.roll(90)));
    match dice.roll(24) {
        0 => CreditCommand::BookDue,
        1..=4 => CreditCommand::Grant(any_grant(dice, now)),
        5..=7 => {
            let source = Source::new("operator", dice.roll(40).to_string());
            CreditCommand::Revoke(Revoke { source, total: dice.roll(400) })
        }
        8..=11 => {
            let until = now + Duration::microseconds(dice.roll(20 * HOUR) + 1);
            let (id, amount) = (a_fresh_id(), dice.roll(40) + 1);
            let hold = NewHold::new(id, key(dice), "ai_inference", amount, until);
            known.holds.push(id);
            CreditCommand::Hold(hold.expect("it can be held"))
        }
        12..=14 => {
            let amount = (dice.roll(4) > 0).then(|| dice.roll(40) + 1);
            let settle = Settle::new(known.any_hold(dice), amount);
            CreditCommand::Settle(settle.expect("it can be settled"))
        }
        15 => CreditCommand::Release(known.any_hold(dice)),
        16..=17 => {
            let draw = match dice.roll(3) {
                0 if !known.decisions.is_empty() => DrawRef::Decision(dice.pick(&known.decisions)),
                1 => DrawRef::Decision(DecisionId(known.any_hold(dice).0)),
                _ => DrawRef::Row(dice.roll(known.rows + 2) + 1),
            };
            let amount = (dice.roll(3) > 0).then(|| dice.roll(30) + 1);
            let (id, grant) = (a_fresh_id(), a_fresh_id());
            let refund = Refund::new(id, key(dice), draw, amount, grant);
            CreditCommand::Refund(refund.expect("it can be given back"))
        }
        18 => CreditCommand::Configure(SettingsChange {
            overdraft_limit: Some(dice.pick(&[0, 0, 40, 200])),
            order: Some(dice.pick(&known.orders)),
            low_balance: Some(dice.pick(&[0, 50, 200])),
            low_percent: Some(dice.pick(&[0, 10, 50])),
        }),
        _ => {
            let (id, event) = (a_fresh_id(), dice.pick(&["ai_inference", "api_call_premium"]));
            let (quantity, cost) = (dice.roll(2) + 1, dice.pick(&[0, 1, 5, 25]));
            let consume = Consume::new(id, key(dice), event, quantity, cost);
            known.decisions.push(id);
            CreditCommand::Consume(consume.expect("it can be consumed"))
        }
    }
}

fn any_grant(dice: &mut Dice, now: OffsetDateTime) -> NewGrant {
    let starts_at = now + Duration::microseconds(dice.roll(150 * HOUR) - 50 * HOUR);
    let life = Duration::microseconds(dice.roll(300 * HOUR) + 1);
    let kind = dice.pick(&GrantKind::ALL);
    let ends = kind != GrantKind::Purchased && dice.roll(3) > 0;
    NewGrant {
        id: a_fresh_id(),
        kind,
        amount: dice.roll(300) + 1,
        starts_at,
        expires_at: ends.then_some(starts_at + life),
        source: Source::new("operator", dice.roll(40).to_string()),
    }
}

/// What commands can come back to.
struct Known {
    holds: Vec<HoldId>,
    decisions: Vec<DecisionId>,
    rows: i64,
    orders: [DrawOrder; 2],
}

impl Known {
    fn new() -> Self {
        let mut kinds = GrantKind::ALL;
        kinds.reverse();
        let reversed = DrawOrder::try_from(kinds).expect("it has each kind once");
        let orders = [DrawOrder::default(), reversed];
        Self { holds: vec![a_fresh_id()], decisions: Vec::new(), rows: 0, orders }
    }

    /// One of the last few, which are open more often.
    fn any_hold(&self, dice: &mut Dice) -> HoldId {
        let last = self.holds.len().saturating_sub(6);
        dice.pick(self.holds.get(last..).unwrap_or_default())
    }
}

/// The account that the domain decides on, with all that came of it.
#[derive(Clone)]
struct Model {
    account: CreditAccount,
    entries: Vec<Entry>,
    told: Vec<What>,
}

impl Model {
    fn new(organization: OrganizationId) -> Self {
        let account = CreditAccount::new(organization);
        Self { account, entries: Vec::new(), told: Vec::new() }
    }

    fn apply(&mut self, command: &CreditCommand, now: OffsetDateTime) -> CreditOutcome {
        if let CreditCommand::Refund(refund) = command {
            self.know(refund.draw);
        }
        let outcome = self.account.apply(command, now);
        let pending = self.account.take_pending();
        self.entries.extend(pending.entries);
        self.told.extend(pending.told.into_iter().map(|(_, what)| what));
        outcome
    }

    fn know(&mut self, wanted: DrawRef) {
        let back = |draw: i64| -> i64 {
            let of_it = |entry: &&Entry| matches!(entry.origin, Origin::Refund { draw: of, .. } if of == draw);
            self.entries.iter().filter(of_it).map(|entry| entry.amount).sum()
        };
        let draws = self.entries.iter().filter_map(|entry| Draw::of(entry, back(entry.seq)));
        if let Some(draw) = draws.into_iter().find(|draw| draw.is(wanted)) {
            self.account.know_draw(draw);
        }
    }
}

/// What the domain would have made, and the ledger did make.
async fn compare(subject: &Subject, model: &Model) -> Promise {
    let (organization, account) = (model.account.organization_id, &model.account);
    let entries = subject.entries(organization).await?;
    for (entry, expected) in entries.iter().zip(&model.entries) {
        assert_eq!(entry, expected);
    }
    assert_eq!(entries.len(), model.entries.len());
    let expected = model.told.iter().map(named).collect::<anyhow::Result<Vec<_>>>()?;
    assert_eq!(subject.witness.told(organization).await?, expected);

    let mut left: Vec<_> =
        account.grants().iter().filter(|grant| grant.remaining > 0).cloned().collect();
    left.sort_by_key(|grant| account.settings.order.key(grant));
    let summary = subject.summary(organization).await?;
    assert_eq!(summary.grants, left);
    assert_eq!(summary.balance, account.balance());
    assert_eq!(summary.overdrawn, account.overdrawn);
    assert_eq!((summary.held, summary.settings), (account.held, account.settings));
    assert_eq!(summary.next_due_at, account.next_due_at());
    subject.all_holds().await
}

/// Every answer, every row and every field of what is left are those of the domain.
pub async fn credits_are_decided_as_the_domain_decides(subject: &Subject) -> Promise {
    for seed in [1, 2, 3] {
        let (clock, organization) = (Stopped::default(), subject.registered().await?);
        let (mut model, mut known) = (Model::new(organization), Known::new());
        let mut dice = Dice::new(seed);
        for step in 0..200 {
            clock.advance(Duration::microseconds(dice.roll(6 * HOUR)));
            // Clocks of several machines differ: one command comes with an older time.
            let late = Duration::microseconds(dice.roll(2) * dice.roll(HOUR));
            let now = clock.now() - late;
            let command = any_command(&mut dice, &mut known, now);
            let expected = model.apply(&command, now);
            known.rows = model.account.last_seq;
            let outcome = subject.credits.apply(organization, command.clone(), now).await?;
            assert_eq!(outcome, expected, "step {step} of {seed}: {command:?}");
        }
        compare(subject, &model).await?;
    }
    Ok(())
}

/// The same inside units of work, of several commands each.
pub async fn units_decide_on_credits_as_the_domain_decides(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.registered().await?);
    let (mut model, mut known) = (Model::new(organization), Known::new());
    let mut dice = Dice::new(4);
    for step in 0..50 {
        let before = model.clone();
        let mut work = subject.on_behalf_of(organization).await?;
        for _ in 0..4 {
            clock.advance(Duration::microseconds(dice.roll(6 * HOUR)));
            let command = any_command(&mut dice, &mut known, clock.now());
            let expected = model.apply(&command, clock.now());
            known.rows = model.account.last_seq;
            let outcome = work.credits().apply(organization, &command, clock.now()).await?;
            assert_eq!(outcome, expected, "step {step}: {command:?}");
        }
        if dice.roll(3) == 0 {
            drop(work);
            model = before;
        } else {
            work.commit().await?;
        }
    }
    compare(subject, &model).await
}

/// The history has every sort of row, each of which comes back as it was written.
pub async fn every_row_comes_back_as_it_was_written(subject: &Subject) -> Promise {
    let (clock, organization) = (Stopped::default(), subject.registered().await?);
    let (mut model, mut known) = (Model::new(organization), Known::new());
    let mut dice = Dice::new(5);
    let mut seen = BTreeSet::new();
    for _ in 0..300 {
        clock.advance(Duration::microseconds(dice.roll(4 * HOUR)));
        let command = any_command(&mut dice, &mut known, clock.now());
        model.apply(&command, clock.now());
        known.rows = model.account.last_seq;
        subject.credits.apply(organization, command, clock.now()).await?;
    }
    let to = subject.registered().await?;
    let rest = model.account.balance() - model.account.held;
    let grant = NewGrant { amount: 50 + rest.abs(), starts_at: clock.now(), ..a_grant() };
    subject.grant(organization, grant.clone(), clock.now()).await?;
    model.apply(&CreditCommand::Grant(grant), clock.now());
    let gift = a_transfer("gift", to, 20);
    subject.transfer(organization, gift.clone(), clock.now()).await?;
    model.apply(&CreditCommand::Send(gift), clock.now());
    seen.extend(model.entries.iter().map(|entry| entry.origin.name()));
    assert_eq!(seen.len(), 11, "some sort is missing: {seen:?}");
    compare(subject, &model).await
}
