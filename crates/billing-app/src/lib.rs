#![doc = include_str!("../README.md")]

use std::sync::Arc;

use billing_domain::{
    collection::DunningRules, gateway::Gateway, invoice::Party, trial::TrialRules,
};

mod advance_clock;
mod analyze_usage;
mod archive_usage;
mod authenticate;
mod auto_top_up;
mod bill_period;
mod book_due_credits;
mod browse;
mod buy_credits;
mod change_access;
mod change_subscription;
mod charging;
mod check_quota;
mod circuit_breaker;
mod clean_up;
mod clear_duplicates;
mod collect_invoices;
mod compose_emails;
mod configure_credits;
mod consume_credits;
mod current_catalogue;
mod deliver_webhooks;
mod discounts;
mod end_due_trials;
mod entitlement;
mod error;
mod explain_decision;
mod extend_trial;
mod follow_identity;
mod freshness;
mod gateway_facts;
mod give_bonus;
mod grant_credits;
mod grant_to_many;
mod hand_on_events;
mod hold_credits;
mod issue_invoice;
mod jobs;
mod known;
mod link_customer;
mod make_partitions;
mod measure_usage;
mod memory;
mod methods_changed;
mod open_checkout;
mod open_portal;
mod pay_invoice;
mod pending_items;
mod period_lines;
pub mod ports;
mod preview_change;
mod process_webhooks;
mod read_account;
mod read_collections;
mod read_invoices;
mod read_trials;
mod rebuild_usage;
mod receive_webhook;
mod reconcile;
mod record_usage;
mod record_usage_batch;
mod refund_credits;
mod register_organization;
mod renew_due_subscriptions;
mod resolve_hold;
mod return_urls;
mod roll_up_usage;
mod run_job;
mod seed_catalogue;
mod send_emails;
mod settle;
mod start_subscription;
mod start_trial;
mod tend_emails;
mod tend_endpoints;
mod tend_webhooks;
mod token;
mod top_up_credits;
mod transfer_credits;
mod webhook_metrics;

pub use self::{
    advance_clock::{Advance, Advanced, ClockStands},
    analyze_usage::{MeterAnalytics, UsageAnalytics, UsageForecast, UsageSpan},
    authenticate::Caller,
    auto_top_up::SetAutoTopUp,
    buy_credits::BuyCredits,
    change_access::{NewApiKey, NewKey},
    change_subscription::{Asked, ChangeSubscription, NewTerms},
    check_quota::{QuotaReport, Upgrade},
    circuit_breaker::CircuitBreaker,
    consume_credits::{ConsumeAnswer, ConsumeRequest, CreditDenial, TopUp},
    deliver_webhooks::envelope,
    discounts::{CheckDiscount, CheckedDiscount, NewDiscount},
    entitlement::Entitlement,
    error::{Error, Missing, Refusal},
    explain_decision::Explanation,
    extend_trial::ExtendTrial,
    give_bonus::GiveBonus,
    grant_credits::GrantCredits,
    grant_to_many::{GrantToMany, GrantedToMany},
    hold_credits::{HoldAnswer, HoldRequest, HowMuch},
    jobs::{JOBS, Job, Schedule},
    measure_usage::{MeterMetrics, NearLimit, UsageMetrics},
    open_checkout::Opened,
    preview_change::ChangePreview,
    process_webhooks::Progress,
    read_account::{CreditReport, MeterReport, Summary},
    read_collections::PaymentMetrics,
    read_invoices::{HistoryEntry, HistoryPage},
    read_trials::{TrialFigures, TrialsOfMonth, TrialsOfPlan},
    rebuild_usage::Rebuilt,
    receive_webhook::{Received, Turned},
    reconcile::Reconcile,
    record_usage::{RecordUsage, UsageAnswer},
    record_usage_batch::Tracked,
    refund_credits::RefundRequest,
    register_organization::NewOrganization,
    return_urls::ReturnUrls,
    run_job::{JobEnded, JobStands, Pace},
    start_subscription::StartSubscription,
    start_trial::StartTrial,
    tend_endpoints::{DeliveryMetrics, EndpointTerms, NewSecret, Replay, TEST_EVENT},
    tend_webhooks::Mandate,
    token::Environment,
    transfer_credits::{TransferAnswer, TransferRequest},
    webhook_metrics::{InboxCondition, WebhookMetrics},
};
use crate::{
    authenticate::KnownKeys,
    current_catalogue::CurrentCatalogue,
    known::KnownOrganizations,
    ports::{
        AccessQueries, ArchiveFolder, CatalogueQueries, Changes, Circuit, Clock, CollectionQueries,
        CreditLedger, Deliveries, EmailQueue, Facts, IdentityWebhooks, Ids, Inbox, JobStore,
        LedgerQueries, Letters, Mailbox, Mailer, MemberQueries, MoneyQueries, MovableClock,
        OrganizationQueries, Outbox, Partitions, Pass, PaymentGateway, ReconciliationQueries,
        Reconciliations, Requests, Secrets, SimulatedGateway, Store, SubscriptionQueries,
        TrialQueries, UsageArchive, UsageDays, UsageLedger, WebhookSender,
    },
    receive_webhook::TurnedAway,
};

