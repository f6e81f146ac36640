//! What is known of users, organizations and members at identity providers.

use billing_domain::{
    id::OrganizationId,
    identity::{Identity, IdentityProvider, IdentityRef, Member, Role},
    organization::Organization,
};
use time::Duration;

use super::Promise;
use crate::{
    NOON, Subject,
    builders::{a_fresh_id, an_organization},
};

fn reference() -> IdentityRef {
    let id: OrganizationId = a_fresh_id();
    IdentityRef { provider: IdentityProvider::Clerk, id: format!("it_{}", id.0.simple()) }
}

fn a_member(organization_id: OrganizationId, role: Role) -> Member {
    Member {
        organization_id,
        user: reference(),
        role,
        joined_at: NOON,
        seen_at: NOON + Duration::SECOND,
        removed_at: None,
    }
}

/// Users and organizations come back as they were; a user and an organization of one id are two.
pub async fn identities_come_back_as_they_were(subject: &Subject) -> Promise {
    let (made, maker) = (reference(), reference());
    let ours = subject.registered().await?;
    let mut work = subject.engine().await?;
    assert_eq!(work.identities().user(&made).await?, Identity::unknown(made.clone()));
    let organization = Identity {
        name: Some("Acme".to_owned()),
        created_by: Some(maker.id.clone()),
        organization_id: Some(ours),
        seen_at: Some(NOON),
        ..Identity::unknown(made.clone())
    };
    work.identities().organization(&made).await?;
    work.identities().save_organization(&organization).await?;
    work.commit().await?;
    let mut work = subject.engine().await?;
    assert_eq!(work.identities().organization(&made).await?, organization);
    assert_eq!(work.identities().user(&made).await?, Identity::unknown(made.clone()));
    assert_eq!(work.identities().made_by(&maker).await?, [ours]);
    assert_eq!(work.identities().made_by(&made).await?, []);
    let user = Identity {
        email: Some("ann@acme.test".to_owned()),
        deleted_at: Some(NOON),
        ..Identity::unknown(maker.clone())
    };
    work.identities().user(&maker).await?;
    work.identities().save_user(&user).await?;
    assert_eq!(work.identities().user(&maker).await?, user);
    let gone = Identity { deleted_at: Some(NOON), ..organization };
    work.identities().save_organization(&gone).await?;
    assert_eq!(work.identities().made_by(&maker).await?, [], "what is gone is nobody's work");
    Ok(())
}

/// Members come back by role; who has left is remembered, and not shown.
pub async fn members_come_back_by_role(subject: &Subject) -> Promise {
    let (ours, other) = subject.two_registered().await?;
    let mut all = [Role::Viewer, Role::Owner, Role::Member].map(|role| a_member(ours, role));
    let mut work = subject.engine().await?;
    for member in all.iter().chain(&[a_member(other, Role::Owner)]) {
        work.identities().save_member(member).await?;
    }
    all[2].role = Role::Admin;
    work.identities().save_member(&all[2]).await?;
    assert_eq!(work.identities().member(ours, &all[2].user).await?.as_ref(), Some(&all[2]));
    assert_eq!(work.identities().member(other, &all[2].user).await?, None);
    work.commit().await?;
    all.sort_by_key(|member| member.role);
    assert_eq!(subject.members.members(ours).await?, all);
    let mut work = subject.engine().await?;
    work.identities().remove_members(ours, NOON).await?;
    let left = work.identities().member(ours, &all[0].user).await?.expect("he is remembered");
    assert_eq!(left.removed_at, Some(NOON));
    work.commit().await?;
    assert_eq!(subject.members.members(ours).await?, []);
    assert_eq!(subject.members.members(other).await?.len(), 1);
    Ok(())
}

/// An organization is found by the product's id, and called otherwise; all else of it stays.
pub async fn an_organization_is_described_anew(subject: &Subject) -> Promise {
    let before = Organization { external_id: Some("org_π".to_owned()), ..an_organization() };
    subject.register(&before).await?;
    let mut work = subject.engine().await?;
    assert_eq!(work.identities().by_external_id("nobody").await?, None);
    let mut found = work.identities().by_external_id("org_π").await?.expect("it is there");
    assert_eq!(found, before);
    found.name = "Other".to_owned();
    found.billing_email = None;
    let meddled = Organization { tax_id: Some("X".to_owned()), ..found.clone() };
    work.organizations().describe(&meddled, &[]).await?;
    work.commit().await?;
    assert_eq!(subject.organizations.organization(before.id).await?, Some(found));
    Ok(())
}
