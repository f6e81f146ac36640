//! Two and four processes on one database, of which one brings the database, and any of which is
//! killed at any moment.

use billing_embedded_postgres::EmbeddedPostgres;

use crate::{
    dice::{Dice, rounds},
    folder::Folder,
    invariants,
    load::Load,
    output::tell,
    postgres::kill_postmaster,
    process::{Server, Setup},
    sql::Sql,
};

/// So many, unless more are asked for.
const ROUNDS: usize = 2;
const CLIENTS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_and_their_database_are_killed_and_nothing_is_lost_or_done_twice() {
    servers_are_killed(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_servers_and_their_database_are_killed_and_nothing_is_lost_or_done_twice() {
    servers_are_killed(4).await;
}

/// Servers on one database. The first one brings it, and takes it along when it is killed.
struct Fleet {
    setups: Vec<Setup>,
    servers: Vec<Server>,
    folders: Vec<Folder>,
}

impl Fleet {
    async fn start(count: usize) -> Self {
        let folders: Vec<_> = (0..count).map(|_| Folder::new("fleet")).collect();
        let mut setups = vec![Setup::embedded(folders[0].path())];
        let mut servers = vec![setups[0].start().await];
        let base = folders[0].path().join("postgres");
        let url = EmbeddedPostgres::running(&base, "billing", "billing").unwrap();
        for folder in &folders[1..] {
            let setup = Setup::embedded(folder.path()).with("DATABASE_URL", &url);
            let setup = setup.argument("--sandbox");
            servers.push(setup.start().await);
            setups.push(setup);
        }
        Self { setups, servers, folders }
    }

    /// `kill -9` of one, and starts it anew.
    async fn restart(&mut self, one: usize) {
        self.servers.remove(one).kill().await;
        self.servers.insert(one, self.setups[one].start().await);
    }
}

async fn servers_are_killed(count: usize) {
    let mut dice = Dice::new(&format!("{count} servers"));
    let mut fleet = Fleet::start(count).await;
    let data = fleet.folders[0].path().join("postgres/data");
    let sql = Sql::embedded(&data);
    let load = Load::new(&fleet.servers[0].api).await;
    let rounds = rounds(ROUNDS);
    let mut killed = Vec::new();
    for round in 0..rounds {
        let begin = |(n, server): (usize, &Server)| {
            load.begin(&server.api, CLIENTS, &format!("round {round} at {n}"))
        };
        let working: Vec<_> = fleet.servers.iter().enumerate().map(begin).collect();
        load.more(usize::try_from(1 + dice.below(60)).unwrap()).await;
        // The database alone first, so that each run kills it.
        let one = if round == 0 { count } else { below(&mut dice, count + 1) };
        killed.push(one);
        if one == count {
            kill_postmaster(&data);
        } else {
            fleet.restart(one).await;
        }
        load.more(20).await;
        for clients in working {
            load.stop(clients).await;
        }
        load.settle(&fleet.servers[below(&mut dice, count)].api).await;
        load.is_in_the_ledger(&sql);
        invariants::hold(&sql);
    }
    let (done, unavailable, cut) = (load.done(), load.unavailable(), load.cut());
    tell(&format!("{count} servers, killed {killed:?} ({count} is the database)"));
    tell(&format!("{done} done, {unavailable} told to wait, {cut} cut off"));
    while let Some(server) = fleet.servers.pop() {
        server.stop().await;
    }
}

fn below(dice: &mut Dice, bound: usize) -> usize {
    usize::try_from(dice.below(u64::try_from(bound).unwrap())).unwrap()
}
