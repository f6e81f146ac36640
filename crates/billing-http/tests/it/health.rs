//! Whether the server lives and is ready.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::world::World;

#[actix_web::test]
async fn a_server_is_ready_while_its_database_answers_and_it_is_not_draining() {
    let world = World::new().await;
    assert_eq!(world.get("/health/live", "").await.ok(), json!({ "status": "live" }));
    let ready = world.get("/health/ready", "").await;
    let expected = json!({
        "status": "ready",
        "checks": { "database": "ok", "draining": false },
        "webhooks": { "pending": 0, "dead": 0 },
        "emails": { "mailer": "mailbox", "pending": 0, "dead": 0, "unsent": 0 },
        "open_differences": 0,
        "gateways": [{ "gateway": "stripe", "circuit": "closed" }],
    });
    assert_eq!(ready.ok(), expected);

    world.store.go_down();
    let down = world.get("/health/ready", "").await;
    assert_eq!(down.status, 503);
    let expected = json!({
        "status": "not_ready",
        "checks": { "database": "failing", "draining": false },
        "webhooks": null,
        "emails": null,
        "open_differences": null,
        "gateways": [{ "gateway": "stripe", "circuit": "closed" }],
    });
    assert_eq!(down.json(), expected);
    assert_eq!(world.get("/health/live", "").await.status, 200, "it lives all the same");

    world.store.come_back();
    world.http.draining.store(true, Ordering::SeqCst);
    let draining = world.get("/health/ready", "").await;
    assert_eq!(draining.status, 503);
    assert_eq!(draining.json()["checks"]["draining"], true);
    assert_eq!(world.get("/api/hello", &world.reader).await.status, 200, "it still answers");
}
