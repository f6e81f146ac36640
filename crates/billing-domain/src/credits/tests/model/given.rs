//! What is given, taken back, given back and given away, and what is told of use.

use super::*;

impl Model {
    pub(super) fn give(&mut self, grant: &NewGrant, now: i64) -> Answer {
        if let Some(lot) = self.lots.iter().find(|lot| lot.source == grant.source) {
            return Answer::Gave(lot.id);
        }
        let id = grant.id.0.as_u128();
        let starts = units(grant.starts_at).max(now);
        self.add(id, (grant.kind, grant.amount), grant.source.clone(), now);
        let lot = self.lot(id);
        (lot.starts, lot.ends) = (starts, grant.expires_at.map(units));
        Answer::Gave(id)
    }

    pub(super) fn add(
        &mut self,
        id: u128,
        (kind, amount): (GrantKind, i64),
        source: Source,
        now: i64,
    ) {
        self.lots.push(Lot {
            id,
            kind,
            amount,
            left: amount,
            held: 0,
            revoked: 0,
            given: now,
            starts: now,
            ends: None,
            booked: false,
            noticed: 0,
            source,
        });
    }

    pub(super) fn take_back(&mut self, asked: &Revoke, now: i64) -> Answer {
        let Some(mut lot) = self.lots.iter_mut().find(|lot| lot.source == asked.source) else {
            return Answer::TookBack(None);
        };
        let (id, before, total) = (lot.id, lot.revoked, asked.total.clamp(0, lot.amount));
        if total > before && lot.booked && lot.ends.is_some_and(|ends| ends <= now) {
            return Answer::TookBack(Some(0));
        }
        while lot.revoked < total {
            lot.revoked += 1;
            if !lot.booked || lot.free() > 0 {
                lot.left -= 1;
            } else {
                self.owed += 1;
                lot = self.lots.iter_mut().find(|lot| lot.id == id).unwrap();
            }
        }
        while lot.revoked > total {
            if lot.booked && self.owed > 0 {
                self.owed -= 1;
            } else if lot.left < lot.amount {
                lot.left += 1;
            } else {
                break;
            }
            lot.revoked -= 1;
        }
        let (more, booked) = (lot.revoked - before, lot.booked);
        if booked && more != 0 {
            self.row(now, -more, 0);
        }
        Answer::TookBack(Some(more))
    }

    pub(super) fn refund(&mut self, asked: &Refund, now: i64) -> Answer {
        let found = self.uses.iter_mut().find(|it| match asked.draw {
            DrawRef::Row(row) => usize::try_from(row).unwrap() == it.row,
            DrawRef::Decision(decision) => decision.0.as_u128() == it.decision,
        });
        let Some(found) = found else { return Answer::NoUse(RefundRefusal::Unknown) };
        let left = i64::try_from(found.credits.len()).unwrap();
        let amount = asked.amount().unwrap_or(left);
        if left == 0 || amount > left {
            return Answer::NoUse(RefundRefusal::TooMuch(left));
        }
        let row = i64::try_from(found.row).unwrap();
        let kept = usize::try_from(left - amount).unwrap();
        let credits = found.credits.split_off(kept);
        let (mut back, mut homeless) = (BTreeMap::new(), 0);
        for credit in credits.into_iter().rev() {
            // What was taken back of the lot meanwhile has no place there.
            let home = credit.filter(|id| {
                let lot = self.lot(*id);
                lot.left + lot.revoked < lot.amount
            });
            match home {
                Some(id) => {
                    self.lot(id).left += 1;
                    *back.entry(id).or_default() += 1;
                }
                None if self.owed > 0 => self.owed -= 1,
                None => homeless += 1,
            }
        }
        if homeless > 0 {
            let id = asked.grant.0.as_u128();
            let source = Source::new(Source::REFUND, asked.decision.to_string());
            self.add(id, (GrantKind::Adjustment, homeless), source, now);
            self.lot(id).booked = true;
            back.insert(id, homeless);
        }
        self.row(now, amount, 0);
        Answer::GaveBack(row, back, self.balance())
    }

    pub(super) fn send(&mut self, amount: i64, now: i64) -> Answer {
        let available = self.own().max(0);
        if amount > available {
            return Answer::Refused { available };
        }
        let credits: Vec<_> = (0..amount).map(|_| self.take_one()).collect();
        self.row(now, -amount, 0);
        let mut sent = Vec::new();
        for (id, amount) in in_lots(&credits) {
            let lot = self.lot(id);
            sent.push((lot.kind, amount, lot.ends));
        }
        Answer::Sent(sent, self.balance())
    }

    pub(super) fn configure(&mut self, change: SettingsChange, now: i64) -> Answer {
        let known = self.settings;
        let settings = Settings {
            overdraft_limit: change.overdraft_limit.unwrap_or(known.overdraft_limit),
            order: change.order.unwrap_or(known.order),
            low_balance: change.low_balance.unwrap_or(known.low_balance),
            low_percent: change.low_percent.unwrap_or(known.low_percent),
        };
        if settings != self.settings {
            self.settings = settings;
            self.row(now, 0, 0);
        }
        Answer::Nothing
    }

    // What is told of use.

    pub(super) fn count(&mut self, used: i64, now: i64) {
        let (after, before) = (self.balance(), self.balance() + used);
        let given: i64 =
            self.lots.iter().filter(|lot| lot.booked && lot.left > 0).map(|lot| lot.amount).sum();
        let percent = given * i64::from(self.settings.low_percent) / 100;
        let crossed =
            |threshold: &i64| *threshold > 0 && after < *threshold && before >= *threshold;
        if let Some(threshold) = [self.settings.low_balance, percent].into_iter().find(crossed) {
            self.told.push((now, What::CreditsLow { balance: after, threshold }));
        }
        // Each unit is an hour of its own, and two of them are a day from midnight to midnight.
        let day = |unit: i64| (unit + 1).div_euclid(2);
        let week = self.used.iter().filter(|(unit, _)| (1..=7).contains(&(day(now) - day(*unit))));
        let week: i64 = week.map(|(_, used)| used).sum();
        let this = self.used.iter().filter(|(unit, _)| *unit == now);
        let hour: i64 = this.map(|(_, used)| used).sum();
        let unusual = |in_hour: i64| in_hour > 100 && in_hour * 168 > 5 * week;
        let in_hour = hour + used;
        if unusual(in_hour) && !unusual(hour) {
            self.told.push((now, What::CreditsUnusual { in_hour, hourly_mean: week / 168 }));
        }
        self.used.push((now, used));
    }
}
