//! What the use cases need from the outside.
//!
//! A port belongs to the application that needs it. Its documentation is the contract that every
//! adapter and every fake keeps, and that the conformance suites of `billing-testkit` check.

mod changes;
mod clock;
mod facts;
mod gateway;
mod inbox;
mod jobs;
mod ledger;
mod partitions;
mod queries;
mod requests;
mod sandbox;
mod store;
mod usage_archive;
mod usage_days;

pub use self::{
    changes::{Change, Changes, Heard},
    clock::{Clock, Ids, Secrets},
    facts::{Facts, QuotaQuestion, Subscriber},
    gateway::{
        About, Cancellation, ChargeRequest, Charges, CheckoutItem, CheckoutRequest,
        CustomerAccounts, Delivery, Forged, GatewayError, GatewayPayments, GatewaySubscriptions,
        GoingOn, HostedCheckouts, NewCustomer, NewPrice, NewRefund, Notice, Outcome,
        PaymentGateway, PortalSessions, PreviewOf, PriceChange, Refunds, SeenCheckout,
        SeenCheckoutStatus, SeenDocument, SeenInvoice, SeenLine, SeenPayment, SeenPreview,
        SeenPrice, SeenSubscription, Unreadable, Webhooks,
    },
    inbox::{
        Claim, Claimed, Deed, FailedTry, Inbox, InboxFigures, InboxHealth, Matching, NewWebhook,
        Tried, TryOutcome, WebhookAction, WebhookDetail, WebhookFilter, WebhookRow, WebhookStatus,
        WebhookTry,
    },
    jobs::{
        AskedBy, Claimable, Ended, JobClaim, JobLease, JobRow, JobRun, JobStore, NewJob, RUNS_KEPT,
        RunId, RunOutcome,
    },
    ledger::{CreditLedger, UsageLedger},
    partitions::Partitions,
    queries::{
        AccessQueries, ApiKey, CatalogueQueries, CreditSummary, InvoiceFilter, LedgerQueries,
        MoneyQueries, OrganizationQueries, Page, Scopes, SubscriptionQueries, TrialCohort,
        TrialQueries, UnknownScope,
    },
    requests::{Answer, Begun, RequestKey, Requests},
    sandbox::{ClockMove, MovableClock, Pass, SimulatedGateway},
    store::{
        AccessKeys, AutoTopUps, Catalogues, ChangeRequests, Checkouts, Claimant, Correction,
        Credits, Duplicates, InboxMarks, Invoices, Organizations, Payments, Renewals, Scope, Store,
        Subscriptions, TrialClaim, Trials, UnitOfWork, Usage,
    },
    usage_archive::{ArchiveFolder, ArchivedMonth, Lines, NewFile, RawEvent, UsageArchive},
    usage_days::{DayOfAll, MeterDay, RolledUp, UsageDays},
};
