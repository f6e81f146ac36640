#![doc = include_str!("../README.md")]

mod options;

mod embedded;
mod supervisor;

mod account;
mod home;
mod sockets;

mod source;

mod cluster;
mod leftovers;
mod settings;

mod pid_file;
mod postmaster;
mod server_log;
mod stage;
mod url;

mod shared;

pub use embedded::EmbeddedPostgres;
pub use home::default_base;
pub use options::{Event, Options, Source};
pub use shared::{SharedCluster, keep_while_used, shared_cluster};
pub use stage::become_postgres_if_asked;
