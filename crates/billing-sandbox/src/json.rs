//! Reading and writing fields of wire objects by dotted path.

use serde_json::{Map, Value};

/// A field that should have been there is not: a fault of ours, never of the caller.
#[derive(Debug)]
pub(crate) struct Absent(pub(crate) String);

/// Fields of a wire object, by path: `items.data.0.price.unit_amount`.
pub(crate) trait Fields {
    /// The value at a path, null where there is none.
    fn at(&self, path: &str) -> &Value;
    /// The text at a path, empty where there is none.
    fn text(&self, path: &str) -> &str;
    /// The number at a path.
    fn int(&self, path: &str) -> Result<i64, Absent>;
    /// Whether the path holds `true`.
    fn flag(&self, path: &str) -> bool;
    /// The elements at a path, none where there is no list.
    fn list(&self, path: &str) -> &[Value];
    /// Writes a value, making objects on the way where there are none.
    fn set(&mut self, path: &str, value: impl Into<Value>);
}

impl Fields for Value {
    fn at(&self, path: &str) -> &Value {
        path.split('.').fold(self, |value, part| step(value, part).unwrap_or(&Value::Null))
    }

    fn text(&self, path: &str) -> &str {
        self.at(path).as_str().unwrap_or_default()
    }

    fn int(&self, path: &str) -> Result<i64, Absent> {
        self.at(path).as_i64().ok_or_else(|| Absent(format!("{} of {}", path, self.text("id"))))
    }

    fn flag(&self, path: &str) -> bool {
        self.at(path).as_bool().unwrap_or_default()
    }

    fn list(&self, path: &str) -> &[Value] {
        self.at(path).as_array().map(Vec::as_slice).unwrap_or_default()
    }

    fn set(&mut self, path: &str, value: impl Into<Value>) {
        let mut place = self;
        for part in path.split('.') {
            place = if place.is_array() {
                let index: usize = part.parse().unwrap_or(usize::MAX);
                let Some(element) = place.get_mut(index) else { return };
                element
            } else {
                if !place.is_object() {
                    *place = Value::Object(Map::new());
                }
                let Some(object) = place.as_object_mut() else { return };
                object.entry(part).or_insert(Value::Null)
            };
        }
        *place = value.into();
    }
}

fn step<'a>(value: &'a Value, part: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => fields.get(part),
        Value::Array(elements) => elements.get(part.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_reach_through_objects_and_lists() {
        let mut object = json!({"items": {"data": [{"quantity": 1}]}});
        object.set("items.data.0.quantity", 3);
        object.set("metadata.tenant", "t1");
        assert_eq!(object.int("items.data.0.quantity").unwrap(), 3);
        assert_eq!(object.text("metadata.tenant"), "t1");
        assert_eq!(object.at("items.data.7.quantity"), &Value::Null);
        assert!(object.int("metadata.tenant").is_err());
    }
}
