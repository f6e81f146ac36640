//! Where a product wants to be told what happens, and how long it is tried.

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::id::{EndpointId, OrganizationId};

/// After each try that failed, how long until the next one; after the last it is dead. Ten tries in
/// all, over 75 hours.
pub const RETRY_AFTER: [Duration; 9] = [
    Duration::seconds(5),
    Duration::minutes(5),
    Duration::minutes(30),
    Duration::hours(2),
    Duration::hours(5),
    Duration::hours(10),
    Duration::hours(14),
    Duration::hours(20),
    Duration::hours(24),
];
/// An endpoint that only fails for so long is not sent anything any more.
pub const FAILS_AT_MOST: Duration = Duration::days(5);
/// So long the secret before signs as well.
pub const OLD_SECRET_STAYS: Duration = Duration::hours(24);

/// Where a product wants to be told what happens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookEndpoint {
    /// Our id.
    pub id: EndpointId,
    /// Whose events it is told; those of all, where there is none.
    pub organization_id: Option<OrganizationId>,
    /// Where it is.
    pub url: String,
    /// What people call it.
    pub description: String,
    /// What it is told: names of event types, or beginnings such as `trial.*`. All, where empty.
    pub event_types: Vec<String>,
    /// Whether it is told.
    pub status: EndpointStatus,
    /// Which of its secrets signs.
    pub secret_version: i32,
    /// Until when the one before signs as well.
    pub old_secret_until: Option<OffsetDateTime>,
    /// Since when it has only failed.
    pub failing_since: Option<OffsetDateTime>,
    /// It asked for less: nothing is sent until then.
    pub held_until: Option<OffsetDateTime>,
    /// When it was made, by the wall clock.
    pub created_at: OffsetDateTime,
}

/// Whether an endpoint is told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EndpointStatus {
    /// It is.
    Enabled,
    /// What happens is kept for it, and sent when it goes on.
    Paused,
    /// It is not, and nothing is kept for it.
    Disabled(DisabledFor),
}

/// Why an endpoint is not told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledFor {
    /// Somebody wanted it so.
    Asked,
    /// It answered that it is gone.
    Gone,
    /// It has failed for five days.
    Failing,
}

impl DisabledFor {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Asked, Self::Gone, Self::Failing];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

impl EndpointStatus {
    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Paused => "paused",
            Self::Disabled(_) => "disabled",
        }
    }

    /// The one of a name, and why it is disabled.
    pub fn named(name: &str, disabled_for: Option<&str>) -> Option<Self> {
        match (name, disabled_for) {
            ("enabled", None) => Some(Self::Enabled),
            ("paused", None) => Some(Self::Paused),
            ("disabled", Some(why)) => {
                DisabledFor::ALL.into_iter().find(|it| it.name() == why).map(Self::Disabled)
            }
            _ => None,
        }
    }
}

impl WebhookEndpoint {
    /// Whether it is to be told of an event of this type and organization.
    pub fn wants(&self, organization: OrganizationId, kind: &str) -> bool {
        let told = match self.status {
            EndpointStatus::Enabled | EndpointStatus::Paused => true,
            EndpointStatus::Disabled(_) => false,
        };
        let its_own = self.organization_id.is_none_or(|own| own == organization);
        let of_its_types = self.event_types.is_empty()
            || self.event_types.iter().any(|wanted| matches(wanted, kind));
        told && its_own && of_its_types
    }

    /// Which of its secrets sign now, the newest first.
    pub fn signing(&self, wall: OffsetDateTime) -> Vec<i32> {
        let mut versions = vec![self.secret_version];
        if self.old_secret_until.is_some_and(|until| wall < until) {
            versions.push(self.secret_version - 1);
        }
        versions
    }

    /// Takes a new secret; the one before signs for a day longer.
    pub fn rotate_secret(&mut self, wall: OffsetDateTime) {
        self.secret_version += 1;
        self.old_secret_until = Some(wall.saturating_add(OLD_SECRET_STAYS));
    }

    /// Whether it has failed too long by now.
    pub fn has_failed_too_long(&self, wall: OffsetDateTime) -> bool {
        self.failing_since.is_some_and(|since| wall - since >= FAILS_AT_MOST)
    }

