//! Emails as operators see them, and put back.

use billing_app::{
    Error,
    ports::{
        EmailAction, EmailDetail, EmailFilter, EmailHealth, EmailRow, EmailStatus, EmailTry, Scope,
    },
};
use billing_domain::id::{EmailId, EventId, OrganizationId};
use diesel::sql_types::{BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::letter;
use crate::{Database, error::failed, statement::statement};

/// Whom it goes to and where it stands; what it says; when.
type Columns = (
    (SqlUuid, SqlUuid, SqlUuid, Text, Text, Text),
    (Text, Jsonb, Integer, Nullable<Text>),
    (Timestamptz, Nullable<Timestamptz>, Nullable<Timestamptz>),
);
type Row = (
    (Uuid, Uuid, Uuid, String, String, String),
    (String, Value, i32, Option<String>),
    (OffsetDateTime, Option<OffsetDateTime>, Option<OffsetDateTime>),
);

statement! {
    /// The newest emails that match, before an id; or the oldest that can be put back.
    List<'a> {
        organization: Option<Uuid>, letter: Option<&'a str>, status: Option<&'a str>,
        since: Option<OffsetDateTime>, until: Option<OffsetDateTime>, before: Option<Uuid>,
        limit: i64,
    } -> Columns;
    "SELECT email_id, organization_id, event_id, recipient, locale, status, letter, data, attempts, \
     error, created_at, next_attempt_at, sent_at FROM emails WHERE ("
    [organization: Nullable<SqlUuid>] " IS NULL OR organization_id = "
    [organization: Nullable<SqlUuid>] ") AND (" [letter: Nullable<Text>] " IS NULL OR letter = "
    [letter: Nullable<Text>] ") AND (" [status: Nullable<Text>] " IS NULL OR status = "
    [status: Nullable<Text>] ") AND (" [since: Nullable<Timestamptz>]
    " IS NULL OR created_at >= " [since: Nullable<Timestamptz>] ") AND ("
    [until: Nullable<Timestamptz>] " IS NULL OR created_at < " [until: Nullable<Timestamptz>]
    ") AND (" [before: Nullable<SqlUuid>] " IS NULL OR email_id < " [before: Nullable<SqlUuid>]
    ") ORDER BY email_id DESC LIMIT " [limit: BigInt]
}

statement! {
    /// How many emails can be put back, and the oldest of them.
    Retriable<'a> {
        organization: Option<Uuid>, letter: Option<&'a str>, status: Option<&'a str>,
        since: Option<OffsetDateTime>, until: Option<OffsetDateTime>, limit: i64,
    } -> (BigInt, Columns);
    "SELECT count(*) OVER (), email_id, organization_id, event_id, recipient, locale, status, \
     letter, data, attempts, error, created_at, next_attempt_at, sent_at FROM emails \
     WHERE status <> 'queued' AND claimed_until IS NULL AND ("
    [organization: Nullable<SqlUuid>] " IS NULL OR organization_id = "
    [organization: Nullable<SqlUuid>] ") AND (" [letter: Nullable<Text>] " IS NULL OR letter = "
    [letter: Nullable<Text>] ") AND (" [status: Nullable<Text>] " IS NULL OR status = "
    [status: Nullable<Text>] ") AND (" [since: Nullable<Timestamptz>]
    " IS NULL OR created_at >= " [since: Nullable<Timestamptz>] ") AND ("
    [until: Nullable<Timestamptz>] " IS NULL OR created_at < " [until: Nullable<Timestamptz>]
    ") ORDER BY email_id LIMIT " [limit: BigInt]
}

statement! {
    /// One email.
    One { id: Uuid } -> Columns;
    "SELECT email_id, organization_id, event_id, recipient, locale, status, letter, data, attempts, \
     error, created_at, next_attempt_at, sent_at FROM emails WHERE email_id = " [id: SqlUuid]
}

statement! {
    /// Its tries.
    Tries { organization: Uuid, id: Uuid } -> (Timestamptz, Text, Nullable<Text>);
    "SELECT ended_at, outcome, error FROM email_attempts WHERE organization_id = "
    [organization: SqlUuid] " AND email_id = " [id: SqlUuid] " ORDER BY ended_at, fence"
}

statement! {
    /// Who had it sent again.
    Actions { organization: Uuid, id: Uuid } -> (SqlUuid, Timestamptz, Text, Text);
    "SELECT action_id, at, actor, reason FROM email_actions WHERE organization_id = "
    [organization: SqlUuid] " AND email_id = " [id: SqlUuid] " ORDER BY at, action_id"
}

statement! {
    /// Puts an email back, unless somebody sends it just now; and writes down who wanted it.
    Retry<'a> { id: Uuid, action: Uuid, at: OffsetDateTime, actor: &'a str, reason: &'a str }
        -> SqlUuid;
    "WITH retried AS (UPDATE emails SET status = 'queued', attempts = 0, error = NULL, \
       sent_at = NULL, next_attempt_at = CASE WHEN claimed_until > " [at: Timestamptz]
    " THEN next_attempt_at ELSE " [at: Timestamptz] " END WHERE email_id = " [id: SqlUuid]
    " RETURNING organization_id, email_id), \
     written AS (INSERT INTO email_actions (organization_id, email_id, action_id, at, actor, reason) \
       SELECT organization_id, email_id, " [action: SqlUuid] ", " [at: Timestamptz] ", "
    [actor: Text] ", " [reason: Text] " FROM retried) SELECT email_id FROM retried"
}

