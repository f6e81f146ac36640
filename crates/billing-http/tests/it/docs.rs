//! The written reference says what the code does.

use billing_http::codes::table;

const API: &str = include_str!("../../../../docs/API.md");

#[test]
fn the_table_of_codes_is_the_registry() {
    assert!(API.contains(&table()), "docs/API.md must contain this table:\n{}", table());
}
