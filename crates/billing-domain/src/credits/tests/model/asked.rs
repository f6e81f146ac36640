//! What is asked for: use and holds.

use super::*;

impl Model {
    pub(crate) fn apply(&mut self, command: &CreditCommand, now: i64) -> Answer {
        let last = self.rows.last().map_or(-300, |(date, ..)| *date);
        let now = now.max(last);
        for unit in last..=now {
            self.tick(unit);
        }
        let answer = match command {
            CreditCommand::Consume(asked) => {
                let decide = |model: &mut Self| model.consume(asked, now);
                self.once(
                    (Operation::Consume, &asked.key),
                    (&asked.event, asked.quantity()),
                    decide,
                )
            }
            CreditCommand::Hold(asked) => {
                let decide = |model: &mut Self| model.hold(asked, now);
                self.once((Operation::Hold, &asked.key), (&asked.event, asked.amount()), decide)
            }
            CreditCommand::Refund(asked) => {
                let what = format!("{:?}", asked.draw);
                let amount = asked.amount().unwrap_or_default();
                let decide = |model: &mut Self| model.refund(asked, now);
                self.once((Operation::Refund, &asked.key), (&what, amount), decide)
            }
            CreditCommand::Send(asked) => {
                let decide = |model: &mut Self| model.send(asked.amount(), now);
                let to = asked.to.to_string();
                self.once((Operation::Transfer, &asked.key), (&to, asked.amount()), decide)
            }
            CreditCommand::Settle(asked) => self.settle(*asked, now),
            CreditCommand::Release(hold) => self.release(*hold, now),
            CreditCommand::Grant(grant) => self.give(grant, now),
            CreditCommand::Revoke(asked) => self.take_back(asked, now),
            CreditCommand::Configure(change) => self.configure(*change, now),
            CreditCommand::BookDue => Answer::Nothing,
        };
        self.tick(now);
        answer
    }

    fn once(
        &mut self,
        (operation, key): (Operation, &IdempotencyKey),
        (what, quantity): (&str, i64),
        decide: impl FnOnce(&mut Self) -> Answer,
    ) -> Answer {
        let key = (operation, key.as_str().to_owned());
        if let Some((before, count, answer)) = self.answers.get(&key) {
            if before != what || *count != quantity {
                return Answer::OtherBody;
            }
            // What was sent is not sent again.
            let mut again = answer.clone();
            if let Answer::Sent(sent, _) = &mut again {
                sent.clear();
            }
            return again;
        }
        let answer = decide(self);
        if !matches!(answer, Answer::NoUse(_)) {
            self.answers.insert(key, (what.to_owned(), quantity, answer.clone()));
        }
        answer
    }

    fn consume(&mut self, asked: &Consume, now: i64) -> Answer {
        let available = self.available();
        if asked.cost() > available {
            return Answer::Refused { available };
        }
        let credits: Vec<_> = (0..asked.cost()).map(|_| self.take_one()).collect();
        let taken = in_lots(&credits);
        self.row(now, -asked.cost(), 0);
        self.count(asked.cost(), now);
        let (row, decision) = (self.rows.len(), asked.decision.0.as_u128());
        self.uses.push(Use { row, decision, credits });
        Answer::Took(taken, self.balance())
    }

    fn hold(&mut self, asked: &NewHold, now: i64) -> Answer {
        let available = self.available();
        if asked.amount() > available {
            return Answer::Refused { available };
        }
        let credits: Vec<_> = (0..asked.amount()).map(|_| self.hold_one()).collect();
        let taken = in_lots(&credits);
        let (id, until) = (asked.id.0.as_u128(), units(asked.until));
        self.pledges.push(Pledge { id, credits, until, fate: None });
        self.row(now, 0, asked.amount());
        Answer::SetAside(taken)
    }

    /// The credits of a hold that is open; they are free again.
    fn open(&mut self, id: u128) -> Vec<Option<u128>> {
        let pledge = self.pledges.iter().find(|pledge| pledge.id == id).unwrap();
        let credits = pledge.credits.clone();
        for lot in credits.iter().flatten() {
            self.lot(*lot).held -= 1;
        }
        credits
    }

    fn close(&mut self, id: u128, fate: Fate) {
        self.pledges.iter_mut().find(|pledge| pledge.id == id).unwrap().fate = Some(fate);
    }

    pub(super) fn let_go(&mut self, id: u128, fate: Fate, now: i64) -> i64 {
        let amount = i64::try_from(self.open(id).len()).unwrap();
        self.close(id, fate);
        self.row(now, 0, -amount);
        amount
    }

    fn settle(&mut self, asked: Settle, now: i64) -> Answer {
        let id = asked.hold.0.as_u128();
        let Some(pledge) = self.pledges.iter().find(|pledge| pledge.id == id) else {
            return Answer::NoHold(HoldRefusal::Unknown);
        };
        let all = i64::try_from(pledge.credits.len()).unwrap();
        let wanted = asked.amount().unwrap_or(all);
        match pledge.fate {
            Some(Fate::Used { amount, balance }) if amount == wanted => {
                return Answer::Settled { amount, returned: all - amount, balance };
            }
            Some(Fate::Used { amount, .. }) => return Answer::NoHold(HoldRefusal::Settled(amount)),
            Some(Fate::LetGo) => return Answer::NoHold(HoldRefusal::Released),
            Some(Fate::TimedOut) => {
                return Answer::NoHold(HoldRefusal::TimedOut(instant(pledge.until)));
            }
            None if wanted > all => return Answer::NoHold(HoldRefusal::TooMuch(all)),
            None => {}
        }
        // First all that was held in lots is used, then whatever is free.
        let held: Vec<_> = self.open(id).into_iter().flatten().collect();
        let mut credits = Vec::new();
        for n in 0..usize::try_from(wanted).unwrap() {
            match held.get(n) {
                Some(lot) => {
                    self.lot(*lot).left -= 1;
                    credits.push(Some(*lot));
                }
                None => credits.push(self.take_one()),
            }
        }
        self.row(now, -wanted, -all);
        let balance = self.balance();
        self.close(id, Fate::Used { amount: wanted, balance });
        self.count(wanted, now);
        self.uses.push(Use { row: self.rows.len(), decision: id, credits });
        Answer::Settled { amount: wanted, returned: all - wanted, balance }
    }

    fn release(&mut self, hold: HoldId, now: i64) -> Answer {
        let id = hold.0.as_u128();
        let Some(pledge) = self.pledges.iter().find(|pledge| pledge.id == id) else {
            return Answer::NoHold(HoldRefusal::Unknown);
        };
        match pledge.fate {
            Some(Fate::Used { amount, .. }) => Answer::NoHold(HoldRefusal::Settled(amount)),
            Some(Fate::LetGo) => Answer::LetGo(i64::try_from(pledge.credits.len()).unwrap()),
            Some(Fate::TimedOut) => Answer::NoHold(HoldRefusal::TimedOut(instant(pledge.until))),
            None => Answer::LetGo(self.let_go(id, Fate::LetGo, now)),
        }
    }
}
