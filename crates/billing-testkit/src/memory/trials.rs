//! Trials and renewals.

use std::collections::BTreeMap;

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{Claimant, Renewals, TrialClaim, TrialCohort, TrialQueries, Trials},
};
use billing_domain::{
    event::Event,
    id::{OrganizationId, SubscriptionId},
    period::Period,
    renewal::Renewal,
    trial::{RECENT, Trial, TrialCounts, TrialState},
};
use time::OffsetDateTime;

use super::{MemoryStore, ledgers::at_most, unit::Unit};

#[async_trait]
impl Trials for Unit {
    async fn find(&mut self, organization: OrganizationId) -> Result<Option<Trial>, Error> {
        self.shared.reachable()?;
        let found = self.world.trials.get(&organization);
        Ok(found.filter(|_| self.sees(organization)).cloned())
    }

    async fn claim(
        &mut self,
        organization: OrganizationId,
        claims: &[TrialClaim],
    ) -> Result<Option<Claimant>, Error> {
        self.may_write(organization)?;
        let mut claims = claims.to_vec();
        claims.sort();
        for claim in claims {
            if self.world.trial_claims.contains_key(&claim) {
                return Ok(Some(claim.by));
            }
            self.world.trial_claims.insert(claim, organization);
        }
        Ok(None)
    }

    async fn save(&mut self, trial: &Trial, events: &[Event]) -> Result<(), Error> {
        self.may_write(trial.organization_id)?;
        self.world.trials.insert(trial.organization_id, trial.clone());
        self.world.events.extend_from_slice(events);
        Ok(())
    }
}

#[async_trait]
impl Renewals for Unit {
    async fn find(
        &mut self,
        organization: OrganizationId,
        subscription: SubscriptionId,
    ) -> Result<Option<Renewal>, Error> {
        self.shared.reachable()?;
        let found = self.world.renewals.get(&subscription);
        let own = found.filter(|one| one.organization_id == organization);
        Ok(own.filter(|_| self.sees(organization)).cloned())
    }

    async fn save(&mut self, renewal: &Renewal) -> Result<(), Error> {
        let before = self.world.renewals.get(&renewal.subscription_id);
        let before = before.map(|one| one.organization_id);
        self.may_replace(renewal.organization_id, before)?;
        self.world.renewals.insert(renewal.subscription_id, renewal.clone());
        Ok(())
    }
}

#[async_trait]
impl TrialQueries for MemoryStore {
    async fn trial(&self, organization: OrganizationId) -> Result<Option<Trial>, Error> {
        self.shared.read(|world| world.trials.get(&organization).cloned())
    }

    async fn trials_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<OrganizationId>, Error> {
        self.shared.read(|world| {
            let all = world.trials.values();
            let all = all.filter_map(|one| Some((one.next_due_at?, one.organization_id)));
            first_due(all, now, limit)
        })
    }

    async fn next_trial_due_at(&self) -> Result<Option<OffsetDateTime>, Error> {
        self.shared.read(|world| world.trials.values().filter_map(|one| one.next_due_at).min())
    }

    async fn renewals_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, SubscriptionId)>, Error> {
        self.shared.read(|world| {
            let all = world.renewals.values();
            let all = all.filter_map(|one| Some((one.next_due_at?, one.subscription_id)));
            let owner = |id: &SubscriptionId| world.renewals.get(id).map(|one| one.organization_id);
            let due = first_due(all, now, limit).into_iter();
            due.filter_map(|id| Some((owner(&id)?, id))).collect()
        })
    }

    async fn next_renewal_due_at(&self) -> Result<Option<OffsetDateTime>, Error> {
        self.shared.read(|world| world.renewals.values().filter_map(|one| one.next_due_at).min())
    }

    async fn trial_counts(&self, now: OffsetDateTime) -> Result<Vec<TrialCohort>, Error> {
        self.shared.read(|world| {
            let mut cohorts: BTreeMap<_, TrialCounts> = BTreeMap::new();
            for trial in world.trials.values() {
                let month = Period::calendar_month(trial.started_at).start;
                let counts = cohorts.entry((month, trial.plan_version_id)).or_default();
                *counts = *counts + counted(trial, now);
            }
            let cohort =
                |((month, plan_version_id), counts)| TrialCohort { plan_version_id, month, counts };
            cohorts.into_iter().map(cohort).collect()
        })
    }
}

/// What waits longest, of what is due.
pub(super) fn first_due<T: Ord>(
    all: impl Iterator<Item = (OffsetDateTime, T)>,
    now: OffsetDateTime,
    limit: i64,
) -> Vec<T> {
    let mut due: Vec<_> = all.filter(|(at, _)| *at <= now).collect();
    due.sort();
    due.into_iter().take(at_most(limit)).map(|(_, one)| one).collect()
}

/// One trial, in figures.
fn counted(trial: &Trial, now: OffsetDateTime) -> TrialCounts {
    let started = TrialCounts { started: 1, ..TrialCounts::default() };
    let recently = |at: OffsetDateTime| i64::from(now - RECENT < at && at <= now);
    match trial.state {
        TrialState::Running | TrialState::Charging(_) => TrialCounts { active: 1, ..started },
        TrialState::Converted { at } => TrialCounts {
            converted: 1,
            recently_ended: recently(at),
            recently_converted: recently(at),
            seconds_to_convert: (at - trial.started_at).whole_seconds(),
            ..started
        },
        TrialState::Expired { at } => {
            TrialCounts { expired: 1, recently_ended: recently(at), ..started }
        }
        TrialState::Cancelled { at } => {
            TrialCounts { cancelled: 1, recently_ended: recently(at), ..started }
        }
    }
}
