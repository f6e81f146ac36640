//! What is recorded, as a superuser sees it.

use diesel::{
    QueryableByName, sql_query,
    sql_types::{Jsonb, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::Value;

use super::*;

/// A superuser.
pub(super) struct Admin(AsyncPgConnection);

impl Admin {
    pub(super) async fn of(scratch: &Scratch) -> Self {
        Self(AsyncPgConnection::establish(&scratch.admin_url).await.unwrap())
    }

    /// Ends all connections of servers, and waits until they are gone.
    pub(super) async fn cut(&mut self) {
        let cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
                   WHERE datname = current_database() AND usename = 'billing'";
        self.0.batch_execute(cut).await.unwrap();
    }

    /// All that the model tells of an organization.
    pub(super) async fn books(&mut self, organization: OrganizationId) -> Value {
        let mut books = self.found(BOOKS, organization).await;
        if let Some(told) = books["told"].as_array_mut() {
            told.sort_by_key(Value::to_string);
        }
        books
    }

    /// What was decided under keys.
    pub(super) async fn decisions(&mut self, organization: OrganizationId) -> Vec<DecisionId> {
        serde_json::from_value(self.found(DECISIONS, organization).await).unwrap()
    }

    async fn found(&mut self, query: &str, organization: OrganizationId) -> Value {
        let query = sql_query(query).bind::<SqlUuid, _>(organization.0);
        let Found { found } = query.get_result(&mut self.0).await.unwrap();
        found
    }
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Jsonb)]
    found: Value,
}

const BOOKS: &str = "SELECT jsonb_build_object( \
     'account', jsonb_build_array(a.balance, a.overdrawn, a.held, \
     floor(extract(epoch FROM next_due_at - '2026-03-01 12:00+00') / 43200)::bigint), \
     'grants', (SELECT coalesce(jsonb_object_agg(grant_id, \
     jsonb_build_array(remaining, held, revoked, noticed)), '{}') \
     FROM credit_grants g WHERE g.organization_id = a.organization_id), \
     'rows', (SELECT coalesce(jsonb_agg(jsonb_build_array( \
     floor(extract(epoch FROM at - '2026-03-01 12:00+00') / 43200)::bigint, \
     amount, balance_after, held_change) ORDER BY seq), '[]') \
     FROM credit_transactions t WHERE t.organization_id = a.organization_id), \
     'holds', (SELECT coalesce(jsonb_object_agg(hold_id, amount), '{}') \
     FROM credit_holds h WHERE h.organization_id = a.organization_id AND open), \
     'told', (SELECT coalesce(jsonb_agg(jsonb_build_array(type, data) ORDER BY event_id), '[]') \
     FROM outbox o WHERE o.organization_id = a.organization_id AND type LIKE 'credits.%')) \
     AS found FROM credit_accounts a WHERE a.organization_id = $1";

const DECISIONS: &str = "SELECT coalesce(jsonb_agg(decision_id), '[]') AS found \
     FROM credit_keys WHERE organization_id = $1";
