//! What quotas are decided on, kept for a second: checks are asked far more often than they change.
//!
//! What this process changes is forgotten at once; what another one changes is seen a second later.
//! Only a plain check reads from here, and says as of when. Check-and-record asks the ledger.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use billing_domain::{id::OrganizationId, quota::Quota};
use time::{Duration, OffsetDateTime};

use crate::Entitlement;

/// How old an answer may be.
const STALE_AFTER: Duration = Duration::SECOND;
/// More organizations than are asked about within a second; beyond it the memory starts anew.
const MOST_KNOWN: usize = 100_000;

/// What a quota on one meter is decided on.
#[derive(Clone)]
pub(crate) struct KnownQuota {
    pub(crate) entitlement: Arc<Entitlement>,
    pub(crate) quota: Quota,
    /// When it was read, by the business clock.
    pub(crate) as_of: OffsetDateTime,
    /// The same, by the wall clock.
    pub(crate) read_at: OffsetDateTime,
}

impl KnownQuota {
    /// Also when a clock was set back: what is read in the future is stale.
    fn is_fresh(&self, now: OffsetDateTime, wall: OffsetDateTime) -> bool {
        let ends = [self.quota.resets_at, self.entitlement.ends_at()];
        let goes_on = self.as_of <= now && ends.into_iter().flatten().all(|end| now < end);
        goes_on && (Duration::ZERO..STALE_AFTER).contains(&(wall - self.read_at))
    }
}

type Meters = HashMap<String, KnownQuota>;

#[derive(Default)]
pub(crate) struct KnownQuotas(Mutex<HashMap<OrganizationId, Meters>>);

impl KnownQuotas {
    pub(crate) fn get(
        &self,
        organization: OrganizationId,
        meter: &str,
        (now, wall): (OffsetDateTime, OffsetDateTime),
    ) -> Option<KnownQuota> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&organization)?.get(meter).filter(|it| it.is_fresh(now, wall)).cloned()
    }

    pub(crate) fn put(&self, meter: &str, quota: KnownQuota) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        let organization = quota.entitlement.organization.id;
        known.entry(organization).or_default().insert(meter.to_owned(), quota);
    }

    /// Called after every change of what an organization may have or has used.
    pub(crate) fn forget(&self, organization: OrganizationId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&organization);
    }
}
