//! By what rules money is tried again.

use time::{Duration, OffsetDateTime};

/// By what rules money is tried again that did not come. The first failure is day 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DunningRules {
    /// On which days after the first failure it is tried again, in ascending order. After the last
    /// one it is given up.
    pub retry_days: Vec<u16>,
    /// After how many minutes each it is tried again where nobody could answer; then as what is
    /// refused for now.
    pub technical_minutes: Vec<u16>,
    /// So often a method is charged at most ...
    pub most_attempts: u32,
    /// ... within so many days, for all invoices of an organization.
    pub within_days: u16,
}

impl Default for DunningRules {
    fn default() -> Self {
        Self {
            retry_days: vec![1, 3, 5, 7],
            technical_minutes: vec![5, 15, 60],
            most_attempts: 15,
            within_days: 30,
        }
    }
}

/// What is known of a method, over all invoices of an organization.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MethodRecord {
    /// How often it was charged within the days of the rules.
    pub attempts: u32,
    /// Whether its bank has ever refused it for good.
    pub refused_for_good: bool,
}

/// Why a method is not charged again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAgain {
    /// Its bank has refused it for good.
    #[error("its bank has refused it for good")]
    Hard,
    /// It was charged too often within the days of the rules.
    #[error("it was charged too often in the last days")]
    TooOften,
}

impl DunningRules {
    /// From when on attempts count.
    pub fn counted_since(&self, now: OffsetDateTime) -> OffsetDateTime {
        now - Duration::days(i64::from(self.within_days))
    }

    /// The first of the days that is still to come.
    pub(super) fn retry_at(
        &self,
        failed_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Option<OffsetDateTime> {
        let days = self.retry_days.iter().map(|days| failed_at + Duration::days((*days).into()));
        days.filter(|at| now < *at).min()
    }

    /// When it is tried again after so many failures in a row for which nobody is to blame.
    pub(super) fn technical_retry_at(
        &self,
        in_a_row: usize,
        now: OffsetDateTime,
    ) -> Option<OffsetDateTime> {
        let minutes = self.technical_minutes.get(in_a_row.checked_sub(1)?)?;
        Some(now + Duration::minutes((*minutes).into()))
    }

    /// From the first failure until it is given up.
    pub(super) fn length(&self) -> Duration {
        Duration::days(self.retry_days.iter().max().copied().unwrap_or_default().into())
    }
}
