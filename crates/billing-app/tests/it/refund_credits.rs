use billing_app::{ConsumeAnswer, Error, Missing, RefundRequest, Refusal};
use billing_domain::{
    credits::{Consumed, DrawRef},
    id::OrganizationId,
};
use billing_testkit::builders::a_fresh_id;

use crate::{grant_credits::give, scene::Scene};

/// An organization that used 75 of its 100 credits.
async fn a_use(scene: &Scene) -> (OrganizationId, Consumed) {
    let acme = scene.acme().await;
    give(scene, acme, 100).await;
    let answer = scene.consume(acme, ("ai_inference", 3), None).await.expect("it is decided");
    let ConsumeAnswer::Consumed { consumed, .. } = answer else { panic!("{answer:?}") };
    (acme, consumed)
}

fn all_of(organization_id: OrganizationId, draw: DrawRef) -> RefundRequest {
    RefundRequest { organization_id, draw, amount: None, key: None }
}

#[tokio::test]
async fn a_use_is_given_back_and_never_more_than_it_was() {
    let scene = Scene::new();
    let (acme, used) = a_use(&scene).await;
    let part = RefundRequest { amount: Some(50), ..all_of(acme, DrawRef::Row(used.seq)) };
    let (key, refunded) = scene.billing.refund_credits(part.clone()).await.unwrap();
    assert_eq!(key.as_str(), refunded.decision.to_string(), "a key is made");
    assert_eq!((refunded.draw, refunded.amount, refunded.balance_after), (used.seq, 50, 75));
    fails!(scene.billing.refund_credits(part).await, Error::Refused(Refusal::MoreThanUsed(25)));
    let rest = all_of(acme, DrawRef::Decision(used.decision));
    let (_, refunded) = scene.billing.refund_credits(rest.clone()).await.unwrap();
    assert_eq!((refunded.amount, refunded.balance_after), (25, 100));
    fails!(scene.billing.refund_credits(rest).await, Error::Refused(Refusal::MoreThanUsed(0)));
    assert_eq!(scene.balance(acme).await, 100);
}

#[tokio::test]
async fn a_key_gives_back_once() {
    let scene = Scene::new();
    let (acme, used) = a_use(&scene).await;
    let keyed = RefundRequest {
        amount: Some(10),
        key: Some("sorry".to_owned()),
        ..all_of(acme, DrawRef::Row(used.seq))
    };
    scene.store.lose_next_commit();
    let refund = |request: &RefundRequest| scene.billing.refund_credits(request.clone());
    fails!(refund(&keyed).await, Error::Unavailable { .. });
    assert!(refund(&keyed).await.unwrap().1.replayed);
    assert_eq!(scene.balance(acme).await, 35);
    let other = RefundRequest { amount: Some(11), ..keyed };
    fails!(refund(&other).await, Error::Refused(Refusal::KeyReused));
}

#[tokio::test]
async fn refunds_that_make_no_sense_are_refused() {
    let scene = Scene::new();
    let (acme, used) = a_use(&scene).await;
    let row = DrawRef::Row(used.seq);
    for amount in [0, -1, 1 << 53] {
        let request = RefundRequest { amount: Some(amount), ..all_of(acme, row) };
        fails!(scene.billing.refund_credits(request).await, Error::Invalid { field: "amount", .. });
    }
    let key = Some("x".repeat(300));
    fails!(
        scene.billing.refund_credits(RefundRequest { key, ..all_of(acme, row) }).await,
        Error::Invalid { field: "idempotency_key", .. }
    );
    let other = scene.acme().await;
    for request in [
        all_of(other, row),
        all_of(other, DrawRef::Decision(used.decision)),
        all_of(acme, DrawRef::Row(1)),
        all_of(acme, DrawRef::Row(99)),
        all_of(acme, DrawRef::Decision(a_fresh_id())),
    ] {
        fails!(scene.billing.refund_credits(request).await, Error::NotFound(Missing::Draw));
    }
    fails!(
        scene.billing.refund_credits(all_of(a_fresh_id(), row)).await,
        Error::NotFound(Missing::Organization)
    );
    assert_eq!(scene.balance(acme).await, 25);
}
