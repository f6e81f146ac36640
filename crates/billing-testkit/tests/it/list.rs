//! No promise is forgotten.

use std::{fs, path::Path};

#[test]
fn every_promise_is_in_the_list() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let list = fs::read_to_string(sources.join("conformance.rs")).unwrap();
    let listed: Vec<_> = list.lines().map(str::trim).collect();
    let mut count = 0;
    for file in fs::read_dir(sources.join("promises")).unwrap() {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        for promise in source.lines().filter_map(|line| line.strip_prefix("pub async fn ")) {
            let name = promise.split('(').next().unwrap();
            assert!(listed.contains(&name), "{name} is not in the list of conformance.rs");
            count += 1;
        }
    }
    assert!(count > 90, "only {count} promises were found");
}
