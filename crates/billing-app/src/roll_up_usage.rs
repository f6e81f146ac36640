//! Raw events become days.

use time::Duration;

use crate::{Billing, Error, ports::Page};

/// How many organizations are looked up at once.
const BATCH: i64 = 500;
/// How long the distinct values of a day are remembered: longer than an event may be late.
const VALUES_KEPT: Duration = Duration::days(40);

impl Billing {
    /// Rolls up what was used since the last time. How many organizations were behind. One that
    /// cannot be rolled up is logged, and does not hold up the others.
    pub async fn roll_up_usage(&self) -> Result<usize, Error> {
        let today = self.ports.clock.now().date();
        let days = &self.ports.usage_days;
        let (mut rolled, mut after) = (0, None);
        loop {
            let behind = days.behind(Page { after, limit: BATCH }).await?;
            let Some(last) = behind.last() else { break };
            after = Some(*last);
            for organization in behind {
                loop {
                    match days.roll_up(organization).await {
                        Ok(true) => {}
                        Ok(false) => break,
                        Err(error @ Error::Unavailable { .. }) => return Err(error),
                        Err(error) => {
                            tracing::error!(%organization, ?error, "use was not rolled up");
                            break;
                        }
                    }
                }
                rolled += 1;
            }
        }
        days.forget_values(today.saturating_sub(VALUES_KEPT)).await?;
        Ok(rolled)
    }
}
