use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use rustix::process::{Signal, geteuid, kill_process};

use crate::keeper::{Place, User, say};

#[test]
fn it_starts_from_nothing_and_keeps_data_over_a_restart() {
    for user in User::all() {
        let mut place = Place::new("restart", user);
        let begun = Instant::now();
        let keeper = place.start();
        place.answering();
        let cold = begun.elapsed();
        place.query("CREATE TABLE kept AS SELECT 7 AS n");
        assert!(place.stop(keeper).success());
        assert!(!place.data().join("postmaster.pid").exists());

        let begun = Instant::now();
        let keeper = place.start();
        place.answering();
        say(&format!("{user:?}: cold start {cold:?}, restart {:?}", begun.elapsed()));
        assert_eq!(place.query("SELECT n FROM kept"), ["7"]);
        assert!(place.stop(keeper).success());
    }
}

#[test]
fn it_is_durable_and_reached_through_its_socket_only() {
    let place = Place::new("settings", User::Ourselves);
    let _keeper = place.start();
    let sockets = place.answering();

    let shown = |name| place.query(&format!("SHOW {name}"));
    assert_eq!(shown("fsync"), ["on"]);
    assert_eq!(shown("synchronous_commit"), ["on"]);
    assert_eq!(shown("listen_addresses"), [""]);
    assert_eq!(shown("jit"), ["off"]);
    assert_eq!(place.query("SELECT lower('É')"), ["é"]);
    assert_eq!(mode(&sockets), 0o700);
    assert_eq!(mode(&place.data()), 0o700);
    assert_eq!(mode(&place.base.join("postgres.log")), 0o600);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    for user in User::all() {
        let place = Place::new("second", user);
        let keeper = place.start();
        place.answering();

        let second = place.command().output().unwrap();
        let said = String::from_utf8(second.stderr).unwrap();
        assert!(!second.status.success());
        let holder = format!("process {}", keeper.pid());
        for part in [place.base.to_str().unwrap(), &holder, "BILLING_DATA_DIR", "DATABASE_URL"] {
            assert!(said.contains(part), "{part} is missing in: {said}");
        }
        assert_eq!(place.query("SELECT 1"), ["1"]);
    }
}

#[test]
fn a_directory_with_a_long_path_works() {
    let long = format!("long-{}", "x".repeat(100));
    for user in User::all() {
        let mut place = Place::new(&long, user);
        let keeper = place.start();
        let sockets = place.answering();

        assert!(!sockets.starts_with(&place.base));
        assert!(sockets.starts_with(env::temp_dir()));
        assert_eq!(mode(&sockets), 0o700);
        assert!(place.stop(keeper).success());
        fs::remove_dir(sockets).unwrap();
    }
}

#[test]
fn a_terminated_parent_takes_postgres_along() {
    let place = Place::new("terminated", User::Ourselves);
    let mut keeper = place.start();
    place.answering();

    kill_process(keeper.pid(), Signal::TERM).unwrap();
    keeper.child.wait().unwrap();
    place.is_deserted();
}

#[test]
fn a_directory_closed_to_postgres_is_named() {
    if !geteuid().is_root() {
        return say("not tried: only root runs PostgreSQL as somebody else");
    }
    let place = Place::new("closed", User::Ourselves);
    let closed = place.base.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();

    let output = User::Ourselves.command().arg(closed.join("base")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(said.contains(&format!("cannot enter {}:", closed.display())), "{said}");
}
