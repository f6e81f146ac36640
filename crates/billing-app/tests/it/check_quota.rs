use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use billing_app::{
    Billing, Error, Missing, QuotaReport, RecordUsage, Settings,
    ports::{About, Change, Changes, Facts, QuotaQuestion, Subscriber, UsageLedger},
};
use billing_domain::{
    catalogue::Window,
    id::OrganizationId,
    quota::{Quota, QuotaReason},
};
use billing_testkit::{
    MemoryChanges, MemoryStore, NOON,
    builders::{a_fresh_id, a_use},
};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::{
    give_bonus::five_more,
    scene::{Scene, a_generation, ports},
};

async fn check(scene: &Scene, acme: OrganizationId, quantity: u64) -> QuotaReport {
    scene.billing.check_quota(acme, "ai_generations", quantity).await.expect("it is answered")
}

#[tokio::test]
async fn without_a_subscription_the_free_plan_decides_within_the_calendar_month() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let report = check(&scene, acme, 10).await;
    assert_eq!((report.plan.as_str(), report.as_of), ("free", NOON));
    let answer = report.answer;
    assert_eq!((answer.allowed, answer.limit, answer.used), (true, Some(10), 0));
    assert_eq!(answer.resets_at, Some(datetime!(2026-04-01 0:00 UTC)));
    assert!(report.upgrade.is_none());
}

#[tokio::test]
async fn a_check_changes_nothing() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let before = check(&scene, acme, 10).await;
    for _ in 0..20 {
        assert_eq!(check(&scene, acme, 10).await, before);
    }
    assert!(scene.store.counted(acme).is_empty());
}

#[tokio::test]
async fn a_denial_names_the_cheapest_plan_that_would_do() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    for (quantity, plan, price) in
        [(11, "starter", "9.00 USD"), (101, "growth", "29.00 USD"), (501, "scale", "59.00 USD")]
    {
        let report = check(&scene, acme, quantity).await;
        assert_eq!(report.answer.reason, QuotaReason::LimitReached);
        let upgrade = report.upgrade.expect("a plan would allow it");
        assert_eq!((upgrade.current_plan.as_str(), upgrade.plan.key.as_str()), ("free", plan));
        assert_eq!(upgrade.price.amount.to_string(), price);
    }
    scene.generate(acme, 10).await;
    let upgrade = check(&scene, acme, 91).await.upgrade.unwrap();
    assert_eq!(upgrade.plan.key, "growth", "what is used already counts");
    let storage = scene.billing.check_quota(acme, "storage_mb", 10_001).await.unwrap();
    assert!(!storage.answer.allowed && storage.upgrade.is_none(), "no plan would do");
}

#[tokio::test]
async fn a_subscription_brings_its_limits_within_its_own_period() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.generate(acme, 10).await;
    assert!(!check(&scene, acme, 1).await.answer.allowed);
    scene.subscribe(acme, "growth").await;
    let report = check(&scene, acme, 500).await;
    assert_eq!((report.plan.as_str(), report.answer.limit), ("growth", Some(500)));
    assert!(report.answer.allowed);
    assert_eq!(report.answer.resets_at, Some(scene.subscription(acme).await.period.end));
    let denied = check(&scene, acme, 501).await;
    assert_eq!(denied.upgrade.unwrap().plan.key, "scale");
}

#[tokio::test]
async fn an_answer_may_be_a_second_old_and_says_so() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    assert_eq!(check(&scene, acme, 1).await.answer.used, 0);
    // Another process counts, past this one.
    let elsewhere = scene.store.clone();
    let mut command = a_use("elsewhere", 10);
    command.meter = "ai_generations".into();
    command.rule.period = Window::CalendarMonth.around(NOON, None);
    command.rule.window = Window::BillingPeriod;
    UsageLedger::apply(&elsewhere, acme, command.into(), NOON).await.unwrap();

    scene.clock.advance(Duration::milliseconds(499));
    let kept = check(&scene, acme, 1).await;
    assert_eq!((kept.answer.used, kept.as_of), (0, NOON));
    scene.clock.advance(Duration::milliseconds(501));
    let read = check(&scene, acme, 1).await;
    assert_eq!((read.answer.used, read.as_of), (1, NOON + Duration::SECOND));
}

