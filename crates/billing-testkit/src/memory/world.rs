//! Everything that is kept.

use std::collections::{BTreeMap, BTreeSet};

use billing_app::{
    Error, Missing,
    ports::{
        ApiKey, CatalogueChange, FoundDifference, OutboxPlace, Posted, Reconciliation, RequestKey,
        TrialClaim,
    },
};
use billing_domain::{
    auto_top_up::AutoTopUp,
    catalogue::{Catalogue, Plan},
    checkout::Checkout,
    collection::Collection,
    credits::{CreditCommand, CreditOutcome, Send},
    discount::{Discount, Redemption},
    event::Event,
    id::{
        ApiKeyId, ChangeId, CheckoutId, CreditNoteId, DeliveryId, DifferenceId, DiscountId,
        EmailId, EndpointId, EventId, GrantId, InvoiceId, OrganizationId, PaymentId, PendingItemId,
        ReconciliationId, SubscriptionId, WebhookId,
    },
    identity::{Identity, IdentityRef, Member},
    invoice::{CreditNote, Invoice, PendingItem, Series},
    organization::{Customer, Organization},
    payment::Payment,
    renewal::Renewal,
    subscription::{Change, ChangeRequest, Duplicate, Subscription},
    trial::Trial,
    usage::{UsageCommand, UsageOutcome},
    webhook_endpoint::WebhookEndpoint,
};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::{
    accounts::{CreditBook, UsageBook},
    deliveries::KeptDelivery,
    emails::KeptEmail,
    inbox::Kept,
    jobs::KeptJob,
    requests::Asked,
};

/// Everything that is kept.
#[derive(Clone, Default)]
pub(super) struct World {
    pub(super) organizations: BTreeMap<OrganizationId, Organization>,
    pub(super) customers: Vec<Customer>,
    pub(super) checkouts: BTreeMap<CheckoutId, Checkout>,
    pub(super) subscriptions: BTreeMap<SubscriptionId, Subscription>,
    pub(super) changes: Vec<(SubscriptionId, Change)>,
    pub(super) requested: BTreeMap<ChangeId, ChangeRequest>,
    pub(super) duplicates: Vec<Duplicate>,
    pub(super) pending_items: BTreeMap<PendingItemId, PendingItem>,
    pub(super) payments: BTreeMap<PaymentId, Payment>,
    pub(super) invoices: BTreeMap<InvoiceId, Invoice>,
    pub(super) collections: BTreeMap<InvoiceId, Collection>,
    pub(super) credit_notes: BTreeMap<CreditNoteId, CreditNote>,
    pub(super) numbers: BTreeMap<(Series, i32), i64>,
    pub(super) top_ups: BTreeMap<OrganizationId, AutoTopUp>,
    pub(super) trials: BTreeMap<OrganizationId, Trial>,
    pub(super) trial_claims: BTreeMap<TrialClaim, OrganizationId>,
    pub(super) renewals: BTreeMap<SubscriptionId, Renewal>,
    pub(super) events: Vec<Event>,
    pub(super) told_of_credits: Vec<Event>,
    pub(super) cursors: BTreeMap<&'static str, OutboxPlace>,
    pub(super) catalogue: Shelf,
    pub(super) catalogue_changes: Vec<CatalogueChange>,
    pub(super) discounts: BTreeMap<DiscountId, Discount>,
    pub(super) redemptions: BTreeMap<CheckoutId, Redemption>,
    pub(super) keys: BTreeMap<ApiKeyId, ApiKey>,
    pub(super) credits: BTreeMap<OrganizationId, CreditBook>,
    pub(super) usage: BTreeMap<OrganizationId, UsageBook>,
    pub(super) webhooks: BTreeMap<WebhookId, Kept>,
    pub(super) emails: BTreeMap<EmailId, KeptEmail>,
    pub(super) mailbox: BTreeMap<EmailId, Posted>,
    pub(super) users: BTreeMap<IdentityRef, Identity>,
    pub(super) identified: BTreeMap<IdentityRef, Identity>,
    pub(super) members: BTreeMap<(OrganizationId, IdentityRef), Member>,
    pub(super) endpoints: BTreeMap<EndpointId, WebhookEndpoint>,
    pub(super) deliveries: BTreeMap<DeliveryId, KeptDelivery>,
    pub(super) fences: u128,
    pub(super) requests: BTreeMap<RequestKey, Asked>,
    pub(super) archived: BTreeSet<Date>,
    pub(super) files: BTreeMap<String, String>,
    pub(super) reconciliations: BTreeMap<ReconciliationId, Reconciliation>,
    pub(super) differences: BTreeMap<DifferenceId, FoundDifference>,
    pub(super) jobs: BTreeMap<String, KeptJob>,
    pub(super) partitions: Vec<OffsetDateTime>,
}

/// The catalogue, with the position of each plan.
#[derive(Clone, Default)]
pub(super) struct Shelf {
    pub(super) plans: Vec<(i32, Plan)>,
    pub(super) rest: Catalogue,
}

impl World {
    pub(super) fn apply_credits(
        &mut self,
        organization: OrganizationId,
        command: &CreditCommand,
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error> {
        let book = self.credits.get_mut(&organization).ok_or_else(unknown_organization)?;
        let before = book.told.len();
        let outcome = book.apply(command, now);
        for (at, what) in book.told.iter().skip(before) {
            self.fences += 1;
            let id = EventId(Uuid::from_u128(self.fences));
            let (at, what) = (*at, what.clone());
            self.told_of_credits.push(Event { id, organization_id: organization, at, what });
        }
        Ok(outcome)
    }

    pub(super) fn transfer_credits(
        &mut self,
        from: OrganizationId,
        send: &Send,
        new_grant: &dyn Fn() -> GrantId,
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error> {
        if !self.credits.contains_key(&send.to) {
            return Err(unknown_organization());
        }
        let outcome = self.apply_credits(from, &CreditCommand::Send(send.clone()), now)?;
        if let CreditOutcome::Sent(sent) = &outcome {
            for grant in sent.grants(new_grant, now) {
                self.apply_credits(send.to, &CreditCommand::Grant(grant), now)?;
            }
        }
        Ok(outcome)
    }

    pub(super) fn apply_usage(
        &mut self,
        organization: OrganizationId,
        command: &UsageCommand,
        now: OffsetDateTime,
    ) -> Result<UsageOutcome, Error> {
        let book = self.usage.get_mut(&organization).ok_or_else(unknown_organization)?;
        let (outcome, events) = book.apply(command, now);
        self.events.extend(events);
        Ok(outcome)
    }
}

impl Shelf {
    /// Everything on sale, in the order in which it is shown.
    pub(super) fn read(&self) -> Catalogue {
        let mut plans = self.plans.clone();
        plans.sort_by_key(|(position, _)| *position);
        let mut catalogue = self.rest.clone();
        catalogue.plans = plans.into_iter().map(|(_, plan)| plan).collect();
        catalogue.credit_products.sort_by_key(|product| product.credits);
        catalogue.credit_events.sort_by(|a, b| a.name.cmp(&b.name));
        catalogue.meters.sort_by(|a, b| a.key.cmp(&b.key));
        catalogue.tax_rates.sort_by_key(|rate| (rate.country, rate.valid_from));
        catalogue
    }

    pub(super) fn fill(&mut self, mut catalogue: Catalogue) {
        self.plans = (0..).zip(core::mem::take(&mut catalogue.plans)).collect();
        self.rest = catalogue;
    }
}

pub(super) fn unknown_organization() -> Error {
    Error::NotFound(Missing::Organization)
}
