//! Credits that were used are given back.

use serde_json::{Value, json};

use crate::world::{World, request};

const REFUNDS: &str = "/api/billing/credits/refunds";

/// `acme` used 75 of its 100 credits; what was decided.
async fn a_use(world: &World) -> Value {
    world.credit(world.acme, 100).await;
    let body = json!({ "event": "ai_inference", "quantity": 3 });
    world.post("/api/billing/credits/consume", &world.bound, body).await.ok()
}

#[actix_web::test]
async fn a_use_is_given_back_by_its_row_or_its_decision() {
    let world = World::new().await;
    let used = a_use(&world).await;
    let part = world.post(REFUNDS, &world.bound, json!({ "seq": 2, "amount": 50 })).await;
    assert_eq!(part.status, 201);
    insta::assert_json_snapshot!(part.json(), {
        ".decision_id" => "[decision]", ".grants[].grant_id" => "[grant]",
        ".idempotency_key" => "[made]",
    }, @r#"
    {
      "amount": 50,
      "balance": 75,
      "decision_id": "[decision]",
      "grants": [
        {
          "amount": 50,
          "grant_id": "[grant]",
          "held": 0
        }
      ],
      "idempotency_key": "[made]",
      "refunds": 2,
      "seq": 3
    }
    "#);
    let much = json!({ "decision_id": used["decision_id"], "amount": 26 });
    let much = world.post(REFUNDS, &world.bound, much).await;
    assert_eq!(much.refused(), (422, "REFUND_EXCEEDED".to_owned()));
    assert_eq!(much.json()["error"]["details"], json!({ "left": 25 }));
    let rest = json!({ "decision_id": used["decision_id"] });
    let rest = world.post(REFUNDS, &world.bound, rest).await.ok();
    assert_eq!([&rest["amount"], &rest["balance"]], [25, 100]);

    let path = format!("/api/billing/credits/{}/transactions", world.acme);
    let rows = world.get(&path, &world.bound).await.ok();
    let row = &rows["data"][0];
    assert_eq!([&row["kind"], &row["cause"]], ["refunded", "refund"]);
    assert_eq!([&row["amount"], &row["refunds"]], [25, 2]);
    assert_eq!(row["decision_id"], rest["decision_id"]);
}

#[actix_web::test]
async fn a_key_gives_back_once() {
    let world = World::new().await;
    a_use(&world).await;
    let keyed = |body: Value| {
        let asked = request("POST", REFUNDS, &world.bound).set_json(body);
        world.send(asked.insert_header(("Idempotency-Key", "sorry")))
    };
    let first = keyed(json!({ "seq": 2, "amount": 10 })).await;
    let again = keyed(json!({ "seq": 2, "amount": 10 })).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!((first.header("idempotent-replayed"), first.json()), (None, again.json()));
    let other = keyed(json!({ "seq": 2, "amount": 11 })).await;
    assert_eq!(other.refused(), (422, "IDEMPOTENCY_KEY_REUSED".to_owned()));
}

#[actix_web::test]
async fn what_was_not_used_is_not_found_and_what_is_wrong_is_named() {
    let world = World::new().await;
    let used = a_use(&world).await;
    let nowhere = "0192d3a4-0000-7000-8000-00000000dead";
    let foreign = json!({ "decision_id": used["decision_id"], "organization_id": world.other });
    for (key, body) in [
        (&world.bound, json!({ "seq": 1 })),
        (&world.bound, json!({ "seq": 9 })),
        (&world.bound, json!({ "decision_id": nowhere })),
        (&world.backend, foreign),
    ] {
        let answer = world.post(REFUNDS, key, body.clone()).await;
        assert_eq!(answer.refused(), (404, "DRAW_NOT_FOUND".to_owned()), "{body}");
    }
    for (body, field) in [
        (json!({}), "seq"),
        (json!({ "seq": 2, "decision_id": used["decision_id"] }), "seq"),
        (json!({ "seq": 0 }), "seq"),
        (json!({ "seq": 2.5 }), "seq"),
        (json!({ "decision_id": "x" }), "decision_id"),
        (json!({ "seq": 2, "amount": 0 }), "amount"),
        (json!({ "seq": 2, "amount": -1 }), "amount"),
        (json!({ "seq": 2, "amount": 0.5 }), "amount"),
        (json!({ "seq": 2, "quantity": 1 }), "quantity"),
    ] {
        let answer = world.post(REFUNDS, &world.bound, body.clone()).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()), "{body}");
        assert_eq!(answer.json()["error"]["details"]["field"], field, "{}", answer.text());
    }
}
