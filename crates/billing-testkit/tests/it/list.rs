//! No promise is forgotten.

use std::{fs, path::Path};

#[test]
fn every_promise_is_in_the_list() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lists = ["conformance.rs", "conformance/gateway.rs"];
    let lists = lists.map(|file| fs::read_to_string(sources.join(file)).unwrap());
    let listed: Vec<_> = lists.iter().flat_map(|list| list.lines()).map(str::trim).collect();
    let mut count = 0;
    for file in fs::read_dir(sources.join("promises")).unwrap() {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        for promise in source.lines().filter_map(|line| line.strip_prefix("pub async fn ")) {
            let name = promise.split('(').next().unwrap();
            assert!(listed.contains(&name), "{name} is not in the lists of conformance");
            count += 1;
        }
    }
    assert!(count > 90, "only {count} promises were found");
}
