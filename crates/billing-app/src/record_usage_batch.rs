//! Many uses are counted at once: the good ones count, and each bad one says why it does not.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use billing_domain::{
    id::OrganizationId,
    usage::{UsageCommand, UsageOutcome},
};
use time::OffsetDateTime;

use crate::{Billing, Entitlement, Error, Missing, RecordUsage, Refusal, record_usage::check_time};

/// A use that is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tracked {
    /// Whether it was counted before, under the same key.
    pub duplicate: bool,
}

/// What came of one use of a batch.
type Answer = Result<Tracked, Error>;

/// Uses of one organization, with their places in the batch.
#[derive(Default)]
struct Group {
    places: Vec<usize>,
    commands: Vec<UsageCommand>,
}

impl Billing {
    /// Counts uses, those of each organization in one step. What came of each is in the order in
    /// which they came. An `Err` means that none is known to be counted: the same batch may be
    /// sent again, and counts once where it has keys.
    pub async fn record_usage_batch(
        &self,
        requests: Vec<RecordUsage>,
    ) -> Result<Vec<Answer>, Error> {
        let now = self.ports.clock.now();
        let named: BTreeSet<OrganizationId> =
            requests.iter().map(|request| request.organization_id).collect();
        let entitlements = self.known_entitlements(named, (now, self.ports.clock.wall())).await?;
        let mut answers: Vec<Option<Answer>> = Vec::with_capacity(requests.len());
        let mut groups: BTreeMap<OrganizationId, Group> = BTreeMap::new();
        let mut names = Names::default();
        for (place, request) in requests.into_iter().enumerate() {
            let id = request.organization_id;
            match self.usage_command(
                request,
                entitlements.get(&id).map(|known| &*known.entitlement),
                &mut names,
                now,
            ) {
                Ok(command) => {
                    let group = groups.entry(id).or_default();
                    group.places.push(place);
                    group.commands.push(command);
                    answers.push(None);
                }
                Err(error) => answers.push(Some(Err(error))),
            }
        }
        self.record_groups(groups, &mut answers, now).await?;
        let lost = || Err(Error::Internal(anyhow::anyhow!("the use was neither counted nor not")));
        Ok(answers.into_iter().map(|answer| answer.unwrap_or_else(lost)).collect())
    }

    fn usage_command(
        &self,
        request: RecordUsage,
        entitlement: Option<&Entitlement>,
        names: &mut Names,
        now: OffsetDateTime,
    ) -> Result<UsageCommand, Error> {
        check_time(&request, now)?;
        let entitlement = entitlement.ok_or(Error::NotFound(Missing::Organization))?;
        let name = names.get(&request.meter);
        Ok(self.to_be_counted(request, name, entitlement, now)?.into())
    }

    /// Sends each group to the ledger, and puts what came of it in its places. The first error
    /// where nothing at all was decided.
    async fn record_groups(
        &self,
        groups: BTreeMap<OrganizationId, Group>,
        answers: &mut [Option<Answer>],
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let (named, groups): (Vec<_>, Vec<_>) = groups.into_iter().unzip();
        let (places, commands): (Vec<_>, Vec<_>) =
            groups.into_iter().map(|Group { places, commands }| (places, commands)).unzip();
        let sent = named.iter().copied().zip(commands).collect();
        let outcomes = self.ports.usage.apply_all(sent, now).await;
        // Also where the outcome is unknown.
        named.into_iter().for_each(|id| self.usage_changed(id));
        let mut failed = None;
        let mut decided = answers.iter().any(Option::is_some);
        for (places, outcomes) in places.into_iter().zip(outcomes) {
            let mut put = |place: usize, answer| {
                if let Some(slot) = answers.get_mut(place) {
                    *slot = Some(answer);
                }
            };
            match outcomes {
                Ok(outcomes) => {
                    decided = true;
                    places.into_iter().zip(outcomes).for_each(|(at, it)| put(at, answer(it)));
                }
                Err(error) => {
                    places.into_iter().for_each(|place| put(place, Err(error.for_another())));
                    failed.get_or_insert(error);
                }
            }
        }
        match failed {
            Some(error) if !decided => Err(error),
            Some(_) | None => Ok(()),
        }
    }
}

fn answer(outcome: UsageOutcome) -> Answer {
    match outcome {
        UsageOutcome::Recorded(facts) => Ok(Tracked { duplicate: facts.replayed }),
        UsageOutcome::KeyReused => Err(Refusal::KeyReused.into()),
        UsageOutcome::TooLarge => Err(Refusal::TooMuch.into()),
        UsageOutcome::Denied(_) | UsageOutcome::Given { .. } => {
            Err(anyhow::anyhow!("tracked use is never denied").into())
        }
    }
}

/// Names of meters, each kept once.
#[derive(Default)]
struct Names(BTreeSet<Arc<str>>);

impl Names {
    fn get(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return known.clone();
        }
        let new: Arc<str> = name.into();
        self.0.insert(new.clone());
        new
    }
}
