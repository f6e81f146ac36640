//! What administrators do.

use serde_json::{Value, json};

use crate::world::World;

const ORGANIZATIONS: &str = "/api/admin/organizations";
const KEYS: &str = "/api/admin/api-keys";

#[actix_web::test]
async fn an_organization_is_registered_and_found() {
    let world = World::new().await;
    let body = json!({
        "name": "Müller GmbH",
        "external_id": "m-1",
        "billing_email": "rechnung@mueller.example",
        "country": "DE",
    });
    let made = world.post(ORGANIZATIONS, &world.admin, body.clone()).await;
    assert_eq!(made.status, 201);
    insta::assert_json_snapshot!(made.json(), { ".id" => "[id]" }, @r#"
    {
      "billing_email": "rechnung@mueller.example",
      "country": "DE",
      "created_at": "2026-03-14T12:00:00.535897Z",
      "currency": "EUR",
      "external_id": "m-1",
      "id": "[id]",
      "locale": "en",
      "name": "Müller GmbH",
      "tax_id": null
    }
    "#);
    let place = made.header("location").unwrap();
    assert_eq!(world.get(place, &world.admin).await.ok(), made.json());

    let found = world.get(&format!("{ORGANIZATIONS}?external_id=m-1"), &world.admin).await.ok();
    assert_eq!(found, json!({ "data": [made.json()], "has_more": false }));
    let none = world.get(&format!("{ORGANIZATIONS}?external_id=m-2"), &world.admin).await.ok();
    assert_eq!(none, json!({ "data": [], "has_more": false }));
    let page = world.get(&format!("{ORGANIZATIONS}?limit=2"), &world.admin).await.ok();
    assert_eq!((&page["data"][0], &page["has_more"]), (&made.json(), &json!(true)));
    let after = page["data"][1]["id"].as_str().unwrap();
    let rest = world.get(&format!("{ORGANIZATIONS}?starting_after={after}"), &world.admin).await;
    assert_eq!(rest.ok()["data"][0]["name"], "Acme");

    let taken = world.post(ORGANIZATIONS, &world.admin, body).await;
    assert_eq!(taken.refused(), (409, "EXTERNAL_ID_TAKEN".to_owned()));
}

#[actix_web::test]
async fn what_is_wrong_with_an_organization_is_named() {
    let world = World::new().await;
    for (field, value) in [
        ("name", json!("  ")),
        ("name", json!("x".repeat(201))),
        ("name", json!(null)),
        ("external_id", json!("")),
        ("billing_email", json!("nobody")),
        ("country", json!("de")),
        ("country", json!("ZZ")),
        ("currency", json!("XXX")),
    ] {
        let mut body = json!({ "name": "Acme" });
        body[field] = value;
        let answer = world.post(ORGANIZATIONS, &world.admin, body).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()), "{field}");
        assert_eq!(answer.json()["error"]["details"]["field"], field, "{}", answer.text());
    }
}

