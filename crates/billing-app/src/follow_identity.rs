//! Users, organizations and members as an identity provider knows them: taken in, in any order,
//! any number of times, the newest standing.
//!
//! An identity provider never moves money: whoever is deleted there keeps records and
//! subscriptions here, until somebody decides about them.

use billing_domain::{
    currency::Currency,
    event::What,
    id::OrganizationId,
    identity::{Identity, IdentityProvider, IdentityRef, Member, Role, SeenIdentity, shortened},
    locale::Locale,
    organization::Organization,
};
use time::OffsetDateTime;

use crate::{
    Billing, Error, Missing,
    ports::{IdentityWebhooks, News, UnitOfWork},
};

/// What is told of a membership.
struct SeenMember {
    user: String,
    role: String,
    joined_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    removed: bool,
}

impl Billing {
    /// The reader of what a provider sends.
    pub(crate) fn identity_webhooks(
        &self,
        provider: IdentityProvider,
    ) -> Result<&dyn IdentityWebhooks, Error> {
        let mut all = self.ports.identity.iter();
        let found = all.find(|one| one.provider() == provider).map(|one| &**one);
        found.ok_or(Error::NotFound(Missing::IdentityProvider))
    }

    /// Takes in what a provider tells. Organizations of ours that changed by it.
    pub(crate) async fn follow_identity(
        &self,
        work: &mut dyn UnitOfWork,
        provider: IdentityProvider,
        news: News,
    ) -> Result<Vec<OrganizationId>, Error> {
        let at = |id: String| IdentityRef { provider, id };
        match news {
            News::User(seen) => self.follow_user(work, at(seen.id.clone()), &seen).await,
            News::UserDeleted(id) => self.user_gone(work, &at(id)).await,
            News::Organization(seen) => {
                let followed = self.follow_organization(work, at(seen.id.clone()), &seen).await?;
                Ok(followed.and_then(|it| it.organization_id).into_iter().collect())
            }
            News::OrganizationDeleted(id) => self.organization_gone(work, &at(id)).await,
            News::Membership { organization, user, role, joined_at, updated_at, removed } => {
                let whose = at(organization.id.clone());
                let followed = self.follow_organization(work, whose, &organization).await?;
                let Some(known) = followed else { return Ok(Vec::new()) };
                let seen = SeenMember { user, role, joined_at, updated_at, removed };
                follow_member(work, &known, seen).await?;
                Ok(known.organization_id.into_iter().collect())
            }
            News::Nothing => Ok(Vec::new()),
        }
    }

    /// A user as he is: the organizations that he made are written to at his address, and one that
    /// is his alone goes by his name.
    async fn follow_user(
        &self,
        work: &mut dyn UnitOfWork,
        reference: IdentityRef,
        seen: &SeenIdentity,
    ) -> Result<Vec<OrganizationId>, Error> {
        let mut user = work.identities().user(&reference).await?;
        let before = user.email.clone();
        if !user.observe(seen) {
            return Ok(Vec::new());
        }
        let mut concerned = work.identities().made_by(&reference).await?;
        if self.settings.personal_organizations {
            let own = self.ours(work, &user, user.email.as_deref()).await?;
            user.organization_id = Some(own);
        }
        concerned.extend(user.organization_id.filter(|own| !concerned.contains(own)));
        work.identities().save_user(&user).await?;
        for id in &concerned {
            let Some(mut organization) = work.organizations().find(*id).await? else { continue };
            let mut news = organization.follow_email(before.as_deref(), user.email.as_deref());
            if user.organization_id == Some(*id) {
                news |= organization.rename(user.name.as_deref().unwrap_or_default());
            }
            self.save_described(work, &organization, news).await?;
        }
        Ok(concerned)
    }

    /// A user is gone: nothing personal of him stays.
    async fn user_gone(
        &self,
        work: &mut dyn UnitOfWork,
        reference: &IdentityRef,
    ) -> Result<Vec<OrganizationId>, Error> {
        let mut user = work.identities().user(reference).await?;
        if !user.delete(self.ports.clock.wall()) {
            return Ok(Vec::new());
        }
        (user.name, user.email) = (None, None);
        work.identities().save_user(&user).await?;
        let Some(own) = user.organization_id else { return Ok(Vec::new()) };
        self.tell_gone(work, own).await?;
        Ok(vec![own])
    }

    /// An organization as it is. Nothing where it is gone; what is older than what is known
    /// changes nothing.
    async fn follow_organization(
        &self,
        work: &mut dyn UnitOfWork,
        reference: IdentityRef,
        seen: &SeenIdentity,
    ) -> Result<Option<Identity>, Error> {
        // Found before the organization, as by everybody who holds both.
        let maker = match &seen.created_by {
            Some(id) => {
                let maker = IdentityRef { provider: reference.provider, id: id.clone() };
                Some(work.identities().user(&maker).await?)
            }
            None => None,
        };
        let mut known = work.identities().organization(&reference).await?;
        let news = known.observe(seen);
        if known.deleted_at.is_some() {
            return Ok(None);
        }
        if !news {
            return Ok(Some(known));
        }
        let email = maker.and_then(|maker| maker.email);
        let id = self.ours(work, &known, email.as_deref()).await?;
        known.organization_id = Some(id);
        work.identities().save_organization(&known).await?;
        if let Some(mut organization) = work.organizations().find(id).await? {
            let mut news = organization.rename(known.name.as_deref().unwrap_or_default());
            news |= organization.follow_email(None, email.as_deref());
            self.save_described(work, &organization, news).await?;
        }
        Ok(Some(known))
    }

