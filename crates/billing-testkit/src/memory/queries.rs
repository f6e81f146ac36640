//! What screens and answers read: the committed world.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        AccessQueries, ApiKey, CatalogueQueries, CreditSummary, LedgerQueries, MoneyQueries,
        OrganizationQueries, Page,
    },
};
use billing_domain::{
    catalogue::Catalogue,
    credits::Entry,
    id::{ApiKeyId, OrganizationId, PaymentId},
    organization::Organization,
    payment::Payment,
    quota::Quota,
    subscription::Subscription,
    usage::{UsageAccount, UsageRule},
};
use time::OffsetDateTime;

use super::{MemoryStore, ledgers::at_most};

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

    async fn subscription(
        &self,
        organization: OrganizationId,
        product_group: &str,
    ) -> Result<Option<Subscription>, Error> {
        self.shared.read(|world| {
            let all = world.subscriptions.values();
            let own = all.filter(|one| {
                one.organization_id == organization && one.product_group == product_group
            });
            own.max_by_key(|one| (one.is_live(), one.status.instant(), one.id)).cloned()
        })
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

    async fn quotas(
        &self,
        organization: OrganizationId,
        rules: &[(String, UsageRule)],
        now: OffsetDateTime,
    ) -> Result<Vec<Quota>, Error> {
        self.shared.read(|world| {
            let nothing = UsageAccount::new(organization);
            let account = world.usage.get(&organization).map_or(&nothing, |book| &book.account);
            rules.iter().map(|(meter, rule)| account.quota(meter, rule, now)).collect()
        })
    }
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
