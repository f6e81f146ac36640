//! The one place where a transaction opens.

use billing_app::{Error, ports::Scope};
use diesel_async::{
    AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection, methods::LoadQuery,
    pooled_connection::deadpool::Object,
};

use crate::{Database, database::bounded, error::failed};

/// An open transaction with a role and, for an organization, its id.
///
/// Abandoned, it takes its connection with it: its locks end now, not when somebody else is given
/// the connection.
pub(crate) struct Session {
    connection: Option<Object<AsyncPgConnection>>,
}

impl Database {
    /// Opens a transaction in one round trip. Nothing of it stays on the connection afterwards.
    pub(crate) async fn session(&self, scope: Scope) -> Result<Session, Error> {
        self.begin_as("BEGIN", scope).await
    }

    /// Opens a transaction that cannot change anything, and sees one instant.
    pub(crate) async fn reading(&self, scope: Scope) -> Result<Session, Error> {
        self.begin_as("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", scope).await
    }

    async fn begin_as(&self, begin: &str, scope: Scope) -> Result<Session, Error> {
        let mut session = Session { connection: Some(self.connection().await?) };
        let opening = match scope {
            Scope::Organization(id) => format!(
                "{begin}; SET LOCAL ROLE billing_app; SET LOCAL app.organization_id = '{id}'"
            ),
            Scope::Engine | Scope::Operator => format!("{begin}; SET LOCAL ROLE billing_engine"),
        };
        bounded(async {
            session.connection().batch_execute(&opening).await.map_err(failed)?;
            Ok(session)
        })
        .await
    }
}

impl Database {
    /// The rows of one query, read in a transaction that cannot change anything.
    pub(crate) async fn rows<'query, Q, R>(&self, scope: Scope, query: Q) -> Result<Vec<R>, Error>
    where
        Q: LoadQuery<'query, AsyncPgConnection, R> + Send + 'query,
        R: Send,
    {
        bounded(async {
            let mut session = self.reading(scope).await?;
            let rows = query.load(session.connection()).await.map_err(failed)?;
            session.commit().await?;
            Ok(rows)
        })
        .await
    }

    /// The first row of one query, likewise.
    pub(crate) async fn row<'query, Q, R>(&self, scope: Scope, query: Q) -> Result<Option<R>, Error>
    where
        Q: LoadQuery<'query, AsyncPgConnection, R> + Send + 'query,
        R: Send,
    {
        Ok(self.rows(scope, query).await?.into_iter().next())
    }
}

impl Session {
    /// The connection on which the transaction is open.
    pub(crate) fn connection(&mut self) -> &mut AsyncPgConnection {
        self.connection.as_mut().expect("a session has its connection until it is consumed")
    }

    /// Makes it true. A transaction in which something failed does not commit: PostgreSQL would
    /// answer ROLLBACK to the COMMIT without an error, so a statement that it refuses goes first.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        self.connection().batch_execute("SELECT; COMMIT").await.map_err(failed)?;
        // Only now may the connection go back to the pool.
        drop(self.connection.take());
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}
