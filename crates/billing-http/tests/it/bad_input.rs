//! Bodies that nobody should have sent.

use actix_web::test::TestRequest;
use serde_json::json;

use crate::world::{Answer, World, request};

const CONSUME: &str = "/api/billing/credits/consume";

fn raw(world: &World, path: &str, body: impl Into<Vec<u8>>) -> TestRequest {
    request("POST", path, &world.admin)
        .insert_header(("Content-Type", "application/json"))
        .set_payload(body.into())
}

fn field(answer: &Answer) -> String {
    let error = answer.json()["error"].clone();
    error["details"]["field"].as_str().unwrap_or_default().to_owned()
}

#[actix_web::test]
async fn what_is_not_a_json_object_is_said_with_line_and_column() {
    let world = World::new().await;
    for body in ["", "  ", "{", "null", "[]", "\"x\"", "1", "{'a': 1}"] {
        for path in [CONSUME, "/api/billing/checkout"] {
            let answer = world.send(raw(&world, path, body)).await;
            assert_eq!(answer.refused(), (400, "MALFORMED_JSON".to_owned()), "{body}");
        }
    }
    let more = world.send(raw(&world, CONSUME, "{\"event\": \"ai_inference\"} {}")).await;
    assert_eq!(more.refused(), (400, "MALFORMED_JSON".to_owned()), "more than one");
    let answer = world.send(raw(&world, CONSUME, "{\n  \"event\": oops\n}")).await;
    let error = answer.json()["error"].clone();
    assert_eq!(error["details"], json!({ "line": 2, "column": 12 }));
    assert_eq!(error["message"], "The body is not JSON: expected value at line 2 column 12");
    let latin = world.send(raw(&world, CONSUME, &b"{\"event\": \"caf\xe9\"}"[..])).await;
    assert_eq!(latin.refused(), (400, "MALFORMED_JSON".to_owned()));
}

#[actix_web::test]
async fn fields_are_named_with_what_is_wrong() {
    let world = World::new().await;
    let cases = [
        json!({}),
        json!({ "event": 7 }),
        json!({ "event": "a", "amount": 1 }),
        json!({ "event": "a", "quantity": "1" }),
        json!({ "event": "a", "quantity": null }),
        json!({ "event": "a", "quantity": 0 }),
        json!({ "event": "a", "quantity": -3 }),
        json!({ "event": "a", "quantity": 1.5 }),
        json!({ "event": "a", "quantity": 9_007_199_254_740_992_u64 }),
        json!({ "event": "a", "organization_id": "acme" }),
    ];
    let mut table = Vec::new();
    for body in cases {
        let answer = world.post(CONSUME, &world.bound, body).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()));
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        table.push(format!("{}: {message}", field(&answer)));
    }
    for number in ["1e400", "99999999999999999999999", "1e3", "1.0"] {
        let body = format!("{{\"event\": \"ai_inference\", \"quantity\": {number}}}");
        let answer = world.send(raw(&world, CONSUME, body)).await;
        assert_eq!(answer.status, 400, "{number}");
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    event: Missing field `event` at line 1 column 2
    event: `event`: invalid type: integer `7`, expected a string at line 1 column 10
    amount: `amount`: unknown field `amount`, expected one of `organization_id`, `event`, `quantity`, `idempotency_key` at line 1 column 9
    quantity: `quantity`: invalid type: string "1", expected a whole number from 1 to 9007199254740991 at line 1 column 27
    quantity: `quantity`: invalid type: null, expected a whole number from 1 to 9007199254740991 at line 1 column 28
    quantity: `quantity`: invalid value: integer `0`, expected a whole number from 1 to 9007199254740991 at line 1 column 25
    quantity: `quantity`: invalid type: integer `-3`, expected a whole number from 1 to 9007199254740991 at line 1 column 26
    quantity: `quantity`: invalid type: floating point `1.5`, expected a whole number from 1 to 9007199254740991 at line 1 column 27
    quantity: `quantity`: invalid value: integer `9007199254740992`, expected a whole number from 1 to 9007199254740991 at line 1 column 40
    organization_id: `organization_id`: UUID parsing failed: invalid character: found `m` at 2 at line 1 column 37
    "#);
}

