//! What screens and answers read: the committed world.

use std::collections::BTreeMap;

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        AccessQueries, ApiKey, CatalogueChange, CatalogueQueries, CreditSummary, Facts,
        InvoiceFilter, LedgerQueries, MoneyQueries, OrganizationQueries, Page, QuotaQuestion,
        Subscriber,
    },
};
use billing_domain::{
    auto_top_up::AutoTopUp,
    catalogue::Catalogue,
    credits::{CreditDecision, Entry},
    discount::{Discount, DiscountCode},
    id::{
        ApiKeyId, CheckoutId, CreditNoteId, DecisionId, DiscountId, InvoiceId, OrganizationId,
        PaymentId,
    },
    invoice::{CreditNote, Invoice},
    organization::Organization,
    payment::Payment,
    quota::Quota,
    subscription::Subscription,
    usage::{UsageAccount, UsageDecision},
};
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

use super::{MemoryStore, accounts::UsageBook, ledgers::at_most, world::World};

/// One page of a list whose items come with the greatest key first.
fn page<'a, T: Clone + 'a, C: Ord + Copy>(
    newest_first: impl Iterator<Item = &'a T>,
    key: impl Fn(&T) -> C,
    page: Page<C>,
) -> Vec<T> {
    let rest = newest_first.filter(|item| page.after.is_none_or(|after| key(item) < after));
    rest.take(at_most(page.limit)).cloned().collect()
}

#[async_trait]
impl CatalogueQueries for MemoryStore {
    async fn catalogue(&self) -> Result<Catalogue, Error> {
        self.shared.read(|world| world.catalogue.read())
    }

    async fn catalogue_changes(&self, wanted: Page<Uuid>) -> Result<Vec<CatalogueChange>, Error> {
        self.shared.read(|world| page(world.catalogue_changes.iter().rev(), |it| it.id, wanted))
    }

    async fn discount(&self, code: &DiscountCode) -> Result<Option<Discount>, Error> {
        self.shared.read(|world| world.discounts.values().find(|it| it.code == *code).cloned())
    }

    async fn discounts(&self, wanted: Page<DiscountId>) -> Result<Vec<Discount>, Error> {
        self.shared.read(|world| page(world.discounts.values().rev(), |it| it.id, wanted))
    }

    async fn lapsed_reservations(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, CheckoutId)>, Error> {
        self.shared.read(|world| world.lapsed(now).into_iter().take(at_most(limit)).collect())
    }
}

#[async_trait]
impl OrganizationQueries for MemoryStore {
    async fn organization(&self, id: OrganizationId) -> Result<Option<Organization>, Error> {
        self.shared.read(|world| world.organizations.get(&id).cloned())
    }

    async fn by_external_id(&self, external_id: &str) -> Result<Option<Organization>, Error> {
        self.shared.read(|world| {
            let mut all = world.organizations.values();
            all.find(|one| one.external_id.as_deref() == Some(external_id)).cloned()
        })
    }

    async fn organizations(
        &self,
        wanted: Page<OrganizationId>,
    ) -> Result<Vec<Organization>, Error> {
        self.shared.read(|world| page(world.organizations.values().rev(), |one| one.id, wanted))
    }
}

#[async_trait]
impl MoneyQueries for MemoryStore {
    async fn payments(
        &self,
        organization: OrganizationId,
        wanted: Page<PaymentId>,
    ) -> Result<Vec<Payment>, Error> {
        self.shared.read(|world| {
            let newest_first = world.payments.values().rev();
            let own = newest_first.filter(|one| one.organization_id == organization);
            page(own, |one| one.id, wanted)
        })
    }

    async fn invoices(
        &self,
        organization: OrganizationId,
        filter: InvoiceFilter,
        wanted: Page<InvoiceId>,
    ) -> Result<Vec<Invoice>, Error> {
        self.shared.read(|world| {
            let newest_first = world.invoices.values().rev();
            let own = newest_first.filter(|one| one.organization_id == organization);
            let filtered = own.filter(|one| {
                let year = one.issued_at.unwrap_or(one.created_at).to_offset(UtcOffset::UTC).year();
                filter.status.is_none_or(|status| status == one.status)
                    && filter.year.is_none_or(|wanted| wanted == year)
            });
            page(filtered, |one| one.id, wanted)
        })
    }

    async fn invoice(
        &self,
        organization: OrganizationId,
        id: InvoiceId,
    ) -> Result<Option<Invoice>, Error> {
        self.shared.read(|world| {
            let found = world.invoices.get(&id);
            found.filter(|one| one.organization_id == organization).cloned()
        })
    }

    async fn credit_notes(
        &self,
        organization: OrganizationId,
        of: Option<InvoiceId>,
        wanted: Page<CreditNoteId>,
    ) -> Result<Vec<CreditNote>, Error> {
        self.shared.read(|world| {
            let newest_first = world.credit_notes.values().rev();
            let own = newest_first.filter(|one| one.organization_id == organization);
            page(own.filter(|one| of.is_none_or(|of| of == one.invoice_id)), |one| one.id, wanted)
        })
    }

    async fn auto_top_up(&self, organization: OrganizationId) -> Result<Option<AutoTopUp>, Error> {
        self.shared.read(|world| world.top_ups.get(&organization).cloned())
    }

