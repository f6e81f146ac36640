#![doc = include_str!("../README.md")]

use std::sync::Arc;

use billing_domain::gateway::Gateway;

mod authenticate;
mod auto_top_up;
mod book_due_credits;
mod browse;
mod buy_credits;
mod change_access;
mod check_quota;
mod configure_credits;
mod consume_credits;
mod current_catalogue;
mod entitlement;
mod error;
mod explain_decision;
mod freshness;
mod gateway_facts;
mod give_bonus;
mod grant_credits;
mod grant_to_many;
mod hold_credits;
mod known;
mod link_customer;
mod memory;
mod open_checkout;
mod open_portal;
pub mod ports;
mod process_webhooks;
mod read_account;
mod rebuild_usage;
mod receive_webhook;
mod record_usage;
mod record_usage_batch;
mod refund_credits;
mod register_organization;
mod resolve_hold;
mod return_urls;
mod seed_catalogue;
mod settle;
mod start_subscription;
mod token;
mod top_up_credits;
mod transfer_credits;

pub use self::{
    authenticate::Caller,
    auto_top_up::SetAutoTopUp,
    buy_credits::BuyCredits,
    change_access::{NewApiKey, NewKey},
    check_quota::{QuotaReport, Upgrade},
    consume_credits::{ConsumeAnswer, ConsumeRequest, CreditDenial, TopUp},
    entitlement::Entitlement,
    error::{Error, Missing, Refusal},
    explain_decision::Explanation,
    give_bonus::GiveBonus,
    grant_credits::GrantCredits,
    grant_to_many::{GrantToMany, GrantedToMany},
    hold_credits::{HoldAnswer, HoldRequest, HowMuch},
    open_checkout::Opened,
    process_webhooks::Progress,
    read_account::{CreditReport, MeterReport, Summary},
    rebuild_usage::Rebuilt,
    receive_webhook::Received,
    record_usage::{RecordUsage, UsageAnswer},
    record_usage_batch::Tracked,
    refund_credits::RefundRequest,
    register_organization::NewOrganization,
    return_urls::ReturnUrls,
    start_subscription::StartSubscription,
    token::Environment,
    transfer_credits::{TransferAnswer, TransferRequest},
};
use crate::{
    authenticate::KnownKeys,
    current_catalogue::CurrentCatalogue,
    known::KnownOrganizations,
    ports::{
        AccessQueries, CatalogueQueries, Changes, Clock, CreditLedger, Facts, Ids, Inbox,
        LedgerQueries, MoneyQueries, OrganizationQueries, PaymentGateway, Requests, Secrets, Store,
        UsageLedger,
    },
};

/// The use cases, over the ports that they were given.
pub struct Billing {
    ports: Ports,
    settings: Settings,
    current_catalogue: CurrentCatalogue,
    known_keys: KnownKeys,
    known: KnownOrganizations,
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
    /// Requests that carry a key.
    pub requests: Arc<dyn Requests>,
    /// What is on sale.
    pub catalogue: Arc<dyn CatalogueQueries>,
    /// Who is billed.
    pub organizations: Arc<dyn OrganizationQueries>,
    /// What was paid.
    pub money: Arc<dyn MoneyQueries>,
    /// What stands in the ledgers.
    pub ledgers: Arc<dyn LedgerQueries>,
    /// Who may ask.
    pub access: Arc<dyn AccessQueries>,
    /// What decisions rest on.
    pub facts: Arc<dyn Facts>,
    /// The way to the other processes.
    pub changes: Arc<dyn Changes>,
    /// The gateways that are switched on, the preferred one first.
    pub gateways: Vec<Arc<dyn PaymentGateway>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New identities.
    pub ids: Arc<dyn Ids>,
    /// New secrets.
    pub secrets: Arc<dyn Secrets>,
}

/// Figures that an installation may set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            environment: Environment::Sandbox,
            grace_days: 7,
            automatic_tax: true,
            promotion_codes: true,
            monthly_credits: true,
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

    /// The gateway of a name, or the preferred one.
    fn gateway(&self, wanted: Option<Gateway>) -> Result<&dyn PaymentGateway, Error> {
        self.ports
            .gateways
            .iter()
            .find(|gateway| wanted.is_none_or(|wanted| gateway.gateway() == wanted))
            .map(|gateway| &**gateway)
            .ok_or(Error::NotFound(Missing::Gateway))
    }
}
