//! A writer's connection, and what becomes of a batch on it.

use billing_app::{Error, Missing};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};

use super::Job;
use crate::{
    Database,
    door::{Door, Order, WRITING, apply},
    error::{failed, waited_for_a_lock},
};

/// A writer's way to the database: one connection, kept as long as it works.
pub(super) struct Line {
    database: Database,
    connection: Option<AsyncPgConnection>,
}

impl Line {
    /// A way that is not open yet.
    pub(super) const fn to(database: Database) -> Self {
        Self { database, connection: None }
    }

    /// Applies a batch, whatever it takes, and answers everybody.
    pub(super) async fn serve<D: Door>(&mut self, batch: Vec<Job<D>>, again: bool) {
        let mut tried = self.commit(&batch, again).await;
        let stuck = tried.as_ref().is_err_and(waited_for_a_lock);
        if matches!(tried, Err(Error::Unavailable { .. })) && !stuck {
            // The connection is lost, and with it perhaps the answer to a commit. Sent again, what
            // was committed is found by its key or source.
            tried = self.commit(&batch, true).await;
        }
        match tried {
            Ok(outcomes) => answer(batch, outcomes),
            Err(error @ Error::Unavailable { .. }) if !stuck => {
                tracing::warn!(error = error.in_full(), batch = batch.len(), "ledger is away");
                for job in batch {
                    drop(job.answer.send(Err(error.for_another())));
                }
            }
            Err(error) if batch.len() > 1 => {
                tracing::warn!(%error, batch = batch.len(), "a batch failed, its members go alone");
                for job in batch {
                    Box::pin(self.serve(vec![job], true)).await;
                }
            }
            Err(error) => {
                if let Some(job) = batch.into_iter().next() {
                    drop(job.answer.send(Err(error)));
                }
            }
        }
    }

    /// One transaction for a batch. Whatever fails takes the connection with it.
    async fn commit<D: Door>(
        &mut self,
        batch: &[Job<D>],
        again: bool,
    ) -> Result<Vec<Option<Vec<D::Outcome>>>, Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect::<D>().await?,
        };
        let orders: Vec<_> = batch
            .iter()
            .flat_map(|job| {
                let Job { organization, now, .. } = *job;
                job.commands.iter().map(move |command| Order { organization, command, now, again })
            })
            .collect();
        let mut outcomes = apply::<D>(&connection, &orders, Some(WRITING)).await?.into_iter();
        self.connection = Some(connection);
        // All that belong to a job are taken, also where an organization is unknown: the next ones
        // belong to the next job.
        let of_job = |job: &Job<D>| {
            let own: Vec<_> = outcomes.by_ref().take(job.commands.len()).collect();
            own.into_iter().collect()
        };
        Ok(batch.iter().map(of_job).collect())
    }

    async fn connect<D: Door>(&self) -> Result<AsyncPgConnection, Error> {
        let mut connection = self.database.line().await?;
        let prepared = async {
            connection.batch_execute(WRITING.opening).await?;
            D::prepare(&connection).await?;
            connection.batch_execute("ROLLBACK").await
        };
        prepared.await.map_err(failed)?;
        Ok(connection)
    }
}

fn answer<D: Door>(batch: Vec<Job<D>>, outcomes: Vec<Option<Vec<D::Outcome>>>) {
    for (job, outcomes) in batch.into_iter().zip(outcomes) {
        let first_hand = |(command, outcome)| D::first_hand(command, outcome);
        let outcomes =
            outcomes.map(|all| job.commands.iter().zip(all).map(first_hand).collect::<Vec<_>>());
        // Nobody may be waiting any more; it is decided all the same.
        drop(job.answer.send(outcomes.ok_or(Error::NotFound(Missing::Organization))));
    }
}
