use billing_app::{Error, Missing, ports::Page};
use billing_domain::credits::GrantKind;
use billing_testkit::builders::a_fresh_id;
use time::Duration;

use crate::{
    grant_credits::{for_a_day, give},
    scene::{Scene, everything},
};

#[tokio::test]
async fn what_is_due_is_booked_before_credits_are_reported() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.billing.grant_credits(for_a_day(acme, 10)).await.unwrap();
    let report = scene.billing.credits(acme).await.unwrap();
    assert_eq!((report.balance, report.grants.len()), (0, 1), "it is known, and not usable yet");
    assert!(report.by_kind.iter().all(|(_, left)| *left == 0));
    scene.clock.advance(Duration::HOUR);
    assert_eq!(scene.balance(acme).await, 10);
    scene.clock.advance(Duration::hours(23));
    assert_eq!(scene.balance(acme).await, 0);
    assert_eq!(scene.billing.credit_entries(acme, everything()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn credits_are_reported_by_kind_and_in_the_order_of_draw() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    give(&scene, acme, 7).await;
    scene.subscribe(acme, "growth").await;
    let report = scene.billing.credits(acme).await.unwrap();
    assert_eq!(
        report.by_kind,
        [
            (GrantKind::Purchased, 0),
            (GrantKind::Subscription, 5_000),
            (GrantKind::Promotional, 7),
            (GrantKind::Adjustment, 0),
        ]
    );
    let kinds: Vec<_> = report.grants.iter().map(|grant| grant.kind).collect();
    assert_eq!(kinds, [GrantKind::Subscription, GrantKind::Promotional]);
    let sum: i64 = report.by_kind.iter().map(|(_, left)| left).sum();
    assert_eq!((report.balance, report.overdrawn), (sum, 0));
}

#[tokio::test]
async fn the_ledger_is_read_in_pages_from_the_newest() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    for amount in 1..=3 {
        give(&scene, acme, amount).await;
    }
    let page = async |after, limit| {
        let entries = scene.billing.credit_entries(acme, Page { after, limit }).await.unwrap();
        entries.iter().map(|entry| entry.seq).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2).await, [3, 2]);
    assert_eq!(page(Some(2), 2).await, [1]);
}

#[tokio::test]
async fn all_of_it_is_on_one_page() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "growth").await;
    scene.generate(acme, 20).await;
    let summary = scene.billing.summary(acme).await.unwrap();
    assert_eq!(summary.entitlement.plan().unwrap().0.key, "growth");
    assert_eq!(summary.entitlement.subscription.unwrap().status.name(), "active");
    assert_eq!(summary.credits.balance, 5_000);
    let meters: Vec<_> = summary
        .meters
        .iter()
        .map(|it| (it.meter.as_str(), it.answer.used, it.answer.limit))
        .collect();
    assert_eq!(
        meters,
        [
            ("ai_generations", 20, Some(500)),
            ("api_calls", 0, Some(500_000)),
            ("exports", 0, Some(50)),
            ("projects", 0, Some(50)),
            ("storage_mb", 0, Some(2_000)),
            ("team_members", 0, Some(20)),
        ]
    );
}

#[tokio::test]
async fn payments_are_read_in_pages_from_the_newest() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "growth").await;
    let page = scene.buy_a_thousand(acme).await.page.session.id;
    scene.gateway.pay(&page);
    scene.hear(billing_app::ports::About::Checkout(page)).await;
    let all = scene.payments(acme).await;
    let amounts: Vec<_> = all.iter().map(|it| it.amount.to_string()).collect();
    assert_eq!(amounts, ["25.00 USD", "29.00 USD"]);
    let rest = Page { after: Some(all[0].id), limit: 10 };
    assert_eq!(scene.billing.payments(acme, rest).await.unwrap(), all[1..]);
    let stranger = scene.acme().await;
    assert!(scene.payments(stranger).await.is_empty());
}

#[tokio::test]
async fn an_unknown_organization_has_no_account() {
    let scene = Scene::new();
    fails!(scene.billing.credits(a_fresh_id()).await, Error::NotFound(Missing::Organization));
    fails!(scene.billing.summary(a_fresh_id()).await, Error::NotFound(Missing::Organization));
}
