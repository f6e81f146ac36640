//! How the inbox does.

use time::{Duration, OffsetDateTime};

use crate::{
    Billing, Error, Turned,
    ports::{InboxFigures, InboxHealth},
};

/// All of them, where parts are counted in so many.
const WHOLE: i64 = 10_000;

/// How the inbox does, over a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WebhookMetrics {
    /// Since when webhooks are counted that came in.
    pub since: OffsetDateTime,
    /// What became of them.
    pub figures: InboxFigures,
    /// How many of 10 000 that were tried had their effect, or none to have; all, where none was
    /// tried. What a person gave up is not counted.
    pub success: i64,
    /// How many wait now, whenever they came.
    pub health: InboxHealth,
    /// What this process has turned away since it began.
    pub turned: Turned,
    /// What all this comes to.
    pub condition: InboxCondition,
}

/// What the figures of the inbox come to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum InboxCondition {
    /// At least 99 % succeed, and fewer than 10 wait.
    Healthy,
    /// At least 95 % succeed, and fewer than 50 wait.
    Degraded,
    /// Anything worse.
    Unhealthy,
}

impl InboxCondition {
    /// Its name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }

    /// What so many successes in 10 000, and so many that wait, come to.
    pub const fn of(success: i64, pending: i64) -> Self {
        match (success, pending) {
            (9_900.., ..10) => Self::Healthy,
            (9_500.., ..50) => Self::Degraded,
            _ => Self::Unhealthy,
        }
    }
}

impl Billing {
    /// How the inbox did with what came in during the last hours, 1 to 168.
    pub async fn webhook_metrics(&self, hours: i64) -> Result<WebhookMetrics, Error> {
        if !(1..=168).contains(&hours) {
            return Err(Error::invalid("hours", "must be from 1 to 168"));
        }
        let since = self.ports.clock.wall() - Duration::hours(hours);
        let figures = self.ports.inbox.figures(since).await?;
        let health = self.ports.inbox.health().await?;
        let success = success(&figures);
        let condition = InboxCondition::of(success, health.pending);
        let turned = self.turned_away.so_far();
        Ok(WebhookMetrics { since, figures, success, health, turned, condition })
    }
}

fn success(figures: &InboxFigures) -> i64 {
    let well = figures.processed + figures.ignored;
    let tried = well + figures.retrying + figures.dead;
    well.saturating_mul(WHOLE).checked_div(tried).unwrap_or(WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_succeeds_and_what_waits_make_the_condition() {
        use InboxCondition::{Degraded, Healthy, Unhealthy};
        for (success, pending, condition) in [
            (10_000, 0, Healthy),
            (9_900, 9, Healthy),
            (9_899, 9, Degraded),
            (9_900, 10, Degraded),
            (9_500, 49, Degraded),
            (9_499, 0, Unhealthy),
            (10_000, 50, Unhealthy),
            (0, 0, Unhealthy),
        ] {
            assert_eq!(InboxCondition::of(success, pending), condition, "{success} {pending}");
        }
    }

    #[test]
    fn successes_are_counted_among_what_was_tried() {
        let figures = InboxFigures::default();
        assert_eq!(success(&figures), 10_000, "nothing was tried");
        let waiting = InboxFigures { received: 7, discarded: 3, ..figures };
        assert_eq!(success(&waiting), 10_000);
        let mixed = InboxFigures { processed: 98, ignored: 1, retrying: 1, ..figures };
        assert_eq!(success(&mixed), 9_900);
        assert_eq!(success(&InboxFigures { dead: 2, ..figures }), 0);
    }
}
