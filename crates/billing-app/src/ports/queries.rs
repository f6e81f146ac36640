//! What screens and answers read: no locks, and never older than the last commit.

use core::{fmt, str::FromStr};

use async_trait::async_trait;
use billing_domain::{
    auto_top_up::AutoTopUp,
    catalogue::Catalogue,
    credits::{CreditDecision, Entry, Grant, Settings},
    discount::{Discount, DiscountCode},
    gateway::GatewayRef,
    id::{
        ApiKeyId, ChangeId, CheckoutId, CreditNoteId, DecisionId, DiscountId, InvoiceId,
        OrganizationId, PaymentId, PlanVersionId, SubscriptionId,
    },
    invoice::{CreditNote, Invoice, InvoiceStatus},
    organization::Organization,
    payment::Payment,
    subscription::{ChangeRequest, Subscription},
    trial::{Trial, TrialCounts},
    usage::UsageDecision,
};
use time::OffsetDateTime;

use uuid::Uuid;

use crate::{Error, ports::CatalogueChange};

/// One page of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page<C> {
    /// After this one, in the order of the list.
    pub after: Option<C>,
    /// At most so many.
    pub limit: i64,
}

/// What is on sale.
#[async_trait]
pub trait CatalogueQueries: Send + Sync {
    /// All of it.
    async fn catalogue(&self) -> Result<Catalogue, Error>;
    /// What people did to it, the latest first.
    async fn catalogue_changes(&self, page: Page<Uuid>) -> Result<Vec<CatalogueChange>, Error>;
    /// The discount of a code, ended or not.
    async fn discount(&self, code: &DiscountCode) -> Result<Option<Discount>, Error>;
    /// All discounts, the newest first.
    async fn discounts(&self, page: Page<DiscountId>) -> Result<Vec<Discount>, Error>;
    /// Checkouts for which a code is still reserved though they have ended, or its time is over;
    /// those whose time ends first come first.
    async fn lapsed_reservations(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, CheckoutId)>, Error>;
}

/// Who is billed.
#[async_trait]
pub trait OrganizationQueries: Send + Sync {
    /// One of them.
    async fn organization(&self, id: OrganizationId) -> Result<Option<Organization>, Error>;
    /// The one with this external id of the product.
    async fn by_external_id(&self, external_id: &str) -> Result<Option<Organization>, Error>;
    /// All of them, the newest first.
    async fn organizations(&self, page: Page<OrganizationId>) -> Result<Vec<Organization>, Error>;
}

/// What was paid.
#[async_trait]
pub trait MoneyQueries: Send + Sync {
    /// An organization's payments, the newest first.
    async fn payments(
        &self,
        organization: OrganizationId,
        page: Page<PaymentId>,
    ) -> Result<Vec<Payment>, Error>;
    /// An organization's invoices that a filter lets through, the newest first.
    async fn invoices(
        &self,
        organization: OrganizationId,
        filter: InvoiceFilter,
        page: Page<InvoiceId>,
    ) -> Result<Vec<Invoice>, Error>;
    /// One of an organization's invoices.
    async fn invoice(
        &self,
        organization: OrganizationId,
        id: InvoiceId,
    ) -> Result<Option<Invoice>, Error>;
    /// An organization's credit notes, the newest first; only those on one invoice, where one is
    /// named.
    async fn credit_notes(
        &self,
        organization: OrganizationId,
        of: Option<InvoiceId>,
        page: Page<CreditNoteId>,
    ) -> Result<Vec<CreditNote>, Error>;
    /// What an organization wants bought for it; nothing where it never said.
    async fn auto_top_up(&self, organization: OrganizationId) -> Result<Option<AutoTopUp>, Error>;
    /// Organizations for which a pack may be to buy, or a charge is under way, and it is time to
    /// look; those that wait longest first.
    async fn top_ups_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<OrganizationId>, Error>;
    /// The first instant at which it is time to look at any such organization, as things stand.
    async fn next_top_up(&self) -> Result<Option<OffsetDateTime>, Error>;
}

/// What is planned for subscriptions, and what is to be done for them.
#[async_trait]
pub trait SubscriptionQueries: Send + Sync {
    /// The requests of an organization that are pending or scheduled, the oldest first.
    async fn open_changes(&self, organization: OrganizationId)
    -> Result<Vec<ChangeRequest>, Error>;
    /// One of an organization, by our id.
    async fn subscription(
        &self,
        organization: OrganizationId,
        id: SubscriptionId,
    ) -> Result<Option<Subscription>, Error>;
    /// Open requests that it is time to look after; those that wait longest first.
    async fn changes_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, ChangeId)>, Error>;
    /// When it is time to look after any of them next.
    async fn next_change_due_at(&self) -> Result<Option<OffsetDateTime>, Error>;
    /// Duplicates that it is time to look after; those that wait longest first.
    async fn duplicates_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, GatewayRef)>, Error>;
}

