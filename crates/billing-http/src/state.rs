//! What every request needs.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use billing_app::{Billing, Error};
use tracing::Instrument as _;

use crate::problem::Problem;

/// What every request needs. Cheap to clone: all workers share it.
#[derive(Clone)]
pub struct Http {
    /// The use cases.
    pub billing: Arc<Billing>,
    /// Called when a webhook waits, so that it need not wait for the next round.
    pub wake: Arc<dyn Fn() + Send + Sync>,
    /// How much a request may send.
    pub limits: Limits,
    /// Set when the server is about to stop: it is not ready any more, and still answers; jobs end
    /// after their step.
    pub draining: Arc<AtomicBool>,
    /// The digest of the secret by which other schedulers run jobs; without one none may.
    pub cron_digest: Option<[u8; 32]>,
}

/// How much a request may send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Of JSON.
    pub json_bytes: usize,
    /// Of a webhook.
    pub webhook_bytes: usize,
    /// Of a batch of events.
    pub batch_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { json_bytes: 64 * 1024, webhook_bytes: 1024 * 1024, batch_bytes: 16 * 1024 * 1024 }
    }
}

impl Http {
    /// The use cases, with default limits and nobody to wake.
    pub fn new(billing: Arc<Billing>) -> Self {
        Self {
            billing,
            wake: Arc::new(|| ()),
            limits: Limits::default(),
            draining: Arc::new(AtomicBool::new(false)),
            cron_digest: None,
        }
    }

    /// Runs a use case that moves money: once begun it ends, whether or not anybody waits. For
    /// plain routes; those that run once per key are run to their end as a whole.
    pub(crate) async fn to_the_end<T, F>(
        &self,
        work: impl FnOnce(Arc<Billing>) -> F,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let pass = self.billing.enter_too();
        let work = |billing| {
            let work = work(billing);
            async move {
                let ended = work.await;
                drop(pass);
                ended
            }
        };
        Ok(self.spawned(work).await??)
    }

    /// The same for work that enters by itself, as far as it goes by the clock.
    pub(crate) async fn spawned<T, F>(
        &self,
        work: impl FnOnce(Arc<Billing>) -> F,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let running = tokio::spawn(work(self.billing.clone()).in_current_span());
        running.await.map_err(|died| Error::Internal(died.into()).into())
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
