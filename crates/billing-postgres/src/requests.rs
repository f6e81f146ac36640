//! Requests that carry an idempotency key: the inserted row is the lock.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{Answer, Begun, RequestKey, Requests, Scope},
};
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use time::{Duration, OffsetDateTime};

use crate::{Database, error::failed, statement::statement};

/// How long a request may run before another may take its place.
const LEASE: Duration = Duration::minutes(1);

statement! {
    /// Takes the place of a request, if it is free or was left long ago.
    Take<'a> {
        principal: &'a str, route: &'a str, key: &'a str, fingerprint: &'a [u8],
        wall: OffsetDateTime, abandoned: OffsetDateTime,
    } -> Integer;
    "INSERT INTO requests AS kept (principal, route, key, fingerprint, started_at) VALUES ("
    [principal: Text] ", " [route: Text] ", " [key: Text] ", " [fingerprint: Binary] ", "
    [wall: Timestamptz] ") ON CONFLICT (key, principal, route) DO UPDATE SET started_at = "
    [wall: Timestamptz] " WHERE kept.status IS NULL AND kept.fingerprint = "
    [fingerprint: Binary] " AND kept.started_at <= " [abandoned: Timestamptz]
}

statement! {
    /// What is there of a request.
    Kept<'a> { principal: &'a str, route: &'a str, key: &'a str }
        -> (Binary, Nullable<Integer>, Nullable<Binary>);
    "SELECT fingerprint, status, body FROM requests WHERE key = " [key: Text]
    " AND principal = " [principal: Text] " AND route = " [route: Text]
}

statement! {
    /// Remembers an answer.
    Remember<'a> {
        principal: &'a str, route: &'a str, key: &'a str, status: i32, body: &'a [u8],
    } -> Integer;
    "UPDATE requests SET status = " [status: Integer] ", body = " [body: Binary]
    " WHERE key = " [key: Text] " AND principal = " [principal: Text] " AND route = " [route: Text]
}

statement! {
    /// Forgets a request that was not answered.
    Forget<'a> { principal: &'a str, route: &'a str, key: &'a str } -> Integer;
    "DELETE FROM requests WHERE status IS NULL AND key = " [key: Text]
    " AND principal = " [principal: Text] " AND route = " [route: Text]
}

statement! {
    /// Forgets what is old.
    ForgetOld { before: OffsetDateTime, limit: i64 } -> Integer;
    "DELETE FROM requests WHERE ctid = ANY(ARRAY(SELECT ctid FROM requests WHERE started_at < "
    [before: Timestamptz] " ORDER BY started_at LIMIT " [limit: BigInt] "))"
}

type KeptRow = (Vec<u8>, Option<i32>, Option<Vec<u8>>);

#[async_trait]
impl Requests for Database {
    async fn begin(
        &self,
        request: &RequestKey,
        fingerprint: [u8; 32],
        wall: OffsetDateTime,
    ) -> Result<Begun, Error> {
        let RequestKey { principal, route, key } = request;
        let mut session = self.session(Scope::Engine).await?;
        let fingerprint = fingerprint.as_slice();
        let abandoned = wall - LEASE;
        let take = Take { principal, route, key, fingerprint, wall, abandoned };
        let begun = if take.execute(session.connection()).await.map_err(failed)? == 1 {
            Begun::Fresh
        } else {
            let kept = Kept { principal, route, key };
            let rows: Vec<KeptRow> = kept.load(session.connection()).await.map_err(failed)?;
            match rows.into_iter().next() {
                Some((other, _, _)) if other != fingerprint => Begun::OtherBody,
                Some((_, Some(status), Some(body))) => Begun::Answered(Answer {
                    status: u16::try_from(status).map_err(anyhow::Error::from)?,
                    body,
                }),
                // Forgotten between the two statements: whoever asks again will find it free.
                Some(_) | None => Begun::Running,
            }
        };
        session.commit().await?;
        Ok(begun)
    }

    async fn finish(&self, request: &RequestKey, answer: Option<&Answer>) -> Result<(), Error> {
        let RequestKey { principal, route, key } = request;
        let mut session = self.session(Scope::Engine).await?;
        let done = match answer {
            Some(Answer { status, body }) => {
                let status = i32::from(*status);
                let remember = Remember { principal, route, key, status, body };
                remember.execute(session.connection()).await
            }
            None => Forget { principal, route, key }.execute(session.connection()).await,
        };
        done.map_err(failed)?;
        session.commit().await
    }

    async fn forget(&self, before: OffsetDateTime, limit: i64) -> Result<usize, Error> {
        let mut session = self.session(Scope::Engine).await?;
        let forget = ForgetOld { before, limit };
        let forgotten = forget.execute(session.connection()).await.map_err(failed)?;
        session.commit().await?;
        Ok(forgotten)
    }
}