statement! {
    /// How many stand where, as far as it is worth counting.
    Health {} -> (BigInt, BigInt, BigInt);
    "SELECT \
     (SELECT count(*) FROM (SELECT FROM emails WHERE next_attempt_at IS NOT NULL LIMIT 10000) due), \
     (SELECT count(*) FROM (SELECT FROM emails WHERE status = 'dead' LIMIT 10000) dead), \
     (SELECT count(*) FROM (SELECT FROM emails WHERE status = 'unsent' LIMIT 10000) unsent)"
}

/// The newest ones that match.
pub(super) async fn list(
    database: &Database,
    filter: &EmailFilter,
    before: Option<EmailId>,
    limit: i64,
) -> Result<Vec<EmailRow>, Error> {
    let list = List {
        organization: filter.organization_id.map(|id| id.0),
        letter: filter.letter.as_deref(),
        status: filter.status.map(EmailStatus::name),
        since: filter.since,
        until: filter.until,
        before: before.map(|id| id.0),
        limit,
    };
    let mut session = database.reading(Scope::Operator).await?;
    let rows: Vec<Row> = list.load(session.connection()).await.map_err(failed)?;
    session.commit().await?;
    rows.into_iter().map(email).collect()
}

/// All that is known of one.
pub(super) async fn find(database: &Database, id: EmailId) -> Result<Option<EmailDetail>, Error> {
    let mut session = database.reading(Scope::Operator).await?;
    let connection = session.connection();
    let rows: Vec<Row> = One { id: id.0 }.load(connection).await.map_err(failed)?;
    let Some(row) = rows.into_iter().next().map(email).transpose()? else {
        session.commit().await?;
        return Ok(None);
    };
    let (organization, id) = (row.organization_id.0, row.id.0);
    let tries: Vec<(OffsetDateTime, String, Option<String>)> =
        Tries { organization, id }.load(connection).await.map_err(failed)?;
    let actions: Vec<(Uuid, OffsetDateTime, String, String)> =
        Actions { organization, id }.load(connection).await.map_err(failed)?;
    session.commit().await?;
    let tries = tries.into_iter().map(|(ended_at, outcome, error)| {
        let known = ["sent", "failed", "lapsed"].into_iter().find(|it| *it == outcome);
        let unknown = || anyhow::anyhow!("`{outcome}` is no end of a try");
        Ok(EmailTry { ended_at, outcome: known.ok_or_else(unknown)?, error })
    });
    let tries = tries.collect::<Result<_, Error>>()?;
    let actions = actions.into_iter();
    let actions = actions.map(|(id, at, actor, reason)| EmailAction { id, at, actor, reason });
    Ok(Some(EmailDetail { row, tries, actions: actions.collect() }))
}

/// Puts one back.
pub(super) async fn retry(
    database: &Database,
    id: EmailId,
    action: &EmailAction,
) -> Result<bool, Error> {
    let mut session = database.session(Scope::Operator).await?;
    let found: Vec<Uuid> = put_back(id, action).load(session.connection()).await.map_err(failed)?;
    session.commit().await?;
    Ok(!found.is_empty())
}

fn put_back(id: EmailId, action: &EmailAction) -> Retry<'_> {
    let EmailAction { id: action, at, actor, reason } = action;
    Retry { id: id.0, action: *action, at: *at, actor, reason }
}

/// Puts back those that match, one statement each; without an action only says which.
pub(super) async fn retry_all(
    database: &Database,
    filter: &EmailFilter,
    limit: i64,
    action: Option<&EmailAction>,
) -> Result<(i64, Vec<EmailRow>), Error> {
    let retriable = Retriable {
        organization: filter.organization_id.map(|id| id.0),
        letter: filter.letter.as_deref(),
        status: filter.status.map(EmailStatus::name),
        since: filter.since,
        until: filter.until,
        limit,
    };
    let mut session = database.session(Scope::Operator).await?;
    let found: Vec<(i64, Row)> = retriable.load(session.connection()).await.map_err(failed)?;
    let count = if let [(count, _), ..] = found.as_slice() { *count } else { 0 };
    let rows = found.into_iter().map(|(_, row)| email(row)).collect::<Result<Vec<_>, _>>()?;
    if let Some(action) = action {
        for row in &rows {
            let retry = put_back(row.id, action);
            let put_back: Vec<Uuid> = retry.load(session.connection()).await.map_err(failed)?;
            drop(put_back);
        }
    }
    session.commit().await?;
    Ok((count, rows))
}

/// How many stand where.
pub(super) async fn health(database: &Database) -> Result<EmailHealth, Error> {
    let counts: Option<(i64, i64, i64)> = database.row(Scope::Engine, Health {}).await?;
    let (pending, dead, unsent) = counts.unwrap_or_default();
    Ok(EmailHealth { pending, dead, unsent })
}

fn email((whom, what, when): Row) -> Result<EmailRow, Error> {
    let (id, organization, event, recipient, locale, status) = whom;
    let (name, data, attempts, error) = what;
    let (created_at, next_attempt_at, sent_at) = when;
    let unknown = || anyhow::anyhow!("`{status}` is no status of an email");
    Ok(EmailRow {
        id: EmailId(id),
        organization_id: OrganizationId(organization),
        event_id: EventId(event),
        recipient,
        locale: locale.parse().map_err(anyhow::Error::from)?,
        letter: letter(&name, data)?,
        status: EmailStatus::named(&status).ok_or_else(unknown)?,
        attempts,
        error,
        created_at,
        next_attempt_at,
        sent_at,
    })
}
