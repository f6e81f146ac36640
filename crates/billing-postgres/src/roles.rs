//! Roles: they belong to the cluster, so several servers may make them at the same time.

use anyhow::{Context, bail};
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::{Database, Mode};

/// Who owns the tables, who serves one organization, who serves all.
const ROLES: [&str; 3] = ["billing_owner", "billing_app", "billing_engine"];

/// What an operator runs where the login may not make roles itself.
const BY_HAND: &str = "run as a superuser: \
    CREATE ROLE billing_owner NOLOGIN; CREATE ROLE billing_app NOLOGIN; \
    CREATE ROLE billing_engine NOLOGIN; \
    GRANT billing_owner, billing_app, billing_engine TO <login>; \
    ALTER ROLE <login> NOINHERIT; GRANT CREATE, USAGE ON SCHEMA public TO billing_owner";

/// Makes a login that is no superuser and may use the roles, where it is not there yet.
/// `admin_url` must lead to a superuser: it is meant for clusters that are ours alone.
pub async fn create_login(admin_url: &str, login: &str) -> anyhow::Result<()> {
    let mut admin = AsyncPgConnection::establish(admin_url).await?;
    let create =
        format!("CREATE ROLE {login} LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT CREATEROLE CREATEDB");
    tolerating_duplicates(&mut admin, &create).await?;
    make_roles(&mut admin).await?;
    let member = membership(&mut admin, login).await?;
    tolerating_races(admin.batch_execute(&member).await)
}

/// Makes an empty database, or a copy of a template, where it is not there yet.
pub async fn create_database(
    admin_url: &str,
    name: &str,
    owner: &str,
    template: Option<&str>,
) -> anyhow::Result<()> {
    let mut admin = AsyncPgConnection::establish(admin_url).await?;
    let template = template.unwrap_or("template1");
    let create = format!("CREATE DATABASE {name} OWNER {owner} TEMPLATE {template}");
    tolerating_duplicates(&mut admin, &create).await
}

/// Removes a database with all that is in it, whoever uses it.
pub async fn drop_database(admin_url: &str, name: &str) -> anyhow::Result<()> {
    let mut admin = AsyncPgConnection::establish(admin_url).await?;
    Ok(admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?)
}

/// Makes the roles where they are missing and the login of this database a member of them.
pub async fn grant_roles(database: &Database) -> anyhow::Result<()> {
    let mut connection = database.own_connection().await?;
    if !is_member_of_all(&mut connection).await? {
        make_roles(&mut connection).await.context(BY_HAND)?;
        let login = format!("\"{}\"", login(&mut connection).await?.replace('"', "\"\""));
        let member = membership(&mut connection, &login).await?;
        tolerating_races(connection.batch_execute(&member).await).context(BY_HAND)?;
    }
    if may_create(&mut connection).await? {
        return Ok(());
    }
    // The owner of the database may say who makes tables in it, but NOINHERIT keeps that from the
    // login until it takes the role.
    let allow = "SET ROLE pg_database_owner; \
         GRANT CREATE, USAGE ON SCHEMA public TO billing_owner; \
         GRANT USAGE ON SCHEMA public TO billing_app, billing_engine; RESET ROLE";
    tolerating_races(connection.batch_execute(allow).await).context(BY_HAND)?;
    if may_create(&mut database.own_connection().await?).await? {
        return Ok(());
    }
    bail!("the role billing_owner may not make tables: {BY_HAND}")
}

/// Whether the owner of the tables may make them, and the others may reach them.
async fn may_create(connection: &mut AsyncPgConnection) -> anyhow::Result<bool> {
    let may: Number = sql_query(
        "SELECT (has_schema_privilege('billing_owner', 'public', 'CREATE') \
         AND has_schema_privilege('billing_app', 'public', 'USAGE') \
         AND has_schema_privilege('billing_engine', 'public', 'USAGE'))::int AS number",
    )
    .get_result(connection)
    .await?;
    Ok(may.number == 1)
}

impl Database {
    /// Refuses a login for which row-level security means nothing, unless nothing is real.
    pub async fn check_login(&self, mode: Mode) -> anyhow::Result<()> {
        let mut connection = self.own_connection().await?;
        let facts: LoginFacts = sql_query(
            "SELECT rolname::text AS name, rolsuper OR rolbypassrls AS unbound \
             FROM pg_roles WHERE rolname = current_user",
        )
        .get_result(&mut connection)
        .await?;
        if !facts.unbound {
            return Ok(());
        }
        if mode == Mode::Live {
            bail!(
                "the login `{}` of DATABASE_URL is a superuser or has BYPASSRLS: row-level \
                 security would not hold; use a login of its own",
                facts.name
            );
        }
        tracing::warn!(login = facts.name, "the login bypasses row-level security");
        Ok(())
    }
}

async fn make_roles(connection: &mut AsyncPgConnection) -> anyhow::Result<()> {
    for role in ROLES {
        tolerating_duplicates(connection, &format!("CREATE ROLE {role} NOLOGIN")).await?;
    }
    Ok(())
}

/// Member, but without inheriting: a statement outside of a transaction of ours sees nothing.
async fn membership(connection: &mut AsyncPgConnection, login: &str) -> anyhow::Result<String> {
    let version: Number = sql_query("SELECT current_setting('server_version_num')::int AS number")
        .get_result(connection)
        .await?;
    let roles = ROLES.join(", ");
    Ok(if version.number >= 160_000 {
        format!("GRANT {roles} TO {login} WITH INHERIT FALSE, SET TRUE")
    } else {
        format!("GRANT {roles} TO {login}; ALTER ROLE {login} NOINHERIT")
    })
}

async fn is_member_of_all(connection: &mut AsyncPgConnection) -> anyhow::Result<bool> {
    let members: Number = sql_query(
        "SELECT count(*)::int AS number FROM pg_roles WHERE rolname = ANY(ARRAY[\
         'billing_owner', 'billing_app', 'billing_engine']) \
         AND pg_has_role(current_user, oid, 'MEMBER')",
    )
    .get_result(connection)
    .await?;
    Ok(usize::try_from(members.number) == Ok(ROLES.len()))
}

async fn login(connection: &mut AsyncPgConnection) -> anyhow::Result<String> {
    let name: Name = sql_query("SELECT current_user::text AS name").get_result(connection).await?;
    Ok(name.name)
}

/// Another server may do the same at this moment; what it does serves us too.
fn tolerating_races(done: diesel::QueryResult<()>) -> anyhow::Result<()> {
    match done {
        Err(error) if error.to_string().contains("concurrently updated") => Ok(()),
        done => Ok(done?),
    }
}

/// Runs a CREATE that somebody else may have run already, or is running now.
async fn tolerating_duplicates(
    connection: &mut AsyncPgConnection,
    statement: &str,
) -> anyhow::Result<()> {
    match connection.batch_execute(statement).await {
        Ok(()) => Ok(()),
        Err(error) if error.to_string().contains("already exists") => Ok(()),
        Err(error) if error.to_string().contains("duplicate key") => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot run `{statement}`")),
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = sql_types::Integer)]
    number: i32,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = sql_types::Text)]
    name: String,
}

#[derive(QueryableByName)]
struct LoginFacts {
    #[diesel(sql_type = sql_types::Text)]
    name: String,
    #[diesel(sql_type = sql_types::Bool)]
    unbound: bool,
}
