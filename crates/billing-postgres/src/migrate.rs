//! Migrations: embedded, applied at start under a lock.

use anyhow::{Context, anyhow};
use diesel_async::{AsyncMigrationHarness, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::Database;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// Any number, the same in every server: only one of them migrates at a time.
const LOCK: i64 = 0x0062_696c_6c69_6e67;

impl Database {
    /// Brings the schema up to date. Servers that start together take turns; the second finds
    /// nothing to do. Returns the names of the migrations that were applied.
    pub async fn migrate(&self) -> anyhow::Result<Vec<String>> {
        let mut connection = self.own_connection().await?;
        // The lock is the session's: it ends with the connection, however this ends.
        let prepare = format!(
            "SET lock_timeout = '30s'; SELECT pg_advisory_lock({LOCK}); SET ROLE billing_owner"
        );
        connection.batch_execute(&prepare).await.context("cannot lock the schema")?;
        let mut harness = AsyncMigrationHarness::new(connection);
        let applied = harness
            .run_pending_migrations(MIGRATIONS)
            .map_err(|error| anyhow!("a migration failed: {error}"))?;
        Ok(applied.iter().map(ToString::to_string).collect())
    }
}
