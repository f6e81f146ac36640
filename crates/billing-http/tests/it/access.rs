//! Who may ask what.

use actix_web::test::TestRequest;
use billing_http::{
    ROUTES,
    route::{Access, Route},
};
use serde_json::json;

use crate::world::{Answer, World, request};

const STRANGE: &str = "0192d3a4-0000-7000-8000-00000000dead";

fn concrete(route: &Route, id: &str) -> String {
    route.path.replace("{org_id}", id).replace("{id}", id).replace("{job}", "webhook-retry")
}

fn not_public() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.access != Access::Public)
}

#[actix_web::test]
async fn every_route_that_is_not_public_wants_a_key_before_it_looks_at_anything() {
    let world = World::new().await;
    for route in not_public() {
        let asked = TestRequest::with_uri(&concrete(route, STRANGE))
            .method(route.method.parse().unwrap())
            .insert_header(("Content-Type", "text/plain"))
            .set_payload("x".repeat(100_000));
        let answer = world.send(asked).await;
        assert_eq!(answer.refused(), (401, "UNAUTHENTICATED".to_owned()), "{route:?}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
}

#[actix_web::test]
async fn a_key_that_is_malformed_mistyped_or_unknown_is_refused() {
    let world = World::new().await;
    let mistyped = format!("{}x", world.backend);
    let live = world.backend.replace("bk_sandbox_", "bk_live_");
    for header in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer nonsense".to_owned(),
        "Basic dXNlcjpwYXNz".to_owned(),
        world.backend.clone(),
        format!("Bearer {mistyped}"),
        format!("Bearer {live}"),
        format!("Bearer {} {}", world.backend, world.backend),
    ] {
        let asked = TestRequest::with_uri("/api/hello").insert_header(("Authorization", &*header));
        let answer = world.send(asked).await;
        assert_eq!(answer.refused(), (401, "UNAUTHENTICATED".to_owned()), "{header}");
    }
    let twice = request("GET", "/api/hello", &world.backend)
        .append_header(("Authorization", format!("Bearer {}", world.reader)));
    assert_eq!(world.send(twice).await.status, 401);
    let lower = TestRequest::with_uri("/api/hello")
        .insert_header(("Authorization", format!("bearer {}", world.backend)));
    assert_eq!(world.send(lower).await.ok(), json!({ "ok": true }));
}

#[actix_web::test]
async fn a_revoked_key_is_believed_for_a_second_at_most() {
    let world = World::new().await;
    let new = json!({ "name": "short-lived", "scopes": ["read"] });
    let made = world.post("/api/admin/api-keys", &world.admin, new).await.ok();
    let token = made["token"].as_str().unwrap();
    assert_eq!(world.get("/api/hello", token).await.status, 200);

    let path = format!("/api/admin/api-keys/{}", made["id"].as_str().unwrap());
    assert!(world.delete(&path, &world.admin).await.ok()["revoked_at"].is_string());
    world.clock.advance_wall(time::Duration::SECOND);
    let answer = world.get("/api/hello", token).await;
    assert_eq!(answer.refused(), (401, "UNAUTHENTICATED".to_owned()));
}

#[actix_web::test]
async fn every_route_wants_its_scope() {
    let world = World::new().await;
    for route in not_public() {
        let path = concrete(route, &world.acme.to_string());
        let refused: &[(&str, &str)] = match route.access {
            Access::Public | Access::Read | Access::Cron => &[],
            Access::Write => &[(&world.reader, "write")],
            Access::Admin => {
                &[(&world.reader, "admin"), (&world.backend, "admin"), (&world.bound, "admin")]
            }
        };
        for (key, scope) in refused {
            let answer = world.send(request(route.method, &path, key)).await;
            assert_eq!(answer.refused(), (403, "INSUFFICIENT_SCOPE".to_owned()), "{route:?}");
            assert_eq!(answer.json()["error"]["details"]["scope"], *scope);
        }
    }
    assert_eq!(world.get("/api/hello", &world.reader).await.status, 200);
}

fn is_hidden(answer: &Answer) -> bool {
    answer.refused() == (404, "ORGANIZATION_NOT_FOUND".to_owned())
}

#[actix_web::test]
async fn what_belongs_to_somebody_else_is_not_there() {
    let world = World::new().await;
    // Where nothing was ever set there is nothing to see.
    let top_up = format!("/api/billing/credits/{}/auto-top-up", world.acme);
    world.put(&top_up, &world.bound, crate::auto_top_up::a_wish()).await.ok();
    let of_organization = |route: &&Route| route.path.contains("{org_id}");
    for route in not_public().filter(of_organization).filter(|route| route.access == Access::Read) {
        let foreign = concrete(route, &world.other.to_string());
        let answer = world.get(&foreign, &world.bound).await;
        assert!(is_hidden(&answer), "{route:?}");
        for strange in [STRANGE, "me", "1", "0192d3a4-0000-7000-8000", "%00", "%F0%9F%92%A9"] {
            let answer = world.get(&concrete(route, strange), &world.backend).await;
            assert!(is_hidden(&answer), "{route:?} {strange}");
        }
        // What has an id of its own is not there either.
        if route.path.contains("{id}") {
            continue;
        }
        let own = concrete(route, &world.acme.to_string());
        assert_eq!(world.get(&own, &world.bound).await.status, 200, "{route:?}");
    }
}

#[actix_web::test]
async fn a_named_organization_must_be_visible_too() {
    let world = World::new().await;
    let bodies = [
        ("/api/billing/credits/consume", json!({ "event": "ai_inference" })),
        ("/api/billing/credits/holds", json!({ "event": "ai_inference" })),
        ("/api/billing/credits/refunds", json!({ "seq": 2 })),
        (
            "/api/billing/credits/transfers",
            json!({ "to_organization_id": world.acme, "amount": 1 }),
        ),
        ("/api/billing/credits/holds/0192d3a4-0000-7000-8000-00000000dead/settle", json!({})),
        ("/api/billing/credits/holds/0192d3a4-0000-7000-8000-00000000dead/release", json!({})),
        ("/api/billing/check-quota", json!({ "meter": "api_calls" })),
        ("/api/billing/track-usage", json!({ "meter": "api_calls" })),
        (
            "/api/billing/checkout",
            json!({ "plan": "starter", "success_url": "https://a.b", "cancel_url": "https://a.b" }),
        ),
        (
            "/api/billing/credit-products/checkout",
            json!({
                "credit_product": "credits_100",
                "success_url": "https://a.b",
                "cancel_url": "https://a.b",
            }),
        ),
        ("/api/billing/portal", json!({ "return_url": "https://a.b" })),
        ("/api/billing/trials", json!({ "plan": "starter", "email": "ann@example.com" })),
    ];
    for (path, body) in bodies {
        let named = |id: String| {
            let mut body = body.clone();
            body["organization_id"] = json!(id);
            body
        };
        let foreign = world.post(path, &world.bound, named(world.other.to_string())).await;
        assert!(is_hidden(&foreign), "{path}: {}", foreign.text());
        let unknown = world.post(path, &world.backend, named(STRANGE.to_owned())).await;
        assert!(is_hidden(&unknown), "{path}: {}", unknown.text());
        let nobody = world.post(path, &world.backend, body.clone()).await;
        assert_eq!(nobody.refused(), (400, "VALIDATION_ERROR".to_owned()), "{path}");
        assert_eq!(nobody.json()["error"]["details"]["field"], "organization_id");
    }
    for path in ["/api/billing/usage", "/api/billing/subscription"] {
        assert_eq!(world.get(path, &world.bound).await.status, 200);
        assert_eq!(world.get(path, &world.backend).await.status, 400);
        let foreign = format!("{path}?organization_id={}", world.other);
        assert!(is_hidden(&world.get(&foreign, &world.bound).await));
        assert_eq!(world.get(&foreign, &world.backend).await.status, 200);
    }
}
