//! The same rules once more, as simply as they can be said: a plain list of grants, a clock that
//! ticks second by second, and credits that are taken one by one.

use proptest::prelude::*;

use super::{
    sequences::{Rules, rules, steps},
    *,
};

struct Lot {
    id: u128,
    kind: GrantKind,
    amount: i64,
    left: i64,
    given: i64,
    starts: i64,
    ends: Option<i64>,
    booked: bool,
    source: Source,
}

/// Date, amount and balance afterwards.
type Row = (i64, i64, i64);

#[derive(Clone, PartialEq, Debug)]
enum Answer {
    Took(Vec<(u128, i64)>),
    Refused { available: i64 },
    OtherBody,
    Gave(u128),
    Nothing,
}

struct Model {
    rules: Rules,
    lots: Vec<Lot>,
    owed: i64,
    answers: Vec<(String, String, i64, Answer)>,
    rows: Vec<Row>,
}

impl Model {
    fn balance(&self) -> i64 {
        self.lots.iter().filter(|lot| lot.booked).map(|lot| lot.left).sum::<i64>() - self.owed
    }

    fn row(&mut self, now: i64, amount: i64) {
        let balance = self.balance();
        self.rows.push((now, amount, balance));
    }

    /// At each second first the ends, then the starts.
    fn tick(&mut self, now: i64) {
        loop {
            let over = |lot: &&mut Lot| {
                lot.booked && lot.left > 0 && lot.ends.is_some_and(|ends| ends <= now)
            };
            if let Some(lot) =
                self.lots.iter_mut().filter(over).min_by_key(|lot| (lot.ends, lot.id))
            {
                let lost = lot.left;
                lot.left = 0;
                self.row(now, -lost);
                continue;
            }
            let begins = |lot: &&mut Lot| !lot.booked && lot.starts <= now;
            let Some(lot) = self.lots.iter_mut().filter(begins).min_by_key(|lot| lot.id) else {
                return;
            };
            lot.booked = true;
            let amount = lot.amount;
            while self.owed > 0 && lot.left > 0 {
                lot.left -= 1;
                self.owed -= 1;
            }
            self.row(now, amount);
        }
    }

    fn apply(&mut self, command: &CreditCommand, now: i64) -> Answer {
        let last = self.rows.last().map_or(-1_000, |(date, ..)| *date);
        let now = now.max(last);
        for second in last..=now {
            self.tick(second);
        }
        match command {
            CreditCommand::Consume(consume) => self.consume(consume, now),
            CreditCommand::Grant(grant) => self.give(grant, now),
            CreditCommand::BookDue => Answer::Nothing,
        }
    }

    fn give(&mut self, grant: &NewGrant, now: i64) -> Answer {
        if let Some(lot) = self.lots.iter().find(|lot| lot.source == grant.source) {
            return Answer::Gave(lot.id);
        }
        let id = grant.id.0.as_u128();
        self.lots.push(Lot {
            id,
            kind: grant.kind,
            amount: grant.amount,
            left: grant.amount,
            given: now,
            starts: seconds(grant.starts_at).max(now),
            ends: grant.expires_at.map(seconds),
            booked: false,
            source: grant.source.clone(),
        });
        self.tick(now);
        Answer::Gave(id)
    }

    fn consume(&mut self, asked: &Consume, now: i64) -> Answer {
        let key = asked.key.as_str();
        if let Some((_, event, quantity, answer)) = self.answers.iter().find(|(k, ..)| k == key) {
            let same = *event == asked.event && *quantity == asked.quantity();
            return if same { answer.clone() } else { Answer::OtherBody };
        }
        let usable = |lot: &&mut Lot| lot.starts <= now && lot.ends.is_none_or(|ends| now < ends);
        let have: i64 = self.lots.iter_mut().filter(usable).map(|lot| lot.left).sum();
        let available = have + self.rules.overdraft_limit - self.owed;
        let answer = if asked.cost() > available {
            Answer::Refused { available }
        } else {
            Answer::Took(self.draw(asked.cost(), now))
        };
        self.answers.push((key.to_owned(), asked.event.clone(), asked.quantity(), answer.clone()));
        answer
    }

    fn draw(&mut self, cost: i64, now: i64) -> Vec<(u128, i64)> {
        let order = self.rules.order;
        let mut touched: Vec<(u128, i64)> = Vec::new();
        for _ in 0..cost {
            let lots = self.lots.iter_mut().filter(|lot| lot.booked && lot.left > 0);
            let next = lots.min_by_key(|lot| {
                let kind = order.iter().position(|kind| *kind == lot.kind);
                (kind, lot.ends.unwrap_or(i64::MAX), lot.given, lot.id)
            });
            match (next, touched.last_mut()) {
                (None, _) => self.owed += 1,
                (Some(lot), Some((id, taken))) if *id == lot.id => {
                    lot.left -= 1;
                    *taken -= 1;
                }
                (Some(lot), _) => {
                    lot.left -= 1;
                    touched.push((lot.id, -1));
                }
            }
        }
        self.row(now, -cost);
        touched
    }
}

impl Answer {
    fn of(outcome: &CreditOutcome) -> Self {
        match outcome {
            CreditOutcome::Consumed(consumed) => Self::Took(touches(&consumed.touched)),
            CreditOutcome::Denied(denied) => Self::Refused { available: denied.available },
            CreditOutcome::KeyReused => Self::OtherBody,
            CreditOutcome::Granted { id, .. } => Self::Gave(id.0.as_u128()),
            CreditOutcome::Booked => Self::Nothing,
        }
    }
}

fn seconds(at: OffsetDateTime) -> i64 {
    (at - NOON).whole_seconds()
}

proptest! {
    #[test]
    fn the_account_agrees_with_a_plain_list_of_grants(rules in rules(), steps in steps()) {
        let mut account = rules.account();
        let (lots, answers, rows) = (Vec::new(), Vec::new(), Vec::new());
        let mut model = Model { rules, lots, owed: 0, answers, rows };
        for (now, command) in &steps {
            let outcome = account.apply(command, *now);
            prop_assert_eq!(Answer::of(&outcome), model.apply(command, seconds(*now)));
            prop_assert_eq!((account.balance(), account.overdrawn), (model.balance(), model.owed));
            for lot in &model.lots {
                prop_assert_eq!(account.left_of(lot.id), lot.left);
            }
        }
        let rows: Vec<Row> =
            account.rows().into_iter().map(|(_, date, amount, after)| (date, amount, after)).collect();
        prop_assert_eq!(rows, model.rows);
    }
}
