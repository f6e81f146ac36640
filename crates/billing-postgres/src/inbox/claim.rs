//! Choosing what to process next.
//!
//! Only the front of the queue is looked at. What is met there and may not go, because another of
//! its subject is being processed, is put behind that one: out of the front. Whoever ends a try
//! puts the next one of the subject back (`ends`). So each webhook is passed over once at most, and
//! a claim costs the same whether ten wait or a million.

use std::time::Duration;

use billing_app::{
    Error,
    ports::{Claim, Claimed, Scope},
};
use billing_domain::id::WebhookId;
use diesel::sql_types::{
    BigInt, Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Database, error::failed, statement::statement};

/// At most so many at once: a quarter of what one look at the front sees.
const MOST_AT_ONCE: i64 = 64;
/// Looks at the front of the queue in one claim, where subjects that are busy fill it: half a second
/// at most.
const LOOKS: usize = 64;

/// A claim that is lost with the server is due again, so nothing waits for the disk. The rows are
/// looked up by index however small the tables were when the statement was planned.
const MANNER: &str = "SET LOCAL synchronous_commit = off; SET LOCAL enable_seqscan = off; \
     SET LOCAL enable_bitmapscan = off; SET LOCAL enable_hashjoin = off; \
     SET LOCAL enable_mergejoin = off";

statement! {
    /// One claim at a time chooses: two would choose two of one subject. Ends with the transaction.
    TakeTurns {} -> Bool;
    "SELECT pg_advisory_xact_lock(hashtext('billing webhooks')) IS NULL"
}

statement! {
    /// Claims the first of each subject at the front, if none of it is busy; the others are put
    /// behind it. A busy one is held meanwhile, so that it does not end without seeing who was put
    /// behind it; where it is just ending, those of its subject stay where they are. The claim that
    /// one had whose lease is over is written down as lapsed. Who was put behind comes without a
    /// fence.
    ClaimDue { wall: OffsetDateTime, until: OffsetDateTime, limit: i64 }
        -> (SqlUuid, Nullable<SqlUuid>, Text, Text, Binary, Integer);
    "WITH front AS MATERIALIZED (\
       SELECT webhook_id, gateway, subject, next_attempt_at FROM webhooks \
       WHERE next_attempt_at <= " [wall: Timestamptz]
    " AND NOT behind ORDER BY next_attempt_at, webhook_id LIMIT 256), \
     lanes AS MATERIALIZED (\
       SELECT front.*, row_number() OVER (\
           PARTITION BY gateway, subject ORDER BY next_attempt_at, webhook_id) AS place, \
         EXISTS (SELECT FROM webhooks other WHERE other.gateway = front.gateway \
           AND other.subject = front.subject AND other.claimed_until > " [wall: Timestamptz]
    ") AS busy FROM front), \
     held AS MATERIALIZED (\
       SELECT other.gateway, other.subject FROM webhooks other \
       JOIN (SELECT DISTINCT gateway, subject FROM lanes WHERE busy) lane \
         ON other.gateway = lane.gateway AND other.subject = lane.subject \
       WHERE other.claimed_until > " [wall: Timestamptz] " FOR UPDATE OF other SKIP LOCKED), \
     chosen AS MATERIALIZED (\
       SELECT first.webhook_id, first.gateway, first.subject, first.fence, first.claimed_until \
       FROM lanes JOIN webhooks first ON first.webhook_id = lanes.webhook_id \
       WHERE lanes.place = 1 AND NOT lanes.busy AND first.next_attempt_at <= " [wall: Timestamptz]
    " ORDER BY lanes.next_attempt_at, lanes.webhook_id LIMIT " [limit: BigInt]
    " FOR UPDATE OF first SKIP LOCKED), \
     lapsed AS (\
       INSERT INTO webhook_attempts (webhook_id, fence, ended_at, outcome) \
       SELECT webhook_id, fence, claimed_until, 'lapsed' FROM chosen \
       WHERE fence IS NOT NULL AND claimed_until IS NOT NULL ON CONFLICT DO NOTHING), \
     parked AS (\
       UPDATE webhooks later SET behind = true FROM lanes \
       WHERE later.webhook_id = lanes.webhook_id AND later.next_attempt_at <= " [wall: Timestamptz]
    " AND CASE WHEN lanes.busy THEN \
           EXISTS (SELECT FROM held WHERE held.gateway = lanes.gateway AND held.subject = lanes.subject) \
         ELSE lanes.place > 1 AND EXISTS (SELECT FROM chosen \
           WHERE chosen.gateway = lanes.gateway AND chosen.subject = lanes.subject) END \
       RETURNING later.webhook_id), \
     claimed AS (\
       UPDATE webhooks first SET claimed_until = " [until: Timestamptz]
    ", next_attempt_at = " [until: Timestamptz]
    ", fence = gen_random_uuid(), attempts = attempts + 1 FROM chosen \
       WHERE first.webhook_id = chosen.webhook_id \
       RETURNING first.webhook_id, first.fence, first.gateway, first.kind, first.body, \
         first.attempts - 1 AS attempts) \
     SELECT webhook_id, fence, gateway, kind, body, attempts FROM claimed \
     UNION ALL SELECT webhook_id, NULL, '', '', '', 0 FROM parked"
}

