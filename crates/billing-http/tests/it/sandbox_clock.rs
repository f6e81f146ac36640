//! The clock of a sandbox, moved over HTTP.

use billing_app::ports::{Clock as _, MovableClock as _};
use serde_json::json;
use time::Duration;

use crate::world::World;

const CLOCK: &str = "/api/admin/sandbox/clock";

#[actix_web::test]
async fn the_clock_is_shown_and_moved() {
    let world = World::new().await;
    let shown = world.get(CLOCK, &world.admin).await.ok();
    let noon = "2026-03-14T12:00:00.535897Z";
    assert_eq!(shown, json!({ "now": noon, "wall": noon, "ahead_seconds": 0 }));

    let moved = world.post(CLOCK, &world.admin, json!({ "advance": "2w" })).await.ok();
    let later = "2026-03-28T12:00:00.535897Z";
    assert_eq!(moved, json!({ "from": noon, "now": later, "stops": 0, "done": 0 }));
    let moved = world.post(CLOCK, &world.admin, json!({ "to": "2026-04-01T00:00:00Z" })).await;
    assert_eq!(moved.ok()["now"], "2026-04-01T00:00:00Z");
    let shown = world.get(CLOCK, &world.admin).await.ok();
    assert_eq!((&shown["now"], &shown["wall"]), (&json!("2026-04-01T00:00:00Z"), &json!(noon)));
    let days = Duration::days(17) + Duration::hours(11);
    assert!(shown["ahead_seconds"].as_i64().unwrap() > days.whole_seconds());
}

#[actix_web::test]
async fn what_is_due_on_the_way_is_done() {
    let world = World::new().await;
    let path = format!("/api/admin/organizations/{}/grants", world.acme);
    let body = json!({
        "kind": "promotional", "amount": 40, "expires_at": "2026-03-20T00:00:00Z",
    });
    world.post(&path, &world.admin, body).await.ok();
    let moved = world.post(CLOCK, &world.admin, json!({ "advance": "31d" })).await.ok();
    assert!(moved["done"].as_u64().unwrap() >= 1, "{moved}");
    let path = format!("/api/billing/credits/{}/transactions", world.acme);
    let rows = world.get(&path, &world.admin).await.ok();
    assert_eq!(rows["data"][0]["kind"], "expired");
    assert_eq!(rows["data"][0]["at"], "2026-03-20T00:00:00Z");
}

#[actix_web::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::new().await;
    for (body, field) in [
        (json!({}), "advance"),
        (json!({ "advance": "1d", "to": "2027-01-01T00:00:00Z" }), "advance"),
        (json!({ "advance": "2027-01-01T00:00:00Z" }), "advance"),
        (json!({ "advance": "a while" }), "advance"),
        (json!({ "advance": "3661d" }), "advance"),
        (json!({ "to": "2099-01-01T00:00:00Z" }), "advance"),
        (json!({ "to": "tomorrow" }), "to"),
    ] {
        let refused = world.post(CLOCK, &world.admin, body.clone()).await;
        assert_eq!(refused.refused(), (400, "VALIDATION_ERROR".to_owned()), "{body}");
        assert_eq!(refused.json()["error"]["details"]["field"], field, "{body}");
    }
    let back = json!({ "to": "2026-03-14T11:00:00Z" });
    let refused = world.post(CLOCK, &world.admin, back).await;
    assert_eq!(refused.refused(), (422, "CLOCK_GOES_BACK".to_owned()));
    let refused = world.post(CLOCK, &world.backend, json!({ "advance": "1d" })).await;
    assert_eq!(refused.refused(), (403, "INSUFFICIENT_SCOPE".to_owned()));
    assert_eq!(world.clock.now(), world.clock.wall(), "it was never moved");
}

#[actix_web::test]
async fn where_money_is_real_time_is_too() {
    let world = World::live().await;
    let answers = [
        world.get(CLOCK, &world.admin).await,
        world.post(CLOCK, &world.admin, json!({ "advance": "1d" })).await,
    ];
    for refused in answers {
        assert_eq!(refused.refused(), (422, "CLOCK_IS_REAL".to_owned()));
    }
    world.credit(world.acme, 5).await;
}

#[actix_web::test]
async fn nobody_books_while_it_is_moved() {
    let world = World::new().await;
    let path = format!("/api/admin/organizations/{}/grants", world.acme);
    let body = json!({ "kind": "promotional", "amount": 5 });
    let held = world.clock.hold().await.unwrap();
    let refused = world.post(&path, &world.admin, body.clone()).await;
    assert_eq!(refused.refused(), (503, "SERVICE_UNAVAILABLE".to_owned()));
    let another = world.post(CLOCK, &world.admin, json!({ "advance": "1d" })).await;
    assert_eq!(another.refused(), (409, "CONFLICT".to_owned()));
    held.end().await.unwrap();
    world.post(&path, &world.admin, body).await.ok();
    // No request that was answered keeps the clock from being moved.
    world.clock.hold().await.unwrap().end().await.unwrap();
}
