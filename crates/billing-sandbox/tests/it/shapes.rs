//! Goal: what the sandbox shows has the shape of the gateway's own examples.
//! Method: play a story that makes an object of every kind, then compare each top-level field
//! with the example of that kind: the same kind of JSON value, or null on either side.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

use crate::scene::{DAY, Scene};

/// The folder of wire facts, where this machine has one.
#[expect(clippy::print_stderr, reason = "a skipped test has to say so")]
fn specs() -> Option<std::path::PathBuf> {
    let mut places = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = places.find_map(|place| {
        let specs = place.join("shared/specs");
        specs.join("SOURCES.md").is_file().then_some(specs)
    });
    if found.is_none() {
        eprintln!("SKIPPED: shared/specs not found, shapes not compared");
    }
    found
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// Every object anywhere in a value that says what it is.
fn collect(value: &Value, into: &mut BTreeMap<String, Vec<Value>>) {
    match value {
        Value::Object(fields) => {
            if let Some(name) = fields.get("object").and_then(Value::as_str) {
                into.entry(name.to_owned()).or_default().push(value.clone());
            }
            fields.values().for_each(|inner| collect(inner, into));
        }
        Value::Array(elements) => elements.iter().for_each(|inner| collect(inner, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn every_object_has_the_shape_of_its_example() {
    let Some(specs) = specs() else { return };
    let text = std::fs::read_to_string(specs.join("stripe/fixtures3.2026-08.json")).unwrap();
    let examples: Value = serde_json::from_str(&text).unwrap();
    let scene = Scene::new().await;
    let session = scene.monthly_checkout("&automatic_tax[enabled]=true").await;
    scene.complete(&session, "insufficient_funds").await;
    let done = scene.complete(&session, "success").await;
    scene.monthly_checkout("&subscription_data[trial_period_days]=9").await;
    let customer = done["customer"].as_str().unwrap();
    scene.post("/v1/billing_portal/sessions", &format!("customer={customer}")).await;
    let intent = done["payment_intent"].as_str().unwrap();
    scene.post("/v1/refunds", &format!("payment_intent={intent}&amount=1")).await;
    let form = "name=Ann&address[country]=EG&shipping[name]=Ann&shipping[address][city]=Cairo";
    scene.post(&format!("/v1/customers/{customer}"), form).await;
    scene.move_to(40 * DAY);

    let mut found = BTreeMap::new();
    collect(&scene.get("/sandbox/state").await, &mut found);
    collect(&scene.get("/v1/invoice_payments").await, &mut found);
    let methods = format!("/v1/customers/{customer}/payment_methods");
    collect(&scene.get(&methods).await, &mut found);
    let items = format!("/v1/checkout/sessions/{}/line_items", session["id"].as_str().unwrap());
    collect(&scene.get(&items).await, &mut found);
    found.remove("list");

    let mut wrong = Vec::new();
    for (name, objects) in &found {
        let Some(example) = examples["resources"][name].as_object() else {
            panic!("no example of a {name}");
        };
        for object in objects {
            for (field, value) in object.as_object().unwrap() {
                let Some(shown) = example.get(field) else { continue };
                if kind(shown) != kind(value) && !shown.is_null() && !value.is_null() {
                    wrong.push(format!("{name}.{field}: {} for {}", kind(value), kind(shown)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(found.len() >= 16, "{:?}", found.keys());
    scene.stop().await;
}
