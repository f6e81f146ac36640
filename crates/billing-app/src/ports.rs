//! What the use cases need from the outside.
//!
//! A port belongs to the application that needs it. Its documentation is the contract that every
//! adapter and every fake keeps, and that the conformance suites of `billing-testkit` check.

mod changes;
mod clock;
mod collections;
mod deliveries;
mod emails;
mod facts;
mod gateway;
mod identity;
mod inbox;
mod jobs;
mod ledger;
mod outbox;
mod partitions;
mod queries;
mod reconciliations;
mod requests;
mod sandbox;
mod store;
mod usage_archive;
mod usage_days;

pub use self::{
    changes::{Change, Changes, Heard},
    clock::{Clock, Ids, Secrets},
    collections::{
        CollectionQueries, CurrencyFigures, FailedPayment, FailedStatus, PaymentFigures, Tally,
    },
    deliveries::{
        ClaimedDelivery, Deliveries, DeliveryAttempt, DeliveryClaim, DeliveryEnd, DeliveryFigures,
        DeliveryFilter, DeliveryRoom, DeliveryRow, DeliveryStatus, EndedDelivery, NewDelivery,
        NotSent, OutgoingWebhook, WebhookAnswer, WebhookEndpoints, WebhookSender,
    },
    emails::{
        Addressee, Attachment, ClaimedEmail, EmailAction, EmailClaim, EmailDetail, EmailFilter,
        EmailHealth, EmailQueue, EmailRow, EmailStatus, EmailTry, Emails, FailedEmail, Letters,
        MailError, Mailbox, Mailer, Message, NewEmail, Posted, Written,
    },
    facts::{Facts, QuotaQuestion, Subscriber},
    gateway::{
        About, Cancellation, ChargeRequest, Charges, CheckoutItem, CheckoutRequest, Circuit,
        CouponLasts, Coupons, CustomerAccounts, Delivery, Forged, GatewayError, GatewayPayments,
        GatewaySubscriptions, GoingOn, HostedCheckouts, Listed, ListedPage, Listings, NewCoupon,
        NewCustomer, NewPrice, NewRefund, Notice, Outcome, PaymentGateway, PortalSessions,
        PreviewOf, PriceChange, Refunds, SeenCheckout, SeenCheckoutStatus, SeenDocument,
        SeenInvoice, SeenLine, SeenPayment, SeenPreview, SeenPrice, SeenSubscription, Sighting,
        Unreadable, Webhooks,
    },
    identity::{Identities, IdentityWebhooks, MemberQueries, News, Told},
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
    outbox::{
        EventSubscriber, Happened, Outbox, OutboxBatch, OutboxCursors, OutboxLag, OutboxPlace,
        ToldEvent,
    },
    partitions::Partitions,
    queries::{
        AccessQueries, ApiKey, CatalogueQueries, CreditSummary, InvoiceFilter, LedgerQueries,
        MoneyQueries, OrganizationQueries, Page, Scopes, SubscriptionQueries, TrialCohort,
        TrialQueries, UnknownScope,
    },
    reconciliations::{
        DifferenceFilter, DifferenceStatus, Extent, FoundDifference, Known, Look, NewDifference,
        NewReconciliation, Reconciliation, ReconciliationEnd, ReconciliationQueries,
        ReconciliationTally, Reconciliations, UnknownDifferenceStatus, Wanted,
    },
    requests::{Answer, Begun, RequestKey, Requests},
    sandbox::{ClockMove, MovableClock, Pass, SimulatedGateway},
    store::{
        AccessKeys, AutoTopUps, CatalogueChange, Catalogues, ChangeRequests, Checkouts, Claimant,
        Collections, Correction, Credits, Discounts, Duplicates, InboxMarks, Invoices,
        Organizations, Payments, PendingItems, Renewals, Scope, Store, Subscriptions, TrialClaim,
        Trials, UnitOfWork, Usage,
    },
    usage_archive::{ArchiveFolder, ArchivedMonth, Lines, NewFile, RawEvent, UsageArchive},
    usage_days::{DayOfAll, MeterDay, RolledUp, UsageDays},
};
