//! Records, changed in units of work.

mod catalogue_change;
mod collections;
mod discounts;
mod invoices;
mod pending_items;
mod trials;

use async_trait::async_trait;
use billing_domain::{
    auto_top_up::AutoTopUp,
    catalogue::{Catalogue, CreditEvent, CreditProduct, Meter, Plan},
    checkout::Checkout,
    credits::{self, CreditCommand, CreditOutcome},
    event::Event,
    gateway::{Gateway, GatewayRef},
    id::{ApiKeyId, ChangeId, CheckoutId, GrantId, OrganizationId, SubscriptionId},
    organization::{Customer, Organization},
    payment::Payment,
    subscription::{Change, ChangeRequest, Duplicate, Subscription},
    tax::TaxRate,
    usage::{Counter, CounterKey, RawUse, Recount, Tallies, UsageCommand, UsageOutcome},
};
use time::OffsetDateTime;

pub use self::{
    catalogue_change::CatalogueChange,
    collections::Collections,
    discounts::Discounts,
    invoices::Invoices,
    pending_items::PendingItems,
    trials::{Claimant, Renewals, TrialClaim, Trials},
};
use crate::{
    Error,
    ports::{ApiKey, Claim, Emails, Identities, OutboxCursors, Tried, WebhookEndpoints},
};

/// On whose behalf a unit of work runs, and so what it can see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// One organization: nothing of any other can be read or written.
    Organization(OrganizationId),
    /// Workers and webhooks, which serve many organizations.
    Engine,
    /// Administrators.
    Operator,
}

/// Keeps records.
#[async_trait]
pub trait Store: Send + Sync {
    /// Opens a unit of work.
    async fn begin(&self, scope: Scope) -> Result<Box<dyn UnitOfWork>, Error>;
}

/// All or nothing. Dropped before `commit`, it leaves no trace and no lock.
///
/// What is found is held against others until the end of the unit.
#[async_trait]
#[must_use = "a unit of work that is not committed has not happened"]
pub trait UnitOfWork: Send {
    /// Organizations and their customers.
    fn organizations(&mut self) -> &mut dyn Organizations;
    /// Checkouts.
    fn checkouts(&mut self) -> &mut dyn Checkouts;
    /// Subscriptions.
    fn subscriptions(&mut self) -> &mut dyn Subscriptions;
    /// Changes of subscriptions that somebody asked for.
    fn change_requests(&mut self) -> &mut dyn ChangeRequests;
    /// What waits for the next invoice.
    fn pending_items(&mut self) -> &mut dyn PendingItems;
    /// Subscriptions that were paid for where one is enough.
    fn duplicates(&mut self) -> &mut dyn Duplicates;
    /// Payments.
    fn payments(&mut self) -> &mut dyn Payments;
    /// Invoices and credit notes.
    fn invoices(&mut self) -> &mut dyn Invoices;
    /// How the money of our invoices is taken.
    fn collections(&mut self) -> &mut dyn Collections;
    /// Discounts and their uses.
    fn discounts(&mut self) -> &mut dyn Discounts;
    /// Auto top-ups of credits.
    fn auto_top_ups(&mut self) -> &mut dyn AutoTopUps;
    /// Trials.
    fn trials(&mut self) -> &mut dyn Trials;
    /// Renewals of subscriptions that our engine bills.
    fn renewals(&mut self) -> &mut dyn Renewals;
    /// The credit ledger.
    fn credits(&mut self) -> &mut dyn Credits;
    /// The usage ledger.
    fn usage(&mut self) -> &mut dyn Usage;
    /// The catalogue.
    fn catalogue(&mut self) -> &mut dyn Catalogues;
    /// Where products want to be told what happens, and what they are to be told.
    fn webhook_endpoints(&mut self) -> &mut dyn WebhookEndpoints;
    /// How far subscribers were told what happened.
    fn outbox(&mut self) -> &mut dyn OutboxCursors;
    /// Keys of the API.
    fn access_keys(&mut self) -> &mut dyn AccessKeys;
    /// Emails that are to be sent.
    fn emails(&mut self) -> &mut dyn Emails;
    /// What identity providers tell.
    fn identities(&mut self) -> &mut dyn Identities;
    /// Marks on webhooks.
    fn inbox(&mut self) -> &mut dyn InboxMarks;

    /// Makes all of it true at once. An `Err` means that it may or may not have happened.
    async fn commit(self: Box<Self>) -> Result<(), Error>;
}

