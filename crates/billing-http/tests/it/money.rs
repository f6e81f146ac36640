//! What was paid, and everything on one page.

use billing_app::ports::About;
use serde_json::json;

use crate::world::World;

#[actix_web::test]
async fn a_payment_stands_in_the_history_and_the_summary_has_everything() {
    let world = World::new().await;
    let body = json!({
        "credit_product": "credits_100",
        "success_url": "https://example.com/a",
        "cancel_url": "https://example.com/b",
    });
    for _ in 0..3 {
        let opened =
            world.post("/api/billing/credit-products/checkout", &world.bound, body.clone()).await;
        let session = opened.ok()["session_id"].as_str().unwrap().to_owned();
        world.gateway.pay(&session);
        crate::webhooks::delivered(&world, About::Checkout(session)).await;
        world.clock.advance(time::Duration::HOUR);
    }
    let path = format!("/api/billing/history/{}", world.acme);
    let all = world.get(&path, &world.bound).await.ok();
    assert_eq!((all["data"].as_array().unwrap().len(), &all["has_more"]), (6, &json!(false)));
    insta::assert_json_snapshot!(all["data"][1], {
        ".id" => "[id]", ".gateway_payment_id" => "[reference]", ".checkout_id" => "[checkout]",
        ".document_url" => "[url]",
    }, @r#"
    {
      "amount": {
        "amount": 1500,
        "currency": "USD"
      },
      "checkout_id": "[checkout]",
      "created_at": "2026-03-14T14:00:00.535897Z",
      "description": "100 credits",
      "document_url": "[url]",
      "failure": null,
      "gateway": "stripe",
      "gateway_payment_id": "[reference]",
      "id": "[id]",
      "refunded": {
        "amount": 0,
        "currency": "USD"
      },
      "status": "completed",
      "subscription_id": null,
      "tax": {
        "amount": 0,
        "currency": "USD"
      },
      "type": "payment"
    }
    "#);
    let first = world.get(&format!("{path}?limit=2"), &world.bound).await.ok();
    assert_eq!(first["has_more"], true);
    let after = first["data"][1]["id"].as_str().unwrap();
    let rest = world.get(&format!("{path}?starting_after={after}"), &world.bound).await.ok();
    assert_eq!(rest["data"].as_array().unwrap(), &all["data"].as_array().unwrap()[2..]);

    let summary = world.get(&format!("/api/billing/summary/{}", world.acme), &world.bound).await;
    let summary = summary.ok();
    assert_eq!(summary["organization"]["name"], "Acme");
    assert_eq!(summary["subscription"]["status"], "none");
    assert_eq!(summary["credits"]["balance"], 300);
    assert_eq!(summary["usage"]["meters"].as_array().unwrap().len(), 6);
}
