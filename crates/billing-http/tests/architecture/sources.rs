//! Sources: how they are cut and named, and what they do not say.

use std::io::{Write as _, stderr};

use crate::workspace::{differences, none, sources};

/// What only the binary knows, and which of its files; the library beside it is the API alone.
const OF_THE_BINARY: &[(&str, &[&str])] = &[
    ("billing_clerk", &["config.rs"]),
    ("billing_embedded_postgres", &["config.rs", "database.rs", "main.rs"]),
    ("billing_notify", &["config.rs", "wiring.rs"]),
    (
        "billing_postgres",
        &["config.rs", "database.rs", "doctor.rs", "secret_keys.rs", "server.rs", "wiring.rs"],
    ),
    ("billing_sandbox", &["server.rs", "wiring.rs"]),
    ("billing_stripe", &["config.rs", "wiring.rs"]),
    ("reqwest", &["demo/backend.rs", "simulator.rs"]),
];
const BINARY: &str = "crates/billing-http/src/";

/// Where words are not said, the words, and why.
const UNSPOKEN: &[(&str, &[&str], &str)] = &[
    ("crates/billing-domain/src/", &["async", "await"], "the domain waits for nothing"),
    ("crates/billing-domain/src/", &["now_utc", "SystemTime"], "the domain is told the time"),
    ("crates/billing-domain/", &["f32", "f64"], "no float touches money"),
    ("crates/billing-app/", &["f32", "f64"], "no float touches money"),
];

/// Names that say nothing of what is inside.
const EMPTY_NAMES: &[&str] = &["common", "helpers", "misc", "models", "types", "util", "utils"];

const MOST_LINES: usize = 400;
const MANY_LINES: usize = 250;
/// Written by a tool.
const GENERATED: &str = "/schema.rs";

#[test]
fn only_the_binary_names_adapters() {
    let mut found = Vec::new();
    for (word, files) in OF_THE_BINARY {
        let sources = sources().into_iter().filter(|it| it.says(word));
        let files_there = sources.filter_map(|it| Some(it.path.strip_prefix(BINARY)?.to_owned()));
        found.extend(differences(word, &files_there.collect(), files));
    }
    none(
        &found,
        "routes ask use cases of billing-app; a part of the binary that must name an adapter is \
         written into OF_THE_BINARY",
    );
}

#[test]
fn pure_crates_leave_words_unspoken() {
    let sources = sources();
    let mut found = Vec::new();
    for (folder, words, why) in UNSPOKEN {
        for source in sources.iter().filter(|it| it.path.starts_with(folder)) {
            let said = words.iter().filter(|word| source.says(word));
            found.extend(said.map(|word| format!("{}: `{word}`, but {why}", source.path)));
        }
    }
    none(
        &found,
        "take times and ids as arguments, and count in integers or `Decimal`; what waits belongs \
         in billing-app or an adapter",
    );
}

#[test]
fn modules_are_named_for_what_they_know() {
    let mut found = Vec::new();
    for source in sources() {
        let empty = |name: &str| EMPTY_NAMES.contains(&name);
        let mut parts = source.path.trim_end_matches(".rs").split('/');
        let words: Vec<_> = source.words().collect();
        let mut pairs = words.windows(2);
        if parts.any(|part| empty(part) || part == "mod")
            || pairs.any(|pair| matches!(pair, ["mod", name] if empty(name)))
        {
            found.push(source.path);
        }
    }
    none(&found, "name a module for what it knows, and write x.rs instead of x/mod.rs");
}

#[test]
fn files_are_short() {
    let mut long: Vec<_> = sources().iter().map(|it| (it.lines(), it.path.clone())).collect();
    long.retain(|(lines, path)| *lines > MANY_LINES && !path.ends_with(GENERATED));
    long.sort_unstable_by(|one, other| other.cmp(one));
    let (too_long, questionable): (Vec<_>, Vec<_>) =
        long.into_iter().partition(|(lines, _)| *lines > MOST_LINES);
    for (lines, path) in questionable {
        // Not captured, as `println!` is: a note that nobody sees is none.
        writeln!(stderr(), "note: {path} has {lines} lines; over {MANY_LINES} is many").unwrap();
    }
    let too_long: Vec<_> =
        too_long.iter().map(|(lines, path)| format!("{path} has {lines} lines")).collect();
    none(&too_long, "cut a file of more than 400 lines where its subject changes");
}
