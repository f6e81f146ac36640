//! What the use cases need from the outside.
//!
//! A port belongs to the application that needs it. Its documentation is the contract that every
//! adapter and every fake keeps, and that the conformance suites of `billing-testkit` check.

mod changes;
mod clock;
mod facts;
mod gateway;
mod inbox;
mod ledger;
mod queries;
mod requests;
mod store;

pub use self::{
    changes::{Change, Changes, Heard},
    clock::{Clock, Ids, Secrets},
    facts::{Facts, QuotaQuestion, Subscriber},
    gateway::{
        About, ChargeRequest, Charges, CheckoutItem, CheckoutRequest, CustomerAccounts, Delivery,
        Forged, GatewayError, GatewayPayments, GatewaySubscriptions, HostedCheckouts, NewCustomer,
        Notice, PaymentGateway, PortalSessions, SeenCheckout, SeenCheckoutStatus, SeenInvoice,
        SeenPayment, SeenPrice, SeenSubscription, Unreadable, Webhooks,
    },
    inbox::{Claim, Claimed, Inbox, InboxHealth, NewWebhook, WebhookRow, WebhookStatus},
    ledger::{CreditLedger, UsageLedger},
    queries::{
        AccessQueries, ApiKey, CatalogueQueries, CreditSummary, LedgerQueries, MoneyQueries,
        OrganizationQueries, Page, Scopes, UnknownScope,
    },
    requests::{Answer, Begun, RequestKey, Requests},
    store::{
        AccessKeys, AutoTopUps, Catalogues, Checkouts, Correction, Credits, InboxMarks,
        Organizations, Payments, Scope, Store, Subscriptions, UnitOfWork, Usage,
    },
};
