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
/// From when one of those who ask reads anew, while the others are still answered from here: so
/// that a much asked quota never goes stale, and nobody waits in a crowd.
const RENEW_AFTER: Duration = Duration::milliseconds(500);
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

type Meters = HashMap<String, Kept>;

struct Kept {
    quota: KnownQuota,
    /// Whether somebody is reading it anew.
    renewing: bool,
}

#[derive(Default)]
pub(crate) struct KnownQuotas(Mutex<HashMap<OrganizationId, Meters>>);

impl KnownQuotas {
    /// What is known and fresh; nothing for the one who is to read it anew.
    pub(crate) fn get(
        &self,
        organization: OrganizationId,
        meter: &str,
        (now, wall): (OffsetDateTime, OffsetDateTime),
    ) -> Option<KnownQuota> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = known.get_mut(&organization)?.get_mut(meter)?;
        if !kept.quota.is_fresh(now, wall) {
            return None;
        }
        if !kept.renewing && wall - kept.quota.read_at >= RENEW_AFTER {
            kept.renewing = true;
            return None;
        }
        Some(kept.quota.clone())
    }

    pub(crate) fn put(&self, meter: &str, quota: KnownQuota) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        let organization = quota.entitlement.organization.id;
        let kept = Kept { quota, renewing: false };
        known.entry(organization).or_default().insert(meter.to_owned(), kept);
    }

    /// Called after every change of what an organization may have or has used.
    pub(crate) fn forget(&self, organization: OrganizationId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&organization);
    }
}
