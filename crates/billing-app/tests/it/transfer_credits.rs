use billing_app::{Error, Missing, Refusal, TransferAnswer, TransferRequest};
use billing_domain::{credits::Sent, id::OrganizationId};
use billing_testkit::builders::a_fresh_id;

use crate::{grant_credits::give, scene::Scene};

fn a_gift(from: OrganizationId, to: OrganizationId, amount: i64) -> TransferRequest {
    TransferRequest { from, to, amount, key: None }
}

fn sent(answer: TransferAnswer) -> Sent {
    let TransferAnswer::Sent { sent, .. } = answer else { panic!("not given: {answer:?}") };
    sent
}

async fn two(scene: &Scene) -> (OrganizationId, OrganizationId) {
    let (from, to) = (scene.acme().await, scene.acme().await);
    give(scene, from, 100).await;
    (from, to)
}

#[tokio::test]
async fn credits_are_given_to_another_once_for_each_key() {
    let scene = Scene::new();
    let (from, to) = two(&scene).await;
    let keyed = TransferRequest { key: Some("gift".to_owned()), ..a_gift(from, to, 30) };
    let transfer = |request: &TransferRequest| scene.billing.transfer_credits(request.clone());
    scene.store.fail_next_commit();
    fails!(transfer(&keyed).await, Error::Unavailable { .. });
    assert_eq!((scene.balance(from).await, scene.balance(to).await), (100, 0));
    for replayed in [false, true] {
        let it = sent(transfer(&keyed).await.unwrap());
        assert_eq!((it.amount, it.balance_after, it.replayed), (30, 70, replayed));
        assert_eq!((scene.balance(from).await, scene.balance(to).await), (70, 30));
    }
    let other = TransferRequest { amount: 31, ..keyed };
    fails!(transfer(&other).await, Error::Refused(Refusal::KeyReused));
}

#[tokio::test]
async fn without_enough_nothing_is_given() {
    let scene = Scene::new();
    let (from, to) = two(&scene).await;
    let answer = scene.billing.transfer_credits(a_gift(from, to, 101)).await.unwrap();
    let TransferAnswer::Denied(denial) = answer else { panic!("{answer:?}") };
    assert_eq!((denial.denied.required, denial.denied.available), (101, 100));
    assert_eq!((scene.balance(from).await, scene.balance(to).await), (100, 0));
}

#[tokio::test]
async fn transfers_that_make_no_sense_are_refused() {
    let scene = Scene::new();
    let (from, to) = two(&scene).await;
    let gift = |amount| a_gift(from, to, amount);
    for (wrong, named) in [
        (a_gift(from, from, 1), "to_organization_id"),
        (gift(0), "amount"),
        (gift(-1), "amount"),
        (gift(1 << 53), "amount"),
        (TransferRequest { key: Some("x".repeat(300)), ..gift(1) }, "idempotency_key"),
    ] {
        match scene.billing.transfer_credits(wrong).await {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, named),
            other => panic!("{named}: {other:?}"),
        }
    }
    for (from, to) in [(from, a_fresh_id()), (a_fresh_id(), to)] {
        fails!(
            scene.billing.transfer_credits(a_gift(from, to, 1)).await,
            Error::NotFound(Missing::Organization)
        );
    }
    assert_eq!((scene.balance(from).await, scene.balance(to).await), (100, 0));
}
