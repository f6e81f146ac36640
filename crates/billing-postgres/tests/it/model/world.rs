//! What may have happened, as the model tells it.

use serde_json::{Value, json};

use super::{
    plan::{Flight, Sent},
    random::{instant, units},
    reference::{Answer, Model},
    servers::Flown,
    *,
};

/// Two organizations.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct World {
    models: [Model; 2],
}

/// All that may have happened: commands that are sent at once come in one order or the other.
pub(super) struct Worlds {
    possible: Vec<World>,
}

impl Worlds {
    pub(super) fn new() -> Self {
        let models = [0; 2].map(|_| Model::new(Settings::default()));
        Self { possible: vec![World { models }] }
    }

    /// Leaves what agrees with the answers.
    pub(super) fn follow(&mut self, flight: &Flight, flown: &[Flown]) -> Result<(), String> {
        let mut possible: Vec<World> = Vec::new();
        let mut expected = Vec::new();
        for world in &self.possible {
            for order in orders(flown) {
                let mut world = world.clone();
                let answers: Vec<_> =
                    order.iter().map(|n| (*n, world.apply(&flight.sent[*n]))).collect();
                let told = flown.iter().enumerate().all(|(n, flown)| {
                    answers.iter().any(|(of, answer)| *of == n && *answer == flown.answer)
                });
                if told && !possible.contains(&world) {
                    possible.push(world);
                } else if !told {
                    expected.push(answers);
                }
            }
        }
        if possible.is_empty() {
            return Err(format!("{flight:#?}\nanswered {flown:#?}\nexpected {expected:#?}"));
        }
        self.possible = possible;
        Ok(())
    }

    /// Leaves what agrees with what is recorded of an organization.
    pub(super) fn agree(&mut self, of: usize, found: &Value) -> Result<(), String> {
        let expected: Vec<_> = self.possible.iter().map(|world| world.books(of)).collect();
        self.possible.retain(|world| world.books(of) == *found);
        if self.possible.is_empty() {
            return Err(format!("organization {of}: recorded {found:#}\nexpected {expected:#?}"));
        }
        Ok(())
    }
}

/// In which orders commands may have been applied. One whose answer was lost may have been so once
/// more, when it was asked again.
fn orders(flown: &[Flown]) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    let most: Vec<_> = flown.iter().map(|flown| 1 + usize::from(flown.disturbed)).collect();
    lengthen(&mut Vec::new(), &most, &mut found);
    found
}

fn lengthen(order: &mut Vec<usize>, most: &[usize], found: &mut Vec<Vec<usize>>) {
    let times = |n: usize, order: &[usize]| order.iter().filter(|it| **it == n).count();
    if (0..most.len()).all(|n| times(n, order) > 0) {
        found.push(order.clone());
    }
    for (n, times_at_most) in most.iter().enumerate() {
        if times(n, order) < *times_at_most {
            order.push(n);
            lengthen(order, most, found);
            order.pop();
        }
    }
}

impl World {
    fn apply(&mut self, sent: &Sent) -> Answer {
        let now = units(sent.now);
        let [one, other] = &mut self.models;
        let (giver, taker) = if sent.of == 0 { (one, other) } else { (other, one) };
        let answer = giver.apply(&sent.command, now);
        if let (CreditCommand::Send(asked), Answer::Sent(parts, _)) = (&sent.command, &answer) {
            for (n, (kind, amount, ends)) in (1..).zip(parts) {
                let grant = NewGrant {
                    id: grant_id(sent.id + n),
                    kind: *kind,
                    amount: *amount,
                    starts_at: sent.now,
                    expires_at: ends.map(instant),
                    source: Source::new(Source::TRANSFER, format!("{}:{n}", asked.decision)),
                };
                taker.apply(&CreditCommand::Grant(grant), now);
            }
        }
        answer
    }

    /// What must be recorded of an organization.
    fn books(&self, of: usize) -> Value {
        let model = &self.models[of];
        let id = |id: u128| Uuid::from_u128(id).to_string();
        let held: i64 = model.holds().iter().map(|(_, amount)| amount).sum();
        let due = model.first_due().map(|(date, ..)| date);
        let grants = model
            .lots
            .iter()
            .map(|lot| (id(lot.id), json!([lot.left, lot.held, lot.revoked, lot.noticed])));
        // Ids of what is told grow with its date, and a clock may step back: the order is not compared.
        let told = model.told.iter().map(|(_, what)| serde_json::to_value(what).unwrap());
        let mut told: Vec<_> = told.map(|told| json!([told["type"], told["data"]])).collect();
        told.sort_by_key(Value::to_string);
        json!({
            "account": [model.balance(), model.owed, held, due],
            "grants": grants.collect::<serde_json::Map<_, _>>(),
            "rows": model.rows,
            "holds": model.holds().into_iter().map(|(hold, amount)| (id(hold), json!(amount)))
                .collect::<serde_json::Map<_, _>>(),
            "told": told,
        })
    }
}
