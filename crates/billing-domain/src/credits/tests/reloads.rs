//! An account that is recorded and read back between commands decides as if it never was.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{
    random::{Step, settings, steps},
    *,
};

/// What a store keeps of an account.
#[derive(Default)]
struct Recorded {
    entries: Vec<Entry>,
    grants: BTreeMap<GrantId, Grant>,
    holds: BTreeMap<HoldId, Hold>,
    decided: Vec<Decided>,
    told: Vec<(OffsetDateTime, What)>,
    pace: Pace,
}

impl Recorded {
    /// Keeps only what the account says is to be recorded.
    fn save(&mut self, account: &mut CreditAccount) {
        let pending = account.take_pending();
        assert!(pending.granted.iter().all(|id| !self.grants.contains_key(id)), "new grants");
        assert!(pending.changed.iter().all(|id| self.grants.contains_key(id)), "known grants");
        assert!(pending.held.iter().all(|id| !self.holds.contains_key(id)), "new holds");
        assert!(pending.resolved.iter().all(|id| self.holds.contains_key(id)), "known holds");
        let grants: BTreeSet<_> = pending.granted.union(&pending.changed).collect();
        for grant in account.grants().iter().filter(|grant| grants.contains(&grant.id)) {
            self.grants.insert(grant.id, grant.clone());
        }
        let holds: BTreeSet<_> = pending.held.union(&pending.resolved).collect();
        for hold in account.holds().filter(|hold| holds.contains(&hold.id)) {
            self.holds.insert(hold.id, hold.clone());
        }
        if !pending.entries.is_empty() {
            self.pace = account.pace;
        }
        self.entries.extend(pending.entries);
        self.decided.extend(pending.decided);
        self.told.extend(pending.told);
    }

    /// Makes known what these commands may need, and nothing else.
    fn load(&self, first: Settings, steps: &[Step]) -> CreditAccount {
        let mut account = set_up(first);
        if let Some(last) = self.entries.last() {
            (account.last_seq, account.last_at) = (last.seq, last.at);
        }
        account.overdrawn = self.entries.iter().map(|entry| entry.overdrawn_change).sum();
        account.held = self.entries.iter().map(|entry| entry.held_change).sum();
        account.pace = self.pace;
        for entry in &self.entries {
            if let Origin::Settings(settings) = entry.origin {
                account.settings = settings;
            }
        }
        let open = |grant: &&Grant| !grant.started || grant.remaining > 0;
        for grant in self.grants.values().filter(open) {
            account.know_grant(grant.clone());
        }
        for (_, command) in steps {
            self.know_named(&mut account, command);
        }
        let now = steps.iter().map(|(now, _)| *now).max().unwrap_or(account.last_at);
        let now = now.max(account.last_at);
        self.know_due_holds(&mut account, now);
        account
    }

    fn know_named(&self, account: &mut CreditAccount, command: &CreditCommand) {
        let know_source = |account: &mut CreditAccount, source: &Source| {
            let named = self.grants.values().find(|grant| grant.source == *source);
            named.into_iter().for_each(|grant| account.know_grant(grant.clone()));
        };
        let know_hold = |account: &mut CreditAccount, id: &HoldId| {
            self.holds.get(id).into_iter().for_each(|hold| account.know_hold(hold.clone()));
        };
        match command {
            CreditCommand::Grant(grant) => know_source(account, &grant.source),
            CreditCommand::Revoke(revoke) => know_source(account, &revoke.source),
            CreditCommand::Settle(settle) => know_hold(account, &settle.hold),
            CreditCommand::Release(hold) => know_hold(account, hold),
            CreditCommand::Consume(asked) => {
                self.know_decision(account, Operation::Consume, &asked.key);
            }
            CreditCommand::Hold(asked) => self.know_decision(account, Operation::Hold, &asked.key),
            CreditCommand::Send(asked) => {
                self.know_decision(account, Operation::Transfer, &asked.key);
            }
            CreditCommand::Refund(asked) => {
                self.know_decision(account, Operation::Refund, &asked.key);
                self.know_draw(account, asked.draw);
            }
            CreditCommand::Configure(_) | CreditCommand::BookDue => {}
        }
    }

    /// A use, how much of it was given back, and the grants from which it came.
    fn know_draw(&self, account: &mut CreditAccount, reference: DrawRef) {
        let draws = self.entries.iter().filter_map(|entry| Draw::of(entry, 0));
        let Some(mut draw) = draws.into_iter().find(|draw| draw.is(reference)) else { return };
        for entry in &self.entries {
            if let Origin::Refund { draw: row, .. } = entry.origin
                && row == draw.seq
            {
                draw.returned += entry.amount;
            }
        }
        for touch in &draw.touched {
            account.know_grant(self.grants[&touch.grant_id].clone());
        }
        account.know_draw(draw);
    }

