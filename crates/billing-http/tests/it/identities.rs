//! Users, organizations and members come in from an identity provider.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use actix_web::test::TestRequest;
use billing_app::ports::News;
use billing_domain::identity::SeenIdentity;
use billing_testkit::{FakeIdentity, NOON};
use serde_json::json;
use time::Duration;

use crate::world::{Answer, World};

const PATH: &str = "/api/webhooks/clerk";

type Delivery = (BTreeMap<String, String>, Vec<u8>);

fn organization() -> SeenIdentity {
    SeenIdentity {
        id: "org_1".to_owned(),
        name: "Arrived".to_owned(),
        email: None,
        created_by: Some("user_1".to_owned()),
        updated_at: NOON,
    }
}

fn webhook(world: &World, event_id: &str, news: &News) -> Delivery {
    FakeIdentity::new(world.clock.clone()).webhook(event_id, news)
}

async fn sent(world: &World, path: &str, (headers, body): Delivery) -> Answer {
    let mut asked = TestRequest::post().uri(path).set_payload(body);
    for (name, value) in headers {
        asked = asked.insert_header((name, value));
    }
    world.send(asked).await
}

#[actix_web::test]
async fn an_organization_and_its_members_arrive() {
    let world = World::new().await;
    let news = News::Membership {
        organization: organization(),
        user: "user_1".to_owned(),
        role: "org:admin".to_owned(),
        joined_at: NOON,
        updated_at: NOON,
        removed: false,
    };
    let delivery = webhook(&world, "msg_1", &news);
    let first = sent(&world, PATH, delivery.clone()).await.ok();
    assert_eq!(first, json!({ "received": true, "duplicate": false }));
    let again = sent(&world, "/clerk-users-webhook", delivery).await.ok();
    assert_eq!(again, json!({ "received": true, "duplicate": true }));
    assert_eq!(world.woken.load(Ordering::SeqCst), 1);
    let progress = world.http.billing.process_webhooks().await.unwrap();
    assert_eq!((progress.done, progress.failed), (1, 0));
    let found = world.get("/api/admin/organizations?external_id=org_1", &world.admin).await.ok();
    let arrived = &found["data"][0];
    assert_eq!(arrived["name"], "Arrived");
    let members = format!("/api/admin/organizations/{}/members", arrived["id"].as_str().unwrap());
    let members = world.get(&members, &world.admin).await.ok();
    let member = &members["data"][0];
    assert_eq!((&member["user_id"], &member["role"]), (&json!("user_1"), &json!("owner")));
    let log = world.get("/api/admin/webhooks?gateway=clerk", &world.admin).await.ok();
    let row = &log["data"][0];
    assert_eq!((&row["gateway"], &row["status"]), (&json!("clerk"), &json!("processed")));
    assert_eq!(row["event_id"], "msg_1");
    let none = world.get("/api/admin/webhooks?gateway=stripe", &world.admin).await.ok();
    assert_eq!(none["data"], json!([]));
}

#[actix_web::test]
async fn what_is_not_meant_for_us_is_told_so_counted_and_not_kept() {
    let world = World::new().await;
    let (headers, body) = webhook(&world, "msg_1", &News::Organization(organization()));
    let with = |name: &str, value: String| {
        let mut headers = headers.clone();
        headers.insert(name.to_owned(), value);
        headers
    };
    let at = |seconds: i64| {
        let now: i64 = headers["x-fake-timestamp"].parse().unwrap();
        with("x-fake-timestamp", (now + seconds).to_string())
    };
    let long = "m".repeat(256);
    for (headers, body, refused) in [
        (BTreeMap::new(), body.clone(), (400, "INVALID_SIGNATURE")),
        (with("x-fake-signature", "bad".to_owned()), body.clone(), (400, "INVALID_SIGNATURE")),
        (at(-301), body.clone(), (400, "INVALID_SIGNATURE")),
        (at(301), body.clone(), (400, "INVALID_SIGNATURE")),
        (headers.clone(), body[..body.len() / 2].to_vec(), (400, "VALIDATION_ERROR")),
        (headers.clone(), Vec::new(), (400, "VALIDATION_ERROR")),
        (with("x-fake-id", long), body.clone(), (400, "VALIDATION_ERROR")),
        (headers.clone(), vec![b' '; 2 << 20], (413, "PAYLOAD_TOO_LARGE")),
    ] {
        let answer = sent(&world, PATH, (headers, body)).await;
        assert_eq!((answer.status, &*answer.code()), refused);
    }
    let metrics = world.get("/api/admin/metrics/webhooks", &world.admin).await.ok();
    assert_eq!(metrics["refused"], json!({ "bad_signatures": 4, "unreadable": 3 }));
    assert_eq!((&metrics["received"], world.woken.load(Ordering::SeqCst)), (&json!(0), 0));
}

#[actix_web::test]
async fn a_dead_letter_of_an_identity_provider_is_tended_like_any_other() {
    let world = World::new().await;
    sent(&world, PATH, webhook(&world, "msg_1", &News::Organization(organization()))).await.ok();
    world.store.fail_next_commit();
    let progress = world.http.billing.process_webhooks().await.unwrap();
    assert_eq!((progress.done, progress.failed), (0, 1));
    let log =
        world.get("/api/admin/webhooks?gateway=clerk&status=retrying", &world.admin).await.ok();
    let id = log["data"][0]["id"].as_str().unwrap().to_owned();
    let why = json!({ "reason": "The database is back" });
    let retry = format!("/api/admin/webhooks/{id}/retry");
    assert_eq!(world.post(&retry, &world.admin, why).await.status, 202);
    world.clock.advance_wall(Duration::SECOND);
    assert_eq!(world.http.billing.process_webhooks().await.unwrap().done, 1);
}

#[actix_web::test]
async fn a_provider_that_is_not_switched_on_is_not_found() {
    let world = World::without_identity().await;
    let delivery = webhook(&world, "msg_1", &News::Nothing);
    let answer = sent(&world, PATH, delivery).await;
    assert_eq!(answer.refused(), (404, "IDENTITY_PROVIDER_NOT_FOUND".to_owned()));
}
