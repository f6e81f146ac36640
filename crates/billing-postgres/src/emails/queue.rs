//! Claims of emails, and how tries end.

use std::time::Duration;

use billing_app::{
    Error,
    ports::{ClaimedEmail, EmailClaim, EmailStatus, FailedEmail, Scope, Tried},
};
use billing_domain::id::{EmailId, OrganizationId};
use diesel::sql_types::{BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::letter;
use crate::{Database, error::failed, statement::statement};

statement! {
    /// Claims those that are due; what another claims just now is his. The claim that one had whose
    /// lease is over is written down as lapsed.
    Claim { wall: OffsetDateTime, until: OffsetDateTime, limit: i64 }
        -> (SqlUuid, SqlUuid, SqlUuid, Text, Text, Text, Jsonb, Timestamptz, Integer);
    "WITH chosen AS MATERIALIZED (SELECT organization_id, email_id, fence, claimed_until \
       FROM emails WHERE next_attempt_at <= " [wall: Timestamptz]
    " ORDER BY next_attempt_at, email_id LIMIT " [limit: BigInt] " FOR UPDATE SKIP LOCKED), \
     lapsed AS (INSERT INTO email_attempts (organization_id, email_id, fence, ended_at, outcome) \
       SELECT organization_id, email_id, fence, claimed_until, 'lapsed' FROM chosen \
       WHERE fence IS NOT NULL ON CONFLICT DO NOTHING) \
     UPDATE emails SET claimed_until = " [until: Timestamptz] ", next_attempt_at = "
    [until: Timestamptz] ", fence = gen_random_uuid(), attempts = attempts + 1 FROM chosen \
     WHERE emails.organization_id = chosen.organization_id AND emails.email_id = chosen.email_id \
     RETURNING emails.organization_id, emails.email_id, emails.fence, recipient, locale, letter, \
       data, created_at, attempts - 1"
}

statement! {
    /// Ends a try whose claim is still held, and writes it down.
    End<'a> {
        organization: Uuid, id: Uuid, fence: Uuid, status: &'a str, outcome: &'a str,
        error: Option<&'a str>, again_at: Option<OffsetDateTime>, at: OffsetDateTime,
        sent_at: Option<OffsetDateTime>,
    } -> SqlUuid;
    "WITH ended AS (UPDATE emails SET status = " [status: Text] ", error = "
    [error: Nullable<Text>] ", next_attempt_at = " [again_at: Nullable<Timestamptz>]
    ", sent_at = " [sent_at: Nullable<Timestamptz>] ", claimed_until = NULL, fence = NULL \
       WHERE organization_id = " [organization: SqlUuid] " AND email_id = " [id: SqlUuid]
    " AND fence = " [fence: SqlUuid] " RETURNING email_id), \
     tried AS (INSERT INTO email_attempts \
       (organization_id, email_id, fence, ended_at, outcome, error) \
       SELECT " [organization: SqlUuid] ", email_id, " [fence: SqlUuid] ", " [at: Timestamptz]
    ", " [outcome: Text] ", " [error: Nullable<Text>] " FROM ended) \
     SELECT email_id FROM ended"
}

type ClaimRow = (Uuid, Uuid, Uuid, String, String, String, Value, OffsetDateTime, i32);

/// Claims as the port promises.
pub(super) async fn claim(
    database: &Database,
    (wall, lease): (OffsetDateTime, Duration),
    limit: i64,
) -> Result<Vec<ClaimedEmail>, Error> {
    let mut session = database.session(Scope::Engine).await?;
    let claim = Claim { wall, until: wall + lease, limit };
    let rows: Vec<ClaimRow> = claim.load(session.connection()).await.map_err(failed)?;
    session.commit().await?;
    let mut claimed = rows.into_iter().map(claimed).collect::<Result<Vec<_>, _>>()?;
    claimed.sort_by_key(|email| email.claim.id);
    Ok(claimed)
}

fn claimed(row: ClaimRow) -> Result<ClaimedEmail, Error> {
    let (organization, id, fence, recipient, locale, name, data, created_at, attempts) = row;
    let organization_id = OrganizationId(organization);
    Ok(ClaimedEmail {
        claim: EmailClaim { organization_id, id: EmailId(id), fence },
        recipient,
        locale: locale.parse().map_err(anyhow::Error::from)?,
        letter: letter(&name, data)?,
        created_at,
        attempts,
    })
}

/// A server has taken it.
pub(super) async fn sent(
    database: &Database,
    claim: EmailClaim,
    tried: Tried,
) -> Result<bool, Error> {
    let EmailClaim { organization_id, id, fence } = claim;
    let end = End {
        organization: organization_id.0,
        id: id.0,
        fence,
        status: EmailStatus::Sent.name(),
        outcome: "sent",
        error: None,
        again_at: None,
        at: tried.ended_at,
        sent_at: Some(tried.ended_at),
    };
    ended(database, end).await
}

/// Records a failed try.
pub(super) async fn fail(database: &Database, it: &FailedEmail) -> Result<bool, Error> {
    let EmailClaim { organization_id, id, fence } = it.claim;
    let status = it.again_at.map_or(EmailStatus::Dead, |_| EmailStatus::Retrying);
    let end = End {
        organization: organization_id.0,
        id: id.0,
        fence,
        status: status.name(),
        outcome: "failed",
        error: Some(&it.error),
        again_at: it.again_at,
        at: it.tried.ended_at,
        sent_at: None,
    };
    ended(database, end).await
}

async fn ended(database: &Database, end: End<'_>) -> Result<bool, Error> {
    let mut session = database.session(Scope::Engine).await?;
    let rows: Vec<Uuid> = end.load(session.connection()).await.map_err(failed)?;
    session.commit().await?;
    Ok(!rows.is_empty())
}
