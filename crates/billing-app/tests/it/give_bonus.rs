use billing_app::{Error, GiveBonus, Missing};
use billing_domain::{id::OrganizationId, quota::QuotaReason};
use billing_testkit::{NOON, builders::a_fresh_id};
use time::Duration;

use crate::scene::Scene;

/// Five more AI generations.
pub(crate) fn five_more(organization_id: OrganizationId) -> GiveBonus {
    GiveBonus {
        organization_id,
        meter: "ai_generations".to_owned(),
        amount: 5,
        reason: "a thank-you".to_owned(),
        expires_at: None,
    }
}

#[tokio::test]
async fn a_bonus_is_used_after_the_limit_and_lasts_thirty_days() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let bonus = scene.billing.give_bonus(five_more(acme)).await.unwrap();
    assert_eq!((bonus.remaining, bonus.expires_at), (5, NOON + Duration::days(30)));

    let answer = scene.generate(acme, 8).await.report.answer;
    assert_eq!((answer.reason, answer.bonus_remaining), (QuotaReason::WithinLimit, 5));
    let answer = scene.generate(acme, 4).await.report.answer;
    assert_eq!((answer.reason, answer.bonus_remaining), (QuotaReason::WithinBonus, 3));
    assert_eq!((answer.used, answer.total_remaining), (12, Some(3)));
    assert!(!scene.generate(acme, 4).await.recorded);
    assert!(scene.generate(acme, 3).await.recorded);
}

#[tokio::test]
async fn the_bonus_that_ends_first_is_used_first_and_none_after_its_end() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.billing.give_bonus(five_more(acme)).await.unwrap();
    let soon = GiveBonus { expires_at: Some(NOON + Duration::DAY), ..five_more(acme) };
    scene.billing.give_bonus(soon).await.unwrap();
    scene.generate(acme, 12).await;
    scene.clock.advance(Duration::DAY);
    let left = scene.billing.check_quota(acme, "ai_generations", 5).await.unwrap().answer;
    assert!(left.allowed, "three of the other one are lost, and five are left: {left:?}");
    assert_eq!(left.bonus_remaining, 5);
}

#[tokio::test]
async fn bonuses_that_make_no_sense_are_refused() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let bonus = || five_more(acme);
    for (wrong, named) in [
        (GiveBonus { amount: 0, ..bonus() }, "amount"),
        (GiveBonus { amount: 1 << 53, ..bonus() }, "amount"),
        (GiveBonus { reason: " ".to_owned(), ..bonus() }, "reason"),
        (GiveBonus { reason: "x".repeat(201), ..bonus() }, "reason"),
        (GiveBonus { expires_at: Some(NOON), ..bonus() }, "expires_at"),
    ] {
        match scene.billing.give_bonus(wrong).await {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, named),
            other => panic!("{named}: {other:?}"),
        }
    }
    let unknown = GiveBonus { meter: "miles".to_owned(), ..bonus() };
    fails!(scene.billing.give_bonus(unknown).await, Error::NotFound(Missing::Meter));
    let stranger = five_more(a_fresh_id());
    fails!(scene.billing.give_bonus(stranger).await, Error::NotFound(Missing::Organization));
}
