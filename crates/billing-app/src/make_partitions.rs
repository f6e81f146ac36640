//! Room is made for what comes, ahead of time.

use crate::{Billing, Error};

impl Billing {
    /// Makes the partitions around now that are missing.
    pub async fn make_partitions(&self) -> Result<(), Error> {
        self.ports.partitions.ensure(self.ports.clock.now()).await
    }
}
