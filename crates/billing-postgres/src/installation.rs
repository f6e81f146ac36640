//! What a database is for: fixed at the first start.

use core::{fmt, str::FromStr};

use anyhow::{Context, anyhow, bail};
use billing_app::ports::Scope;
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;

use crate::Database;

/// Whether the money in a database is real.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Nothing is.
    Sandbox,
    /// It is.
    Live,
}

impl Mode {
    /// Its name in the database and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Live => "live",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "sandbox" => Ok(Self::Sandbox),
            "live" => Ok(Self::Live),
            _ => Err(anyhow!("`{name}` is not a mode")),
        }
    }
}

impl Database {
    /// Writes the mode at the first start; refuses another one for ever after.
    pub async fn fix_mode(&self, mode: Mode, now: OffsetDateTime) -> anyhow::Result<()> {
        let mut session = self.session(Scope::Engine).await?;
        sql_query(
            "INSERT INTO installation (mode, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        )
        .bind::<sql_types::Text, _>(mode.name())
        .bind::<sql_types::Timestamptz, _>(now)
        .execute(session.connection())
        .await
        .context("cannot record the mode")?;
        let fixed: Row = sql_query("SELECT mode FROM installation")
            .get_result(session.connection())
            .await
            .context("cannot read the mode")?;
        session.commit().await?;
        if fixed.mode.parse::<Mode>()? != mode {
            bail!(
                "this database is a {} database and cannot be used as {mode}: start with the \
                 other mode, or use another database",
                fixed.mode
            );
        }
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::Text)]
    mode: String,
}
