#![doc = include_str!("../README.md")]

mod access;
mod catalogue;
mod checkouts;
mod credits;
mod database;
mod error;
mod inbox;
mod installation;
mod invariants;
mod migrate;
mod organizations;
mod partitions;
mod payments;
mod queries;
mod requests;
mod roles;
mod schema;
mod session;
mod statement;
mod subscriptions;
mod unit_of_work;
mod usage;
mod writer;

pub use self::{
    credits::CreditWriters,
    database::{Database, PoolSettings},
    installation::Mode,
    invariants::{INVARIANTS, Violation},
    roles::{create_database, create_login, drop_database, grant_roles},
    usage::UsageWriters,
};
