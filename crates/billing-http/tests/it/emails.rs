//! Emails, as administrators see them and have them sent again; and the mailbox of a sandbox.

use billing_app::ports::{Scope, Store as _};
use billing_domain::event::{Event, What};
use billing_testkit::builders::a_fresh_id;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::World;

const LIST: &str = "/api/admin/emails";
const MAILBOX: &str = "/api/admin/sandbox/mailbox";

/// An email waits, to the billing address of an organization. Its id.
pub(crate) async fn waiting(world: &World) -> String {
    let mut organization = world.http.billing.organization(world.acme).await.unwrap();
    organization.billing_email = Some("billing@acme.test".to_owned());
    let event = Event {
        id: a_fresh_id(),
        organization_id: world.acme,
        at: organization.created_at,
        what: What::CreditsLow { balance: 7, threshold: 1_000 },
    };
    let mut work = world.store.begin(Scope::Engine).await.unwrap();
    work.organizations().describe(&organization, &[event]).await.unwrap();
    work.commit().await.unwrap();
    while world.http.billing.relay_emails().await.unwrap() > 0 {}
    list(world, "?limit=1").await[0]["id"].as_str().unwrap().to_owned()
}

async fn list(world: &World, query: &str) -> Vec<Value> {
    let page = world.get(&format!("{LIST}{query}"), &world.admin).await.ok();
    page["data"].as_array().unwrap().clone()
}

async fn sent(world: &World) {
    while world.http.billing.send_emails().await.unwrap().any() {}
}

#[actix_web::test]
async fn emails_are_listed_inspected_and_sent_again() {
    let world = World::new().await;
    let first = waiting(&world).await;
    sent(&world).await;
    let second = waiting(&world).await;
    let all = list(&world, "").await;
    assert_eq!(all.iter().map(|it| &it["id"]).collect::<Vec<_>>(), [&second, &first]);
    let statuses: Vec<_> = all.iter().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["queued", "sent"]);
    assert_eq!(list(&world, "?status=sent&letter=credits_low").await.len(), 1);
    assert_eq!(list(&world, &format!("?organization_id={}", world.other)).await.len(), 0);
    assert_eq!(list(&world, &format!("?starting_after={second}")).await.len(), 1);
    let one = world.get(&format!("{LIST}/{first}"), &world.admin).await.ok();
    assert_eq!((&one["letter"], &one["locale"]), (&json!("credits_low"), &json!("en")));
    assert_eq!(one["recipient"], "billing@acme.test");
    assert_eq!(
        (&one["subject"], &one["history"][0]["outcome"]),
        (&json!("en credits_low"), &json!("sent"))
    );
    let why = json!({ "reason": "It was lost" });
    let again = world.post(&format!("{LIST}/{first}/retry"), &world.admin, why.clone()).await;
    assert_eq!((again.status, again.json()["status"].clone()), (202, json!("queued")));
    let figures = world.get("/api/admin/metrics/emails", &world.admin).await.ok();
    assert_eq!(figures, json!({ "mailer": "mailbox", "pending": 2, "dead": 0, "unsent": 0 }));
    assert_eq!(world.get("/health/ready", "").await.json()["emails"], figures);
    sent(&world).await;
    let dry = json!({ "status": "sent", "dry_run": true });
    let dry = world.post(&format!("{LIST}/retry"), &world.admin, dry).await.ok();
    assert_eq!((&dry["matched"], &dry["retried"]), (&json!(2), &json!(2)));
    assert_eq!(list(&world, "?status=sent").await.len(), 2, "nothing was changed");
    let wet = json!({ "status": "sent", "limit": 1, "reason": "All of them were lost" });
    let wet = world.post(&format!("{LIST}/retry"), &world.admin, wet).await.ok();
    assert_eq!(wet["emails"][0]["id"], first.as_str());
    let one = world.get(&format!("{LIST}/{first}"), &world.admin).await.ok();
    assert_eq!((&one["status"], one["actions"].as_array().unwrap().len()), (&json!("queued"), 2));
}

#[actix_web::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::new().await;
    let nobody = Uuid::nil();
    for path in
        [format!("{LIST}/{nobody}"), format!("{LIST}/x"), format!("{MAILBOX}/{nobody}.html")]
    {
        let answer = world.get(&path, &world.admin).await;
        assert_eq!(answer.refused(), (404, "EMAIL_NOT_FOUND".to_owned()), "{path}");
    }
    let why = json!({ "reason": "x" });
    let answer = world.post(&format!("{LIST}/{nobody}/retry"), &world.admin, why).await;
    assert_eq!(answer.refused(), (404, "EMAIL_NOT_FOUND".to_owned()));
    for path in
        [format!("{LIST}?status=odd"), format!("{LIST}?limit=0"), format!("{MAILBOX}?limit=101")]
    {
        let answer = world.get(&path, &world.admin).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()), "{path}");
    }
    let id = waiting(&world).await;
    for body in [json!({ "reason": " " }), json!({}), json!({ "reason": "x", "odd": 1 })] {
        let answer = world.post(&format!("{LIST}/{id}/retry"), &world.admin, body).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()));
    }
    let answer = world.get(LIST, &world.backend).await;
    assert_eq!(answer.refused(), (403, "INSUFFICIENT_SCOPE".to_owned()));
}

#[actix_web::test]
async fn the_mailbox_of_a_sandbox_can_be_read() {
    let world = World::new().await;
    let id = waiting(&world).await;
    assert_eq!(world.get(MAILBOX, &world.admin).await.ok()["data"], json!([]));
    sent(&world).await;
    let page = world.get(MAILBOX, &world.admin).await.ok();
    let posted = &page["data"][0];
    assert_eq!((&posted["id"], &posted["to"]), (&json!(id), &json!("billing@acme.test")));
    assert_eq!(posted["subject"], "en credits_low");
    let shown = world.get(&format!("{MAILBOX}/{id}.html"), &world.admin).await;
    assert_eq!(shown.status, 200);
    assert!(shown.header("content-type").unwrap().starts_with("text/html"));
    assert!(shown.header("content-security-policy").unwrap().contains("sandbox"));
    assert_eq!(shown.text(), posted["html"].as_str().unwrap());
}
