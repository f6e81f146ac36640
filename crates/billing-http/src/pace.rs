//! What a run of a job goes by in a process: until the process is asked to stop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use billing_app::Pace;

/// How often the lease of a running job is renewed.
const BEAT: Duration = Duration::from_secs(10);

/// A run goes on until this is set, and ends then after its step.
#[derive(Clone)]
pub struct Until(pub Arc<AtomicBool>);

#[async_trait]
impl Pace for Until {
    fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    async fn beat(&self) {
        tokio::time::sleep(BEAT).await;
    }
}
