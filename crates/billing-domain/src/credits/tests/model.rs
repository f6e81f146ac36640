//! The same rules once more, as simply as they can be said: a plain list of grants, a clock that
//! ticks unit by unit, and credits that are taken and given back one by one.

// The path is said, so that tests of other crates find them from where they are.
#[path = "model/answer.rs"]
mod answer;
#[path = "model/asked.rs"]
mod asked;
#[path = "model/given.rs"]
mod given;

use std::collections::BTreeMap;

use super::{
    random::{instant, units},
    *,
};

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Lot {
    pub(super) id: u128,
    kind: GrantKind,
    amount: i64,
    pub(super) left: i64,
    pub(super) held: i64,
    pub(super) revoked: i64,
    given: i64,
    starts: i64,
    ends: Option<i64>,
    booked: bool,
    pub(super) noticed: u8,
    source: Source,
}

impl Lot {
    const fn free(&self) -> i64 {
        if self.booked { self.left - self.held } else { 0 }
    }
}

#[derive(Clone, PartialEq, Debug)]
struct Pledge {
    id: u128,
    /// One for each credit: the lot in which it is held, or nothing for the overdraft.
    credits: Vec<Option<u128>>,
    until: i64,
    fate: Option<Fate>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Fate {
    Used { amount: i64, balance: i64 },
    LetGo,
    TimedOut,
}

#[derive(Clone, PartialEq, Debug)]
struct Use {
    row: usize,
    decision: u128,
    /// One for each credit that was not given back yet, in the order in which they were taken.
    credits: Vec<Option<u128>>,
}

/// Date, amount, balance afterwards, and by how much what is held changed.
pub(super) type Row = (i64, i64, i64, i64);

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Answer {
    /// From which lots, and the balance afterwards.
    Took(Vec<(u128, i64)>, i64),
    SetAside(Vec<(u128, i64)>),
    Refused {
        available: i64,
    },
    OtherBody,
    Settled {
        amount: i64,
        returned: i64,
        balance: i64,
    },
    LetGo(i64),
    NoHold(HoldRefusal),
    Gave(u128),
    TookBack(Option<i64>),
    /// The row, to which lots, and the balance afterwards.
    GaveBack(i64, BTreeMap<u128, i64>, i64),
    NoUse(RefundRefusal),
    /// What was sent, and the balance afterwards.
    Sent(Vec<(GrantKind, i64, Option<i64>)>, i64),
    Nothing,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Model {
    settings: Settings,
    pub(super) lots: Vec<Lot>,
    pub(super) owed: i64,
    pledges: Vec<Pledge>,
    uses: Vec<Use>,
    answers: BTreeMap<(Operation, String), (String, i64, Answer)>,
    pub(super) rows: Vec<Row>,
    /// What was used, by unit.
    used: Vec<(i64, i64)>,
    pub(super) told: Vec<(i64, What)>,
}

fn in_lots<'a>(credits: impl IntoIterator<Item = &'a Option<u128>>) -> Vec<(u128, i64)> {
    let mut lots: Vec<(u128, i64)> = Vec::new();
    for id in credits.into_iter().flatten() {
        match lots.last_mut() {
            Some((last, amount)) if last == id => *amount += 1,
            Some(_) | None => lots.push((*id, 1)),
        }
    }
    lots
}

impl Model {
    pub(super) const fn new(settings: Settings) -> Self {
        Self {
            settings,
            lots: Vec::new(),
            owed: 0,
            pledges: Vec::new(),
            uses: Vec::new(),
            answers: BTreeMap::new(),
            rows: Vec::new(),
            used: Vec::new(),
            told: Vec::new(),
        }
    }

    pub(super) fn balance(&self) -> i64 {
        self.lots.iter().filter(|lot| lot.booked).map(|lot| lot.left).sum::<i64>() - self.owed
    }

