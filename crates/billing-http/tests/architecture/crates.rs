//! Crates: who knows whom, and who keeps which library.

use std::{collections::BTreeSet, fs};

use cargo_metadata::{DependencyKind, Package};

use crate::workspace::{differences, none, packages, root, uses};

/// A crate, the crates it builds on, and those that only its tests use.
const CRATES: &[(&str, &[&str], &[&str])] = &[
    ("billing-app", &["billing-domain"], &["billing-testkit"]),
    ("billing-bench", &[], &[]),
    ("billing-clerk", &["billing-app", "billing-domain"], &[]),
    // Its tests use all features of it.
    ("billing-client", &[], &["billing-client"]),
    ("billing-documents", &["billing-domain"], &[]),
    ("billing-domain", &[], &[]),
    ("billing-embedded-postgres", &[], &[]),
    (
        "billing-http",
        &[
            "billing-app",
            "billing-clerk",
            "billing-documents",
            "billing-domain",
            "billing-embedded-postgres",
            "billing-notify",
            "billing-postgres",
            "billing-sandbox",
            "billing-stripe",
        ],
        &["billing-client", "billing-testkit"],
    ),
    // What stands in an email is written as on invoices, and invoices come along.
    (
        "billing-notify",
        &["billing-app", "billing-documents", "billing-domain"],
        &["billing-testkit"],
    ),
    (
        "billing-postgres",
        &["billing-app", "billing-domain"],
        &["billing-embedded-postgres", "billing-testkit"],
    ),
    ("billing-sandbox", &[], &[]),
    ("billing-stripe", &["billing-app", "billing-domain"], &["billing-sandbox", "billing-testkit"]),
    ("billing-testkit", &["billing-app", "billing-domain"], &[]),
];

/// All that the rules of billing may use.
const OF_THE_DOMAIN: &[&str] = &["rust_decimal", "serde", "thiserror", "time", "uuid"];

/// How the names of libraries begin, and the crates that keep them away from all others.
const KEEPERS: &[(&str, &[&str])] = &[
    ("actix-web", &["billing-client", "billing-http", "billing-sandbox"]),
    ("diesel", &["billing-postgres"]),
    ("harfrust", &["billing-documents"]),
    ("lettre", &["billing-notify"]),
    ("pdf-writer", &["billing-documents"]),
    (
        "reqwest",
        &["billing-client", "billing-http", "billing-notify", "billing-sandbox", "billing-stripe"],
    ),
];

/// Nowhere in the tree, at any depth; `deny.toml` has the reasons.
const FORBIDDEN: &[&str] =
    &["aws-lc-rs", "aws-lc-sys", "libpq", "native-tls", "openssl", "openssl-sys", "pq-sys", "sqlx"];

const README_LINES: usize = 40;
const README_INCLUDED: &str = "#![doc = include_str!(\"../README.md\")]";

#[test]
fn crates_know_the_crates_they_should() {
    let packages = packages();
    let names: Vec<_> = CRATES.iter().map(|(name, ..)| *name).collect();
    let mut found = differences("workspace", &named(&packages, |_| true), &names);
    for (name, known, known_to_tests) in CRATES {
        let Some(package) = packages.iter().find(|it| it.name.as_str() == *name) else { continue };
        for (kind, table) in
            [(DependencyKind::Normal, *known), (DependencyKind::Development, *known_to_tests)]
        {
            let mut there = uses(package, kind);
            there.retain(|name| name.starts_with("billing-"));
            found.extend(differences(&format!("{name} ({kind})"), &there, table));
        }
    }
    none(
        &found,
        "dependencies point to the domain, and adapters never know one another; an edge that is \
         right is written into CRATES",
    );
}

#[test]
fn the_domain_builds_on_little() {
    let domain = packages().into_iter().find(|it| it.name.as_str() == "billing-domain").unwrap();
    let there = uses(&domain, DependencyKind::Normal);
    none(
        &differences("billing-domain", &there, OF_THE_DOMAIN),
        "rules need values alone; what needs a library goes behind a port of billing-app",
    );
}

#[test]
fn libraries_stay_with_their_keepers() {
    let kinds = [DependencyKind::Normal, DependencyKind::Development, DependencyKind::Build];
    let mut found = Vec::new();
    for (library, keepers) in KEEPERS {
        let keeps = |package: &Package| {
            kinds.iter().flat_map(|kind| uses(package, *kind)).any(|it| it.starts_with(library))
        };
        found.extend(differences(library, &named(&packages(), keeps), keepers));
    }
    none(
        &found,
        "use a library through the crate that keeps it; a keeper that is right is written into \
         KEEPERS",
    );
}

#[test]
fn forbidden_packages_are_nowhere() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let locked = lock.lines().filter_map(|line| line.strip_prefix("name = "));
    let locked = locked.map(|name| name.trim_matches('"'));
    let found: Vec<_> = locked.filter(|name| FORBIDDEN.contains(name)).collect();
    none(
        &found,
        "`cargo tree --workspace -i <package>` says who brings it; switch that feature off, or \
         choose another library",
    );
}

#[test]
fn every_crate_begins_with_a_short_readme() {
    let mut found = Vec::new();
    for package in packages() {
        let (name, folder) = (&package.name, package.manifest_path.parent().unwrap());
        match fs::read_to_string(folder.join("README.md")).map(|text| text.lines().count()) {
            Ok(lines) if lines <= README_LINES => {}
            Ok(lines) => found.push(format!("{name}: README.md has {lines} lines")),
            Err(_) => found.push(format!("{name}: README.md is missing")),
        }
        let target = package.targets.iter().find(|it| it.is_lib()).or(package.targets.first());
        let source = fs::read_to_string(&target.unwrap().src_path).unwrap();
        if !source.starts_with(README_INCLUDED) {
            found.push(format!("{name}: README.md is not its documentation"));
        }
    }
    none(
        &found,
        "say in at most 40 lines what the crate is for and what holds in it, and begin lib.rs \
         (main.rs where there is none) with #![doc = include_str!(\"../README.md\")]",
    );
}

fn named(packages: &[Package], which: impl Fn(&Package) -> bool) -> BTreeSet<String> {
    packages.iter().filter(|it| which(it)).map(|it| it.name.to_string()).collect()
}
