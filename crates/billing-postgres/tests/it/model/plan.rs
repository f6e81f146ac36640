//! What is asked for in a sequence, and how.

use proptest::prelude::*;

use super::{
    random::{Step, for_something_else, instant, settings, steps, units},
    *,
};

/// A sequence, the organizations of which are not there yet.
#[derive(Clone, Debug)]
pub(super) struct Plan(Vec<Turn>);

/// A command and what is done with it.
#[derive(Clone, Debug)]
struct Turn {
    step: Step,
    /// Which of the two organizations.
    of: usize,
    shape: Shape,
    ways: [Way; 2],
    fault: Fault,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Alone,
    /// At the same time as the next one.
    WithNext,
    /// The same key twice at the same time.
    Twice,
    /// And then the same key, of so many turns before, again.
    Again(usize),
    /// And then the same key with another body.
    OtherBody,
}

/// How a command gets to the ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    Writers,
    Unit,
    /// Nobody waits for the answer; then it is asked again.
    LeftWriters,
    /// It is not committed; then it is asked again.
    LeftUnit,
}

/// What happens meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    None,
    /// All connections are cut.
    Cut,
    /// The writers of a server end, and others begin.
    Restart,
}

/// One command of those that are sent at once.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) of: usize,
    pub(super) organization: OrganizationId,
    pub(super) command: CreditCommand,
    pub(super) now: OffsetDateTime,
    pub(super) way: Way,
    /// Where ids of what is made begin.
    pub(super) id: u128,
}

/// Commands that are sent at once.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) sent: Vec<Sent>,
    pub(super) fault: Fault,
}

pub(super) fn plan() -> impl Strategy<Value = Plan> {
    let turns = prop::collection::vec((prop::bool::weighted(0.2), shape(), ways(), fault()), 40);
    (settings(), steps(), turns).prop_map(|(settings, steps, turns)| {
        let first = (instant(0), CreditCommand::Configure(settings.into()));
        let mut of = 0;
        let mut plan = vec![Turn {
            step: first,
            of,
            shape: Shape::Alone,
            ways: [Way::Writers; 2],
            fault: Fault::None,
        }];
        for ((now, mut command), (swap, shape, ways, fault)) in steps.into_iter().zip(turns) {
            of = if swap { 1 - of } else { of };
            made_possible(&mut command, units(now));
            plan.push(Turn { step: (now, command), of, shape, ways, fault });
        }
        Plan(plan)
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        8 => Just(Shape::Alone),
        4 => Just(Shape::WithNext),
        1 => Just(Shape::Twice),
        2 => (0_usize..8).prop_map(Shape::Again),
        1 => Just(Shape::OtherBody),
    ]
}

fn ways() -> impl Strategy<Value = [Way; 2]> {
    let way = prop_oneof![
        8 => Just(Way::Writers),
        4 => Just(Way::Unit),
        1 => Just(Way::LeftWriters),
        1 => Just(Way::LeftUnit),
    ];
    [way.clone(), way]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        150 => Just(Fault::None),
        1 => Just(Fault::Cut),
        1 => Just(Fault::Restart),
    ]
}

/// What the domain decides, and nobody can ask for: purchased credits that end. And keys are known
/// for 30 days, which are 60 units; here nobody uses one for longer.
fn made_possible(command: &mut CreditCommand, now: i64) {
    let key = match command {
        CreditCommand::Consume(asked) => &mut asked.key,
        CreditCommand::Hold(asked) => &mut asked.key,
        CreditCommand::Refund(asked) => &mut asked.key,
        CreditCommand::Send(asked) => &mut asked.key,
        CreditCommand::Grant(grant) => {
            grant.expires_at = grant.expires_at.filter(|_| grant.kind != GrantKind::Purchased);
            return;
        }
        CreditCommand::Settle(_)
        | CreditCommand::Release(_)
        | CreditCommand::Revoke(_)
        | CreditCommand::Configure(_)
        | CreditCommand::BookDue => return,
    };
    *key = self::key(&format!("{} of {}", key.as_str(), now.div_euclid(40)));
}

