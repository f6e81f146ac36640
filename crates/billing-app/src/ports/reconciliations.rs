//! What we have of what a gateway has, and the book of where the two differ.

use core::{fmt, str::FromStr};

use async_trait::async_trait;
use billing_domain::{
    event::Event,
    gateway::Gateway,
    id::{CheckoutId, DifferenceId, OrganizationId, ReconciliationId},
    reconciliation::{Difference, DifferenceKind, Standing, Thing},
};
use time::OffsetDateTime;

use crate::{
    Error,
    ports::{AskedBy, Page},
};

/// What we have of what a gateway has. Nothing is held.
#[async_trait]
pub trait ReconciliationQueries: Send + Sync {
    /// What we have of these things; what we do not have is left out.
    async fn known(&self, gateway: Gateway, wanted: &[Wanted]) -> Result<Vec<Known>, Error>;
    /// Things of ours that are not final, in the order of things and ids, after one of them:
    /// payments under way, live subscriptions, open invoices and pages.
    async fn unfinished(
        &self,
        gateway: Gateway,
        after: Option<(Thing, String)>,
        limit: i64,
    ) -> Result<Vec<(Thing, String)>, Error>;
    /// Where our own records do not agree: payments, invoices and the ledger. Overdue is what has
    /// been under way since `overdue_since`. At most so many.
    async fn ledger_differences(
        &self,
        gateway: Gateway,
        overdue_since: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, Difference)>, Error>;
}

/// A thing of a gateway that we may have.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Wanted {
    /// What it is.
    pub thing: Thing,
    /// What the gateway calls it.
    pub id: String,
    /// Ours, where it is a page: pages are known by it.
    pub checkout_id: Option<CheckoutId>,
}

/// A thing of a gateway that we have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// What it is.
    pub thing: Thing,
    /// What the gateway calls it.
    pub id: String,
    /// What we say of it; nothing of a duplicate, which is on its way out.
    pub standing: Option<Standing>,
}

/// The book of reconciliations. Each call is a transaction of its own.
#[async_trait]
pub trait Reconciliations: Send + Sync {
    /// A run begins.
    async fn begin(&self, run: &NewReconciliation) -> Result<(), Error>;
    /// What a look at a thing came to. Differences of it that are open and not among those that
    /// are left are healed by it. Those that are left and were not open are now, each with its
    /// alert. How many those are.
    async fn record(&self, look: &Look) -> Result<usize, Error>;
    /// A run ends; nothing of one that has ended changes.
    async fn end(&self, run: ReconciliationId, ended: &ReconciliationEnd) -> Result<(), Error>;
    /// Runs, the newest first.
    async fn runs(&self, page: Page<ReconciliationId>) -> Result<Vec<Reconciliation>, Error>;
    /// A run; nothing for an unknown one.
    async fn run(&self, id: ReconciliationId) -> Result<Option<Reconciliation>, Error>;
    /// Differences that a filter lets through, the newest first.
    async fn differences(
        &self,
        filter: DifferenceFilter,
        page: Page<DifferenceId>,
    ) -> Result<Vec<FoundDifference>, Error>;
    /// How many differences are open, as far as it is worth counting.
    async fn open_count(&self) -> Result<i64, Error>;
}

/// A run that begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewReconciliation {
    /// Its id.
    pub id: ReconciliationId,
    /// With which gateway.
    pub gateway: Gateway,
    /// How much is looked at.
    pub extent: Extent,
    /// Who asked.
    pub asked_by: AskedBy,
    /// Whether nothing is healed.
    pub dry_run: bool,
    /// From when on the gateway's lists are gone through.
    pub since: OffsetDateTime,
    /// When it began, by the business clock.
    pub started_at: OffsetDateTime,
}

/// How much a run looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// All that changed, all that is not final, and the ledger.
    Whole,
    /// Payments under way, open invoices and open pages.
    Unfinished,
}

impl Extent {
    /// Every one of them.
    pub const ALL: [Self; 2] = [Self::Whole, Self::Unfinished];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Unfinished => "unfinished",
        }
    }
}

/// What a look at a thing, and what came along with it, came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Look {
    /// In which run.
    pub run: ReconciliationId,
    /// At which gateway.
    pub gateway: Gateway,
    /// The things that were looked at.
    pub at: Vec<(Thing, String)>,
    /// When, by the business clock.
    pub looked_at: OffsetDateTime,
    /// What was found and is healed.
    pub healed: Vec<NewDifference>,
    /// What was found and is left.
    pub left: Vec<NewDifference>,
    /// Which differences the look could see: others of these things stay as they are.
    pub sees: Vec<DifferenceKind>,
    /// Whether nothing was to be healed: then what is left is no more than noted.
    pub dry_run: bool,
}

/// A difference that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewDifference {
    /// Its id, if it is new.
    pub id: DifferenceId,
    /// Whose it is, where that is known.
    pub organization_id: Option<OrganizationId>,
    /// What differs.
    pub difference: Difference,
    /// Why it does not heal.
    pub why: Option<String>,
    /// What administrators are told if it is left and new.
    pub alert: Option<Event>,
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReconciliationEnd {
    /// When, by the business clock.
    pub ended_at: OffsetDateTime,
    /// What it came to.
    pub tally: ReconciliationTally,
    /// Why it did not come to its end.
    pub error: Option<String>,
}

/// What a run came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReconciliationTally {
    /// Things that both sides, or one of them, have and that were compared.
    pub compared: u64,
    /// Differences that were found.
    pub found: u64,
    /// Those of them that were healed.
    pub healed: u64,
    /// Those that were left.
    pub left: u64,
    /// Things of which the gateway did not say how they stand.
    pub unanswered: u64,
}

/// A run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reconciliation {
    /// How it began.
    pub began: NewReconciliation,
    /// How it ended; nothing while it runs, or was killed.
    pub ended: Option<ReconciliationEnd>,
}

/// Which differences.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DifferenceFilter {
    /// Only those that this run found first.
    pub found_in: Option<ReconciliationId>,
    /// Only those that stand there.
    pub status: Option<DifferenceStatus>,
}

/// Where a difference stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DifferenceStatus {
    /// It was seen in a run that was to heal nothing.
    Seen,
    /// The two sides agree now.
    Healed,
    /// It does not heal, and waits for a person; each run looks at it again.
    Open,
}

impl DifferenceStatus {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Seen, Self::Healed, Self::Open];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Healed => "healed",
            Self::Open => "open",
        }
    }
}

impl fmt::Display for DifferenceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No difference stands there.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not where a difference stands: use seen, healed or open")]
pub struct UnknownDifferenceStatus(pub String);

impl FromStr for DifferenceStatus {
    type Err = UnknownDifferenceStatus;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|it| it.name() == name);
        found.ok_or_else(|| UnknownDifferenceStatus(name.to_owned()))
    }
}

/// A difference, as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundDifference {
    /// Its id.
    pub id: DifferenceId,
    /// The run that found it first.
    pub found_in: ReconciliationId,
    /// With which gateway.
    pub gateway: Gateway,
    /// Whose it is, where that is known.
    pub organization_id: Option<OrganizationId>,
    /// What differs.
    pub difference: Difference,
    /// Where it stands.
    pub status: DifferenceStatus,
    /// Why it does not heal, or did not for a while.
    pub why: Option<String>,
    /// When it was found first.
    pub found_at: OffsetDateTime,
    /// When the two sides agreed again.
    pub healed_at: Option<OffsetDateTime>,
}
