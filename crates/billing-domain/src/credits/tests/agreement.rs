//! Whether an account and its model agree, after every command.

use proptest::prelude::*;

use super::{
    model::{Answer, Model, Row},
    random::{Step, settings, steps, units},
    *,
};

/// An account and its model.
struct Both {
    account: CreditAccount,
    model: Model,
}

impl Both {
    fn new(settings: Settings) -> Self {
        Self { account: set_up(settings), model: Model::new(settings) }
    }

    fn apply(&mut self, (now, command): &Step) -> CreditOutcome {
        let outcome = self.account.apply(command, *now);
        assert_eq!(Answer::of(&outcome), self.model.apply(command, units(*now)), "{command:?}");
        self.agree();
        outcome
    }

    fn agree(&self) {
        let Self { account, model } = self;
        assert_eq!((account.balance(), account.overdrawn), (model.balance(), model.owed));
        assert_eq!(account.available(), model.available());
        let rows: Vec<Row> = account
            .pending
            .entries
            .iter()
            .map(|row| (units(row.at), row.amount, row.balance_after, row.held_change))
            .collect();
        assert_eq!(rows, model.rows);
        let told: Vec<_> =
            account.pending.told.iter().map(|(date, what)| (units(*date), what.clone())).collect();
        assert_eq!(told, model.told);
        assert_eq!(account.grants().len(), model.lots.len());
        for lot in &model.lots {
            let grant = account.find(lot.id);
            assert_eq!((grant.remaining, grant.held), (lot.left, lot.held), "{grant:?}");
            assert_eq!((grant.revoked, grant.noticed), (lot.revoked, lot.noticed), "{grant:?}");
        }
    }
}

/// What is received, made from what the other model says was sent.
fn received(answer: &CreditOutcome, now: OffsetDateTime, mut id: u128) -> Vec<CreditCommand> {
    let CreditOutcome::Sent(sent) = answer else { return vec![] };
    let grants = sent.grants(
        || {
            id += 1;
            grant_id(id)
        },
        now,
    );
    grants.into_iter().map(CreditCommand::Grant).collect()
}

proptest! {
    /// Two organizations that give credits to each other.
    #[test]
    fn accounts_agree_with_plain_lists_of_grants(
        settings in settings(),
        steps in steps(),
        others in prop::collection::vec(prop::bool::weighted(0.2), 40),
    ) {
        let (mut one, mut other) = (Both::new(settings), Both::new(Settings::default()));
        for (n, (step, swap)) in (1..).zip(steps.iter().zip(others)) {
            if swap {
                core::mem::swap(&mut one, &mut other);
            }
            let outcome = one.apply(step);
            let grants = received(&outcome, step.0, 1_000 * n);
            for grant in grants {
                other.apply(&(step.0, grant));
            }
        }
    }
}
