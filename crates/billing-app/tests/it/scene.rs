//! A billing engine over fakes, and the people around it.

use std::sync::Arc;

use billing_app::{
    Billing, BuyCredits, ConsumeAnswer, ConsumeRequest, Error, MailPorts, Mandate, NewOrganization,
    Opened, Ports, Progress, Received, RecordUsage, ReturnUrls, Settings, StartSubscription,
    UsageAnswer,
    ports::{About, Page, PaymentGateway, Scope, Store, WebhookFilter, WebhookRow},
};
use billing_domain::{
    catalogue::Catalogue,
    checkout::Checkout,
    event::{INSTALLATION, What},
    gateway::Gateway,
    id::{CheckoutId, OrganizationId, WebhookId},
    locale::Locale,
    payment::Payment,
    period::Interval,
    subscription::Subscription,
    usage::UsageOperation,
};
use billing_testkit::{
    Counting, FakeGateway, FakeIdentity, FakeReceivers, FixedSecrets, MemoryChanges, MemoryStore,
    PlainLetters, Stopped, builders::the_default_catalogue,
};

use crate::watched::Watched;

pub(crate) struct Scene {
    pub(crate) billing: Arc<Billing>,
    pub(crate) store: MemoryStore,
    pub(crate) gateway: Arc<Watched>,
    pub(crate) clock: Arc<Stopped>,
}

/// All ports, played by the fakes.
pub(crate) fn ports(
    store: &MemoryStore,
    gateway: Arc<dyn PaymentGateway>,
    clock: &Arc<Stopped>,
) -> Ports {
    let kept = Arc::new(store.clone());
    Ports {
        store: kept.clone(),
        credits: kept.clone(),
        usage: kept.clone(),
        inbox: kept.clone(),
        outbox: kept.clone(),
        deliveries: kept.clone(),
        webhook_sender: Arc::new(FakeReceivers::default()),
        requests: kept.clone(),
        catalogue: kept.clone(),
        organizations: kept.clone(),
        money: kept.clone(),
        subscriptions: kept.clone(),
        trials: kept.clone(),
        collections: kept.clone(),
        ledgers: kept.clone(),
        usage_days: kept.clone(),
        usage_archive: kept.clone(),
        archive_folder: Some(kept.clone()),
        access: kept.clone(),
        facts: kept.clone(),
        changes: Arc::new(MemoryChanges::default()),
        mail: MailPorts {
            queue: kept.clone(),
            letters: Arc::new(PlainLetters),
            mailer: Some(kept.clone()),
            mailbox: Some(kept.clone()),
        },
        identity: vec![Arc::new(FakeIdentity::new(clock.clone()))],
        members: kept.clone(),
        reconciling: kept.clone(),
        reconciliations: kept.clone(),
        jobs: kept.clone(),
        partitions: kept,
        movable_clock: Some(clock.clone()),
        simulators: Vec::new(),
        gateways: vec![gateway],
        clock: clock.clone(),
        ids: Arc::new(Counting::new()),
        secrets: Arc::new(FixedSecrets::default()),
    }
}

/// Acme, of the United States.
pub(crate) fn acme() -> NewOrganization {
    NewOrganization {
        name: "Acme".to_owned(),
        external_id: None,
        billing_email: Some("billing@acme.test".to_owned()),
        country: Some("US".parse().expect("it is a country")),
        currency: None,
        tax_id: None,
        locale: Locale::En,
    }
}

/// Acme wants a plan, monthly.
pub(crate) fn a_start(organization_id: OrganizationId, plan: &str) -> StartSubscription {
    StartSubscription {
        organization_id,
        plan: plan.to_owned(),
        interval: Interval::Month,
        currency: None,
        discount_code: None,
        gateway: None,
        urls: urls(),
    }
}

pub(crate) fn urls() -> ReturnUrls {
    ReturnUrls {
        success: "https://product.test/welcome".to_owned(),
        cancel: "https://product.test/plans".to_owned(),
    }
}

/// Somebody has mended something.
pub(crate) fn mended() -> Mandate {
    Mandate { actor: "api_key 1".to_owned(), reason: "It is mended".to_owned() }
}