    async fn top_ups_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<OrganizationId>, Error> {
        self.shared.read(|world| {
            let due = waiting(world).into_iter().filter(|(look_at, _)| *look_at <= now);
            due.take(at_most(limit)).map(|(_, id)| id).collect()
        })
    }

    async fn next_top_up(&self) -> Result<Option<OffsetDateTime>, Error> {
        self.shared.read(|world| waiting(world).first().map(|(look_at, _)| *look_at))
    }
}

/// Who runs low or has a charge under way, and when to look, those first who wait longest.
fn waiting(world: &World) -> Vec<(OffsetDateTime, OrganizationId)> {
    let is_low = |one: &AutoTopUp| {
        let book = world.credits.get(&one.organization_id);
        book.is_some_and(|book| book.summary().balance < one.threshold)
    };
    let all = world.top_ups.values();
    let waiting = all.filter(|one| one.pending.is_some() || one.enabled && is_low(one));
    let mut waiting: Vec<_> = waiting.map(|one| (one.look_at, one.organization_id)).collect();
    waiting.sort();
    waiting
}

#[async_trait]
impl LedgerQueries for MemoryStore {
    async fn credits(&self, organization: OrganizationId) -> Result<Option<CreditSummary>, Error> {
        self.shared.read(|world| Some(world.credits.get(&organization)?.summary()))
    }

    async fn credit_entries(
        &self,
        organization: OrganizationId,
        wanted: Page<i64>,
    ) -> Result<Vec<Entry>, Error> {
        self.shared.read(|world| {
            let book = world.credits.get(&organization);
            let entries = book.map(|book| book.entries.as_slice()).unwrap_or_default();
            page(entries.iter().rev(), |entry| entry.seq, wanted)
        })
    }

    async fn credit_decision(
        &self,
        id: DecisionId,
        of: Option<OrganizationId>,
    ) -> Result<Option<CreditDecision>, Error> {
        self.shared.read(|world| {
            let seen = world.credits.iter().filter(|(owner, _)| of.is_none_or(|of| of == **owner));
            let mut all = seen.flat_map(|(_, book)| &book.decisions);
            all.find(|one| one.decided.decision == id).cloned()
        })
    }

    async fn usage_decision(
        &self,
        id: DecisionId,
        of: Option<OrganizationId>,
    ) -> Result<Option<UsageDecision>, Error> {
        self.shared.read(|world| {
            let seen = world.usage.iter().filter(|(owner, _)| of.is_none_or(|of| of == **owner));
            seen.flat_map(|(_, book)| book.checked()).find(|one| one.decision == id)
        })
    }

    async fn denials(
        &self,
        organization: OrganizationId,
        page: Page<DecisionId>,
    ) -> Result<Vec<UsageDecision>, Error> {
        self.shared.read(|world| {
            let all = world.usage.get(&organization).into_iter().flat_map(UsageBook::checked);
            let denied = all.filter(|one| !one.allowed);
            let after = |one: &UsageDecision| page.after.is_some_and(|id| one.decision != id);
            let skip = usize::from(page.after.is_some());
            denied.skip_while(after).skip(skip).take(at_most(page.limit)).collect()
        })
    }

    async fn next_credits_due(&self) -> Result<Option<OffsetDateTime>, Error> {
        let due = |world: &World| {
            world.credits.values().filter_map(|book| book.account.next_due_at()).min()
        };
        self.shared.read(due)
    }
}

#[async_trait]
impl Facts for MemoryStore {
    async fn subscribers(&self, ids: &[OrganizationId]) -> Result<Vec<Option<Subscriber>>, Error> {
        self.shared.read(|world| ids.iter().map(|id| subscriber(world, *id)).collect())
    }

    async fn quotas(
        &self,
        asked: &[QuotaQuestion],
        now: OffsetDateTime,
    ) -> Result<Vec<Quota>, Error> {
        self.shared.read(|world| {
            let answer = |QuotaQuestion { organization_id, meter, rule }: &QuotaQuestion| {
                let nothing = UsageAccount::new(*organization_id);
                let book = world.usage.get(organization_id);
                book.map_or(&nothing, |book| &book.account).quota(meter, rule, now)
            };
            asked.iter().map(answer).collect()
        })
    }
}

fn subscriber(world: &World, id: OrganizationId) -> Option<Subscriber> {
    let organization = world.organizations.get(&id)?.clone();
    let mut latest = BTreeMap::new();
    let own = world.subscriptions.values().filter(|one| one.organization_id == id);
    for one in own {
        let rank = |one: &Subscription| (one.is_live(), one.status.instant(), one.id);
        let kept = latest.entry(one.product_group.as_str()).or_insert(one);
        if rank(one) > rank(kept) {
            *kept = one;
        }
    }
    let subscriptions = latest.into_values().cloned().collect();
    Some(Subscriber { organization, subscriptions })
}

#[async_trait]
impl AccessQueries for MemoryStore {
    async fn api_key(&self, public: &str) -> Result<Option<ApiKey>, Error> {
        self.shared.read(|world| world.keys.values().find(|key| key.public == public).cloned())
    }

    async fn api_keys(&self, wanted: Page<ApiKeyId>) -> Result<Vec<ApiKey>, Error> {
        self.shared.read(|world| page(world.keys.values().rev(), |key| key.id, wanted))
    }
}
