//! Users, organizations and members at identity providers.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{Identities, MemberQueries},
};
use billing_domain::{
    id::OrganizationId,
    identity::{Identity, IdentityRef, Member},
    organization::Organization,
};
use time::OffsetDateTime;

use super::{MemoryStore, unit::Unit};

/// What is known of one; nothing, where nothing was told.
fn known(one: Option<&Identity>, reference: &IdentityRef) -> Identity {
    one.cloned().unwrap_or_else(|| Identity::unknown(reference.clone()))
}

#[async_trait]
impl Identities for Unit {
    async fn user(&mut self, reference: &IdentityRef) -> Result<Identity, Error> {
        self.shared.reachable()?;
        Ok(known(self.world.users.get(reference), reference))
    }

    async fn organization(&mut self, reference: &IdentityRef) -> Result<Identity, Error> {
        self.shared.reachable()?;
        Ok(known(self.world.identified.get(reference), reference))
    }

    async fn save_user(&mut self, user: &Identity) -> Result<(), Error> {
        self.shared.reachable()?;
        self.world.users.insert(user.reference.clone(), user.clone());
        Ok(())
    }

    async fn save_organization(&mut self, organization: &Identity) -> Result<(), Error> {
        self.shared.reachable()?;
        self.world.identified.insert(organization.reference.clone(), organization.clone());
        Ok(())
    }

    async fn made_by(&mut self, user: &IdentityRef) -> Result<Vec<OrganizationId>, Error> {
        self.shared.reachable()?;
        let all = self.world.identified.values();
        let made = all.filter(|one| {
            one.reference.provider == user.provider
                && one.created_by.as_ref() == Some(&user.id)
                && one.deleted_at.is_none()
        });
        let mut ids: Vec<_> = made.filter_map(|one| one.organization_id).collect();
        ids.sort();
        Ok(ids)
    }

    async fn member(
        &mut self,
        organization: OrganizationId,
        user: &IdentityRef,
    ) -> Result<Option<Member>, Error> {
        self.shared.reachable()?;
        Ok(self.world.members.get(&(organization, user.clone())).cloned())
    }

    async fn save_member(&mut self, member: &Member) -> Result<(), Error> {
        self.may_write(member.organization_id)?;
        let key = (member.organization_id, member.user.clone());
        self.world.members.insert(key, member.clone());
        Ok(())
    }

    async fn remove_members(
        &mut self,
        organization: OrganizationId,
        at: OffsetDateTime,
    ) -> Result<(), Error> {
        self.may_write(organization)?;
        let all = self.world.members.values_mut();
        for member in all.filter(|one| one.organization_id == organization) {
            member.removed_at = member.removed_at.or(Some(at));
        }
        Ok(())
    }

    async fn by_external_id(&mut self, external_id: &str) -> Result<Option<Organization>, Error> {
        self.shared.reachable()?;
        let mut all = self.world.organizations.values();
        Ok(all.find(|one| one.external_id.as_deref() == Some(external_id)).cloned())
    }
}

#[async_trait]
impl MemberQueries for MemoryStore {
    async fn members(&self, organization: OrganizationId) -> Result<Vec<Member>, Error> {
        self.shared.read(|world| {
            let all = world.members.values();
            let here =
                all.filter(|one| one.organization_id == organization && one.removed_at.is_none());
            let mut members: Vec<_> = here.cloned().collect();
            members.sort_by_key(|one| (one.role, one.user.clone()));
            members
        })
    }
}
