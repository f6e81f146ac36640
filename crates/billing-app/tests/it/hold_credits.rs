use billing_app::{Error, HoldAnswer, HoldRequest, HowMuch, Missing, Refusal};
use billing_domain::{
    credits::Held,
    id::{HoldId, OrganizationId},
};
use billing_testkit::{
    NOON,
    builders::{a_fresh_id, the_default_catalogue},
};
use time::Duration;

use crate::{
    grant_credits::give,
    scene::{Scene, everything},
};

/// What four answers of an AI cost at most: a hundred credits.
fn four_answers(organization_id: OrganizationId) -> HoldRequest {
    HoldRequest {
        organization_id,
        event: "ai_inference".to_owned(),
        how_much: HowMuch::Events(4),
        time_to_live: None,
        key: None,
    }
}

fn held(answer: HoldAnswer) -> Held {
    let HoldAnswer::Held { held, .. } = answer else { panic!("not held: {answer:?}") };
    held
}

async fn a_hold(scene: &Scene, credits: i64) -> (OrganizationId, HoldId) {
    let acme = scene.acme().await;
    give(scene, acme, credits).await;
    let answer = scene.billing.hold_credits(four_answers(acme)).await.expect("it is decided");
    (acme, held(answer).hold)
}

#[tokio::test]
async fn an_event_is_held_at_its_cost_for_a_quarter_of_an_hour() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    give(&scene, acme, 250).await;
    let it = held(scene.billing.hold_credits(four_answers(acme)).await.unwrap());
    assert_eq!((it.amount, it.until), (100, NOON + Duration::minutes(15)));
    let credits = HoldRequest { how_much: HowMuch::Credits(7), ..four_answers(acme) };
    let day = HoldRequest { time_to_live: Some(Duration::days(30)), ..credits };
    let it = held(scene.billing.hold_credits(day).await.unwrap());
    assert_eq!((it.amount, it.until), (7, NOON + Duration::days(30)));
    let report = scene.billing.credits(acme).await.unwrap();
    assert_eq!((report.balance, report.held, report.available), (250, 107, 143));
    scene.clock.advance(Duration::minutes(15));
    assert_eq!(scene.billing.credits(acme).await.unwrap().held, 7);
}

#[tokio::test]
async fn without_enough_nothing_is_held_and_the_answer_says_what_helps() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    give(&scene, acme, 99).await;
    let answer = scene.billing.hold_credits(four_answers(acme)).await.unwrap();
    let HoldAnswer::Denied(denial) = answer else { panic!("{answer:?}") };
    assert_eq!((denial.denied.required, denial.denied.available), (100, 99));
    assert_eq!(denial.top_up.map(|it| (it.product.credits, it.quantity)), Some((100, 1)));
    assert_eq!(scene.billing.credits(acme).await.unwrap().held, 0);
}

#[tokio::test]
async fn a_key_holds_once_and_stands_for_one_request() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    give(&scene, acme, 1_000).await;
    let keyed = || HoldRequest { key: Some("one".to_owned()), ..four_answers(acme) };
    scene.store.lose_next_commit();
    fails!(scene.billing.hold_credits(keyed()).await, Error::Unavailable { .. });
    let first = held(scene.billing.hold_credits(keyed()).await.unwrap());
    let again = held(scene.billing.hold_credits(keyed()).await.unwrap());
    assert_eq!((first.hold, first.replayed), (again.hold, true), "the first answer was lost");
    assert_eq!(scene.billing.credits(acme).await.unwrap().held, 100);
    let other = HoldRequest { how_much: HowMuch::Events(5), ..keyed() };
    fails!(scene.billing.hold_credits(other).await, Error::Refused(Refusal::KeyReused));
}

