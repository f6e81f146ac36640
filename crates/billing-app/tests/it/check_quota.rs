use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use billing_app::{
    Billing, Error, Missing, QuotaReport, Settings,
    ports::{About, CreditSummary, LedgerQueries, Page, UsageLedger},
};
use billing_domain::{
    catalogue::Window,
    credits::Entry,
    id::OrganizationId,
    quota::{Quota, QuotaReason},
    usage::UsageRule,
};
use billing_testkit::{
    MemoryStore, NOON,
    builders::{a_fresh_id, a_usage_command},
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
    let mut command = a_usage_command("elsewhere", 10);
    "ai_generations".clone_into(&mut command.meter);
    command.rule.period = Window::CalendarMonth.around(NOON, None);
    command.rule.window = Window::BillingPeriod;
    elsewhere.apply(acme, command, NOON).await.unwrap();

    scene.clock.advance(Duration::milliseconds(499));
    let kept = check(&scene, acme, 1).await;
    assert_eq!((kept.answer.used, kept.as_of), (0, NOON));
    scene.clock.advance(Duration::milliseconds(501));
    let read = check(&scene, acme, 1).await;
    assert_eq!((read.answer.used, read.as_of), (1, NOON + Duration::SECOND));
}

#[tokio::test]
async fn one_of_those_who_ask_reads_anew_before_the_answer_is_stale() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let known = check(&scene, acme, 1).await;
    scene.clock.advance(Duration::milliseconds(500));
    scene.store.go_down();
    let first = scene.billing.check_quota(acme, "ai_generations", 1).await;
    assert!(matches!(first, Err(Error::Unavailable { .. })), "it reads: {first:?}");
    assert_eq!(check(&scene, acme, 1).await, known, "the others are answered meanwhile");
    scene.store.come_back();
    scene.clock.advance(Duration::milliseconds(500));
    assert_eq!(check(&scene, acme, 1).await.as_of, NOON + Duration::SECOND);
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
    ports.ledgers = overtaken.clone();
    let billing = Arc::new(Billing::new(ports, Settings::default()));
    overtaken.by.set(Arc::downgrade(&billing)).expect("it is set once");

    let check = async || billing.check_quota(acme, "ai_generations", 1).await.unwrap().answer;
    assert_eq!(check().await.used, 0, "it was read before the use was counted");
    assert_eq!(check().await.used, 1, "and is not answered again after it");
}

/// A ledger that is read, and then, before the reader has the answer, a use is counted.
struct Overtaken {
    store: MemoryStore,
    by: OnceLock<Weak<Billing>>,
}

#[async_trait]
impl LedgerQueries for Overtaken {
    async fn credits(&self, id: OrganizationId) -> Result<Option<CreditSummary>, Error> {
        self.store.credits(id).await
    }

    async fn credit_entries(
        &self,
        id: OrganizationId,
        page: Page<i64>,
    ) -> Result<Vec<Entry>, Error> {
        self.store.credit_entries(id, page).await
    }

    async fn quotas(
        &self,
        id: OrganizationId,
        rules: &[(String, UsageRule)],
        now: OffsetDateTime,
    ) -> Result<Vec<Quota>, Error> {
        let read = self.store.quotas(id, rules, now).await?;
        let billing = self.by.get().and_then(Weak::upgrade).expect("it is set");
        if read.iter().all(|quota| quota.used == 0) {
            billing.record_usage(a_generation(id)).await?;
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