impl Plan {
    /// All that is sent, in order.
    pub(super) fn flights(&self, organizations: [OrganizationId; 2]) -> Vec<Flight> {
        let Self(turns) = self;
        let (mut flights, mut next) = (Vec::new(), 0);
        while let Some(turn) = turns.get(next) {
            let id = 1_000_000 * u128::try_from(next + 1).unwrap();
            let sent = |turn: &Turn, id| turn.sent(organizations, id);
            let first = sent(turn, id);
            let fault = turn.fault;
            next += 1;
            let mut fly = |sent, fault| flights.push(Flight { sent, fault });
            match turn.shape {
                Shape::Alone => fly(vec![first], fault),
                Shape::WithNext => {
                    let second = turns.get(next).map(|turn| sent(turn, id + 1_000));
                    let second = second.map(|second| Sent { way: turn.ways[1], ..second });
                    next += usize::from(second.is_some());
                    fly([first].into_iter().chain(second).collect(), fault);
                }
                Shape::Twice => {
                    let second = Sent { way: turn.ways[1], ..first.renewed(id + 1_000) };
                    fly(vec![first, second], fault);
                }
                Shape::Again(back) => {
                    let before = turns.get((next - 1).saturating_sub(back)).unwrap_or(turn);
                    fly(vec![first], Fault::None);
                    let again = sent(before, id + 1_000).renewed(id + 1_000);
                    // Keys are known for 30 days.
                    let near = (turn.step.0 - again.now).whole_days().abs() < 25;
                    let now = if near { turn.step.0 } else { again.now };
                    fly(vec![Sent { now, way: turn.ways[1], ..again }], fault);
                }
                Shape::OtherBody => {
                    let other = first.for_something_else();
                    fly(vec![first], fault);
                    if let Some(other) = other {
                        fly(vec![Sent { way: turn.ways[1], ..other }], Fault::None);
                    }
                }
            }
        }
        flights
    }
}

impl Turn {
    fn sent(&self, organizations: [OrganizationId; 2], id: u128) -> Sent {
        let (now, mut command) = self.step.clone();
        if let CreditCommand::Send(asked) = &mut command {
            asked.to = organizations[1 - self.of];
        }
        Sent {
            of: self.of,
            organization: organizations[self.of],
            command,
            now,
            way: self.ways[0],
            id,
        }
    }
}

impl Sent {
    /// The same request once more: what it makes gets other ids.
    fn renewed(&self, id: u128) -> Self {
        let mut again = Self { id, ..self.clone() };
        match &mut again.command {
            CreditCommand::Consume(asked) => asked.decision = decision_id(id),
            CreditCommand::Hold(asked) => asked.id = hold_id(id),
            CreditCommand::Refund(asked) => {
                (asked.decision, asked.grant) = (decision_id(id), grant_id(id));
            }
            CreditCommand::Send(asked) => asked.decision = decision_id(id),
            CreditCommand::Grant(grant) => grant.id = grant_id(id),
            CreditCommand::Settle(_)
            | CreditCommand::Release(_)
            | CreditCommand::Revoke(_)
            | CreditCommand::Configure(_)
            | CreditCommand::BookDue => {}
        }
        again
    }

    /// The same key for something else; nothing for what has none.
    fn for_something_else(&self) -> Option<Self> {
        let command = if let CreditCommand::Send(asked) = &self.command {
            // The other organization must be there.
            let (key, more) = (asked.key.clone(), asked.amount() + 1);
            CreditCommand::Send(Send::new(asked.decision, key, asked.to, more).unwrap())
        } else {
            for_something_else(self.command.clone())?
        };
        Some(Self { command, ..self.renewed(self.id + 1_000) })
    }
}