#[tokio::test]
async fn holds_that_make_no_sense_are_refused() {
    let mut catalogue = the_default_catalogue();
    let old = catalogue.credit_events.iter_mut().find(|it| it.name == "data_export").unwrap();
    old.active = false;
    let scene = Scene::selling(catalogue);
    let acme = scene.acme().await;
    give(&scene, acme, 1_000).await;
    let asked = || four_answers(acme);
    let events = [0, -1, i64::MIN, 1 << 53].map(HowMuch::Events);
    let credits = [0, -1, i64::MIN, 1 << 53].map(HowMuch::Credits);
    let [quantity, amount] = ["quantity", "amount"];
    let mut wrong: Vec<_> =
        events.map(|how_much| (HoldRequest { how_much, ..asked() }, quantity)).into();
    wrong.extend(credits.map(|how_much| (HoldRequest { how_much, ..asked() }, amount)));
    for time in [Duration::ZERO, -Duration::SECOND, Duration::days(31)] {
        wrong.push((HoldRequest { time_to_live: Some(time), ..asked() }, "ttl_seconds"));
    }
    for key in ["", "\n", &"x".repeat(300)] {
        let key = Some(key.to_owned());
        wrong.push((HoldRequest { key, ..asked() }, "idempotency_key"));
    }
    for (request, named) in wrong {
        match scene.billing.hold_credits(request).await {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, named),
            other => panic!("{named}: {other:?}"),
        }
    }
    let event = |name: &str| HoldRequest { event: name.to_owned(), ..asked() };
    fails!(
        scene.billing.hold_credits(event("teleport")).await,
        Error::NotFound(Missing::CreditEvent)
    );
    fails!(
        scene.billing.hold_credits(event("data_export")).await,
        Error::Refused(Refusal::CreditEventInactive(_))
    );
    fails!(
        scene.billing.hold_credits(four_answers(a_fresh_id())).await,
        Error::NotFound(Missing::Organization)
    );
    assert_eq!(scene.billing.credit_entries(acme, everything()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_hold_is_settled_and_what_is_not_used_returns() {
    let scene = Scene::new();
    let (acme, hold) = a_hold(&scene, 250).await;
    let settle = |amount| scene.billing.settle_hold(acme, hold, amount);
    for amount in [0, -1, 1 << 53] {
        fails!(settle(Some(amount)).await, Error::Invalid { field: "amount", .. });
    }
    fails!(settle(Some(101)).await, Error::Refused(Refusal::MoreThanHeld(100)));
    for replayed in [false, true] {
        let settled = settle(Some(30)).await.unwrap();
        assert_eq!((settled.settled, settled.returned), (30, 70));
        assert_eq!((settled.balance_after, settled.replayed), (220, replayed));
    }
    fails!(settle(None).await, Error::Refused(Refusal::HoldSettled(30)));
    fails!(scene.billing.release_hold(acme, hold).await, Error::Refused(Refusal::HoldSettled(30)));
    assert_eq!(scene.billing.credits(acme).await.unwrap().available, 220);
}

#[tokio::test]
async fn a_hold_is_released_and_all_of_it_returns() {
    let scene = Scene::new();
    let (acme, hold) = a_hold(&scene, 250).await;
    for replayed in [false, true] {
        let released = scene.billing.release_hold(acme, hold).await.unwrap();
        assert_eq!((released.returned, released.replayed), (100, replayed));
    }
    fails!(
        scene.billing.settle_hold(acme, hold, None).await,
        Error::Refused(Refusal::HoldReleased)
    );
    assert_eq!(scene.billing.credits(acme).await.unwrap().available, 250);
}

#[tokio::test]
async fn a_hold_that_timed_out_is_neither_settled_nor_released() {
    let scene = Scene::new();
    let (acme, hold) = a_hold(&scene, 250).await;
    scene.clock.advance(Duration::HOUR);
    let late = NOON + Duration::minutes(15);
    for outcome in [
        scene.billing.settle_hold(acme, hold, None).await.map(drop),
        scene.billing.release_hold(acme, hold).await.map(drop),
    ] {
        match outcome {
            Err(Error::Refused(Refusal::HoldTimedOut(at))) => assert_eq!(at, late),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_hold_of_another_is_not_found() {
    let scene = Scene::new();
    let (acme, hold) = a_hold(&scene, 250).await;
    let other = scene.acme().await;
    for (organization, hold) in [(other, hold), (acme, a_fresh_id())] {
        fails!(
            scene.billing.settle_hold(organization, hold, None).await,
            Error::NotFound(Missing::Hold)
        );
        fails!(
            scene.billing.release_hold(organization, hold).await,
            Error::NotFound(Missing::Hold)
        );
    }
    fails!(
        scene.billing.settle_hold(a_fresh_id(), hold, None).await,
        Error::NotFound(Missing::Organization)
    );
    assert_eq!(scene.billing.credits(acme).await.unwrap().held, 100);
}
