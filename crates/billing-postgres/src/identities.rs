//! Users, organizations and members at identity providers.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{Identities, MemberQueries, Scope},
};
use billing_domain::{
    id::OrganizationId,
    identity::{Identity, IdentityProvider, IdentityRef, Member, Role},
    organization::Organization,
};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Database,
    error::failed,
    organizations::OrganizationRow,
    schema::{external_ids, organizations},
    statement::statement,
    unit_of_work::PostgresUnit,
};

const USER: &str = "user";
const ORGANIZATION: &str = "organization";

type Columns = (
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<SqlUuid>,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
);
type Row = (
    Option<String>,
    Option<String>,
    Option<String>,
    Option<Uuid>,
    Option<OffsetDateTime>,
    Option<OffsetDateTime>,
);

statement! {
    /// Makes a row to hold, where there is none.
    Make<'a> { provider: &'a str, kind: &'a str, id: &'a str } -> BigInt;
    "INSERT INTO identities (provider, kind, object_id) VALUES (" [provider: Text] ", "
    [kind: Text] ", " [id: Text] ") ON CONFLICT DO NOTHING"
}

statement! {
    /// What is known of one, held.
    Find<'a> { provider: &'a str, kind: &'a str, id: &'a str } -> Columns;
    "SELECT name, email, created_by, organization_id, seen_at, deleted_at FROM identities \
     WHERE provider = " [provider: Text] " AND kind = " [kind: Text] " AND object_id = " [id: Text]
    " FOR UPDATE"
}

statement! {
    /// Records what is known of one that is held.
    Save<'a> {
        provider: &'a str, kind: &'a str, id: &'a str, name: Option<&'a str>,
        email: Option<&'a str>, created_by: Option<&'a str>, organization: Option<Uuid>,
        seen_at: Option<OffsetDateTime>, deleted_at: Option<OffsetDateTime>,
    } -> BigInt;
    "UPDATE identities SET name = " [name: Nullable<Text>] ", email = " [email: Nullable<Text>]
    ", created_by = " [created_by: Nullable<Text>] ", organization_id = "
    [organization: Nullable<SqlUuid>] ", seen_at = " [seen_at: Nullable<Timestamptz>]
    ", deleted_at = " [deleted_at: Nullable<Timestamptz>] " WHERE provider = " [provider: Text]
    " AND kind = " [kind: Text] " AND object_id = " [id: Text]
}

statement! {
    /// Ours that a user made.
    MadeBy<'a> { provider: &'a str, user: &'a str } -> SqlUuid;
    "SELECT organization_id FROM identities WHERE provider = " [provider: Text]
    " AND created_by = " [user: Text] " AND organization_id IS NOT NULL AND deleted_at IS NULL \
     ORDER BY organization_id"
}

statement! {
    /// A member, held.
    FindMember<'a> { organization: Uuid, provider: &'a str, user: &'a str }
        -> (Text, Timestamptz, Timestamptz, Nullable<Timestamptz>);
    "SELECT role, joined_at, seen_at, removed_at FROM members WHERE organization_id = "
    [organization: SqlUuid] " AND provider = " [provider: Text] " AND user_id = " [user: Text]
    " FOR UPDATE"
}

statement! {
    /// Records a member, new or changed.
    SaveMember<'a> {
        organization: Uuid, provider: &'a str, user: &'a str, role: &'a str,
        joined_at: OffsetDateTime, seen_at: OffsetDateTime, removed_at: Option<OffsetDateTime>,
    } -> BigInt;
    "INSERT INTO members (organization_id, provider, user_id, role, joined_at, seen_at, removed_at) \
     VALUES (" [organization: SqlUuid] ", " [provider: Text] ", " [user: Text] ", " [role: Text]
    ", " [joined_at: Timestamptz] ", " [seen_at: Timestamptz] ", " [removed_at: Nullable<Timestamptz>]
    ") ON CONFLICT (organization_id, provider, user_id) DO UPDATE SET role = excluded.role, \
     joined_at = excluded.joined_at, seen_at = excluded.seen_at, removed_at = excluded.removed_at"
}

statement! {
    /// Nobody is a member any more.
    Dissolve { organization: Uuid, at: OffsetDateTime } -> BigInt;
    "UPDATE members SET removed_at = " [at: Timestamptz] " WHERE organization_id = "
    [organization: SqlUuid] " AND removed_at IS NULL"
}

statement! {
    /// Who belongs to an organization.
    Members { organization: Uuid } -> (Text, Text, Text, Timestamptz, Timestamptz, Nullable<Timestamptz>);
    "SELECT provider, user_id, role, joined_at, seen_at, removed_at FROM members WHERE organization_id = "
    [organization: SqlUuid] " AND removed_at IS NULL ORDER BY \
     array_position(ARRAY['owner', 'admin', 'member', 'viewer'], role), provider, user_id"
}

