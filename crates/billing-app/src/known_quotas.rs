//! What quotas are decided on, kept for a second: checks are asked far more often than they change.
//!
//! What this process changes is forgotten at once; what another one changes is seen a second later.
//! Only a plain check reads from here, and says as of when. Check-and-record asks the ledger.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use billing_domain::{id::OrganizationId, quota::Quota};
use time::{Duration, OffsetDateTime};

use crate::{Entitlement, freshness::is_fresh};

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
    fn is_fresh(&self, now: OffsetDateTime, wall: OffsetDateTime) -> bool {
        let ends = [self.quota.resets_at, self.entitlement.ends_at()];
        let goes_on = self.as_of <= now && ends.into_iter().flatten().all(|end| now < end);
        goes_on && is_fresh(self.read_at, wall)
    }
}

type Meters = HashMap<String, Kept>;

struct Kept {
    quota: KnownQuota,
    /// Whether somebody is reading it anew.
    renewing: bool,
}

/// Changes are counted for groups of organizations, so that their counts never need to be forgotten.
const GROUPS: usize = 4096;

/// How often the group of an organization had changed when a read began.
#[derive(Clone, Copy)]
pub(crate) struct Reading(u64);

pub(crate) struct KnownQuotas(Mutex<Known>);

struct Known {
    quotas: HashMap<OrganizationId, Meters>,
    changes: Vec<u64>,
}

impl Default for KnownQuotas {
    fn default() -> Self {
        Self(Mutex::new(Known { quotas: HashMap::new(), changes: vec![0; GROUPS] }))
    }
}

impl KnownQuotas {
    /// What is known and fresh; for the one who is to read it anew, the beginning of that.
    pub(crate) fn get(
        &self,
        organization: OrganizationId,
        meter: &str,
        (now, wall): (OffsetDateTime, OffsetDateTime),
    ) -> Result<KnownQuota, Reading> {
        let mut known = self.known();
        let reading = Reading(*known.changes_of(organization));
        let kept = known.quotas.get_mut(&organization).and_then(|meters| meters.get_mut(meter));
        let kept = kept.filter(|kept| kept.quota.is_fresh(now, wall)).ok_or(reading)?;
        if !kept.renewing && wall - kept.quota.read_at >= RENEW_AFTER {
            kept.renewing = true;
            return Err(reading);
        }
        Ok(kept.quota.clone())
    }

    /// Keeps what was read, unless something has changed since the read began.
    pub(crate) fn put(&self, meter: &str, quota: KnownQuota, reading: Reading) {
        let organization = quota.entitlement.organization.id;
        let mut known = self.known();
        if *known.changes_of(organization) != reading.0 {
            return;
        }
        if known.quotas.len() >= MOST_KNOWN {
            known.quotas.clear();
        }
        let kept = Kept { quota, renewing: false };
        known.quotas.entry(organization).or_default().insert(meter.to_owned(), kept);
    }

    /// Called after every change of what an organization may have or has used.
    pub(crate) fn forget(&self, organization: OrganizationId) {
        let mut known = self.known();
        *known.changes_of(organization) += 1;
        known.quotas.remove(&organization);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn changes_of(&mut self, organization: OrganizationId) -> &mut u64 {
        let [.., high, low] = organization.0.into_bytes();
        let group = usize::from(u16::from_be_bytes([high, low])) % GROUPS;
        self.changes.get_mut(group).expect("there is a count for every group")
    }
}
