//! The adapter against recorded shapes, the published request schema, and a server that plays.

mod form_check;
mod server;
mod shop;
mod specs;

mod changes;
mod charges;
mod checkouts;
mod events;
mod invoices;
mod payments;
mod promises;
mod requests;
mod retries;
mod sandbox;
mod signatures;
mod starting;
mod subscriptions;
