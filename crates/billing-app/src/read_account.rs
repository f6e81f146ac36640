//! What an organization sees of itself.

use billing_domain::{
    credits::{CreditCommand, Entry, Grant, GrantKind, Settings},
    id::{DecisionId, OrganizationId, PaymentId},
    payment::Payment,
    quota::QuotaAnswer,
    usage::UsageDecision,
};

use crate::{
    Billing, Entitlement, Error, Missing,
    ports::{CreditSummary, Page},
};

/// Credits, by kind and by grant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreditReport {
    /// What started grants have left, less what is overdrawn.
    pub balance: i64,
    /// What may be used: the balance without what is held, and the overdraft.
    pub available: i64,
    /// How much is held.
    pub held: i64,
    /// How much is owed.
    pub overdrawn: i64,
    /// What the account is decided by.
    pub settings: Settings,
    /// What started grants of each kind have left.
    pub by_kind: Vec<(GrantKind, i64)>,
    /// Grants that have something left, in the order of draw.
    pub grants: Vec<Grant>,
}

/// Where a meter stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MeterReport {
    /// Its key.
    pub meter: String,
    /// What people call it.
    pub name: String,
    /// Where it stands.
    pub answer: QuotaAnswer,
}

/// All of it on one page.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What the organization may have.
    pub entitlement: Entitlement,
    /// Its credits.
    pub credits: CreditReport,
    /// Where its meters stand.
    pub meters: Vec<MeterReport>,
}

impl Billing {
    /// An organization's credits; what is due is booked first.
    pub async fn credits(&self, id: OrganizationId) -> Result<CreditReport, Error> {
        let now = self.ports.clock.now();
        let read = || self.ports.ledgers.credits(id);
        let mut summary = read().await?.ok_or(Error::NotFound(Missing::Organization))?;
        if summary.next_due_at.is_some_and(|due| due <= now) {
            self.ports.credits.apply(id, CreditCommand::BookDue, now).await?;
            summary = read().await?.ok_or(Error::NotFound(Missing::Organization))?;
        }
        Ok(report(summary))
    }

    /// Rows of an organization's ledger, the newest first; what is due is booked first.
    pub async fn credit_entries(
        &self,
        id: OrganizationId,
        page: Page<i64>,
    ) -> Result<Vec<Entry>, Error> {
        self.credits(id).await?;
        self.ports.ledgers.credit_entries(id, page).await
    }

    /// Where every meter of an organization's plan stands.
    pub async fn meters(&self, entitlement: &Entitlement) -> Result<Vec<MeterReport>, Error> {
        let now = self.ports.clock.now();
        let meters = &entitlement.catalogue.meters;
        let asked = meters.iter().map(|meter| entitlement.quota_question(&meter.key, now));
        let asked = asked.collect::<Result<Vec<_>, Error>>()?;
        let quotas = self.ports.facts.quotas(&asked, now).await?;
        let reports = meters.iter().zip(quotas).map(|(meter, quota)| MeterReport {
            meter: meter.key.clone(),
            name: meter.name.clone(),
            answer: quota.check(1),
        });
        Ok(reports.collect())
    }

    /// All of it on one page.
    pub async fn summary(&self, id: OrganizationId) -> Result<Summary, Error> {
        let entitlement = self.entitlement(id).await?;
        let credits = self.credits(id).await?;
        let meters = self.meters(&entitlement).await?;
        Ok(Summary { entitlement, credits, meters })
    }

    /// Uses that were checked and denied, the newest first.
    pub async fn denials(
        &self,
        id: OrganizationId,
        page: Page<DecisionId>,
    ) -> Result<Vec<UsageDecision>, Error> {
        let found = self.ports.organizations.organization(id).await?;
        found.ok_or(Error::NotFound(Missing::Organization))?;
        self.ports.ledgers.denials(id, page).await
    }

    /// An organization's payments, the newest first.
    pub async fn payments(
        &self,
        id: OrganizationId,
        page: Page<PaymentId>,
    ) -> Result<Vec<Payment>, Error> {
        let found = self.ports.organizations.organization(id).await?;
        found.ok_or(Error::NotFound(Missing::Organization))?;
        self.ports.money.payments(id, page).await
    }
}

fn report(summary: CreditSummary) -> CreditReport {
    let left = |kind| {
        let of_kind = summary.grants.iter().filter(|it| it.kind == kind && it.started);
        of_kind.map(|grant| grant.remaining).sum()
    };
    CreditReport {
        balance: summary.balance,
        available: summary.available(),
        held: summary.held,
        overdrawn: summary.overdrawn,
        settings: summary.settings,
        by_kind: GrantKind::ALL.into_iter().map(|kind| (kind, left(kind))).collect(),
        grants: summary.grants,
    }
}