#[tokio::test]
async fn what_is_asked_for_is_read_anew_before_it_is_stale() {
    let scene = Scene::new();
    let (acme, idle) = (scene.acme().await, scene.acme().await);
    let known = check(&scene, acme, 1).await;
    check(&scene, idle, 1).await;
    scene.clock.advance(Duration::milliseconds(500));
    assert_eq!(check(&scene, acme, 1).await, known, "old answers are given meanwhile");
    scene.billing.renew_known().await.unwrap();
    let renewed = check(&scene, acme, 1).await;
    assert_eq!(renewed.as_of, NOON + Duration::milliseconds(500));
    scene.clock.advance(Duration::milliseconds(500));
    scene.store.go_down();
    assert_eq!(check(&scene, acme, 1).await, renewed);
    let unasked = scene.billing.check_quota(idle, "ai_generations", 1).await;
    assert!(matches!(unasked, Err(Error::Unavailable { .. })), "nobody asked: {unasked:?}");
    let renewing = scene.billing.renew_known().await;
    assert!(matches!(renewing, Err(Error::Unavailable { .. })), "it reads: {renewing:?}");
    assert_eq!(check(&scene, acme, 1).await, renewed, "it is fresh, whatever becomes of that");
}

#[tokio::test]
async fn what_other_processes_change_is_seen_when_it_is_heard() {
    let scene = Scene::new();
    let changes = MemoryChanges::default();
    let mut ports = ports(&scene.store, scene.gateway.clone(), &scene.clock);
    ports.changes = Arc::new(changes.another());
    let here = Billing::new(ports.clone(), Settings::default());
    ports.changes = Arc::new(changes.another());
    let elsewhere = Billing::new(ports, Settings::default());
    here.hear_changes().await;
    let acme = scene.acme().await;
    let used = async || {
        here.check_quota(acme, "ai_generations", 1).await.expect("it is answered").answer.used
    };
    for before in 0..3 {
        assert_eq!(used().await, before);
        elsewhere.record_usage(a_generation(acme)).await.unwrap();
        assert_eq!(used().await, before, "it has not heard of it");
        here.hear_changes().await;
        assert_eq!(used().await, before + 1);
    }
    let untold = RecordUsage { key: Some("untold".to_owned()), ..a_generation(acme) };
    scene.billing.record_usage(untold).await.unwrap();
    assert_eq!(used().await, 3, "nobody tells");
    changes.another().tell(Change::Organization(acme));
    here.hear_changes().await;
    assert_eq!(used().await, 4);
}

#[tokio::test]
async fn a_plan_that_was_bought_elsewhere_counts_within_a_second() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let ports = ports(&scene.store, scene.gateway.clone(), &scene.clock);
    let here = Billing::new(ports, Settings::default());
    let plan = async || here.record_usage(a_generation(acme)).await.unwrap().report.plan;
    assert_eq!(plan().await, "free");
    scene.subscribe(acme, "growth").await;
    scene.clock.advance(Duration::milliseconds(999));
    assert_eq!(plan().await, "free", "it has not heard of it");
    scene.clock.advance(Duration::milliseconds(1));
    assert_eq!(plan().await, "growth");
}

#[tokio::test]
async fn what_this_process_changes_is_seen_at_once() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    for used in 0..10 {
        assert_eq!(check(&scene, acme, 1).await.answer.used, used);
        scene.generate(acme, 1).await;
    }
    assert!(!check(&scene, acme, 1).await.answer.allowed);
    scene.billing.give_bonus(five_more(acme)).await.unwrap();
    assert!(check(&scene, acme, 1).await.answer.allowed);
    scene.subscribe(acme, "starter").await;
    assert_eq!(check(&scene, acme, 1).await.plan, "starter");
}

