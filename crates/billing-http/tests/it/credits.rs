//! Credits are used.

use serde_json::{Value, json};

use crate::world::{World, request};

const CONSUME: &str = "/api/billing/credits/consume";

fn inference(quantity: u64) -> Value {
    json!({ "event": "ai_inference", "quantity": quantity })
}

#[actix_web::test]
async fn credits_are_used_and_the_ledger_says_so() {
    let world = World::new().await;
    world.credit(world.acme, 100).await;
    let used = world.post(CONSUME, &world.bound, inference(2)).await;
    insta::assert_json_snapshot!(used.ok(), {
        ".decision_id" => "[decision]", ".grants[].grant_id" => "[grant]",
        ".idempotency_key" => "[made]",
    }, @r#"
    {
      "allowed": true,
      "balance": 50,
      "cost": 50,
      "decision_id": "[decision]",
      "event": "ai_inference",
      "grants": [
        {
          "amount": 50,
          "grant_id": "[grant]"
        }
      ],
      "idempotency_key": "[made]",
      "quantity": 2,
      "seq": 2
    }
    "#);

    let balance = world.get(&format!("/api/billing/credits/{}", world.acme), &world.bound).await;
    insta::assert_json_snapshot!(balance.ok(), {
        ".organization_id" => "[acme]", ".grants[].id" => "[grant]",
        ".grants[].source.id" => "[made]",
    }, @r#"
    {
      "available": 50,
      "balance": 50,
      "by_kind": {
        "adjustment": 0,
        "promotional": 50,
        "purchased": 0,
        "subscription": 0
      },
      "grants": [
        {
          "amount": 100,
          "expires_at": null,
          "granted_at": "2026-03-14T12:00:00.535897Z",
          "held": 0,
          "id": "[grant]",
          "kind": "promotional",
          "remaining": 50,
          "source": {
            "id": "[made]",
            "kind": "operator"
          },
          "started": true,
          "starts_at": "2026-03-14T12:00:00.535897Z"
        }
      ],
      "held": 0,
      "organization_id": "[acme]",
      "overdrawn": 0,
      "settings": {
        "draw_order": [
          "purchased",
          "subscription",
          "promotional",
          "adjustment"
        ],
        "low_balance": 1000,
        "low_percent": 10,
        "overdraft_limit": 0
      }
    }
    "#);
    let path = format!("/api/billing/credits/{}/transactions", world.acme);
    let ledger = world.get(&path, &world.bound).await;
    insta::assert_json_snapshot!(ledger.ok(), {
        ".data[].grants[].grant_id" => "[grant]", ".data[].source.id" => "[made]",
        ".data[].consumed.decision_id" => "[decision]",
        ".data[0].decision_id" => "[decision]",
        ".data[].consumed.idempotency_key" => "[made]",
    }, @r#"
    {
      "data": [
        {
          "amount": -50,
          "at": "2026-03-14T12:00:00.535897Z",
          "balance_after": 50,
          "cause": "consume",
          "consumed": {
            "decision_id": "[decision]",
            "event": "ai_inference",
            "idempotency_key": "[made]",
            "quantity": 2,
            "unit_cost": 25
          },
          "decision_id": "[decision]",
          "event": null,
          "grants": [
            {
              "amount": -50,
              "grant_id": "[grant]",
              "held": 0
            }
          ],
          "held_change": 0,
          "kind": "consumed",
          "overdrawn_change": 0,
          "refunds": null,
          "seq": 2,
          "source": null,
          "to_organization_id": null
        },
        {
          "amount": 100,
          "at": "2026-03-14T12:00:00.535897Z",
          "balance_after": 100,
          "cause": "grant",
          "consumed": null,
          "decision_id": null,
          "event": null,
          "grants": [
            {
              "amount": 100,
              "grant_id": "[grant]",
              "held": 0
            }
          ],
          "held_change": 0,
          "kind": "earned",
          "overdrawn_change": 0,
          "refunds": null,
          "seq": 1,
          "source": {
            "id": "[made]",
            "kind": "operator"
          },
          "to_organization_id": null
        }
      ],
      "has_more": false
    }
    "#);
}

#[actix_web::test]
async fn too_few_credits_are_a_402_that_says_what_would_help() {
    let world = World::new().await;
    world.credit(world.acme, 10).await;
    let denied = world.post(CONSUME, &world.bound, inference(50)).await;
    assert_eq!(denied.refused(), (402, "INSUFFICIENT_CREDITS".to_owned()));
    insta::assert_json_snapshot!(denied.json()["error"], {
        ".details.decision_id" => "[decision]", ".details.idempotency_key" => "[made]",
        ".details.top_up.credit_product_id" => "[pack]", ".request_id" => "[request]",
    }, @r#"
    {
      "code": "INSUFFICIENT_CREDITS",
      "details": {
        "available": 10,
        "decision_id": "[decision]",
        "idempotency_key": "[made]",
        "missing": 1240,
        "required": 1250,
        "top_up": {
          "checkout": "/api/billing/credit-products/checkout",
          "credit_product_id": "[pack]",
          "credits": 2500,
          "key": "credits_2500",
          "price": {
            "amount": 5000,
            "currency": "USD"
          },
          "quantity": 1
        }
      },
      "message": "1250 credits are required, 10 are available",
      "request_id": "[request]"
    }
    "#);
    let balance = world.get(&format!("/api/billing/credits/{}", world.acme), &world.bound).await;
    assert_eq!(balance.json()["balance"], 10, "nothing was taken");
}

#[actix_web::test]
async fn a_key_is_decided_once_a_denial_included() {
    let world = World::new().await;
    world.credit(world.acme, 60).await;
    let keyed = |key: &'static str, body: Value| {
        let asked = request("POST", CONSUME, &world.bound).set_json(body);
        world.send(asked.insert_header(("Idempotency-Key", key)))
    };
    let first = keyed("one", inference(2)).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (200, None));
    let again = keyed("\"one\"", inference(2)).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
    assert_eq!(again.bytes, first.bytes);

    let denied = keyed("two", inference(3)).await;
    assert_eq!((denied.status, denied.header("idempotent-replayed")), (402, None));
    world.credit(world.acme, 1000).await;
    let still = keyed("two", inference(3)).await;
    assert_eq!((still.status, still.header("idempotent-replayed")), (402, Some("true")));
    assert_eq!(still.json()["error"]["details"], denied.json()["error"]["details"]);

    let other = keyed("one", inference(1)).await;
    assert_eq!(other.refused(), (422, "IDEMPOTENCY_KEY_REUSED".to_owned()));
}

#[actix_web::test]
async fn the_key_may_stand_in_the_body_and_must_not_contradict_the_header() {
    let world = World::new().await;
    world.credit(world.acme, 100).await;
    let mut body = inference(1);
    body["idempotency_key"] = json!("k");
    let first = world.post(CONSUME, &world.bound, body.clone()).await.ok();
    assert_eq!(first["idempotency_key"], "k");
    let both = request("POST", CONSUME, &world.bound).set_json(body.clone());
    let both = world.send(both.insert_header(("Idempotency-Key", "k"))).await;
    assert_eq!(both.header("idempotent-replayed"), Some("true"));
    let contrary = request("POST", CONSUME, &world.bound).set_json(body);
    let contrary = world.send(contrary.insert_header(("Idempotency-Key", "other"))).await;
    assert_eq!(contrary.refused(), (400, "VALIDATION_ERROR".to_owned()));
    assert_eq!(contrary.json()["error"]["details"]["field"], "idempotency_key");
}

#[actix_web::test]
async fn an_unknown_event_is_not_found() {
    let world = World::new().await;
    let answer = world.post(CONSUME, &world.bound, json!({ "event": "teleport" })).await;
    assert_eq!(answer.refused(), (404, "CREDIT_EVENT_NOT_FOUND".to_owned()));
}

#[actix_web::test]
async fn the_ledger_is_read_a_page_at_a_time() {
    let world = World::new().await;
    world.credit(world.acme, 100).await;
    for _ in 0..4 {
        let one = json!({ "event": "api_call_basic" });
        assert_eq!(world.post(CONSUME, &world.bound, one).await.status, 200);
    }
    let path = format!("/api/billing/credits/{}/transactions", world.acme);
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = world.get(&format!("{path}?limit=2{after}"), &world.bound).await.ok();
        let seqs = page["data"].as_array().unwrap().iter().map(|row| row["seq"].as_i64().unwrap());
        seen.extend(seqs);
        if page["has_more"] == false {
            break;
        }
        after = format!("&starting_after={}", seen.last().unwrap());
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=many", "limit"),
        ("starting_after=first", "starting_after"),
        ("ending_before=1", "ending_before"),
    ] {
        let answer = world.get(&format!("{path}?{query}"), &world.bound).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()), "{query}");
        assert_eq!(answer.json()["error"]["details"]["field"], field, "{}", answer.text());
    }
}
