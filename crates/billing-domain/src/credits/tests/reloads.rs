//! An account that is recorded and read back between commands decides as if it never was.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    sequences::{Rules, rules, steps},
    *,
};

/// What a store keeps of an account.
#[derive(Default)]
struct Recorded {
    entries: Vec<Entry>,
    grants: BTreeMap<GrantId, Grant>,
    decided: Vec<(Consume, CreditOutcome)>,
}

impl Recorded {
    /// Keeps only what the account says is to be recorded.
    fn save(&mut self, account: &mut CreditAccount) {
        let pending = account.take_pending();
        assert!(pending.granted.iter().all(|id| !self.grants.contains_key(id)), "new grants");
        assert!(pending.changed.iter().all(|id| self.grants.contains_key(id)), "known grants");
        for grant in account.grants() {
            if pending.granted.contains(&grant.id) || pending.changed.contains(&grant.id) {
                self.grants.insert(grant.id, grant.clone());
            }
        }
        self.entries.extend(pending.entries);
        self.decided.extend(pending.decided);
    }

    /// Makes known what a command may need: of used up grants only that their source has given.
    fn load(&self, rules: &Rules) -> CreditAccount {
        let mut account = rules.account();
        if let Some(last) = self.entries.last() {
            (account.last_seq, account.last_at) = (last.seq, last.at);
        }
        account.overdrawn = self.entries.iter().map(|entry| entry.overdrawn_change).sum();
        for grant in self.grants.values() {
            if grant.remaining > 0 {
                account.know_grant(grant.clone());
            } else {
                account.know_source(grant.source.clone(), grant.id);
            }
        }
        for (asked, outcome) in &self.decided {
            let (key, event) = (asked.key.clone(), asked.event.clone());
            account.know_decision(key, event, asked.quantity(), outcome.clone());
        }
        account
    }
}

proptest! {
    #[test]
    fn commands_in_several_batches_end_as_in_one(
        rules in rules(),
        steps in steps(),
        reloads in prop::collection::vec(any::<bool>(), 40),
    ) {
        let mut whole = rules.account();
        let mut recorded = Recorded::default();
        let mut parts = rules.account();
        for ((now, command), reload) in steps.iter().zip(reloads) {
            prop_assert_eq!(parts.apply(command, *now), whole.apply(command, *now));
            if reload {
                recorded.save(&mut parts);
                parts = recorded.load(&rules);
            }
        }
        recorded.save(&mut parts);
        let grants: BTreeMap<_, _> =
            whole.grants().iter().map(|grant| (grant.id, grant.clone())).collect();
        prop_assert_eq!(recorded.grants, grants);
        prop_assert_eq!(parts.balance(), whole.balance());
        let pending = whole.take_pending();
        prop_assert_eq!(recorded.entries, pending.entries);
        prop_assert_eq!(recorded.decided, pending.decided);
    }
}
