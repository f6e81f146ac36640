//! The catalogue is whole, and its examples are what they say.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::event::FieldKind;

/// What the tags of the enum are called, as they stand in its source.
fn tags() -> BTreeSet<&'static str> {
    let source = include_str!("../../event.rs");
    let tags = source.lines().filter_map(|line| line.trim().strip_prefix("#[serde(rename = \""));
    // A field of another name has no dot.
    tags.filter_map(|rest| rest.strip_suffix("\")]")).filter(|tag| tag.contains('.')).collect()
}

#[test]
fn every_event_is_in_the_catalogue() {
    let known: BTreeSet<_> = EVENT_TYPES.iter().map(|it| it.name).collect();
    assert_eq!(known, tags(), "a new event needs an entry of EVENT_TYPES, with an example");
    let names: Vec<_> = EVENT_TYPES.iter().map(|it| it.name).collect();
    assert!(names.is_sorted(), "{names:?}");
}

#[test]
fn examples_are_of_their_type() {
    for kind in EVENT_TYPES {
        let said = serde_json::to_value((kind.example)()).unwrap();
        assert_eq!(said["type"], kind.name);
        let fields: BTreeSet<_> = kind.fields.iter().map(|it| it.name.to_owned()).collect();
        let there = said["data"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(fields, there, "{}", kind.name);
        for field in kind.fields {
            let value = &said["data"][field.name];
            let fits = match field.kind {
                FieldKind::Id => value.as_str().is_some_and(|it| it.parse::<Uuid>().is_ok()),
                FieldKind::Text => value.is_string(),
                FieldKind::Instant => value.as_str().is_some_and(|it| it.ends_with('Z')),
                FieldKind::Integer => value.is_i64(),
                FieldKind::Boolean => value.is_boolean(),
                FieldKind::Money => value["amount"].is_i64() && value["currency"] == "USD",
            };
            assert!(fits || field.nullable && *value == Value::Null, "{}: {value}", field.name);
        }
    }
}
