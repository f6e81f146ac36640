//! Tables that are cut by time.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::Error;

/// Makes room for what comes.
#[async_trait]
pub trait Partitions: Send + Sync {
    /// Makes what is missing around an instant of the business clock.
    async fn ensure(&self, now: OffsetDateTime) -> Result<(), Error>;
}
