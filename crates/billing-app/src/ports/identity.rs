//! Identity providers: users and organizations that arrive from outside.

use async_trait::async_trait;
use billing_domain::{
    id::OrganizationId,
    identity::{Identity, IdentityProvider, IdentityRef, Member, SeenIdentity},
    organization::Organization,
};
use time::OffsetDateTime;

use crate::{
    Error,
    ports::{Delivery, Forged, Unreadable},
};

/// Reads what an identity provider sends.
pub trait IdentityWebhooks: Send + Sync {
    /// Which one it is.
    fn provider(&self) -> IdentityProvider;
    /// Checks that a delivery comes from the provider and is fresh. Its id of the event, which is
    /// signed along.
    fn verify(&self, delivery: &Delivery<'_>, wall: OffsetDateTime) -> Result<String, Forged>;
    /// What a verified body tells.
    fn read(&self, body: &[u8]) -> Result<Told, Unreadable>;
}

/// What an identity provider tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// The provider's name of the event type.
    pub kind: String,
    /// Events of one subject are processed one at a time: the organization, or the user.
    pub subject: String,
    /// What is so now.
    pub news: News,
}

/// What is so now, at an identity provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// A user as he is.
    User(SeenIdentity),
    /// A user is gone.
    UserDeleted(String),
    /// An organization as it is.
    Organization(SeenIdentity),
    /// An organization is gone.
    OrganizationDeleted(String),
    /// A user is a member of an organization, or no longer.
    Membership {
        /// The organization, as it was when this was told.
        organization: SeenIdentity,
        /// Who.
        user: String,
        /// The provider's name of the role.
        role: String,
        /// When he became one.
        joined_at: OffsetDateTime,
        /// When that was so.
        updated_at: OffsetDateTime,
        /// Whether it has ended.
        removed: bool,
    },
    /// Nothing that we keep.
    Nothing,
}

/// What is known of users, organizations and members at identity providers. Who holds several finds
/// the user first.
#[async_trait]
pub trait Identities: Send {
    /// A user, held; one of which nothing is known is held all the same.
    async fn user(&mut self, reference: &IdentityRef) -> Result<Identity, Error>;
    /// An organization, likewise.
    async fn organization(&mut self, reference: &IdentityRef) -> Result<Identity, Error>;
    /// Records a user as he is known.
    async fn save_user(&mut self, user: &Identity) -> Result<(), Error>;
    /// Records an organization as it is known.
    async fn save_organization(&mut self, organization: &Identity) -> Result<(), Error>;
    /// Ours that a user made.
    async fn made_by(&mut self, user: &IdentityRef) -> Result<Vec<OrganizationId>, Error>;
    /// A member, held, who may have left.
    async fn member(
        &mut self,
        organization: OrganizationId,
        user: &IdentityRef,
    ) -> Result<Option<Member>, Error>;
    /// Records a member, new or changed.
    async fn save_member(&mut self, member: &Member) -> Result<(), Error>;
    /// Nobody is a member of it any more.
    async fn remove_members(
        &mut self,
        organization: OrganizationId,
        at: OffsetDateTime,
    ) -> Result<(), Error>;
    /// The one with an external id of the product, held.
    async fn by_external_id(&mut self, external_id: &str) -> Result<Option<Organization>, Error>;
}

/// Who belongs to organizations.
#[async_trait]
pub trait MemberQueries: Send + Sync {
    /// The members of an organization, by role and id; not those who have left.
    async fn members(&self, organization: OrganizationId) -> Result<Vec<Member>, Error>;
}
