//! One thing is asked for, compared, and healed.

use std::collections::BTreeSet;

use billing_domain::{
    event::{Event, INSTALLATION, What},
    id::{DifferenceId, EventId, OrganizationId},
    reconciliation::{Difference, DifferenceKind, Thing},
};

use super::{
    Reconciler,
    comparing::{Seen, said},
};
use crate::{
    Error,
    gateway_facts::{GatewayFacts, ask},
    open_checkout::gateway_failed,
    ports::{About, GatewayError, Known, Look, NewDifference},
    settle::Unsettled,
};

/// What could not be taken in, and why.
pub(super) type Why = Option<String>;

impl Reconciler<'_> {
    /// Asks for a thing, and makes our records agree.
    pub(super) async fn look_into(&mut self, asked: (Thing, String)) -> Result<(), Error> {
        self.met.insert(asked.clone());
        let _step = self.step().await?;
        let Some(facts) = self.ask(&asked).await? else { return Ok(()) };
        let catalogue = self.billing.catalogue().await?;
        let said = said(&catalogue, &facts);
        // What came along is compared here, and not once more where a list shows it.
        self.met.extend(said.iter().map(Seen::key));
        let (found, mut known) = self.differing(&asked, &said).await?;
        let (mut left, mut why) = (found.clone(), None);
        if !found.is_empty() && !self.began.dry_run {
            why = self.take_in(&facts).await?;
            (left, known) = self.differing(&asked, &said).await?;
        }
        let healed: Vec<_> = found.into_iter().filter(|it| !is_among(it, &left)).collect();
        let sees = DifferenceKind::ALL.into_iter().filter(|kind| !kind.is_of_ledger()).collect();
        let at: BTreeSet<_> = said.iter().map(Seen::key).chain([asked]).collect();
        let whose = |it: &Difference| {
            let known = known.iter().find(|known| known.thing == it.thing && known.id == it.id);
            known.map(|known: &Known| known.organization_id)
        };
        let why = |_: &Difference| {
            why.clone().unwrap_or_else(|| "what the gateway says changes nothing here".to_owned())
        };
        let new = |it| self.new_difference(it, whose, why);
        let (healed, left) = (healed.into_iter().map(new).collect(), left.into_iter().map(new));
        let left = left.collect();
        self.record(at, sees, (healed, left)).await
    }

    /// What the gateway says of a thing; nothing where it does not answer.
    pub(super) async fn ask(
        &mut self,
        (thing, id): &(Thing, String),
    ) -> Result<Option<GatewayFacts>, Error> {
        let about = match thing {
            Thing::Checkout => About::Checkout(id.clone()),
            Thing::Subscription => About::Subscription(id.clone()),
            Thing::Payment => About::Payment(id.clone()),
            Thing::Invoice => About::Invoice(id.clone()),
        };
        // Dated before the question was put.
        let asked_at = self.billing.ports.clock.wall();
        match ask(self.gateway, &about, asked_at).await {
            Ok(facts) => Ok(Some(facts)),
            Err(error @ GatewayError::Unreached { .. }) => Err(gateway_failed(self.gateway, error)),
            Err(error) => {
                tracing::warn!(thing = thing.name(), id, %error, "cannot be reconciled now");
                self.tally.unanswered += 1;
                self.steps.failed(1);
                Ok(None)
            }
        }
    }

    /// Takes in what the gateway says, as from a webhook; or says why that cannot be.
    pub(super) async fn take_in(&self, facts: &GatewayFacts) -> Result<Why, Error> {
        if facts.is_empty() {
            return Ok(Some("the gateway does not know it".to_owned()));
        }
        match self.billing.try_adopt(facts).await {
            Ok(()) => Ok(None),
            Err(Unsettled::Store(error @ Error::Unavailable { .. })) => Err(error),
            Err(Unsettled::Store(error)) => Ok(Some(error.in_full())),
            Err(why @ (Unsettled::UnknownCustomer(_) | Unsettled::UnknownPrice(_))) => {
                Ok(Some(why.to_string()))
            }
        }
    }

    pub(super) fn new_difference(
        &self,
        difference: Difference,
        whose: impl Fn(&Difference) -> Option<OrganizationId>,
        why: impl Fn(&Difference) -> String,
    ) -> NewDifference {
        let ids = &self.billing.ports.ids;
        let id = DifferenceId(ids.next());
        let (organization_id, why) = (whose(&difference), why(&difference));
        let what = What::DifferenceOpen {
            difference_id: id,
            gateway: self.began.gateway,
            thing: difference.thing,
            id: difference.id.clone(),
            kind: difference.kind,
            why: why.clone(),
        };
        let alert = Event {
            id: EventId(ids.next()),
            organization_id: INSTALLATION,
            at: self.billing.ports.clock.now(),
            what,
        };
        NewDifference { id, organization_id, difference, why: Some(why), alert: Some(alert) }
    }

    /// Writes down what a look came to, if there is anything to say.
    pub(super) async fn record(
        &mut self,
        at: BTreeSet<(Thing, String)>,
        sees: Vec<DifferenceKind>,
        (healed, left): (Vec<NewDifference>, Vec<NewDifference>),
    ) -> Result<(), Error> {
        let was_open =
            |(thing, id): &(Thing, String)| self.open.iter().any(|(t, i, _)| t == thing && i == id);
        if healed.is_empty() && left.is_empty() && !at.iter().any(was_open) {
            return Ok(());
        }
        let count = |all: &[NewDifference]| u64::try_from(all.len()).unwrap_or(u64::MAX);
        self.tally.found += count(&healed) + count(&left);
        self.tally.healed += count(&healed);
        self.tally.left += count(&left);
        self.steps.did(healed.len());
        for NewDifference { difference: it, why, .. } in &left {
            let (thing, kind, why) = (it.thing.name(), it.kind.name(), why.as_deref());
            tracing::warn!(thing, id = it.id, kind, why, "the gateway and we differ");
        }
        let look = Look {
            run: self.began.id,
            gateway: self.began.gateway,
            at: at.into_iter().collect(),
            looked_at: self.billing.ports.clock.now(),
            healed,
            left,
            sees,
            dry_run: self.began.dry_run,
        };
        let opened = self.billing.ports.reconciliations.record(&look).await?;
        if opened > 0 {
            self.steps.failed(opened);
            tracing::error!(opened, "differences do not heal: administrators are alerted");
        }
        Ok(())
    }
}

/// Whether the same is still different.
pub(super) fn is_among(it: &Difference, left: &[Difference]) -> bool {
    left.iter().any(|other| (other.thing, &other.id, other.kind) == (it.thing, &it.id, it.kind))
}
