//! Processes tell one another what they changed.

use std::collections::BTreeSet;

use async_trait::async_trait;
use billing_domain::id::OrganizationId;

/// The way between the processes on one store. A hint: what is told may arrive late or never, and
/// whoever keeps something in memory bounds its age besides.
#[async_trait]
pub trait Changes: Send + Sync {
    /// Tells the other processes, after the commit. Waits for nothing.
    fn tell(&self, change: Change);

    /// Waits until other processes have changed something; what this one told is left out. It
    /// begins with `Everything`, as does whatever follows a gap. One at a time may wait.
    async fn heard(&self) -> Heard;
}

/// What has changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Change {
    /// What an organization is, or subscribes to.
    Organization(OrganizationId),
    /// What an organization has used, or may use besides its plan.
    Usage(OrganizationId),
    /// The keys of the API.
    ApiKeys,
    /// How the clock of the sandbox stands, or who moves it.
    Clock,
}

/// What other processes have changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard {
    /// This, each at least once.
    Changes(BTreeSet<Change>),
    /// Anything may have changed.
    Everything,
}
