//! Trials, one by one and in figures.

use std::collections::BTreeMap;

use billing_domain::{
    id::OrganizationId,
    trial::{Trial, TrialCounts, TrialRules},
};
use time::OffsetDateTime;

use crate::{Billing, Error};

/// How trials went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrialFigures {
    /// All of them.
    pub total: TrialCounts,
    /// By what was tried, by the key of the plan.
    pub by_plan: Vec<TrialsOfPlan>,
    /// By when they began, the oldest first.
    pub by_month: Vec<TrialsOfMonth>,
}

/// How trials of a plan went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrialsOfPlan {
    /// The plan's key.
    pub plan: String,
    /// How they went.
    pub counts: TrialCounts,
}

/// How the trials went that began in one month.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrialsOfMonth {
    /// When the month of UTC began.
    pub month: OffsetDateTime,
    /// How they went.
    pub counts: TrialCounts,
}

impl Billing {
    /// The trial of an organization; nothing where it never had one.
    pub async fn trial(&self, id: OrganizationId) -> Result<Option<Trial>, Error> {
        self.ports.trials.trial(id).await
    }

    /// How long trials are, and how much longer they may become.
    pub const fn trial_rules(&self) -> TrialRules {
        self.settings.trials
    }

    /// How all trials went, and those that ended in the last 30 days.
    pub async fn trial_figures(&self) -> Result<TrialFigures, Error> {
        let catalogue = self.catalogue().await?;
        let cohorts = self.ports.trials.trial_counts(self.ports.clock.now()).await?;
        let mut total = TrialCounts::default();
        let mut plans: BTreeMap<String, TrialCounts> = BTreeMap::new();
        let mut months: BTreeMap<OffsetDateTime, TrialCounts> = BTreeMap::new();
        for cohort in cohorts {
            let version = catalogue.version(cohort.plan_version_id);
            let plan = version.map(|(plan, _)| plan.key.clone());
            let of_plan = plans.entry(plan.unwrap_or_default()).or_default();
            *of_plan = *of_plan + cohort.counts;
            let of_month = months.entry(cohort.month).or_default();
            *of_month = *of_month + cohort.counts;
            total = total + cohort.counts;
        }
        let by_plan = plans.into_iter().map(|(plan, counts)| TrialsOfPlan { plan, counts });
        let by_month = months.into_iter().map(|(month, counts)| TrialsOfMonth { month, counts });
        Ok(TrialFigures { total, by_plan: by_plan.collect(), by_month: by_month.collect() })
    }
}
