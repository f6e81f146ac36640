//! Payments, invoices and the ledger among themselves: what is wrong there is asked for as well.

use std::collections::{BTreeMap, BTreeSet};

use billing_domain::{
    id::OrganizationId,
    reconciliation::{Difference, DifferenceKind, Thing},
};

use super::{OVERDUE, Reconciler, looking::is_among};
use crate::Error;

/// At most so many are mended in a run; the next goes on.
const MOST: i64 = 1_000;

impl Reconciler<'_> {
    /// Finds where our records do not agree, has the gateway say how it is, and looks once more.
    pub(super) async fn compare_ledger(&mut self) -> Result<(), Error> {
        let found = self.of_ledger().await?;
        let things: BTreeSet<(Thing, String)> =
            found.iter().map(|(_, it)| (it.thing, it.id.clone())).collect();
        let mut whys = BTreeMap::new();
        if !self.began.dry_run {
            for thing in &things {
                let _step = self.step().await?;
                let Some(facts) = self.ask(thing).await? else { continue };
                if let Some(why) = self.take_in(&facts).await? {
                    whys.insert(thing.clone(), why);
                }
            }
        }
        let left = if things.is_empty() { Vec::new() } else { self.of_ledger().await? };
        let left: Vec<_> = left.into_iter().map(|(_, it)| it).collect();
        let owners: BTreeMap<(Thing, String), OrganizationId> =
            found.iter().map(|(owner, it)| ((it.thing, it.id.clone()), *owner)).collect();
        let (left, healed): (Vec<_>, Vec<_>) =
            found.into_iter().map(|(_, it)| it).partition(|it| is_among(it, &left));

        let whose = |it: &Difference| owners.get(&(it.thing, it.id.clone())).copied();
        let why = |it: &Difference| match whys.get(&(it.thing, it.id.clone())) {
            Some(why) => why.clone(),
            None if it.kind == DifferenceKind::Overdue => {
                "nobody has heard for five days how it ended".to_owned()
            }
            None => "what the gateway says does not mend it".to_owned(),
        };
        let new = |it| self.new_difference(it, whose, why);
        let healed = healed.into_iter().map(new).collect();
        let left = left.into_iter().map(new).collect();
        let opened = self.open.iter().filter(|(_, _, kind)| kind.is_of_ledger());
        let opened = opened.map(|(thing, id, _)| (*thing, id.clone()));
        let at: BTreeSet<_> = things.into_iter().chain(opened).collect();
        let sees = DifferenceKind::ALL.into_iter().filter(|kind| kind.is_of_ledger()).collect();
        self.record(at, sees, (healed, left)).await
    }

    async fn of_ledger(&self) -> Result<Vec<(OrganizationId, Difference)>, Error> {
        let since = self.billing.ports.clock.now() - OVERDUE;
        self.billing.ports.reconciling.ledger_differences(self.began.gateway, since, MOST).await
    }
}
