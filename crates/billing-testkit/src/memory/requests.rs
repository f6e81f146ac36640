//! Requests that carry an idempotency key.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{Answer, Begun, RequestKey, Requests},
};
use time::{Duration, OffsetDateTime};

use super::{MemoryStore, ledgers::at_most};

/// How long one may run before another may.
const HELD: Duration = Duration::MINUTE;

/// A request, and its answer once there is one.
#[derive(Clone)]
pub(super) struct Asked {
    fingerprint: [u8; 32],
    at: OffsetDateTime,
    answer: Option<Answer>,
}

#[async_trait]
impl Requests for MemoryStore {
    async fn begin(
        &self,
        key: &RequestKey,
        fingerprint: [u8; 32],
        wall: OffsetDateTime,
    ) -> Result<Begun, Error> {
        self.shared
            .write(|world| {
                Ok(match world.requests.get(key) {
                    Some(asked) if asked.fingerprint != fingerprint => Begun::OtherBody,
                    Some(Asked { answer: Some(answer), .. }) => Begun::Answered(answer.clone()),
                    Some(asked) if wall < asked.at + HELD => Begun::Running,
                    Some(_) | None => {
                        let asked = Asked { fingerprint, at: wall, answer: None };
                        world.requests.insert(key.clone(), asked);
                        Begun::Fresh
                    }
                })
            })
            .await
    }

    async fn finish(&self, key: &RequestKey, answer: Option<&Answer>) -> Result<(), Error> {
        self.shared
            .write(|world| {
                match answer {
                    None => {
                        world.requests.remove(key);
                    }
                    Some(answer) => {
                        if let Some(asked) = world.requests.get_mut(key) {
                            asked.answer = Some(answer.clone());
                        }
                    }
                }
                Ok(())
            })
            .await
    }

    async fn forget(&self, before: OffsetDateTime, limit: i64) -> Result<usize, Error> {
        self.shared
            .write(|world| {
                let all = world.requests.iter();
                let mut old: Vec<_> = all
                    .filter(|(_, asked)| asked.at < before)
                    .map(|(key, asked)| (asked.at, key.clone()))
                    .collect();
                old.sort_unstable();
                old.truncate(at_most(limit));
                for (_, key) in &old {
                    world.requests.remove(key);
                }
                Ok(old.len())
            })
            .await
    }
}