    /// Of the open holds those that are due, and the next.
    fn know_due_holds(&self, account: &mut CreditAccount, now: OffsetDateTime) {
        let known: BTreeSet<_> = account.holds().map(|hold| hold.id).collect();
        let mut open: Vec<_> = self
            .holds
            .values()
            .filter(|hold| hold.is_open() && !known.contains(&hold.id))
            .collect();
        open.sort_by_key(|hold| (hold.until, hold.id));
        let due = open.iter().take_while(|hold| hold.until <= now).count();
        for hold in open.into_iter().take(due + 1) {
            account.know_hold(hold.clone());
        }
    }

    fn know_decision(&self, account: &mut CreditAccount, by: Operation, key: &IdempotencyKey) {
        let mut decided = self.decided.iter();
        if let Some(it) = decided.find(|it| it.operation == by && it.key == *key) {
            account.know_decision(by, key.clone(), it.asked.clone(), self.outcome(it));
        }
    }

    /// The answer, made again from the row.
    fn outcome(&self, it: &Decided) -> CreditOutcome {
        let (decision, required, replayed) = (it.decision, it.required, false);
        let seq = match it.verdict {
            Verdict::Allowed { seq } => seq,
            Verdict::Denied { available, .. } => {
                let at = it.at;
                return CreditOutcome::Denied(Denied {
                    decision,
                    required,
                    available,
                    at,
                    replayed,
                });
            }
        };
        let row = self.entries.iter().find(|entry| entry.seq == seq).unwrap();
        let (balance_after, touched) = (row.balance_after, row.touched.clone());
        match row.origin {
            Origin::Consume { .. } => {
                let cost = required;
                CreditOutcome::Consumed(Consumed {
                    decision,
                    seq,
                    cost,
                    balance_after,
                    touched,
                    replayed,
                })
            }
            Origin::Hold { hold, until, .. } => {
                let amount = required;
                CreditOutcome::Held(Held { hold, seq, amount, until, touched, replayed })
            }
            Origin::Refund { draw, .. } => {
                let amount = required;
                CreditOutcome::Refunded(Refunded {
                    decision,
                    seq,
                    draw,
                    amount,
                    balance_after,
                    touched,
                    replayed,
                })
            }
            Origin::Transfer { .. } => {
                let (amount, taken) = (required, vec![]);
                CreditOutcome::Sent(Sent { decision, seq, amount, balance_after, taken, replayed })
            }
            Origin::Grant(_)
            | Origin::Expiry(_)
            | Origin::Settle { .. }
            | Origin::Release(_)
            | Origin::TimeOut(_)
            | Origin::Revoke(_)
            | Origin::Settings(_) => panic!("not decided under a key: {row:?}"),
        }
    }
}

fn by_id(account: &CreditAccount) -> (BTreeMap<GrantId, Grant>, BTreeMap<HoldId, Hold>) {
    let grants = account.grants().iter().map(|grant| (grant.id, grant.clone())).collect();
    let holds = account.holds().map(|hold| (hold.id, hold.clone())).collect();
    (grants, holds)
}

proptest! {
    #[test]
    fn commands_in_several_batches_end_as_in_one(
        settings in settings(),
        steps in steps(),
        mut batches in prop::collection::vec(1_usize..5, 40),
    ) {
        let mut whole = set_up(settings);
        let mut recorded = Recorded::default();
        let mut rest = steps.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(batches.pop().unwrap_or(1).min(rest.len()));
            let mut part = recorded.load(settings, batch);
            for (now, command) in batch {
                prop_assert_eq!(part.apply(command, *now), whole.apply(command, *now));
                prop_assert_eq!(part.balance(), whole.balance());
                prop_assert_eq!(part.available(), whole.available());
            }
            prop_assert_eq!(part.next_due_at(), whole.next_due_at());
            recorded.save(&mut part);
            rest = later;
        }
        let end = recorded.load(settings, &[]);
        prop_assert_eq!((end.settings, end.pace), (whole.settings, whole.pace));
        prop_assert_eq!((recorded.grants, recorded.holds), by_id(&whole));
        let pending = whole.take_pending();
        prop_assert_eq!(recorded.entries, pending.entries);
        prop_assert_eq!(recorded.decided, pending.decided);
        prop_assert_eq!(recorded.told, pending.told);
    }
}
