//! What was asked of subscriptions, and subscriptions that are one too many.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{ChangeRequests, Duplicates, SubscriptionQueries},
};
use billing_domain::{
    event::Event,
    gateway::GatewayRef,
    id::{ChangeId, OrganizationId, SubscriptionId},
    subscription::{ChangeRequest, Duplicate, Subscription},
};
use time::OffsetDateTime;

use super::{MemoryStore, ledgers::at_most, unit::Unit};

#[async_trait]
impl ChangeRequests for Unit {
    async fn find(
        &mut self,
        organization: OrganizationId,
        id: ChangeId,
    ) -> Result<Option<ChangeRequest>, Error> {
        self.shared.reachable()?;
        let found = self.world.requested.get(&id);
        let found = found.filter(|one| one.organization_id == organization);
        Ok(found.filter(|_| self.sees(organization)).cloned())
    }

    async fn open(
        &mut self,
        organization: OrganizationId,
        subscription: SubscriptionId,
    ) -> Result<Vec<ChangeRequest>, Error> {
        self.shared.reachable()?;
        let all = self.world.requested.values();
        let mut open: Vec<_> = all
            .filter(|one| one.organization_id == organization && self.sees(organization))
            .filter(|one| one.subscription_id == subscription && one.fate.is_open())
            .cloned()
            .collect();
        open.sort_by_key(|one| (one.created_at, one.id));
        Ok(open)
    }

    async fn save(&mut self, request: &ChangeRequest, events: &[Event]) -> Result<(), Error> {
        let before = self.world.requested.get(&request.id).map(|one| one.organization_id);
        self.may_replace(request.organization_id, before)?;
        let excludes = |other: &ChangeRequest| {
            other.id != request.id
                && other.subscription_id == request.subscription_id
                && request.fate.is_open()
                && other.fate.name() == request.fate.name()
        };
        if self.world.requested.values().any(excludes) {
            return Err(Error::Conflict("the subscription"));
        }
        self.world.requested.insert(request.id, request.clone());
        self.world.events.extend_from_slice(events);
        Ok(())
    }
}

#[async_trait]
impl Duplicates for Unit {
    async fn find(
        &mut self,
        organization: OrganizationId,
        reference: &GatewayRef,
    ) -> Result<Option<Duplicate>, Error> {
        self.shared.reachable()?;
        let mut all = self.world.duplicates.iter();
        let found =
            all.find(|one| one.organization_id == organization && one.reference == *reference);
        Ok(found.filter(|_| self.sees(organization)).cloned())
    }

    async fn save(&mut self, duplicate: &Duplicate, events: &[Event]) -> Result<(), Error> {
        self.may_write(duplicate.organization_id)?;
        let same = |one: &&mut Duplicate| {
            (one.organization_id, &one.reference)
                == (duplicate.organization_id, &duplicate.reference)
        };
        match self.world.duplicates.iter_mut().find(same) {
            Some(kept) => *kept = duplicate.clone(),
            None => self.world.duplicates.push(duplicate.clone()),
        }
        self.world.events.extend_from_slice(events);
        Ok(())
    }
}

#[async_trait]
impl SubscriptionQueries for MemoryStore {
    async fn open_changes(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<ChangeRequest>, Error> {
        self.shared.read(|world| {
            let of_it = world
                .requested
                .values()
                .filter(|one| one.organization_id == organization && one.fate.is_open());
            let mut open: Vec<_> = of_it.cloned().collect();
            open.sort_by_key(|one| (one.created_at, one.id));
            open
        })
    }

    async fn subscription(
        &self,
        organization: OrganizationId,
        id: SubscriptionId,
    ) -> Result<Option<Subscription>, Error> {
        self.shared.read(|world| {
            let found = world.subscriptions.get(&id);
            found.filter(|one| one.organization_id == organization).cloned()
        })
    }

    async fn changes_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, ChangeId)>, Error> {
        self.shared.read(|world| {
            let open = world.requested.values().filter(|one| one.fate.is_open());
            let due = open.filter(|one| one.look_at <= now);
            let mut due: Vec<_> =
                due.map(|one| (one.look_at, one.organization_id, one.id)).collect();
            due.sort();
            let named = due.into_iter().map(|(_, organization, id)| (organization, id));
            named.take(at_most(limit)).collect()
        })
    }

    async fn next_change_due_at(&self) -> Result<Option<OffsetDateTime>, Error> {
        self.shared.read(|world| {
            let open = world.requested.values().filter(|one| one.fate.is_open());
            open.map(|one| one.look_at).min()
        })
    }

    async fn duplicates_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, GatewayRef)>, Error> {
        self.shared.read(|world| {
            let open = world.duplicates.iter().filter(|one| !one.settled && one.look_at <= now);
            let mut due: Vec<_> =
                open.map(|one| (one.look_at, one.organization_id, one.reference.clone())).collect();
            due.sort();
            let named =
                due.into_iter().map(|(_, organization, reference)| (organization, reference));
            named.take(at_most(limit)).collect()
        })
    }
}