/// Organizations and their customers at gateways.
#[async_trait]
pub trait Organizations: Send {
    /// Finds one and holds it.
    async fn find(&mut self, id: OrganizationId) -> Result<Option<Organization>, Error>;
    /// One as it is described. It is not held.
    async fn look(&mut self, id: OrganizationId) -> Result<Option<Organization>, Error>;
    /// Records a new one, with its empty accounts, and what happened.
    /// `Refused(ExternalIdTaken)` when another has its external id.
    async fn insert(&mut self, organization: &Organization, events: &[Event]) -> Result<(), Error>;
    /// Records what it is called and where it is written to, and what happened. All else stays.
    async fn describe(
        &mut self,
        organization: &Organization,
        events: &[Event],
    ) -> Result<(), Error>;
    /// The organization as a gateway knows it.
    async fn customer(
        &mut self,
        id: OrganizationId,
        gateway: Gateway,
    ) -> Result<Option<Customer>, Error>;
    /// Records a customer. The first one for an organization and gateway stays; answers with it.
    async fn link_customer(&mut self, customer: &Customer) -> Result<Customer, Error>;
    /// Whose customer that is.
    async fn by_customer(
        &mut self,
        reference: &GatewayRef,
    ) -> Result<Option<OrganizationId>, Error>;
}

/// Hosted checkouts.
#[async_trait]
pub trait Checkouts: Send {
    /// Finds one and holds it.
    async fn find(
        &mut self,
        organization: OrganizationId,
        id: CheckoutId,
    ) -> Result<Option<Checkout>, Error>;
    /// Those of an organization that are pending or open, the newest first.
    async fn unfinished(&mut self, organization: OrganizationId) -> Result<Vec<Checkout>, Error>;
    /// Those of an organization that are paid by a saved method and were asked for since then,
    /// whatever became of them. They are not held.
    async fn charged_since(
        &mut self,
        organization: OrganizationId,
        since: OffsetDateTime,
    ) -> Result<Vec<Checkout>, Error>;
    /// Whose checkout that is, by our id.
    async fn owner(&mut self, id: CheckoutId) -> Result<Option<OrganizationId>, Error>;
    /// Records one, new or changed, together with what happened.
    async fn save(&mut self, checkout: &Checkout, events: &[Event]) -> Result<(), Error>;
}

/// Subscriptions.
#[async_trait]
pub trait Subscriptions: Send {
    /// The one that a gateway bills under this id, held.
    async fn by_reference(&mut self, reference: &GatewayRef)
    -> Result<Option<Subscription>, Error>;
    /// One of an organization, by our id, held.
    async fn find(
        &mut self,
        organization: OrganizationId,
        id: SubscriptionId,
    ) -> Result<Option<Subscription>, Error>;
    /// The live one of an organization and product group, held.
    async fn live(
        &mut self,
        organization: OrganizationId,
        product_group: &str,
    ) -> Result<Option<Subscription>, Error>;
    /// Records one, new or changed, together with the change and what happened.
    /// `Conflict` when the group has another live one.
    async fn save(
        &mut self,
        subscription: &Subscription,
        change: Option<(ChangeId, &Change)>,
        events: &[Event],
    ) -> Result<(), Error>;
}

/// Changes of subscriptions that somebody asked for. One of a subscription may be pending, and one
/// scheduled.
#[async_trait]
pub trait ChangeRequests: Send {
    /// One of them, held. Who holds the subscription as well finds that first.
    async fn find(
        &mut self,
        organization: OrganizationId,
        id: ChangeId,
    ) -> Result<Option<ChangeRequest>, Error>;
    /// Those of a subscription that are pending or scheduled, the oldest first, held.
    async fn open(
        &mut self,
        organization: OrganizationId,
        subscription: SubscriptionId,
    ) -> Result<Vec<ChangeRequest>, Error>;
    /// Records one, new or changed, together with what happened.
    /// `Conflict` when another of the subscription is pending, or scheduled, as this one is.
    async fn save(&mut self, request: &ChangeRequest, events: &[Event]) -> Result<(), Error>;
}

/// Subscriptions that were paid for where one is enough.
#[async_trait]
pub trait Duplicates: Send {
    /// The one that a gateway knows under this id, held.
    async fn find(
        &mut self,
        organization: OrganizationId,
        reference: &GatewayRef,
    ) -> Result<Option<Duplicate>, Error>;
    /// Records one, new or changed, together with what happened.
    async fn save(&mut self, duplicate: &Duplicate, events: &[Event]) -> Result<(), Error>;
}

/// Payments.
#[async_trait]
pub trait Payments: Send {
    /// The one that a gateway knows under this id, held.
    async fn by_reference(&mut self, reference: &GatewayRef) -> Result<Option<Payment>, Error>;
    /// Records one, new or changed, together with what happened.
    async fn save(&mut self, payment: &Payment, events: &[Event]) -> Result<(), Error>;
}