    /// Open holds, and how much each of them is of.
    pub(super) fn holds(&self) -> Vec<(u128, i64)> {
        let open = self.pledges.iter().filter(|pledge| pledge.fate.is_none());
        open.map(|it| (it.id, i64::try_from(it.credits.len()).unwrap())).collect()
    }

    /// What there is beside what is held; no overdraft.
    fn own(&self) -> i64 {
        self.balance() - self.holds().iter().map(|(_, amount)| amount).sum::<i64>()
    }

    pub(super) fn available(&self) -> i64 {
        (self.own() + self.settings.overdraft_limit).max(0)
    }

    fn row(&mut self, now: i64, amount: i64, held: i64) {
        let balance = self.balance();
        self.rows.push((now, amount, balance, held));
    }

    fn lot(&mut self, id: u128) -> &mut Lot {
        self.lots.iter_mut().find(|lot| lot.id == id).unwrap()
    }

    /// The next credit that is free, in the order of draw.
    fn next_free(&mut self) -> Option<&mut Lot> {
        let order: [GrantKind; 4] = self.settings.order.into();
        self.lots.iter_mut().filter(|lot| lot.free() > 0).min_by_key(|lot| {
            let kind = order.iter().position(|kind| *kind == lot.kind);
            (kind, lot.ends.unwrap_or(i64::MAX), lot.given, lot.id)
        })
    }

    fn take_one(&mut self) -> Option<u128> {
        let Some(lot) = self.next_free() else {
            self.owed += 1;
            return None;
        };
        lot.left -= 1;
        Some(lot.id)
    }

    fn hold_one(&mut self) -> Option<u128> {
        let lot = self.next_free()?;
        lot.held += 1;
        Some(lot.id)
    }

    // What happens by itself.

    /// When, what (time-outs, ends, starts, notices) and of what.
    pub(super) fn first_due(&self) -> Option<(i64, u8, u128)> {
        let open = self.pledges.iter().filter(|pledge| pledge.fate.is_none());
        let mut due: Vec<_> = open.map(|pledge| (pledge.until, 0, pledge.id)).collect();
        for lot in &self.lots {
            if !lot.booked {
                due.push((lot.starts, 2, lot.id));
            }
            let Some(ends) = lot.ends.filter(|_| lot.free() > 0) else { continue };
            due.push((ends, 1, lot.id));
            for days in [7, 1] {
                let date = ends - 2 * i64::from(days);
                if date > lot.starts && (lot.noticed == 0 || days < lot.noticed) {
                    due.push((date, 3, lot.id));
                }
            }
        }
        due.into_iter().min()
    }

    fn tick(&mut self, now: i64) {
        while let Some((_, what, id)) = self.first_due().filter(|(date, ..)| *date <= now) {
            match what {
                0 => {
                    self.let_go(id, Fate::TimedOut, now);
                }
                1 => {
                    let lot = self.lot(id);
                    let lost = lot.free();
                    lot.left -= lost;
                    self.row(now, -lost, 0);
                }
                2 => self.begin(id, now),
                _ => self.notice(id, now),
            }
        }
    }

    fn begin(&mut self, id: u128, now: i64) {
        let mut owed = self.owed;
        let lot = self.lot(id);
        lot.booked = true;
        let amount = lot.left;
        while owed > 0 && lot.left > 0 {
            lot.left -= 1;
            owed -= 1;
        }
        self.owed = owed;
        self.row(now, amount, 0);
    }

    /// Of the notices that are due the last is told, and nothing when the credits are lost.
    fn notice(&mut self, id: u128, now: i64) {
        let lot = self.lot(id);
        let ends = lot.ends.unwrap();
        let due = |days: &u8| ends - 2 * i64::from(*days) <= now;
        let days = [1, 7].into_iter().find(due).unwrap();
        lot.noticed = days;
        let (grant_id, remaining, expires_at) = (grant_id(id), lot.free(), instant(ends));
        if now < ends {
            self.told.push((now, What::CreditsExpiring { grant_id, remaining, expires_at, days }));
        }
    }
}
