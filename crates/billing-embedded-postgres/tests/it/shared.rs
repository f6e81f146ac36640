use std::env;
use std::process::{Command, Stdio};

use billing_embedded_postgres::shared_cluster;

use crate::query::query;

#[test]
fn the_cluster_answers() {
    let cluster = shared_cluster().unwrap();

    assert_eq!(query(cluster.socket_dir(), "SHOW fsync").unwrap(), ["off"]);
    assert!(cluster.url("postgres", "postgres").starts_with("postgresql://postgres@%2F"));
}

#[test]
fn processes_that_start_together_share_it() {
    let one = || {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "shared::the_cluster_answers"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    for mut process in [one(), one(), one(), one()] {
        assert!(process.wait().unwrap().success());
    }
}
