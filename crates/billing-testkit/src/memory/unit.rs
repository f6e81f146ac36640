//! Units of work: a copy of the world, swapped in at the commit.

use std::sync::Arc;

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        AccessKeys, AutoTopUps, Catalogues, ChangeRequests, Checkouts, Collections, Credits,
        Discounts, Duplicates, Emails, Identities, InboxMarks, Invoices, Organizations,
        OutboxCursors, Payments, PendingItems, Renewals, Scope, Subscriptions, Trials, UnitOfWork,
        Usage, WebhookEndpoints,
    },
};
use billing_domain::id::OrganizationId;
use tokio::sync::OwnedMutexGuard;

use super::{Shared, world::World};

/// A copy of the world, with the turn to change it. Dropped, it gives the turn back.
pub(super) struct Unit {
    pub(super) scope: Scope,
    pub(super) world: World,
    pub(super) shared: Arc<Shared>,
    pub(super) _turn: OwnedMutexGuard<()>,
}

impl Unit {
    /// Whether records of an organization can be seen.
    pub(super) fn sees(&self, organization: OrganizationId) -> bool {
        match self.scope {
            Scope::Organization(own) => own == organization,
            Scope::Engine | Scope::Operator => true,
        }
    }

    /// Whether records of an organization may be written: it must be there, and in scope.
    pub(super) fn may_write(&self, organization: OrganizationId) -> Result<(), Error> {
        self.shared.reachable()?;
        if !self.sees(organization) {
            return Err(anyhow::anyhow!("{organization} is not in {:?}", self.scope).into());
        }
        if !self.world.organizations.contains_key(&organization) {
            return Err(anyhow::anyhow!("there is no organization {organization}").into());
        }
        Ok(())
    }

    /// The same for a record that may be there already: it must not be another's.
    pub(super) fn may_replace(
        &self,
        organization: OrganizationId,
        before: Option<OrganizationId>,
    ) -> Result<(), Error> {
        self.may_write(organization)?;
        match before {
            Some(owner) if owner != organization => {
                Err(anyhow::anyhow!("the record is of {owner}, not of {organization}").into())
            }
            Some(_) | None => Ok(()),
        }
    }
}

#[async_trait]
impl UnitOfWork for Unit {
    fn organizations(&mut self) -> &mut dyn Organizations {
        self
    }

    fn checkouts(&mut self) -> &mut dyn Checkouts {
        self
    }

    fn subscriptions(&mut self) -> &mut dyn Subscriptions {
        self
    }

    fn change_requests(&mut self) -> &mut dyn ChangeRequests {
        self
    }

    fn pending_items(&mut self) -> &mut dyn PendingItems {
        self
    }

    fn duplicates(&mut self) -> &mut dyn Duplicates {
        self
    }

    fn payments(&mut self) -> &mut dyn Payments {
        self
    }

    fn invoices(&mut self) -> &mut dyn Invoices {
        self
    }

    fn collections(&mut self) -> &mut dyn Collections {
        self
    }

    fn discounts(&mut self) -> &mut dyn Discounts {
        self
    }

    fn auto_top_ups(&mut self) -> &mut dyn AutoTopUps {
        self
    }

    fn trials(&mut self) -> &mut dyn Trials {
        self
    }

    fn renewals(&mut self) -> &mut dyn Renewals {
        self
    }

    fn credits(&mut self) -> &mut dyn Credits {
        self
    }

    fn usage(&mut self) -> &mut dyn Usage {
        self
    }

    fn catalogue(&mut self) -> &mut dyn Catalogues {
        self
    }

    fn webhook_endpoints(&mut self) -> &mut dyn WebhookEndpoints {
        self
    }

    fn outbox(&mut self) -> &mut dyn OutboxCursors {
        self
    }

    fn access_keys(&mut self) -> &mut dyn AccessKeys {
        self
    }

    fn emails(&mut self) -> &mut dyn Emails {
        self
    }

    fn identities(&mut self) -> &mut dyn Identities {
        self
    }

    fn inbox(&mut self) -> &mut dyn InboxMarks {
        self
    }

    async fn commit(self: Box<Self>) -> Result<(), Error> {
        let Self { world, shared, _turn, .. } = *self;
        shared.commit_in_turn(|committed| {
            *committed = world;
            Ok(())
        })
    }
}