/// What our engine bills: what of it is due, and how it goes.
#[async_trait]
pub trait TrialQueries: Send + Sync {
    /// The trial of an organization; nothing where it never had one.
    async fn trial(&self, organization: OrganizationId) -> Result<Option<Trial>, Error>;
    /// Organizations on whose trial something is due, those that wait longest first.
    async fn trials_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<OrganizationId>, Error>;
    /// When something is due next on any trial.
    async fn next_trial_due_at(&self) -> Result<Option<OffsetDateTime>, Error>;
    /// Subscriptions of which a period is to be paid, or something else is due; those that wait
    /// longest first.
    async fn renewals_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, SubscriptionId)>, Error>;
    /// When something is due next on any of them.
    async fn next_renewal_due_at(&self) -> Result<Option<OffsetDateTime>, Error>;
    /// How all trials went, by what was tried and by the month of UTC in which they began; in this
    /// order, the oldest month first.
    async fn trial_counts(&self, now: OffsetDateTime) -> Result<Vec<TrialCohort>, Error>;
}

/// Trials of one plan version that began in one month.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrialCohort {
    /// What was tried.
    pub plan_version_id: PlanVersionId,
    /// When the month of UTC began.
    pub month: OffsetDateTime,
    /// How they went.
    pub counts: TrialCounts,
}

/// Which invoices.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InvoiceFilter {
    /// Only those that stand there.
    pub status: Option<InvoiceStatus>,
    /// Only those of this year by UTC: in which they were issued, or drawn up where they are
    /// drafts.
    pub year: Option<i32>,
}

/// What stands in the ledgers.
#[async_trait]
pub trait LedgerQueries: Send + Sync {
    /// The credits of an organization as last recorded; nothing for an unknown organization.
    async fn credits(&self, organization: OrganizationId) -> Result<Option<CreditSummary>, Error>;
    /// Rows of the credit ledger, the newest first, after a row's number.
    async fn credit_entries(
        &self,
        organization: OrganizationId,
        page: Page<i64>,
    ) -> Result<Vec<Entry>, Error>;
    /// A decision on credits, with the account as it stood before; nothing for an unknown one, or
    /// for one of another organization than `of`. Denials are known for as long as keys are kept.
    async fn credit_decision(
        &self,
        id: DecisionId,
        of: Option<OrganizationId>,
    ) -> Result<Option<CreditDecision>, Error>;
    /// A checked use, counted or denied; nothing for an unknown one, or for one of another
    /// organization than `of`. Known for as long as keys are kept.
    async fn usage_decision(
        &self,
        id: DecisionId,
        of: Option<OrganizationId>,
    ) -> Result<Option<UsageDecision>, Error>;
    /// Uses that were checked and denied, the newest first.
    async fn denials(
        &self,
        organization: OrganizationId,
        page: Page<DecisionId>,
    ) -> Result<Vec<UsageDecision>, Error>;
    /// When something is due next on the credit account of anybody.
    async fn next_credits_due(&self) -> Result<Option<OffsetDateTime>, Error>;
}

/// Credits as last recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreditSummary {
    /// What started grants have left, less what is overdrawn.
    pub balance: i64,
    /// How much is owed.
    pub overdrawn: i64,
    /// How much is held.
    pub held: i64,
    /// What the account is decided by.
    pub settings: Settings,
    /// When something becomes due next.
    pub next_due_at: Option<OffsetDateTime>,
    /// Grants that have something left, in the order of draw.
    pub grants: Vec<Grant>,
}

impl CreditSummary {
    /// What may be used: the balance without what is held, and the overdraft.
    pub fn available(&self) -> i64 {
        let own = self.balance.saturating_sub(self.held);
        own.saturating_add(self.settings.overdraft_limit).max(0)
    }
}

/// Who may ask.
#[async_trait]
pub trait AccessQueries: Send + Sync {
    /// The key of a public part, ended or not.
    async fn api_key(&self, public: &str) -> Result<Option<ApiKey>, Error>;
    /// All keys, the newest first.
    async fn api_keys(&self, page: Page<ApiKeyId>) -> Result<Vec<ApiKey>, Error>;
}

/// A key of the API, without its secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiKey {
    /// Our id.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: String,
    /// The part that may be shown and logged.
    pub public: String,
    /// SHA-256 of the secret part.
    pub digest: [u8; 32],
    /// What it may do.
    pub scopes: Scopes,
    /// The one organization it is for; nothing for all of the installation.
    pub organization_id: Option<OrganizationId>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it ended.
    pub revoked_at: Option<OffsetDateTime>,
}

/// What a key may do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Scopes {
    /// Look at everything.
    pub read: bool,
    /// Consume, track, check out, open portals.
    pub write: bool,
    /// Administer the installation.
    pub admin: bool,
}

/// No scope of this name is known.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a scope: use read, write or admin")]
pub struct UnknownScope(pub String);

impl Scopes {
    /// All of them.
    pub const ALL: Self = Self { read: true, write: true, admin: true };
    /// None of them.
    pub const NONE: Self = Self { read: false, write: false, admin: false };

    /// Their names.
    pub fn names(self) -> Vec<&'static str> {
        [("read", self.read), ("write", self.write), ("admin", self.admin)]
            .into_iter()
            .filter_map(|(name, given)| given.then_some(name))
            .collect()
    }
}

/// From names separated by spaces.
impl FromStr for Scopes {
    type Err = UnknownScope;

    fn from_str(names: &str) -> Result<Self, Self::Err> {
        names.split_ascii_whitespace().try_fold(Self::NONE, |scopes, name| match name {
            "read" => Ok(Self { read: true, ..scopes }),
            "write" => Ok(Self { write: true, ..scopes }),
            "admin" => Ok(Self { admin: true, ..scopes }),
            _ => Err(UnknownScope(name.to_owned())),
        })
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(" "))
    }
}
