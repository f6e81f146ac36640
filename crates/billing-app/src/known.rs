//! What is known of organizations: forgotten when it changes, here or elsewhere, and renewed while
//! it is asked for.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use billing_domain::{catalogue::Catalogue, id::OrganizationId};
use time::OffsetDateTime;

use crate::{
    Billing, Error,
    check_quota::KnownQuota,
    entitlement::KnownEntitlement,
    memory::{Due, Memory},
    ports::{Change, Heard},
};

/// As many organizations are read at once.
const AT_ONCE: usize = 512;

/// What was read of organizations.
#[derive(Default)]
pub(crate) struct KnownOrganizations {
    /// What each may have.
    pub(crate) entitlements: Memory<(), KnownEntitlement>,
    /// What quotas are decided on, by meter.
    pub(crate) quotas: Memory<String, Arc<KnownQuota>>,
}

/// What organizations may have, as far as they are known.
pub(crate) type Entitlements = HashMap<OrganizationId, KnownEntitlement>;

impl Billing {
    /// Called after every change of what an organization has used, or may use besides its plan.
    pub(crate) fn usage_changed(&self, organization: OrganizationId) {
        self.known.quotas.forget(organization);
        self.ports.changes.tell(Change::Usage(organization));
    }

    /// Called after every change of what an organization is, or subscribes to.
    pub(crate) fn organization_changed(&self, organization: OrganizationId) {
        self.forget(Change::Organization(organization));
        self.ports.changes.tell(Change::Organization(organization));
    }

    /// Called after every change of the keys of the API.
    pub(crate) fn api_keys_changed(&self) {
        self.forget(Change::ApiKeys);
        self.ports.changes.tell(Change::ApiKeys);
    }

    /// Waits until other processes have changed something, and forgets what was known of it.
    pub async fn hear_changes(&self) {
        match self.ports.changes.heard().await {
            Heard::Changes(changes) => {
                for change in changes {
                    self.forget(change);
                }
            }
            Heard::Everything => {
                self.known.entitlements.forget_all();
                self.known.quotas.forget_all();
                self.known_keys.forget_all();
                self.forget(Change::Clock);
            }
        }
    }

    fn forget(&self, change: Change) {
        match change {
            Change::Organization(organization) => {
                self.known.entitlements.forget(organization);
                self.known.quotas.forget(organization);
            }
            Change::Usage(organization) => self.known.quotas.forget(organization),
            Change::ApiKeys => self.known_keys.forget_all(),
            Change::Clock => {
                if let Some(clock) = &self.ports.movable_clock {
                    clock.look();
                }
            }
        }
    }

    /// Reads anew what is asked for and soon stale. Called a few times in a second; without it,
    /// whoever comes when it is stale waits for it to be read.
    pub async fn renew_known(&self) -> Result<(), Error> {
        let (entitlements, quotas) =
            (self.known.entitlements.take_due(), self.known.quotas.take_due());
        if entitlements.is_empty() && quotas.is_empty() {
            return Ok(());
        }
        let catalogue = self.catalogue().await?;
        let known = self.renew_entitlements(&entitlements, &quotas, &catalogue).await?;
        self.keep_entitlements(entitlements, &known);
        for due in quotas.chunks(AT_ONCE) {
            self.renew_quotas(due, &known).await?;
        }
        Ok(())
    }

    /// What organizations may have, of which many are asked about at once. Unknown ones are left out.
    pub(crate) async fn known_entitlements(
        &self,
        named: BTreeSet<OrganizationId>,
        instant: (OffsetDateTime, OffsetDateTime),
    ) -> Result<Entitlements, Error> {
        let mut known = Entitlements::with_capacity(named.len());
        let mut missing = Vec::new();
        for organization in named {
            match self.known.entitlements.get(organization, &(), instant) {
                Ok(fresh) => drop(known.insert(organization, fresh)),
                Err(reading) => missing.push(Due { organization, name: (), reading }),
            }
        }
        if !missing.is_empty() {
            let catalogue = self.catalogue().await?;
            let read = self.renew_entitlements(&missing, &[], &catalogue).await?;
            self.keep_entitlements(missing, &read);
            known.extend(read);
        }
        Ok(known)
    }

    fn keep_entitlements(&self, due: Vec<Due<()>>, known: &Entitlements) {
        for Due { organization, reading, .. } in due {
            if let Some(known) = known.get(&organization) {
                self.known.entitlements.put(organization, (), known.clone(), reading);
            }
        }
    }

    async fn renew_entitlements(
        &self,
        entitlements: &[Due<()>],
        quotas: &[Due<String>],
        catalogue: &Arc<Catalogue>,
    ) -> Result<Entitlements, Error> {
        let named = entitlements.iter().map(|due| due.organization);
        let named: BTreeSet<_> = named.chain(quotas.iter().map(|due| due.organization)).collect();
        let named: Vec<_> = named.into_iter().collect();
        let mut known = Entitlements::with_capacity(named.len());
        for ids in named.chunks(AT_ONCE) {
            let (as_of, read_at) = self.instant();
            let subscribers = self.ports.facts.subscribers(ids).await?;
            for subscriber in subscribers.into_iter().flatten() {
                let id = subscriber.organization.id;
                let entitlement = self.entitled(subscriber, catalogue.clone(), as_of)?;
                let entitlement = Arc::new(entitlement);
                known.insert(id, KnownEntitlement { entitlement, as_of, read_at });
            }
        }
        Ok(known)
    }

    async fn renew_quotas(&self, due: &[Due<String>], known: &Entitlements) -> Result<(), Error> {
        let (now, _) = self.instant();
        let mut asked = Vec::with_capacity(due.len());
        let mut asking = Vec::with_capacity(due.len());
        for due in due {
            let Some(known) = known.get(&due.organization) else { continue };
            // Whoever asks for what cannot be decided is told why; it holds up nobody else.
            let Ok(question) = known.entitlement.quota_question(&due.name, now) else { continue };
            asked.push(question);
            asking.push((due, known));
        }
        let quotas = self.ports.facts.quotas(&asked, now).await?;
        for ((due, known), quota) in asking.into_iter().zip(quotas) {
            let (entitlement, read_at) = (known.entitlement.clone(), known.read_at);
            let quota = Arc::new(KnownQuota { entitlement, quota, as_of: now, read_at });
            self.known.quotas.put(due.organization, due.name.clone(), quota, due.reading);
        }
        Ok(())
    }

    /// Now, by both clocks.
    pub(crate) fn instant(&self) -> (OffsetDateTime, OffsetDateTime) {
        (self.ports.clock.now(), self.ports.clock.wall())
    }
}
