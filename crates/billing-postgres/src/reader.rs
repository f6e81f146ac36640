//! Reads that coalesce, as group commit does for writes: many questions, one transaction.
//!
//! Questions queue at a reader. It takes what is there, reads the answers to all of it in one
//! flight, and answers each. No timer: the queue fills while the flight before is under way.

use std::time::Duration;

use billing_app::Error;
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};

use crate::{
    Database,
    database::{bounded, on_own_thread},
    door::Frame,
    error::{failed, unreachable},
};

/// More than that at once does not make a flight faster.
const MOST_AT_ONCE: usize = 256;
/// More than that waiting is a sign to come back later.
const MOST_WAITING: usize = 4096;
/// When to come back.
const COME_BACK: Duration = Duration::from_secs(1);

/// A reader serves many organizations, so it runs as the engine; all its statements see one instant.
const FRAME: Frame = Frame {
    opening: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL ROLE billing_engine; \
         SET LOCAL enable_seqscan = off",
    closing: "COMMIT",
};

/// What many ask at once.
pub(crate) trait Question: Sized + Send + Sync + 'static {
    /// What comes of it.
    type Answer: Send + 'static;

    /// Answers questions in their order. In a frame all of it is one flight between its opening and
    /// its closing. Asked nothing, it still sends every statement, so that each is prepared.
    fn answer(
        connection: &AsyncPgConnection,
        questions: &[&Self],
        frame: Option<Frame>,
    ) -> impl Future<Output = Result<Vec<Self::Answer>, Error>> + Send;
}

/// Begins a flight, where it has a frame.
pub(crate) async fn open(connection: &AsyncPgConnection, frame: Option<Frame>) -> QueryResult<()> {
    run(connection, frame.map(|frame| frame.opening)).await
}

/// Ends it.
pub(crate) async fn close(connection: &AsyncPgConnection, frame: Option<Frame>) -> QueryResult<()> {
    run(connection, frame.map(|frame| frame.closing)).await
}

async fn run(connection: &AsyncPgConnection, sql: Option<&str>) -> QueryResult<()> {
    match sql {
        Some(sql) => (&mut { connection }).batch_execute(sql).await,
        None => Ok(()),
    }
}

struct Job<Q: Question> {
    questions: Vec<Q>,
    answer: oneshot::Sender<Result<Vec<Q::Answer>, Error>>,
}

/// The queue of a reader, which ends when the last clone is dropped.
pub(crate) struct Reader<Q: Question>(mpsc::Sender<Job<Q>>);

impl<Q: Question> Clone for Reader<Q> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Q: Question> Reader<Q> {
    /// Starts the reader, on a thread of its own.
    pub(crate) fn start(database: &Database) -> Self {
        let (queue, jobs) = mpsc::channel(MOST_WAITING);
        on_own_thread("reader", read(database.clone(), jobs));
        Self(queue)
    }

    /// Asks, and waits for the answers, one for each question.
    pub(crate) async fn ask(&self, questions: Vec<Q>) -> Result<Vec<Q::Answer>, Error> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send(Job { questions, answer }).map_err(|full| match full {
            TrySendError::Full(_) => Error::Unavailable {
                what: "the database",
                retry_after: COME_BACK,
                cause: anyhow::anyhow!("{MOST_WAITING} questions wait already"),
            },
            TrySendError::Closed(_) => unreachable(anyhow::anyhow!("the reader has ended")),
        })?;
        bounded(async {
            answered.await.map_err(|_| unreachable(anyhow::anyhow!("the reader has died")))?
        })
        .await
    }
}

async fn read<Q: Question>(database: Database, mut jobs: mpsc::Receiver<Job<Q>>) {
    let mut line = Line { database, connection: None };
    let mut batch = Vec::with_capacity(MOST_AT_ONCE);
    while jobs.recv_many(&mut batch, MOST_AT_ONCE).await > 0 {
        let mut batch = std::mem::take(&mut batch);
        batch.retain(|job| !job.answer.is_closed());
        line.serve(batch).await;
    }
}

/// A reader's way to the database: one connection, kept as long as it works.
struct Line {
    database: Database,
    connection: Option<AsyncPgConnection>,
}

impl Line {
    /// Reads for a batch, whatever it takes, and answers everybody.
    async fn serve<Q: Question>(&mut self, batch: Vec<Job<Q>>) {
        let known = self.connection.is_some();
        let mut tried = self.fly(&batch).await;
        if known && matches!(tried, Err(Error::Unavailable { .. })) {
            // The connection that was kept may be long gone.
            tried = self.fly(&batch).await;
        }
        match tried {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                for job in batch {
                    let own = answers.by_ref().take(job.questions.len()).collect();
                    drop(job.answer.send(Ok(own)));
                }
            }
            Err(error @ Error::Unavailable { .. }) => {
                for job in batch {
                    drop(job.answer.send(Err(error.for_another())));
                }
            }
            Err(error) if batch.len() > 1 => {
                tracing::warn!(%error, batch = batch.len(), "a read failed, its askers go alone");
                for job in batch {
                    Box::pin(self.serve(vec![job])).await;
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
    async fn fly<Q: Question>(&mut self, batch: &[Job<Q>]) -> Result<Vec<Q::Answer>, Error> {
        let questions: Vec<&Q> = batch.iter().flat_map(|job| &job.questions).collect();
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect::<Q>().await?,
        };
        let answers = bounded(Q::answer(&connection, &questions, Some(FRAME))).await?;
        self.connection = Some(connection);
        Ok(answers)
    }

    /// A connection on which every statement is prepared: a closing may not overtake one that is
    /// still being prepared.
    async fn connect<Q: Question>(&self) -> Result<AsyncPgConnection, Error> {
        let connection = self.database.line().await?;
        let prepared = async {
            open(&connection, Some(FRAME)).await.map_err(failed)?;
            Q::answer(&connection, &[], None).await?;
            close(&connection, Some(FRAME)).await.map_err(failed)
        };
        bounded(prepared).await?;
        Ok(connection)
    }
}