impl PostgresUnit {
    async fn identity(&mut self, kind: &str, reference: &IdentityRef) -> Result<Identity, Error> {
        let (provider, id) = (reference.provider.name(), reference.id.as_str());
        Make { provider, kind, id }.execute(self.connection()).await.map_err(failed)?;
        let find = Find { provider, kind, id };
        let rows: Vec<Row> = find.load(self.connection()).await.map_err(failed)?;
        let row = rows.into_iter().next().ok_or(Error::Conflict("the identity"))?;
        let (name, email, created_by, organization, seen_at, deleted_at) = row;
        Ok(Identity {
            reference: reference.clone(),
            name,
            email,
            created_by,
            organization_id: organization.map(OrganizationId),
            seen_at,
            deleted_at,
        })
    }

    async fn save_identity(&mut self, kind: &str, it: &Identity) -> Result<(), Error> {
        let save = Save {
            provider: it.reference.provider.name(),
            kind,
            id: &it.reference.id,
            name: it.name.as_deref(),
            email: it.email.as_deref(),
            created_by: it.created_by.as_deref(),
            organization: it.organization_id.map(|id| id.0),
            seen_at: it.seen_at,
            deleted_at: it.deleted_at,
        };
        save.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }
}

#[async_trait]
impl Identities for PostgresUnit {
    async fn user(&mut self, reference: &IdentityRef) -> Result<Identity, Error> {
        self.identity(USER, reference).await
    }

    async fn organization(&mut self, reference: &IdentityRef) -> Result<Identity, Error> {
        self.identity(ORGANIZATION, reference).await
    }

    async fn save_user(&mut self, user: &Identity) -> Result<(), Error> {
        self.save_identity(USER, user).await
    }

    async fn save_organization(&mut self, organization: &Identity) -> Result<(), Error> {
        self.save_identity(ORGANIZATION, organization).await
    }

    async fn made_by(&mut self, user: &IdentityRef) -> Result<Vec<OrganizationId>, Error> {
        let made_by = MadeBy { provider: user.provider.name(), user: &user.id };
        let rows: Vec<Uuid> = made_by.load(self.connection()).await.map_err(failed)?;
        Ok(rows.into_iter().map(OrganizationId).collect())
    }

    async fn member(
        &mut self,
        organization: OrganizationId,
        user: &IdentityRef,
    ) -> Result<Option<Member>, Error> {
        let find = FindMember {
            organization: organization.0,
            provider: user.provider.name(),
            user: &user.id,
        };
        let rows: Vec<(String, OffsetDateTime, OffsetDateTime, Option<OffsetDateTime>)> =
            find.load(self.connection()).await.map_err(failed)?;
        let row = rows.into_iter().next();
        row.map(|(role, joined_at, seen_at, removed_at)| {
            let (organization_id, user, role) = (organization, user.clone(), role_of(&role)?);
            Ok(Member { organization_id, user, role, joined_at, seen_at, removed_at })
        })
        .transpose()
    }

    async fn save_member(&mut self, member: &Member) -> Result<(), Error> {
        let Member { organization_id, user, role, joined_at, seen_at, removed_at } = member;
        let save = SaveMember {
            organization: organization_id.0,
            provider: user.provider.name(),
            user: &user.id,
            role: role.name(),
            joined_at: *joined_at,
            seen_at: *seen_at,
            removed_at: *removed_at,
        };
        save.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }

    async fn remove_members(
        &mut self,
        organization: OrganizationId,
        at: OffsetDateTime,
    ) -> Result<(), Error> {
        let dissolve = Dissolve { organization: organization.0, at };
        dissolve.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }

    async fn by_external_id(&mut self, external_id: &str) -> Result<Option<Organization>, Error> {
        let leads_to = external_ids::table
            .filter(external_ids::external_id.eq(external_id.to_owned()))
            .select(external_ids::organization_id);
        let query = organizations::table
            .filter(organizations::organization_id.eq_any(leads_to))
            .select(OrganizationRow::as_select())
            .for_no_key_update();
        self.record::<OrganizationRow, _, _>(query).await
    }
}

#[async_trait]
impl MemberQueries for Database {
    async fn members(&self, organization: OrganizationId) -> Result<Vec<Member>, Error> {
        let members = Members { organization: organization.0 };
        let scope = Scope::Organization(organization);
        let rows: Vec<MemberRow> = self.rows(scope, members).await?;
        rows.into_iter().map(|row| member(organization, row)).collect()
    }
}

type MemberRow = (String, String, String, OffsetDateTime, OffsetDateTime, Option<OffsetDateTime>);

fn member(organization_id: OrganizationId, row: MemberRow) -> Result<Member, Error> {
    let (provider, id, role, joined_at, seen_at, removed_at) = row;
    let known = IdentityProvider::ALL.into_iter().find(|it| it.name() == provider);
    let unknown = || anyhow::anyhow!("`{provider}` is no identity provider");
    let user = IdentityRef { provider: known.ok_or_else(unknown)?, id };
    Ok(Member { organization_id, user, role: role_of(&role)?, joined_at, seen_at, removed_at })
}

fn role_of(name: &str) -> Result<Role, Error> {
    let unknown = || anyhow::anyhow!("`{name}` is no role of a member");
    Ok(Role::named(name).ok_or_else(unknown)?)
}
