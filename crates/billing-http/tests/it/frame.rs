//! What every answer has.

use serde_json::json;

use crate::{
    log,
    world::{World, request},
};

#[actix_web::test]
async fn a_request_is_one_line_in_the_log_without_what_it_said() {
    let world = World::new().await;
    let path = format!("/api/billing/credits/{}?secret=hunter2", world.acme);
    let asked = request("GET", &path, &world.bound).insert_header(("X-Request-Id", "logged-1"));
    assert_eq!(world.send(asked).await.status, 200);

    let lines = log::about("logged-1");
    assert_eq!(lines.len(), 1, "{lines:?}");
    let (line, span) = (&lines[0]["fields"], &lines[0]["span"]);
    assert_eq!(line["route"], "/api/billing/credits/{org_id}");
    assert_eq!((&line["status"], &span["method"]), (&json!(200), &json!("GET")));
    assert!(line["duration_us"].is_u64());
    let public = world.bound.split('_').nth(2).unwrap();
    assert_eq!(span["api_key"], public);
    let secret = world.bound.rsplit('_').next().unwrap();
    let text = json!(lines).to_string();
    for hidden in [secret, "hunter2", &world.acme.to_string()] {
        assert!(!text.contains(hidden), "{text}");
    }
}

#[actix_web::test]
async fn what_went_wrong_inside_is_said_once_and_to_the_log_only() {
    let world = World::new().await;
    world.gateway.down();
    let body = json!({
        "plan": "starter", "success_url": "https://a.example", "cancel_url": "https://a.example",
    });
    let asked = request("POST", "/api/billing/checkout", &world.bound)
        .insert_header(("X-Request-Id", "logged-2"))
        .set_json(body);
    let answer = world.send(asked).await;
    assert_eq!(answer.status, 503);
    assert!(!answer.text().contains("connection refused"));
    let text = json!(log::about("logged-2")).to_string();
    assert_eq!(text.matches("connection refused").count(), 1, "{text}");
}

#[actix_web::test]
async fn a_sane_request_id_is_kept_and_any_other_is_replaced() {
    let world = World::new().await;
    let long = "x".repeat(101);
    for (given, kept) in [
        ("abc-1.2_3", true),
        ("4f0c1d2e-3b5a-6978-8796-a5b4c3d2e1f0", true),
        ("", false),
        ("has space", false),
        ("a\tb", false),
        ("<script>", false),
        (&long, false),
    ] {
        let asked = request("GET", "/api/hello", &world.backend);
        let answer = world.send(asked.insert_header(("X-Request-Id", given))).await;
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(id == given, kept, "{given}");
        assert!(kept || id.starts_with("req_"), "{id}");
    }
    let one = world.get("/api/hello", &world.backend).await;
    let two = world.get("/api/hello", &world.backend).await;
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}

#[actix_web::test]
async fn every_answer_has_strict_headers() {
    let world = World::new().await;
    for path in ["/api/hello", "/api/billing/plans", "/nothing", "/docs/", "/openapi.json", "/"] {
        let answer = world.get(path, &world.backend).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        if path.starts_with("/api") {
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        }
    }
}

#[actix_web::test]
async fn long_answers_are_compressed_for_those_who_like_it() {
    let world = World::new().await;
    let asked =
        |path| request("GET", path, &world.backend).insert_header(("Accept-Encoding", "gzip"));
    let plans = world.send(asked("/api/billing/plans")).await;
    assert_eq!(plans.header("content-encoding"), Some("gzip"));
    assert!(plans.bytes.starts_with(&[0x1f, 0x8b]));
    let hello = world.send(asked("/api/hello")).await;
    assert_eq!(hello.header("content-encoding"), None);
    let plain = world.get("/api/billing/plans", &world.backend).await;
    assert_eq!(plain.header("content-encoding"), None);
}
