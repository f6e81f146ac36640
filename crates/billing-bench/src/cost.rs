//! What a load costs: the time of processors by process, and bytes of write-ahead log.

use std::process;

use crate::{
    cluster::Cluster,
    machine::{Used, busy, children, used},
};

/// Where to look.
#[derive(Clone)]
pub(crate) struct Watch<'a> {
    /// The servers.
    pub(crate) servers: Vec<u32>,
    /// The database under them.
    pub(crate) cluster: Option<&'a Cluster>,
}

/// What was used.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cost {
    /// By the servers, in microseconds.
    pub(crate) server_us: Option<u64>,
    /// By PostgreSQL, in microseconds.
    pub(crate) database_us: Option<u64>,
    /// By ourselves and the programs that we ran, in microseconds.
    pub(crate) generator_us: Option<u64>,
    /// Bytes of write-ahead log.
    pub(crate) wal_bytes: Option<u64>,
    /// By all processes of the machine, in microseconds.
    pub(crate) busy_us: Option<u64>,
    /// What all processors could have done, in microseconds.
    pub(crate) all_us: Option<u64>,
}

impl Watch<'_> {
    /// All that was used up to now.
    pub(crate) async fn read(&self) -> Cost {
        let servers: Option<Vec<Used>> = self.servers.iter().map(|pid| used(*pid)).collect();
        let servers = servers.filter(|all| !all.is_empty());
        // A connection that has ended is in the sum of its parent.
        let database = self.cluster.and_then(|cluster| {
            let connections = children(cluster.pid).into_iter().filter_map(used);
            let own: u64 = connections.map(|it| it.own_us).sum();
            Some(own + used(cluster.pid)?.with_ended_us)
        });
        let wal_bytes = match self.cluster {
            Some(cluster) => {
                let query = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn";
                cluster.number(query).await.ok()
            }
            None => None,
        };
        let (busy_us, all_us) = busy().unzip();
        Cost {
            busy_us,
            all_us,
            server_us: servers.map(|all| all.iter().map(|it| it.own_us).sum()),
            database_us: database,
            generator_us: used(process::id()).map(|it| it.with_ended_us),
            wal_bytes,
        }
    }
}

impl Cost {
    /// What was used since.
    pub(crate) fn since(self, before: Self) -> Self {
        let less = |now: Option<u64>, then: Option<u64>| Some(now?.saturating_sub(then?));
        Self {
            server_us: less(self.server_us, before.server_us),
            database_us: less(self.database_us, before.database_us),
            generator_us: less(self.generator_us, before.generator_us),
            wal_bytes: less(self.wal_bytes, before.wal_bytes),
            busy_us: less(self.busy_us, before.busy_us),
            all_us: less(self.all_us, before.all_us),
        }
    }

    /// How many hundredths of the processors others used: the less, the more the figures say.
    /// Nothing where the database is not known, which would be one of them.
    pub(crate) fn others_percent(self) -> Option<u64> {
        self.database_us?;
        let ours = [self.server_us, self.database_us, self.generator_us];
        let ours: u64 = ours.into_iter().flatten().sum();
        (self.busy_us?.saturating_sub(ours) * 100).checked_div(self.all_us?)
    }
}