#[actix_web::test]
async fn a_key_is_shown_once_listed_without_its_secret_and_revoked() {
    let world = World::new().await;
    let body = json!({ "name": "ci", "scopes": ["read", "write"], "organization_id": world.acme });
    let made = world.post(KEYS, &world.admin, body).await;
    assert_eq!(made.status, 201);
    insta::assert_json_snapshot!(made.json(), {
        ".id" => "[id]", ".public" => "[public]", ".token" => "[token]",
        ".organization_id" => "[acme]",
    }, @r#"
    {
      "created_at": "2026-03-14T12:00:00.535897Z",
      "id": "[id]",
      "name": "ci",
      "organization_id": "[acme]",
      "public": "[public]",
      "revoked_at": null,
      "scopes": [
        "read",
        "write"
      ],
      "token": "[token]"
    }
    "#);
    let token = made.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(world.get("/api/billing/usage", &token).await.status, 200);

    let listed = world.get(KEYS, &world.admin).await;
    let secret = token.rsplit('_').next().unwrap();
    assert!(!listed.text().contains(secret) && !listed.text().contains("digest"));
    assert_eq!(listed.ok()["data"][0]["name"], "ci");

    let path = format!("{KEYS}/{}", made.json()["id"].as_str().unwrap());
    let revoked = world.delete(&path, &world.admin).await.ok();
    assert_eq!(world.delete(&path, &world.admin).await.ok(), revoked, "twice is harmless");
    for unknown in ["x", "0192d3a4-0000-7000-8000-00000000dead"] {
        let answer = world.delete(&format!("{KEYS}/{unknown}"), &world.admin).await;
        assert_eq!(answer.refused(), (404, "API_KEY_NOT_FOUND".to_owned()));
    }
}

#[actix_web::test]
async fn what_is_wrong_with_a_key_is_named() {
    let world = World::new().await;
    for (body, status, field) in [
        (json!({ "name": "", "scopes": ["read"] }), 400, "name"),
        (json!({ "name": "a", "scopes": [] }), 400, "scopes"),
        (json!({ "name": "a", "scopes": ["root"] }), 400, "scopes"),
        (json!({ "name": "a", "scopes": "read" }), 400, "scopes"),
        (json!({ "name": "a" }), 400, "scopes"),
        (json!({ "name": "a", "scopes": ["admin"], "organization_id": world.acme }), 400, "scopes"),
    ] {
        let answer = world.post(KEYS, &world.admin, body.clone()).await;
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(answer.json()["error"]["details"]["field"], field, "{body}");
    }
    let unknown = json!({
        "name": "a", "scopes": ["read"],
        "organization_id": "0192d3a4-0000-7000-8000-00000000dead",
    });
    let answer = world.post(KEYS, &world.admin, unknown).await;
    assert_eq!(answer.refused(), (404, "ORGANIZATION_NOT_FOUND".to_owned()));
}

#[actix_web::test]
async fn credits_and_bonuses_are_given() {
    let world = World::new().await;
    let path = format!("{ORGANIZATIONS}/{}/grants", world.acme);
    let body = json!({ "kind": "adjustment", "amount": 40, "expires_at": "2026-04-01T00:00:00Z" });
    let given = world.post(&path, &world.admin, body).await;
    assert_eq!(given.status, 201);
    insta::assert_json_snapshot!(given.json(), {
        ".id" => "[id]", ".organization_id" => "[acme]",
    }, @r#"
    {
      "amount": 40,
      "expires_at": "2026-04-01T00:00:00Z",
      "id": "[id]",
      "kind": "adjustment",
      "meter": null,
      "organization_id": "[acme]",
      "reason": null,
      "starts_at": null
    }
    "#);
    let credits = world.get(&format!("/api/billing/credits/{}", world.acme), &world.admin).await;
    assert_eq!(credits.ok()["by_kind"]["adjustment"], 40);

    let body = json!({ "kind": "bonus", "amount": 7, "meter": "exports", "reason": "thank you" });
    let given = world.post(&path, &world.admin, body).await;
    assert_eq!(given.status, 201);
    insta::assert_json_snapshot!(given.json(), {
        ".id" => "[id]", ".organization_id" => "[acme]",
    }, @r#"
    {
      "amount": 7,
      "expires_at": "2026-04-13T12:00:00.535897Z",
      "id": "[id]",
      "kind": "bonus",
      "meter": "exports",
      "organization_id": "[acme]",
      "reason": "thank you",
      "starts_at": null
    }
    "#);
    let checked = world.get("/api/billing/check-quota?meter=exports", &world.bound).await.ok();
    assert_eq!(checked["bonus_remaining"], 7);
}

#[actix_web::test]
async fn what_cannot_be_given_is_refused() {
    let world = World::new().await;
    let path = format!("{ORGANIZATIONS}/{}/grants", world.acme);
    let bonus = |field: &str, value: Value| {
        let mut body =
            json!({ "kind": "bonus", "amount": 1, "meter": "exports", "reason": "because" });
        body[field] = value;
        body
    };
    for (body, status, field) in [
        (json!({ "kind": "purchased", "amount": 1 }), 400, "kind"),
        (json!({ "kind": "promotional" }), 400, "amount"),
        (json!({ "kind": "promotional", "amount": 0 }), 400, "amount"),
        (json!({ "kind": "promotional", "amount": -5 }), 400, "amount"),
        (json!({ "kind": "promotional", "amount": 1.5 }), 400, "amount"),
        (json!({ "kind": "promotional", "amount": 1, "meter": "exports" }), 400, "meter"),
        (json!({ "kind": "promotional", "amount": 1, "reason": "x" }), 400, "reason"),
        (
            json!({ "kind": "promotional", "amount": 1, "expires_at": "2020-01-01T00:00:00Z" }),
            400,
            "expires_at",
        ),
        (bonus("meter", json!(null)), 400, "meter"),
        (bonus("reason", json!(null)), 400, "reason"),
        (bonus("reason", json!(" ")), 400, "reason"),
        (bonus("starts_at", json!("2026-04-01T00:00:00Z")), 400, "starts_at"),
        (bonus("expires_at", json!("2026-01-01T00:00:00Z")), 400, "expires_at"),
    ] {
        let answer = world.post(&path, &world.admin, body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        assert_eq!(answer.json()["error"]["details"]["field"], field, "{body}");
    }
    let answer = world.post(&path, &world.admin, bonus("meter", json!("steps"))).await;
    assert_eq!(answer.refused(), (404, "METER_NOT_FOUND".to_owned()));
    for strange in ["0192d3a4-0000-7000-8000-00000000dead", "x"] {
        let path = format!("{ORGANIZATIONS}/{strange}/grants");
        for body in [json!({ "kind": "promotional", "amount": 1 }), bonus("amount", json!(2))] {
            let answer = world.post(&path, &world.admin, body).await;
            assert_eq!(answer.refused(), (404, "ORGANIZATION_NOT_FOUND".to_owned()));
        }
    }
}
