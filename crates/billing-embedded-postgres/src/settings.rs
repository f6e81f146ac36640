use std::ffi::OsString;
use std::path::Path;

/// Written into `postgresql.conf` when a cluster is made; the operator may change it there.
pub(crate) const TUNED: &str = "
# Chosen for a small machine when billing made this cluster. Change it as you like.
max_connections = 100
shared_buffers = 128MB
effective_cache_size = 1GB
max_wal_size = 1GB
wal_compression = on
random_page_cost = 1.1
jit = off
log_line_prefix = '%m [%p] '
log_timezone = 'UTC'
timezone = 'UTC'
";

/// What the supervisor relies on, so it stands on the command line, which wins over every file.
const FIXED: [&str; 4] =
    ["listen_addresses=", "port=5432", "logging_collector=off", "log_destination=stderr"];

/// A commit survives a power failure.
const SYNCED: [&str; 2] = ["fsync=on", "full_page_writes=on"];

/// A commit survives the end of every process, but no power failure.
const UNSYNCED: [&str; 7] = [
    "fsync=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "checkpoint_timeout=1h",
    "max_wal_size=512MB",
    "max_connections=300",
];

/// The arguments of `postgres`.
pub(crate) fn arguments(data: &Path, sockets: &Path, sync: bool) -> Vec<OsString> {
    let durability: &[&str] = if sync { &SYNCED } else { &UNSYNCED };
    let mut arguments: Vec<OsString> = vec!["-D".into(), data.into(), "-k".into(), sockets.into()];
    for setting in FIXED.iter().chain(durability) {
        arguments.extend(["-c".into(), setting.into()]);
    }
    arguments
}