/// Auto top-ups of credits, one for an organization at most.
#[async_trait]
pub trait AutoTopUps: Send {
    /// Finds that of an organization and holds it. Who holds a checkout that it pays as well
    /// finds this one first.
    async fn find(&mut self, organization: OrganizationId) -> Result<Option<AutoTopUp>, Error>;
    /// The credits of the organization, as committed when this is asked. They are not held.
    async fn balance(&mut self, organization: OrganizationId) -> Result<i64, Error>;
    /// Records it, new or changed, together with what happened.
    async fn save(&mut self, top_up: &AutoTopUp, events: &[Event]) -> Result<(), Error>;
}

/// The ledger's one door, inside a unit of work.
#[async_trait]
pub trait Credits: Send {
    /// Locks the account, decides, records. `NotFound(Organization)` for an unknown one.
    async fn apply(
        &mut self,
        organization: OrganizationId,
        command: &CreditCommand,
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error>;
    /// Gives credits of one organization to another: both accounts are locked at once, and both
    /// change or none. `Sent`, `Denied` or `KeyReused`; `NotFound(Organization)` for either.
    async fn transfer(
        &mut self,
        from: OrganizationId,
        send: &credits::Send,
        new_grant: &(dyn Fn() -> GrantId + Sync),
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error>;
}

/// The usage ledger's one door, inside a unit of work; and what it takes to count anew.
#[async_trait]
pub trait Usage: Send {
    /// Locks the account, decides, records. `NotFound(Organization)` for an unknown one.
    async fn apply(
        &mut self,
        organization: OrganizationId,
        command: &UsageCommand,
        now: OffsetDateTime,
    ) -> Result<UsageOutcome, Error>;
    /// Locks the account, and answers with all its counts. `NotFound(Organization)` for an unknown
    /// one.
    async fn counts(&mut self, organization: OrganizationId) -> Result<Recount, Error>;
    /// What was counted of a meter in the billing periods that began at these instants, as if they
    /// were one. It is not held: what is counted meanwhile comes next time.
    async fn counted(
        &mut self,
        organization: OrganizationId,
        meter: &Meter,
        starts: &[OffsetDateTime],
    ) -> Result<Counter, Error>;
    /// What the raw events come to that are in archives. No month is put away until the end of the
    /// unit, so that with the raw events that are still here this is all of them, once.
    async fn checkpoints(&mut self, organization: OrganizationId) -> Result<Tallies, Error>;
    /// Raw events after a number, in the order of their numbers: some of them, none at the end.
    async fn raw_uses(
        &mut self,
        organization: OrganizationId,
        after: i64,
    ) -> Result<Vec<RawUse>, Error>;
    /// Writes what counting anew found to be different.
    async fn correct(
        &mut self,
        organization: OrganizationId,
        correction: &Correction,
    ) -> Result<(), Error>;
}

/// What counting anew found to be different.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Correction {
    /// Counters, as they should be.
    pub counters: Vec<(CounterKey, Counter)>,
    /// Values that were seen, and are not remembered.
    pub missing_values: Vec<(CounterKey, String)>,
    /// Values that are remembered, and were not seen.
    pub wrong_values: Vec<(CounterKey, String)>,
}

/// The catalogue. What is there under the same key stays as it is.
#[async_trait]
pub trait Catalogues: Send {
    /// Adds a plan with its versions, prices and features.
    async fn add_plan(&mut self, plan: &Plan, position: i32) -> Result<(), Error>;
    /// Adds a pack of credits.
    async fn add_credit_product(&mut self, product: &CreditProduct) -> Result<(), Error>;
    /// Adds a credit event.
    async fn add_credit_event(&mut self, event: &CreditEvent) -> Result<(), Error>;
    /// Adds a meter.
    async fn add_meter(&mut self, meter: &Meter) -> Result<(), Error>;
    /// Adds what a country takes from a day on.
    async fn add_tax_rate(&mut self, rate: &TaxRate) -> Result<(), Error>;
    /// Records what somebody did to it.
    async fn record(&mut self, change: &CatalogueChange) -> Result<(), Error>;
    /// Everything on sale, as this unit sees it.
    async fn read(&mut self) -> Result<Catalogue, Error>;
}

/// Keys of the API.
#[async_trait]
pub trait AccessKeys: Send {
    /// Records a new key.
    async fn insert(&mut self, key: &ApiKey) -> Result<(), Error>;
    /// Ends a key; nothing when it is not there. Ending it twice changes nothing.
    async fn revoke(&mut self, id: ApiKeyId, at: OffsetDateTime) -> Result<Option<ApiKey>, Error>;
}

/// Marks on webhooks, in the same commit as their effect.
#[async_trait]
pub trait InboxMarks: Send {
    /// Records that a claimed webhook had its effect, or is ignored.
    /// `Conflict` when the claim has passed to somebody else: the whole unit must be dropped.
    async fn done(&mut self, claim: Claim, ignored: bool, tried: Tried) -> Result<(), Error>;
}