/// The use cases, over the ports that they were given.
pub struct Billing {
    ports: Ports,
    settings: Settings,
    current_catalogue: CurrentCatalogue,
    known_keys: KnownKeys,
    known: KnownOrganizations,
    turned_away: TurnedAway,
}

/// All that the use cases need from the outside.
#[derive(Clone)]
pub struct Ports {
    /// Units of work.
    pub store: Arc<dyn Store>,
    /// The credit ledger.
    pub credits: Arc<dyn CreditLedger>,
    /// The usage ledger.
    pub usage: Arc<dyn UsageLedger>,
    /// The queue of webhooks.
    pub inbox: Arc<dyn Inbox>,
    /// What happened, for those who are told.
    pub outbox: Arc<dyn Outbox>,
    /// Outgoing webhooks.
    pub deliveries: Arc<dyn Deliveries>,
    /// The way to their receivers.
    pub webhook_sender: Arc<dyn WebhookSender>,
    /// Requests that carry a key.
    pub requests: Arc<dyn Requests>,
    /// What is on sale.
    pub catalogue: Arc<dyn CatalogueQueries>,
    /// Who is billed.
    pub organizations: Arc<dyn OrganizationQueries>,
    /// What was paid.
    pub money: Arc<dyn MoneyQueries>,
    /// What is planned for subscriptions.
    pub subscriptions: Arc<dyn SubscriptionQueries>,
    /// What our engine bills.
    pub trials: Arc<dyn TrialQueries>,
    /// The invoices whose money we take.
    pub collections: Arc<dyn CollectionQueries>,
    /// What stands in the ledgers.
    pub ledgers: Arc<dyn LedgerQueries>,
    /// Use by day.
    pub usage_days: Arc<dyn UsageDays>,
    /// Raw events of old months.
    pub usage_archive: Arc<dyn UsageArchive>,
    /// Where they are put away; nothing is without it.
    pub archive_folder: Option<Arc<dyn ArchiveFolder>>,
    /// Who may ask.
    pub access: Arc<dyn AccessQueries>,
    /// What decisions rest on.
    pub facts: Arc<dyn Facts>,
    /// The way to the other processes.
    pub changes: Arc<dyn Changes>,
    /// Who runs which job.
    pub jobs: Arc<dyn JobStore>,
    /// What we have of what gateways have.
    pub reconciling: Arc<dyn ReconciliationQueries>,
    /// The book of where the two differ.
    pub reconciliations: Arc<dyn Reconciliations>,
    /// Room for what comes.
    pub partitions: Arc<dyn Partitions>,
    /// The business clock as something that can be moved; nothing where money is real.
    pub movable_clock: Option<Arc<dyn MovableClock>>,
    /// The simulators that play gateways.
    pub simulators: Vec<Arc<dyn SimulatedGateway>>,
    /// The gateways that are switched on, the preferred one first.
    pub gateways: Vec<Arc<dyn PaymentGateway>>,
    /// What emails need.
    pub mail: MailPorts,
    /// The identity providers that are switched on.
    pub identity: Vec<Arc<dyn IdentityWebhooks>>,
    /// Who belongs to organizations.
    pub members: Arc<dyn MemberQueries>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New identities.
    pub ids: Arc<dyn Ids>,
    /// New secrets.
    pub secrets: Arc<dyn Secrets>,
}