    async fn organization_gone(
        &self,
        work: &mut dyn UnitOfWork,
        reference: &IdentityRef,
    ) -> Result<Vec<OrganizationId>, Error> {
        let mut known = work.identities().organization(reference).await?;
        let at = self.ports.clock.wall();
        if !known.delete(at) {
            return Ok(Vec::new());
        }
        if known.organization_id.is_none() {
            let registered = work.identities().by_external_id(&reference.id).await?;
            known.organization_id = registered.map(|it| it.id);
        }
        work.identities().save_organization(&known).await?;
        let Some(id) = known.organization_id else { return Ok(Vec::new()) };
        work.identities().remove_members(id, at).await?;
        self.tell_gone(work, id).await?;
        Ok(vec![id])
    }

    /// Our organization behind an identity: the one known, the one that the product registered
    /// under the same id, or a new one.
    async fn ours(
        &self,
        work: &mut dyn UnitOfWork,
        identity: &Identity,
        email: Option<&str>,
    ) -> Result<OrganizationId, Error> {
        if let Some(id) = identity.organization_id {
            return Ok(id);
        }
        let external_id = &identity.reference.id;
        if let Some(registered) = work.identities().by_external_id(external_id).await? {
            return Ok(registered.id);
        }
        let name = shortened(identity.name.as_deref().unwrap_or_default());
        let now = self.ports.clock.now();
        let organization = Organization {
            id: OrganizationId(self.ports.ids.next()),
            external_id: Some(external_id.clone()),
            name: if name.is_empty() { external_id.clone() } else { name },
            billing_email: email.map(str::to_owned),
            country: None,
            currency: Currency::USD,
            tax_id: None,
            locale: Locale::En,
            created_at: now,
        }
        .validated()?;
        let what = What::OrganizationCreated { name: organization.name.clone() };
        let created = self.what(organization.id, now, what);
        work.organizations().insert(&organization, &[created]).await?;
        Ok(organization.id)
    }

    async fn save_described(
        &self,
        work: &mut dyn UnitOfWork,
        organization: &Organization,
        news: bool,
    ) -> Result<(), Error> {
        if !news {
            return Ok(());
        }
        let what = What::OrganizationUpdated { name: organization.name.clone() };
        let told = self.what(organization.id, self.ports.clock.now(), what);
        work.organizations().describe(organization, &[told]).await
    }

    async fn tell_gone(&self, work: &mut dyn UnitOfWork, id: OrganizationId) -> Result<(), Error> {
        let Some(organization) = work.organizations().find(id).await? else { return Ok(()) };
        let gone = What::OrganizationDeleted { name: organization.name.clone() };
        let told = self.what(id, self.ports.clock.now(), gone);
        work.organizations().describe(&organization, &[told]).await
    }
}

async fn follow_member(
    work: &mut dyn UnitOfWork,
    organization: &Identity,
    seen: SeenMember,
) -> Result<(), Error> {
    let Some(organization_id) = organization.organization_id else { return Ok(()) };
    let SeenMember { user, role, joined_at, updated_at, removed } = seen;
    let is_maker = organization.created_by.as_deref() == Some(user.as_str());
    let user = IdentityRef { provider: organization.reference.provider, id: user };
    let told = Member {
        organization_id,
        role: role_of(&role, is_maker),
        joined_at,
        seen_at: updated_at,
        removed_at: removed.then_some(updated_at),
        user,
    };
    let known = work.identities().member(organization_id, &told.user).await?;
    let member = match known {
        Some(mut known) => {
            if !known.observe(&told) {
                return Ok(());
            }
            known
        }
        None => told,
    };
    work.identities().save_member(&member).await
}

/// Our word for a provider's role. Who made an organization and administers it owns it; who has a
/// role that we do not know may look.
fn role_of(role: &str, is_maker: bool) -> Role {
    match role.trim_start_matches("org:") {
        "owner" => Role::Owner,
        "admin" if is_maker => Role::Owner,
        "admin" => Role::Admin,
        "member" | "basic_member" => Role::Member,
        _ => Role::Viewer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_that_are_not_known_may_look() {
        for (role, is_maker, ours) in [
            ("org:admin", true, Role::Owner),
            ("org:admin", false, Role::Admin),
            ("admin", false, Role::Admin),
            ("org:member", true, Role::Member),
            ("basic_member", false, Role::Member),
            ("org:owner", false, Role::Owner),
            ("org:billing_manager", true, Role::Viewer),
            ("", false, Role::Viewer),
        ] {
            assert_eq!(role_of(role, is_maker), ours, "{role}");
        }
    }
}
