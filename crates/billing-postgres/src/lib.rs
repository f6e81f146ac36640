#![doc = include_str!("../README.md")]

mod access;
mod auto_top_ups;
mod catalogue;
mod change_requests;
mod changes;
mod checkouts;
mod collections;
mod credits;
mod database;
mod deliveries;
mod discounts;
mod door;
mod duplicates;
mod emails;
mod error;
mod facts;
mod identities;
mod inbox;
mod installation;
mod invariants;
mod invoices;
mod jobs;
mod migrate;
mod organizations;
mod outbox;
mod partitions;
mod payments;
mod pending_items;
mod queries;
mod reader;
mod reconciliations;
mod renewals;
mod requests;
mod roles;
mod sandbox_clock;
mod schema;
mod session;
mod statement;
mod subscriptions;
mod trial_queries;
mod trials;
mod unit_of_work;
mod usage;
mod usage_archive;
mod usage_days;
mod writer;

pub use self::{
    changes::PostgresChanges,
    credits::CreditWriters,
    database::{Database, PoolSettings},
    emails::PostgresMailbox,
    facts::FactReaders,
    inbox::PostgresInbox,
    installation::Mode,
    invariants::{INVARIANTS, Violation},
    roles::{create_database, create_login, drop_database, grant_roles},
    sandbox_clock::SandboxClock,
    usage::UsageWriters,
};