    /// Is told as somebody wants it. Whoever goes on begins anew: what failed before is forgotten.
    pub fn set_status(&mut self, status: EndpointStatus) {
        if status == EndpointStatus::Enabled && self.status != status {
            (self.failing_since, self.held_until) = (None, None);
        }
        self.status = status;
    }
}

/// Whether a name, or a beginning such as `trial.*`, means an event type.
pub fn matches(wanted: &str, kind: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => beginning.ends_with('.') && kind.starts_with(beginning),
        None => wanted == kind,
    }
}

/// How long after so many failed tries, the last one included, the next one comes: earlier or later
/// by up to a fifth, as chance has it (0 to 255). Nothing when it was the last.
pub fn retry_after(failed: usize, chance: u8) -> Option<Duration> {
    let length = RETRY_AFTER.get(failed.checked_sub(1)?)?;
    let fifth = *length / 5;
    Some(*length - fifth + fifth * 2 * i32::from(chance) / 255)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    const NOON: OffsetDateTime = datetime!(2026-03-14 12:00 UTC);

    fn endpoint() -> WebhookEndpoint {
        WebhookEndpoint {
            id: EndpointId(Uuid::from_u128(1)),
            organization_id: None,
            url: "https://product.example/".to_owned(),
            description: String::new(),
            event_types: Vec::new(),
            status: EndpointStatus::Enabled,
            secret_version: 1,
            old_secret_until: None,
            failing_since: None,
            held_until: None,
            created_at: NOON,
        }
    }

    #[test]
    fn it_is_told_what_it_wants() {
        let [own, other] = [1, 2].map(|n| OrganizationId(Uuid::from_u128(n)));
        let all = endpoint();
        let some = WebhookEndpoint {
            event_types: vec!["trial.*".to_owned(), "payment.updated".to_owned()],
            organization_id: Some(own),
            ..endpoint()
        };
        let off = EndpointStatus::Disabled(DisabledFor::Asked);
        let paused = WebhookEndpoint { status: EndpointStatus::Paused, ..endpoint() };
        let disabled = WebhookEndpoint { status: off, ..endpoint() };
        for (endpoint, organization, kind, wanted) in [
            (&all, other, "trial.started", true),
            (&some, own, "trial.started", true),
            (&some, other, "trial.started", false),
            (&some, own, "payment.updated", true),
            (&some, own, "payment.updated.again", false),
            (&some, own, "trials.started", false),
            (&paused, own, "trial.started", true),
            (&disabled, own, "trial.started", false),
        ] {
            assert_eq!(endpoint.wants(organization, kind), wanted, "{kind} {endpoint:?}");
        }
        assert!(!matches("*", "trial.started") && !matches("tri*", "trial.started"));
    }

    #[test]
    fn ten_tries_take_three_days() {
        let middle = |n| retry_after(n, 0).zip(retry_after(n, 255)).unwrap();
        for (n, length) in (1..).zip(RETRY_AFTER) {
            assert_eq!(middle(n), (length * 4 / 5, length * 6 / 5), "after {n}");
        }
        assert_eq!((retry_after(0, 0), retry_after(10, 0)), (None, None));
        let all: Duration = RETRY_AFTER.into_iter().sum();
        assert_eq!(all, Duration::hours(75) + Duration::minutes(35) + Duration::seconds(5));
    }

    #[test]
    fn two_secrets_sign_while_one_is_rotated() {
        let mut endpoint = endpoint();
        assert_eq!(endpoint.signing(NOON), [1]);
        endpoint.rotate_secret(NOON);
        let day = Duration::hours(24);
        assert_eq!(endpoint.signing(NOON + day - Duration::SECOND), [2, 1]);
        assert_eq!(endpoint.signing(NOON + day), [2]);
    }

    #[test]
    fn five_days_of_failure_are_too_many() {
        let mut endpoint = WebhookEndpoint { failing_since: Some(NOON), ..endpoint() };
        let late = NOON + Duration::days(5);
        assert!(!endpoint.has_failed_too_long(late - Duration::SECOND));
        assert!(endpoint.has_failed_too_long(late));
        endpoint.set_status(EndpointStatus::Disabled(DisabledFor::Failing));
        assert!(endpoint.failing_since.is_some());
        endpoint.set_status(EndpointStatus::Enabled);
        assert!(!endpoint.has_failed_too_long(late), "it begins anew");
    }
}