statement! {
    /// Puts back who waits behind nobody: the first of each such subject. There is none, unless a
    /// server of a former release has ended what it stood behind.
    PutBack { wall: OffsetDateTime } -> Integer;
    "WITH RECURSIVE lanes AS (\
       (SELECT gateway, subject, webhook_id FROM webhooks \
        WHERE next_attempt_at IS NOT NULL AND behind \
        ORDER BY gateway, subject, next_attempt_at, webhook_id LIMIT 1) \
       UNION ALL SELECT next.* FROM lanes, LATERAL (\
         SELECT gateway, subject, webhook_id FROM webhooks \
         WHERE next_attempt_at IS NOT NULL AND behind \
         AND (gateway, subject) > (lanes.gateway, lanes.subject) \
         ORDER BY gateway, subject, next_attempt_at, webhook_id LIMIT 1) next) \
     UPDATE webhooks SET behind = false FROM lanes \
     WHERE webhooks.webhook_id = lanes.webhook_id AND NOT EXISTS (\
       SELECT FROM webhooks other WHERE other.gateway = lanes.gateway \
       AND other.subject = lanes.subject AND other.claimed_until > " [wall: Timestamptz] ")"
}

type ClaimRow = (Uuid, Option<Uuid>, String, String, Vec<u8>, i32);

/// Claims webhooks as the port promises.
pub(super) async fn claim(
    database: &Database,
    wall: OffsetDateTime,
    lease: Duration,
    limit: i64,
) -> Result<Vec<Claimed>, Error> {
    let mut session = database.session(Scope::Engine).await?;
    session.connection().batch_execute(MANNER).await.map_err(failed)?;
    TakeTurns {}.execute(session.connection()).await.map_err(failed)?;
    let (until, limit) = (wall + lease, limit.clamp(0, MOST_AT_ONCE));
    let mut claimed = Vec::new();
    for _ in 0..LOOKS {
        let due = ClaimDue { wall, until, limit };
        let rows: Vec<ClaimRow> = due.load(session.connection()).await.map_err(failed)?;
        let nothing = rows.is_empty();
        claimed = rows.into_iter().filter_map(granted).collect::<Result<Vec<_>, _>>()?;
        if !claimed.is_empty() {
            break;
        }
        if nothing {
            PutBack { wall }.execute(session.connection()).await.map_err(failed)?;
            break;
        }
    }
    session.commit().await?;
    claimed.sort_by_key(|claimed: &Claimed| claimed.claim.id);
    Ok(claimed)
}

/// The claim that a row grants; nothing where it was put behind another.
fn granted((id, fence, gateway, kind, body, attempts): ClaimRow) -> Option<Result<Claimed, Error>> {
    let claim = Claim { id: WebhookId(id), fence: fence? };
    let source = gateway.parse().map_err(anyhow::Error::from);
    let claimed = source.map(|source| Claimed { claim, source, kind, body, attempts });
    Some(claimed.map_err(Error::from))
}
