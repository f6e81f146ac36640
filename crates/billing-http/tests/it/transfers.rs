//! Credits are given to another organization.

use serde_json::{Value, json};

use crate::world::World;

const TRANSFERS: &str = "/api/billing/credits/transfers";

fn a_gift(world: &World) -> Value {
    json!({
        "organization_id": world.acme, "to_organization_id": world.other,
        "amount": 30, "idempotency_key": "gift",
    })
}

async fn balance(world: &World, organization: impl core::fmt::Display) -> Value {
    let path = format!("/api/billing/credits/{organization}");
    world.get(&path, &world.backend).await.ok()["balance"].clone()
}

#[actix_web::test]
async fn credits_change_hands_once_for_each_key() {
    let world = World::new().await;
    world.credit(world.acme, 100).await;
    let first = world.post(TRANSFERS, &world.backend, a_gift(&world)).await;
    assert_eq!(first.status, 201);
    let mut given = first.json();
    let decision = given.as_object_mut().unwrap().remove("decision_id").unwrap();
    let expected = json!({
        "to_organization_id": world.other, "seq": 2, "amount": 30, "balance": 70,
        "idempotency_key": "gift",
    });
    assert_eq!(given, expected);
    let again = world.post(TRANSFERS, &world.backend, a_gift(&world)).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!(again.json(), first.json());
    assert_eq!(
        (balance(&world, world.acme).await, balance(&world, world.other).await),
        (json!(70), json!(30))
    );
    let mut other = a_gift(&world);
    other["amount"] = json!(31);
    let other = world.post(TRANSFERS, &world.backend, other).await;
    assert_eq!(other.refused(), (422, "IDEMPOTENCY_KEY_REUSED".to_owned()));

    let path = format!("/api/billing/credits/{}/transactions", world.acme);
    let row = world.get(&path, &world.bound).await.ok()["data"][0].clone();
    assert_eq!([&row["kind"], &row["cause"]], ["transferred", "transfer"]);
    assert_eq!((&row["amount"], &row["decision_id"]), (&json!(-30), &decision));
    assert_eq!(row["to_organization_id"], json!(world.other));
    let path = format!("/api/billing/credits/{}/transactions", world.other);
    let row = world.get(&path, &world.backend).await.ok()["data"][0].clone();
    assert_eq!([&row["kind"], &row["cause"]], ["transferred", "grant"]);
    assert_eq!((&row["amount"], &row["source"]["kind"]), (&json!(30), &json!("transfer")));
}

#[actix_web::test]
async fn without_enough_nothing_is_given() {
    let world = World::new().await;
    world.credit(world.acme, 29).await;
    for replayed in [None, Some("true")] {
        let denied = world.post(TRANSFERS, &world.backend, a_gift(&world)).await;
        assert_eq!(denied.refused(), (402, "INSUFFICIENT_CREDITS".to_owned()));
        assert_eq!(denied.header("idempotent-replayed"), replayed);
        assert_eq!(denied.json()["error"]["details"]["missing"], 1);
    }
    assert_eq!(balance(&world, world.other).await, 0);
}

#[actix_web::test]
async fn both_must_be_visible_and_what_is_wrong_is_named() {
    let world = World::new().await;
    world.credit(world.acme, 100).await;
    let with = |field: &str, value: Value| {
        let mut body = a_gift(&world);
        body[field] = value;
        body
    };
    let nowhere = json!("0192d3a4-0000-7000-8000-00000000dead");
    for (key, body) in [
        (&world.bound, a_gift(&world)),
        (&world.bound, with("organization_id", json!(world.other))),
        (&world.backend, with("to_organization_id", nowhere.clone())),
        (&world.backend, with("organization_id", nowhere)),
    ] {
        let answer = world.post(TRANSFERS, key, body.clone()).await;
        assert_eq!(answer.refused(), (404, "ORGANIZATION_NOT_FOUND".to_owned()), "{body}");
    }
    for (field, value) in [
        ("to_organization_id", json!(world.acme)),
        ("to_organization_id", json!("x")),
        ("amount", json!(0)),
        ("amount", json!(-1)),
        ("amount", json!(1.5)),
        ("quantity", json!(1)),
        ("idempotency_key", json!("")),
    ] {
        let answer = world.post(TRANSFERS, &world.backend, with(field, value)).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()), "{field}");
        assert_eq!(answer.json()["error"]["details"]["field"], field, "{}", answer.text());
    }
    let read = world.post(TRANSFERS, &world.reader, a_gift(&world)).await;
    assert_eq!(read.refused(), (403, "INSUFFICIENT_SCOPE".to_owned()));
    assert_eq!(balance(&world, world.acme).await, 100);
}
