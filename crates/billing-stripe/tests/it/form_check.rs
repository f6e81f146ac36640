//! Reads Stripe's forms back and holds them against the schema of its requests.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A decoded form: objects, lists and texts.
pub(crate) fn decode(form: &str) -> Value {
    let mut root = Node::Branch(BTreeMap::new());
    for (name, text) in form_urlencoded::parse(form.as_bytes()) {
        root.put(&path(&name), text.into_owned());
    }
    root.into_value()
}

enum Node {
    Leaf(String),
    Branch(BTreeMap<String, Node>),
}

impl Node {
    fn put(&mut self, path: &[&str], text: String) {
        let Self::Branch(children) = self else { panic!("a text has no {path:?}") };
        match path {
            [] => panic!("a value without a name"),
            [name] => {
                let before = children.insert((*name).to_owned(), Self::Leaf(text));
                assert!(before.is_none(), "{name} is sent twice");
            }
            [name, rest @ ..] => children
                .entry((*name).to_owned())
                .or_insert_with(|| Self::Branch(BTreeMap::new()))
                .put(rest, text),
        }
    }

    fn into_value(self) -> Value {
        let children = match self {
            Self::Leaf(text) => return Value::String(text),
            Self::Branch(children) => children,
        };
        let indices: Option<BTreeMap<usize, &String>> =
            children.keys().map(|name| name.parse().ok().map(|index| (index, name))).collect();
        let is_list = |indices: BTreeMap<usize, _>| indices.into_keys().eq(0..children.len());
        if !children.is_empty() && indices.is_some_and(is_list) {
            return children.into_values().map(Self::into_value).collect();
        }
        children.into_iter().map(|(name, child)| (name, child.into_value())).collect()
    }
}

/// `a[b][0]` is `a`, `b`, `0`.
fn path(name: &str) -> Vec<&str> {
    let Some((head, rest)) = name.split_once('[') else { return vec![name] };
    let rest = rest.strip_suffix(']').unwrap_or_else(|| panic!("{name} is not closed"));
    let path: Vec<_> = std::iter::once(head).chain(rest.split("][")).collect();
    assert!(path.iter().all(|part| !part.is_empty()), "{name} has an empty part");
    path
}

/// The schema of the requests.
pub(crate) struct Schema(Value);

impl Schema {
    pub(crate) const fn new(document: Value) -> Self {
        Self(document)
    }

    pub(crate) fn version(&self) -> Option<&str> {
        self.0.get("x-stripe-api-version")?.as_str()
    }

    /// What is wrong with the parameters of an operation; nothing when the schema has no such
    /// operation.
    pub(crate) fn complaints(&self, operation: &str, form: &str) -> Option<Vec<String>> {
        let schema = self.0.get("operations")?.get(operation)?;
        let typed = self.typed(decode(form), schema);
        let complaints = self.validator(schema);
        let complaints = complaints.iter_errors(&typed);
        Some(complaints.map(|error| format!("{}: {error}", error.instance_path())).collect())
    }

    fn validator(&self, schema: &Value) -> jsonschema::Validator {
        jsonschema::validator_for(&json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": self.0.get("definitions"),
            "allOf": [schema],
        }))
        .expect("the schema is one")
    }

    /// A form knows texts only: gives them the types that the schema wants.
    fn typed(&self, value: Value, schema: &Value) -> Value {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let target = self.0.pointer(target.trim_start_matches('#')).expect("a definition");
            return self.typed(value, target);
        }
        if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
            let fits = |choice| {
                let candidate = self.typed(value.clone(), choice);
                self.validator(choice).is_valid(&candidate).then_some(candidate)
            };
            return choices.iter().find_map(fits).unwrap_or(value);
        }
        match value {
            Value::String(text) => scalar(text, schema.get("type").and_then(Value::as_str)),
            Value::Array(items) => match schema.get("items") {
                Some(schema) => items.into_iter().map(|item| self.typed(item, schema)).collect(),
                None => Value::Array(items),
            },
            Value::Object(members) => self.members(members, schema),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    fn members(&self, members: Map<String, Value>, schema: &Value) -> Value {
        let known = schema.get("properties");
        let other = schema.get("additionalProperties").filter(|schema| schema.is_object());
        let typed = members.into_iter().map(|(name, value)| {
            let schema = known.and_then(|known| known.get(&name)).or(other);
            let value = match schema {
                Some(schema) => self.typed(value, schema),
                None => value,
            };
            (name, value)
        });
        typed.collect()
    }
}

fn scalar(text: String, kind: Option<&str>) -> Value {
    let typed = match kind {
        Some("integer" | "number") => text.parse().ok().map(|number: i64| Value::from(number)),
        Some("boolean") => text.parse().ok().map(|truth: bool| Value::from(truth)),
        _ => None,
    };
    typed.unwrap_or(Value::String(text))
}

#[test]
fn forms_decode_into_objects_and_lists() {
    assert_eq!(
        decode("a=1&b[c]=x%20y&l[0][d]=2&l[1][d]=3&e[0]=f&m[7]=g&n="),
        json!({
            "a": "1", "b": {"c": "x y"}, "l": [{"d": "2"}, {"d": "3"}], "e": ["f"],
            "m": {"7": "g"}, "n": "",
        })
    );
}

#[test]
fn a_schema_finds_what_is_wrong() {
    let schema = Schema::new(json!({
        "operations": {"POST /v1/things": {"$ref": "#/definitions/Thing"}},
        "definitions": {"Thing": {
            "type": "object",
            "properties": {
                "size": {"anyOf": [{"type": "boolean"}, {"type": "integer"}]},
                "kind": {"enum": ["a", "b"]},
            },
            "additionalProperties": false,
        }},
    }));
    let complaints = |form| schema.complaints("POST /v1/things", form).map(|list| list.len());
    assert_eq!(complaints("size=3&kind=a"), Some(0));
    assert_eq!(complaints("size=true"), Some(0));
    assert_eq!(complaints("size=3x"), Some(1));
    assert_eq!(complaints("kind=c"), Some(1));
    assert_eq!(complaints("colour=red"), Some(1));
    assert_eq!(schema.complaints("POST /v1/others", ""), None);
}