#[tokio::test]
async fn a_read_that_was_overtaken_by_a_change_is_not_kept() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let overtaken = Arc::new(Overtaken { store: scene.store.clone(), by: OnceLock::new() });
    let mut ports = ports(&scene.store, scene.gateway.clone(), &scene.clock);
    ports.facts = overtaken.clone();
    let billing = Arc::new(Billing::new(ports, Settings::default()));
    overtaken.by.set(Arc::downgrade(&billing)).expect("it is set once");

    let check = async || billing.check_quota(acme, "ai_generations", 1).await.unwrap().answer;
    assert_eq!(check().await.used, 0, "it was read before the use was counted");
    assert_eq!(check().await.used, 1, "and is not answered again after it");
}

/// Facts that are read, and then, before the reader has the answer, a use is counted.
struct Overtaken {
    store: MemoryStore,
    by: OnceLock<Weak<Billing>>,
}

#[async_trait]
impl Facts for Overtaken {
    async fn subscribers(&self, ids: &[OrganizationId]) -> Result<Vec<Option<Subscriber>>, Error> {
        self.store.subscribers(ids).await
    }

    async fn quotas(
        &self,
        asked: &[QuotaQuestion],
        now: OffsetDateTime,
    ) -> Result<Vec<Quota>, Error> {
        let read = self.store.quotas(asked, now).await?;
        let billing = self.by.get().and_then(Weak::upgrade).expect("it is set");
        for (asked, _) in asked.iter().zip(&read).filter(|(_, quota)| quota.used == 0) {
            billing.record_usage(a_generation(asked.organization_id)).await?;
        }
        Ok(read)
    }
}

#[tokio::test]
async fn an_answer_that_is_known_needs_no_database() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let known = check(&scene, acme, 1).await;
    scene.store.go_down();
    assert_eq!(check(&scene, acme, 1).await, known);
    let other = scene.billing.check_quota(acme, "exports", 1).await;
    assert!(matches!(other, Err(Error::Unavailable { .. })), "{other:?}");
}

#[tokio::test]
async fn an_unlimited_plan_allows_anything() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "scale").await;
    let answer = check(&scene, acme, (1 << 53) - 1).await.answer;
    assert!(answer.allowed && answer.unlimited);
    assert_eq!((answer.limit, answer.remaining), (None, None));
}

#[tokio::test]
async fn a_bonus_allows_more_than_the_limit() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.billing.give_bonus(five_more(acme)).await.unwrap();
    assert_eq!(check(&scene, acme, 15).await.answer.reason, QuotaReason::WithinBonus);
    assert!(!check(&scene, acme, 16).await.answer.allowed);
}

#[tokio::test]
async fn who_is_past_due_keeps_the_plan_for_seven_days() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "growth").await;
    scene.clock.advance(Duration::days(31));
    scene.gateway.declining();
    scene.gateway.renew(&subscription);
    scene.hear(About::Subscription(subscription)).await;
    assert_eq!(scene.subscription(acme).await.status.name(), "past_due");
    assert_eq!(check(&scene, acme, 1).await.plan, "growth");
    scene.clock.advance(Duration::days(7) - Duration::MICROSECOND);
    assert_eq!(check(&scene, acme, 1).await.answer.limit, Some(500));
    scene.clock.advance(Duration::MICROSECOND);
    let report = check(&scene, acme, 1).await;
    assert_eq!((report.plan.as_str(), report.answer.limit), ("free", Some(10)));
}

#[tokio::test]
async fn a_meter_that_the_plan_does_not_know_allows_nothing() {
    let mut catalogue = billing_testkit::builders::the_default_catalogue();
    catalogue.plans[0].versions[0].features.retain(|it| it.key != "ai_generations");
    let scene = Scene::selling(catalogue);
    let acme = scene.acme().await;
    let report = check(&scene, acme, 1).await;
    assert_eq!((report.answer.allowed, report.answer.limit), (false, Some(0)));
    assert_eq!(report.upgrade.unwrap().plan.key, "starter");
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let ask = |id, meter, quantity| scene.billing.check_quota(id, meter, quantity);
    fails!(ask(acme, "miles", 1).await, Error::NotFound(Missing::Meter));
    fails!(ask(acme, "exports", 0).await, Error::Invalid { field: "quantity", .. });
    fails!(ask(acme, "exports", 1 << 53).await, Error::Invalid { field: "quantity", .. });
    fails!(ask(a_fresh_id(), "exports", 1).await, Error::NotFound(Missing::Organization));
}
