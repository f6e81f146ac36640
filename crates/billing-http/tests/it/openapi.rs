//! The API reference says what the server does.

use std::collections::{BTreeMap, BTreeSet};

use billing_http::{ROUTES, document, route::Access};
use serde_json::{Value, json};

use crate::world::{World, request};

fn reference() -> Value {
    serde_json::to_value(document()).unwrap()
}

fn operations(reference: &Value) -> BTreeMap<(String, String), Value> {
    let paths = reference["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| {
            ((method.to_uppercase(), path.clone()), operation.clone())
        })
    });
    all.collect()
}

#[test]
fn it_has_every_route_and_no_other() {
    let documented: BTreeSet<_> = operations(&reference()).into_keys().collect();
    let registered: BTreeSet<_> =
        ROUTES.iter().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
    assert_eq!(documented, registered);
    assert_eq!(registered.len(), ROUTES.len(), "no route stands twice");
    assert_eq!(reference()["openapi"], "3.1.0");
}

#[test]
fn every_operation_is_explained() {
    let reference = reference();
    let tags: BTreeSet<_> = reference["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].clone().to_string())
        .collect();
    let mut ids = BTreeSet::new();
    for ((method, path), operation) in operations(&reference) {
        let name = format!("{method} {path}");
        assert!(operation["summary"].as_str().is_some_and(|it| it.ends_with('.')), "{name}");
        assert!(tags.contains(&operation["tags"][0].to_string()), "{name}");
        assert!(ids.insert(operation["operationId"].to_string()), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name}");
        for (status, response) in responses {
            let content = response["content"].as_object().unwrap();
            assert!(!content.is_empty(), "{name} {status} has no body");
            assert!(content.values().all(|it| !it["schema"].is_null()), "{name} {status}");
            let body = content.get("application/json").map(|it| &it["schema"]);
            if status.starts_with('4') {
                let body = body.map(|it| it["$ref"].clone());
                let envelope = json!("#/components/schemas/ErrorEnvelope");
                assert_eq!(body, Some(envelope), "{name} {status}");
            }
        }
        for parameter in operation["parameters"].as_array().unwrap_or(&Vec::new()) {
            assert!(parameter["description"].is_string(), "{name} {parameter}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let reference = reference();
    let text = reference.to_string();
    let named = text.split("\"#/components/schemas/").skip(1);
    for name in named.map(|rest| rest.split('"').next().unwrap()) {
        assert!(reference["components"]["schemas"].get(name).is_some(), "{name}");
    }
}

#[test]
fn it_says_which_key_an_operation_needs() {
    let operations = operations(&reference());
    for route in ROUTES {
        let operation = &operations[&(route.method.to_owned(), route.path.to_owned())];
        let security = operation["security"].as_array().unwrap();
        let needs_key = route.access != Access::Public;
        assert_eq!(!security.is_empty(), needs_key, "{route:?}");
        assert_eq!(operation["responses"].get("401").is_some(), needs_key, "{route:?}");
    }
}

/// The organizations of the examples.
const ACME: &str = "0192d3a4-0000-7000-8000-00000000000a";
const OTHER: &str = "0192d3a4-0000-7000-8000-00000000000b";

/// A path with what it names.
async fn concrete(world: &World, path: &str) -> String {
    let mut path = path.replace("{org_id}", &world.acme.to_string());
    if path.contains("/holds/{id}/") {
        let hold = json!({ "event": "ai_inference", "amount": 100 });
        let held = world.post("/api/billing/credits/holds", &world.bound, hold).await.ok();
        path = path.replace("{id}", held["hold_id"].as_str().unwrap());
    }
    if path.contains("/emails/{id}/") {
        path = path.replace("{id}", &crate::emails::waiting(world).await);
    }
    if path.contains("/webhook-endpoints/{id}") {
        path = path.replace("{id}", &crate::webhook_endpoints::made(world).await);
    }
    if path.contains("/webhooks/{id}/") {
        path = path.replace("{id}", &crate::inbox::waiting(world).await);
    }
    if path.contains("/invoices/") {
        path = path.replace("{id}", &crate::dunning::unpaid(world).await.to_string());
    }
    if path.contains("/discounts/validate") {
        crate::discounts::made(world, json!({ "code": "SPRING20" })).await;
    }
    if path.contains("/discounts/{id}/") {
        let discount = crate::discounts::made(world, json!({ "code": "AUTUMN" })).await;
        path = path.replace("{id}", discount["id"].as_str().unwrap());
    }
    if path == "/api/billing/upgrade" {
        crate::subscriptions::subscribed(world).await;
    }
    path
}

/// Every example of a request, sent as it stands there.
#[actix_web::test]
async fn its_examples_work() {
    let world = World::new().await;
    world.credit(world.acme, 1000).await;
    let reference = reference();
    let mut sent = 0;
    for route in ROUTES.iter().filter(|route| ["POST", "PUT", "PATCH"].contains(&route.method)) {
        let operation = &reference["paths"][route.path][route.method.to_lowercase()];
        let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let Some(name) = body.as_str().and_then(|it| it.rsplit('/').next()) else { continue };
        let example = &reference["components"]["schemas"][name]["example"];
        assert!(example.is_object(), "{name} has no example");
        let names_other = example.to_string().contains(OTHER);
        let key = match route.access {
            Access::Admin => &world.admin,
            Access::Public | Access::Read | Access::Write | Access::Cron if names_other => {
                &world.backend
            }
            Access::Public | Access::Read | Access::Write | Access::Cron => &world.bound,
        };
        let path = concrete(&world, route.path).await;
        let example = example.to_string().replace(ACME, &world.acme.to_string());
        let example = example.replace(OTHER, &world.other.to_string());
        let asked = request(route.method, &path, key)
            .set_json(serde_json::from_str::<Value>(&example).unwrap());
        world.send(asked).await.ok();
        sent += 1;
    }
    assert!(sent >= 18, "{sent}");
}

#[actix_web::test]
async fn it_is_served_with_its_pages_and_nothing_from_elsewhere() {
    let world = World::new().await;
    let served = world.get("/openapi.json", "").await.ok();
    assert_eq!(served, reference());
    for (path, place) in [("/", "/docs/"), ("/docs", "/docs/")] {
        let answer = world.get(path, "").await;
        assert_eq!((answer.status / 100, answer.header("location")), (3, Some(place)));
    }
    let page = world.get("/docs/", "").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(!page.text().contains("://"), "{}", page.text());
    for asset in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
        assert_eq!(world.get(&format!("/docs/{asset}"), "").await.status, 200, "{asset}");
    }
    let start = world.get("/docs/swagger-initializer.js", "").await.text();
    assert!(start.contains("/openapi.json"), "{start}");
}