/// All that emails need from the outside.
#[derive(Clone)]
pub struct MailPorts {
    /// The queue of emails.
    pub queue: Arc<dyn EmailQueue>,
    /// Puts letters into words.
    pub letters: Arc<dyn Letters>,
    /// Takes emails along; without one they are only kept.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// Where a sandbox keeps emails instead of sending them.
    pub mailbox: Option<Arc<dyn Mailbox>>,
}

/// Figures that an installation may set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Whether money is real; part of every API key.
    pub environment: Environment,
    /// Days of access while a payment is past due.
    pub grace_days: i64,
    /// Whether the gateway computes tax.
    pub automatic_tax: bool,
    /// Whether codes may be typed in on payment pages.
    pub promotion_codes: bool,
    /// Whether the credits of periods that are longer than a month come month by month.
    pub monthly_credits: bool,
    /// Days that raw events of use and webhooks that are done with stay at least, before they are
    /// put away.
    pub kept_days: i64,
    /// How long trials are, and how much longer they may become.
    pub trials: TrialRules,
    /// How money is tried again that did not come.
    pub dunning: DunningRules,
    /// Who sells, as it stands on invoices of ours.
    pub seller: Party,
    /// Who is written to when something needs a look.
    pub admin_emails: Vec<String>,
    /// Where customers look after their billing: emails lead there.
    pub billing_page: Option<String>,
    /// Whether each user of an identity provider gets an organization of his own.
    pub personal_organizations: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            environment: Environment::Sandbox,
            grace_days: 7,
            automatic_tax: true,
            promotion_codes: true,
            monthly_credits: true,
            kept_days: 90,
            trials: TrialRules::default(),
            dunning: DunningRules::default(),
            seller: Party::default(),
            admin_emails: Vec::new(),
            billing_page: None,
            personal_organizations: false,
        }
    }
}

impl Billing {
    /// The use cases over these ports.
    pub fn new(ports: Ports, settings: Settings) -> Self {
        let current_catalogue = CurrentCatalogue::new(ports.catalogue.clone());
        Self {
            ports,
            settings,
            current_catalogue,
            known_keys: KnownKeys::default(),
            known: KnownOrganizations::default(),
            turned_away: TurnedAway::default(),
        }
    }

    /// The requests that carry a key, for the HTTP layer.
    pub fn requests(&self) -> &dyn Requests {
        &*self.ports.requests
    }

    /// The time, for the HTTP layer.
    pub fn clock(&self) -> &dyn Clock {
        &*self.ports.clock
    }

    /// Fingerprints and random numbers, for the HTTP layer.
    pub fn secrets(&self) -> &dyn Secrets {
        &*self.ports.secrets
    }

    /// Waits while the clock of a sandbox is moved. Who books by the clock holds the pass until its
    /// last commit; where money is real there is none, and nothing to wait for.
    pub async fn enter(&self) -> Result<Option<Pass>, Error> {
        match &self.ports.movable_clock {
            Some(clock) => clock.enter().await.map(Some),
            None => Ok(None),
        }
    }

    /// Another pass for work that outlives the request which holds one.
    pub fn enter_too(&self) -> Option<Pass> {
        self.ports.movable_clock.as_ref().map(|clock| clock.enter_too())
    }

    /// The gateway of a name, or the preferred one. One that does not answer is passed over where
    /// another is left.
    fn gateway(&self, wanted: Option<Gateway>) -> Result<&dyn PaymentGateway, Error> {
        let all = self.ports.gateways.iter().map(|gateway| &**gateway);
        let mut fitting =
            all.filter(|gateway| wanted.is_none_or(|wanted| gateway.gateway() == wanted));
        let first = fitting.next().ok_or(Error::NotFound(Missing::Gateway))?;
        if is_reachable(first) {
            return Ok(first);
        }
        Ok(fitting.find(|gateway| is_reachable(*gateway)).unwrap_or(first))
    }

    /// Whether calls reach each gateway that is switched on, the preferred one first.
    pub fn circuits(&self) -> Vec<(Gateway, Circuit)> {
        self.ports.gateways.iter().map(|it| (it.gateway(), it.circuit())).collect()
    }
}

/// Whether a gateway is asked at all.
fn is_reachable(gateway: &dyn PaymentGateway) -> bool {
    match gateway.circuit() {
        Circuit::Closed | Circuit::HalfOpen => true,
        Circuit::Open { .. } => false,
    }
}
