//! Identity providers: what they say of users, organizations and members, in any order.

use core::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    gateway::Gateway,
    id::OrganizationId,
    organization::{Organization, is_email},
};

/// Who knows the users of a product.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityProvider {
    /// Clerk.
    Clerk,
}

impl IdentityProvider {
    /// Every provider there is.
    pub const ALL: [Self; 1] = [Self::Clerk];

    /// Its name in tables, paths and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clerk => "clerk",
        }
    }
}

/// Who sends us webhooks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(untagged)]
pub enum Source {
    /// A gateway.
    Gateway(Gateway),
    /// An identity provider.
    Identity(IdentityProvider),
}

/// Nobody of this name sends us webhooks.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is neither a gateway nor an identity provider")]
pub struct UnknownSource(pub String);

impl Source {
    /// Its name in tables, paths and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway(gateway) => gateway.name(),
            Self::Identity(provider) => provider.name(),
        }
    }
}

impl From<Gateway> for Source {
    fn from(gateway: Gateway) -> Self {
        Self::Gateway(gateway)
    }
}

impl From<IdentityProvider> for Source {
    fn from(provider: IdentityProvider) -> Self {
        Self::Identity(provider)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Source {
    type Err = UnknownSource;

    fn from_str(name: &str) -> Result<Self, UnknownSource> {
        let gateways = Gateway::ALL.into_iter().map(Self::Gateway);
        let mut all = gateways.chain(IdentityProvider::ALL.into_iter().map(Self::Identity));
        all.find(|source| source.name() == name).ok_or_else(|| UnknownSource(name.to_owned()))
    }
}

/// A user or an organization at an identity provider.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IdentityRef {
    /// Whose id it is.
    pub provider: IdentityProvider,
    /// The id, as the provider writes it.
    pub id: String,
}

/// What we know of a user or an organization at a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Which one.
    pub reference: IdentityRef,
    /// What people call it; nothing as long as nothing was told of it.
    pub name: Option<String>,
    /// Where it is written to; only users are.
    pub email: Option<String>,
    /// The user who made it; only organizations are made by one.
    pub created_by: Option<String>,
    /// Ours that it is, or, of a user, the one that is his alone.
    pub organization_id: Option<OrganizationId>,
    /// How new what we know is, by the provider's clock.
    pub seen_at: Option<OffsetDateTime>,
    /// Since when it is gone. The provider gives no id twice, so this is final.
    pub deleted_at: Option<OffsetDateTime>,
}

/// What a provider tells of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeenIdentity {
    /// The provider's id of it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where it is written to.
    pub email: Option<String>,
    /// The user who made it.
    pub created_by: Option<String>,
    /// When that was so, by the provider's clock.
    pub updated_at: OffsetDateTime,
}

impl Identity {
    /// One of which nothing is known.
    pub const fn unknown(reference: IdentityRef) -> Self {
        Self {
            reference,
            name: None,
            email: None,
            created_by: None,
            organization_id: None,
            seen_at: None,
            deleted_at: None,
        }
    }

    /// Adopts what the provider tells. Whether it was believed: what is older than what we know is
    /// not, and nothing is of one that is gone.
    pub fn observe(&mut self, seen: &SeenIdentity) -> bool {
        if self.deleted_at.is_some() || self.seen_at.is_some_and(|at| seen.updated_at < at) {
            return false;
        }
        self.name = Some(seen.name.clone());
        self.email = seen.email.clone().filter(|email| is_email(email));
        self.created_by = seen.created_by.clone().or(self.created_by.take());
        self.seen_at = Some(seen.updated_at);
        true
    }

    /// It is gone. Whether that is news.
    pub fn delete(&mut self, at: OffsetDateTime) -> bool {
        let news = self.deleted_at.is_none();
        self.deleted_at = self.deleted_at.or(Some(at));
        news
    }
}

impl Organization {
    /// Follows a name. Whether it is another one.
    pub fn rename(&mut self, name: &str) -> bool {
        let name = shortened(name);
        let news = !name.is_empty() && self.name != name;
        if news {
            self.name = name;
        }
        news
    }

    /// Follows the address of the person it is written to by: where it has none, or had that
    /// person's former one. What somebody else set stays. Whether it is another one.
    pub fn follow_email(&mut self, before: Option<&str>, now: Option<&str>) -> bool {
        let own = self.billing_email.is_some() && self.billing_email.as_deref() != before;
        let news = !own && now.is_some() && self.billing_email.as_deref() != now;
        if news {
            self.billing_email = now.map(str::to_owned);
        }
        news
    }
}

/// As much of a name as an organization may have.
pub fn shortened(name: &str) -> String {
    name.trim().chars().filter(|sign| !sign.is_control()).take(200).collect()
}

/// What a member may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// Everything.
    Owner,
    /// Everything but what only owners may.
    Admin,
    /// Use the product.
    Member,
    /// Look.
    Viewer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Member, Self::Viewer];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }

    /// The role of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// A user of an organization.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Of which one.
    pub organization_id: OrganizationId,
    /// Who: the subject of that user's tokens.
    pub user: IdentityRef,
    /// What that user may do.
    pub role: Role,
    /// When that user became one, by the provider's clock: who comes again is another member.
    pub joined_at: OffsetDateTime,
    /// How new that is, by the provider's clock.
    pub seen_at: OffsetDateTime,
    /// Since when no more.
    pub removed_at: Option<OffsetDateTime>,
}

impl Member {
    /// Adopts what is told of the same user, unless it is older. An end is final, until that user
    /// comes again. Whether it was believed.
    pub fn observe(&mut self, seen: &Self) -> bool {
        let newer = match seen.joined_at.cmp(&self.joined_at) {
            Ordering::Less => false,
            Ordering::Equal => {
                self.removed_at.is_none()
                    && (seen.removed_at.is_some() || seen.seen_at >= self.seen_at)
            }
            Ordering::Greater => true,
        };
        if newer {
            self.clone_from(seen);
        }
        newer
    }
}

#[cfg(test)]
mod tests;