#[actix_web::test]
async fn a_cost_that_cannot_be_counted_is_refused() {
    let world = World::new().await;
    let body = json!({ "event": "compute_hour", "quantity": 9_007_199_254_740_991_u64 });
    let answer = world.post(CONSUME, &world.bound, body).await;
    assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()));
    assert_eq!(field(&answer), "quantity");
}

#[actix_web::test]
async fn every_body_refuses_unknown_fields() {
    let world = World::new().await;
    let grants = format!("/api/admin/organizations/{}/grants", world.acme);
    for path in [
        CONSUME,
        "/api/billing/check-quota",
        "/api/billing/track-usage",
        "/api/billing/checkout",
        "/api/billing/portal",
        "/api/billing/credit-products/checkout",
        "/api/admin/organizations",
        "/api/admin/api-keys",
        &grants,
    ] {
        let answer = world.post(path, &world.admin, json!({ "nonsense": 1 })).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()), "{path}");
        assert_eq!(field(&answer), "nonsense", "{path}");
    }
}

#[actix_web::test]
async fn a_field_that_stands_twice_is_refused() {
    let world = World::new().await;
    let body = "{\"event\": \"a\", \"event\": \"b\"}";
    let answer = world.send(raw(&world, CONSUME, body)).await;
    assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()));
    assert_eq!(field(&answer), "event");
}

#[actix_web::test]
async fn text_with_a_nul_never_reaches_the_database() {
    let world = World::new().await;
    let nul = "{\"name\": \"a\\u0000b\"}";
    let answer = world.send(raw(&world, "/api/admin/organizations", nul)).await;
    assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()));
    let harmless = "{\"name\": \"a\\\\u0000b\"}";
    let answer = world.send(raw(&world, "/api/admin/organizations", harmless)).await;
    assert_eq!(answer.ok()["name"], "a\\u0000b");
}

#[actix_web::test]
async fn a_body_has_an_end() {
    let world = World::new().await;
    let padded = |length: usize| {
        let mut body = b"{\"event\": \"teleport\"}".to_vec();
        body.resize(length, b' ');
        body
    };
    let fits = world.send(raw(&world, CONSUME, padded(64 * 1024))).await;
    assert_ne!(fits.status, 413);
    for path in [CONSUME, "/api/billing/checkout"] {
        let large = world.send(raw(&world, path, padded(64 * 1024 + 1))).await;
        assert_eq!(large.refused(), (413, "PAYLOAD_TOO_LARGE".to_owned()));
        assert_eq!(large.json()["error"]["details"]["most_bytes"], 64 * 1024);
    }
}

#[actix_web::test]
async fn a_body_is_json_and_not_compressed() {
    let world = World::new().await;
    for path in [CONSUME, "/api/billing/checkout"] {
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
            let asked = request("POST", path, &world.admin);
            let asked = asked.insert_header(("Content-Type", kind)).set_payload("{}");
            let answer = world.send(asked).await;
            assert_eq!(answer.refused(), (415, "UNSUPPORTED_MEDIA_TYPE".to_owned()), "{kind}");
        }
        let asked = request("POST", path, &world.admin).set_payload("{}");
        assert_eq!(world.send(asked).await.status, 415, "nothing said");
        let packed = raw(&world, path, "{}").insert_header(("Content-Encoding", "gzip"));
        assert_eq!(world.send(packed).await.status, 415);
    }
    let charset = request("POST", CONSUME, &world.bound)
        .insert_header(("Content-Type", "application/json; charset=utf-8"))
        .set_payload("{\"event\": \"teleport\"}");
    assert_eq!(world.send(charset).await.status, 404, "it was read");
}
