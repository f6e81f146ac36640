//! A database for each test: a copy of a migrated template, in the cluster that all tests share.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use billing_embedded_postgres::shared_cluster;
use billing_postgres::{
    Database, PoolSettings, create_database, create_login, drop_database, grant_roles,
};
use billing_testkit::NOON;

const LOGIN: &str = "billing";

/// A database that goes when it is dropped.
pub(crate) struct Scratch {
    /// Leads to it, as the product's login.
    pub(crate) url: String,
    /// Leads to it, as a superuser, past row-level security.
    pub(crate) admin_url: String,
    name: String,
}

impl Scratch {
    /// A fresh database with the current schema.
    pub(crate) async fn new() -> Self {
        let cluster = tokio::task::spawn_blocking(shared_cluster).await.unwrap().unwrap();
        let admin_url = cluster.url("postgres", "postgres");
        let template = format!("billing_template_{:x}", schema_fingerprint());
        let name = a_name();
        drop_database(&admin_url, &name).await.unwrap();
        if create_database(&admin_url, &name, LOGIN, Some(&template)).await.is_err() {
            make_template(&admin_url, &cluster.url(&template, LOGIN), &template).await;
            create_database(&admin_url, &name, LOGIN, Some(&template)).await.unwrap();
        }
        let url = cluster.url(&name, LOGIN);
        Self { url, admin_url: cluster.url(&name, "postgres"), name }
    }

    /// A pool on it.
    pub(crate) fn database(&self) -> Database {
        Database::new(&self.url, PoolSettings::default()).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let (name, admin_url) = (self.name.clone(), self.admin_url.replace(&self.name, "postgres"));
        let gone = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(drop_database(&admin_url, &name))
        });
        drop(gone.join());
    }
}

/// Made once for all test processes: they take turns by a lock file.
async fn make_template(admin_url: &str, url: &str, template: &str) {
    let cluster = shared_cluster().unwrap();
    let turn = fs::File::create(cluster.socket_dir().join("template.lock")).unwrap();
    turn.lock().unwrap();
    let half = format!("{template}_new");
    drop_database(admin_url, &half).await.unwrap();
    create_login(admin_url, LOGIN).await.unwrap();
    create_database(admin_url, &half, LOGIN, None).await.unwrap();
    let database = Database::new(&url.replace(template, &half), PoolSettings::default()).unwrap();
    grant_roles(&database).await.unwrap();
    database.migrate().await.unwrap();
    database.ensure_partitions(NOON).await.unwrap();
    drop(database);
    // Whoever was first has made it; a second copy changes nothing.
    create_database(admin_url, template, LOGIN, Some(&half)).await.unwrap();
    drop_database(admin_url, &half).await.unwrap();
}

fn schema_fingerprint() -> u64 {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let mut folders: Vec<_> = fs::read_dir(root).unwrap().map(|it| it.unwrap().path()).collect();
    folders.sort();
    let mut hasher = DefaultHasher::new();
    for folder in folders {
        fs::read(folder.join("up.sql")).ok().hash(&mut hasher);
    }
    hasher.finish()
}

/// One that no other running test has.
fn a_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("t_{}_{count}", std::process::id())
}