/// A hundred at once, from the newest.
pub(crate) const fn everything<C>() -> Page<C> {
    Page { after: None, limit: 100 }
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::selling(the_default_catalogue())
    }

    /// An installation with figures of its own.
    pub(crate) fn set(settings: Settings) -> Self {
        Self::built(the_default_catalogue(), settings)
    }

    pub(crate) fn selling(catalogue: Catalogue) -> Self {
        Self::built(catalogue, Settings::default())
    }

    fn built(catalogue: Catalogue, settings: Settings) -> Self {
        let clock = Arc::new(Stopped::default());
        let store = MemoryStore::selling(catalogue);
        let fake = Arc::new(FakeGateway::new(clock.clone()));
        let gateway = Arc::new(Watched::new(fake, store.clone()));
        let ports = ports(&store, gateway.clone(), &clock);
        let billing = Arc::new(Billing::new(ports, settings));
        Self { billing, store, gateway, clock }
    }

    /// Sells plans with so many days of trial.
    pub(crate) fn with_trials(days: i32) -> Self {
        let mut catalogue = the_default_catalogue();
        let versions = catalogue.plans.iter_mut().flat_map(|plan| &mut plan.versions);
        for price in versions.flat_map(|version| &mut version.prices) {
            price.trial_days = days;
        }
        Self::selling(catalogue)
    }

    pub(crate) async fn acme(&self) -> OrganizationId {
        self.billing.register_organization(acme()).await.expect("it is registered").id
    }

    pub(crate) async fn start(
        &self,
        organization: OrganizationId,
        plan: &str,
    ) -> Result<Opened, Error> {
        self.billing.start_subscription(a_start(organization, plan)).await
    }

    /// Opens a page for the pack of a thousand credits.
    pub(crate) async fn buy_a_thousand(&self, organization_id: OrganizationId) -> Opened {
        let catalogue = the_default_catalogue();
        let packs = &catalogue.credit_products;
        let pack = packs.iter().find(|pack| pack.credits == 1_000).expect("it is on sale");
        let request = BuyCredits {
            organization_id,
            credit_product_id: pack.id,
            currency: None,
            gateway: None,
            saves_method: false,
            urls: urls(),
        };
        self.billing.buy_credits(request).await.expect("a page opens")
    }

    /// A plan is chosen and paid, and the gateway's word has been heard.
    pub(crate) async fn subscribe(&self, organization: OrganizationId, plan: &str) -> String {
        let opened = self.start(organization, plan).await.expect("a page opens");
        let session = opened.page.session.id;
        let seen = self.gateway.pay(&session);
        self.hear(About::Checkout(session)).await;
        seen.subscription.expect("a subscription began")
    }

    /// The gateway sends a webhook.
    pub(crate) async fn tell(&self, about: About) -> Received {
        let (headers, body) = self.gateway.webhook(about);
        let received = self.billing.receive_webhook(Gateway::Stripe, &headers, &body).await;
        received.expect("it is kept")
    }

    /// The gateway sends a webhook, and it is processed.
    pub(crate) async fn hear(&self, about: About) -> Progress {
        self.tell(about).await;
        self.process().await
    }

    /// Processes all webhooks that are due.
    pub(crate) async fn process(&self) -> Progress {
        let mut all = Progress::default();
        loop {
            let round = self.billing.process_webhooks().await.expect("the inbox answers");
            if !round.any() {
                return all;
            }
            all = Progress { done: all.done + round.done, failed: all.failed + round.failed };
        }
    }

    pub(crate) async fn webhooks(&self) -> Vec<WebhookRow> {
        self.billing
            .list_webhooks(&WebhookFilter::default(), everything())
            .await
            .expect("the inbox answers")
    }

    pub(crate) async fn checkout(&self, owner: OrganizationId, id: CheckoutId) -> Checkout {
        let mut work = self.store.begin(Scope::Engine).await.expect("the store answers");
        let found = work.checkouts().find(owner, id).await.expect("the store answers");
        found.expect("the checkout is kept")
    }

    pub(crate) async fn subscription(&self, organization: OrganizationId) -> Subscription {
        let entitlement = self.billing.entitlement(organization).await.expect("it is known");
        entitlement.subscription.expect("it was subscribed")
    }

    /// The key of the plan that decides.
    pub(crate) async fn plan(&self, organization: OrganizationId) -> String {
        let entitlement = self.billing.entitlement(organization).await.expect("it is known");
        entitlement.plan().expect("it is on sale").0.key.clone()
    }

    pub(crate) async fn balance(&self, organization: OrganizationId) -> i64 {
        self.billing.credits(organization).await.expect("it is known").balance
    }

    pub(crate) async fn payments(&self, organization: OrganizationId) -> Vec<Payment> {
        self.billing.payments(organization, everything()).await.expect("it is known")
    }

    /// The alerts that were given, in order: which webhook, and whether it is dead.
    pub(crate) fn alerts(&self) -> Vec<(WebhookId, bool)> {
        let alert = |event: billing_domain::event::Event| {
            let What::WebhookFailed { webhook_id, dead, .. } = event.what else { return None };
            Some((webhook_id, dead))
        };
        self.store.events().into_iter().filter_map(alert).collect()
    }

    /// The public names of what happened, in order, since the organization came to be.
    pub(crate) fn happened(&self) -> Vec<String> {
        let name = |event: &billing_domain::event::Event| {
            let json = serde_json::to_value(&event.what).expect("events can be told");
            json.get("type").and_then(|it| it.as_str()).expect("it has a name").to_owned()
        };
        let events = self.store.events();
        let of_an_organization = events.iter().filter(|it| it.organization_id != INSTALLATION);
        of_an_organization.skip(1).map(name).collect()
    }

    pub(crate) async fn consume(
        &self,
        organization_id: OrganizationId,
        (event, quantity): (&str, i64),
        key: Option<&str>,
    ) -> Result<ConsumeAnswer, Error> {
        let (event, key) = (event.to_owned(), key.map(str::to_owned));
        let request = ConsumeRequest { organization_id, event, quantity, key };
        self.billing.consume_credits(request).await
    }

    /// Counts AI generations now, if the quota allows them.
    pub(crate) async fn generate(
        &self,
        organization_id: OrganizationId,
        quantity: u64,
    ) -> UsageAnswer {
        let request = RecordUsage { quantity, ..a_generation(organization_id) };
        self.billing.record_usage(request).await.expect("it is decided")
    }
}

/// One AI generation, counted only if the quota allows it.
pub(crate) fn a_generation(organization_id: OrganizationId) -> RecordUsage {
    RecordUsage {
        organization_id,
        meter: "ai_generations".to_owned(),
        quantity: 1,
        at: None,
        key: None,
        properties: None,
        operation: UsageOperation::CheckAndRecord,
        decrement: false,
    }
}
