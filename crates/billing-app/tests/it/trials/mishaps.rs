//! Stopped anywhere, overtaken, or left without an answer: a trial ends once.

use std::sync::Arc;

use billing_app::{
    Billing, Ports, Settings,
    ports::{About, Charges, Scope, Store},
};
use billing_domain::subscription::{Actor, Verb};
use billing_testkit::{Call, Counting};

use super::*;
use crate::scene::ports;

impl Scene {
    /// Changes the subscription, as another use case would.
    async fn change(
        &self,
        organization: OrganizationId,
        change: impl FnOnce(&mut billing_domain::subscription::Subscription),
    ) {
        let mut work = self.store.begin(Scope::Engine).await.unwrap();
        let found = work.subscriptions().live(organization, "main").await.unwrap();
        let mut subscription = found.unwrap();
        change(&mut subscription);
        work.subscriptions().save(&subscription, None, &[]).await.unwrap();
        work.commit().await.unwrap();
    }

    pub(super) async fn cancel(&self, organization: OrganizationId) {
        let now = self.clock.now();
        self.change(organization, |it| {
            it.command(Verb::Cancel, Actor::Customer, now).unwrap();
        })
        .await;
    }

    pub(super) async fn end_with_the_period(&self, organization: OrganizationId) {
        self.change(organization, |it| it.cancel_at_period_end = true).await;
    }

    /// One charge was made for the trial, and it is converted.
    async fn converted_once(&self, acme: OrganizationId) {
        assert_eq!(self.trial(acme).await.state, TrialState::Converted { at: day(14) });
        assert_eq!(self.subscription(acme).await.status, Status::Active);
        assert_eq!(self.gateway.charged().len(), 1);
        assert_eq!(self.balance(acme).await, 1_100);
        assert_eq!(self.payments(acme).await.len(), 2);
        for (name, times) in [("trial.converted", 1), ("trial.expired", 0), ("trial.reminder", 1)] {
            assert_eq!(self.told(name).len(), times, "{name}");
        }
    }
}

/// A trial of somebody with a card, at its end.
async fn at_the_end() -> (Scene, OrganizationId) {
    let scene = Scene::new();
    let acme = scene.with_card(true).await;
    scene.try_starter(acme).await;
    scene.clock.advance(Duration::days(14));
    (scene, acme)
}

#[tokio::test]
async fn what_timed_out_is_asked_for_and_not_charged_again() {
    let (scene, acme) = at_the_end().await;
    scene.gateway.timing_out_after_accepting();
    scene.do_what_is_due().await;
    scene.gateway.working();
    assert_eq!(scene.trial(acme).await.state.name(), "charging");
    assert_eq!(scene.plan(acme).await, "starter", "nobody loses it while nobody knows");
    assert_eq!(scene.do_what_is_due().await, 0, "it is not asked again at once");
    scene.clock.advance(Duration::MINUTE);
    scene.do_what_is_due().await;
    scene.converted_once(acme).await;
    assert_eq!(scene.gateway.calls(Call::Charge), 1);
}

#[tokio::test]
async fn a_refusal_that_timed_out_is_found_as_well() {
    let (scene, acme) = at_the_end().await;
    scene.gateway.refuse(&scene.customer());
    scene.gateway.timing_out_after_accepting();
    scene.do_what_is_due().await;
    scene.gateway.working();
    scene.clock.advance(Duration::MINUTE);
    scene.do_what_is_due().await;
    assert_eq!(scene.trial(acme).await.state, TrialState::Expired { at: day(14) });
    assert_eq!(scene.gateway.calls(Call::Charge), 1);
}

#[tokio::test]
async fn a_gateway_that_is_down_ends_nothing() {
    let (scene, acme) = at_the_end().await;
    scene.gateway.down();
    scene.do_what_is_due().await;
    assert_eq!(scene.trial(acme).await.state, TrialState::Running);
    assert_eq!(scene.reminders(), [(0, 14)], "but the end has come");
    let next = scene.billing.next_trial_due_at().await.unwrap();
    assert_eq!(next, Some(scene.clock.now() + Duration::MINUTE));
    scene.gateway.working();
    scene.clock.advance(Duration::MINUTE);
    scene.do_what_is_due().await;
    scene.converted_once(acme).await;
}

#[tokio::test]
async fn what_never_arrived_is_sent_again_under_its_key() {
    let (scene, acme) = at_the_end().await;
    scene.billing.end_due_trials(10).await.unwrap();
    // The method is found, and then the gateway goes down.
    let fake = scene.gateway.clone();
    scene.gateway.meanwhile(Call::FindSavedMethod, move || {
        fake.down();
        std::future::ready(())
    });
    scene.do_what_is_due().await;
    assert_eq!(scene.trial(acme).await.state.name(), "charging");
    assert!(scene.gateway.charged().is_empty());
    for hours in [1, 30, 30] {
        scene.clock.advance(Duration::hours(hours));
        scene.do_what_is_due().await;
    }
    scene.gateway.working();
    // It is long since anything could still arrive: it is sent anew.
    for _ in 0..2 {
        scene.clock.advance(Duration::DAY);
        scene.do_what_is_due().await;
    }
    scene.converted_once(acme).await;
}

#[tokio::test]
async fn an_answer_that_is_lost_at_the_commit_is_found() {
    for lost in [false, true] {
        let (scene, acme) = at_the_end().await;
        // Reminded, and decided to charge; the charge is made, and its record fails.
        let store = scene.store.clone();
        scene.gateway.meanwhile(Call::Charge, move || {
            if lost {
                store.lose_next_commit()
            } else {
                store.fail_next_commit()
            }
            std::future::ready(())
        });
        scene.billing.end_due_trials(10).await.unwrap();
        scene.billing.collect_due_invoices(10).await.unwrap();
        scene.clock.advance(Duration::MINUTE);
        scene.do_what_is_due().await;
        scene.converted_once(acme).await;
        assert_eq!(scene.gateway.calls(Call::Charge), 1);
    }
}

#[tokio::test]
async fn a_webhook_that_comes_first_converts_as_well() {
    let (scene, acme) = at_the_end().await;
    scene.gateway.timing_out_after_accepting();
    scene.do_what_is_due().await;
    scene.gateway.working();
    let charge = scene.gateway.charged().remove(0);
    let found = Charges::find(&*scene.gateway, &charge.customer, charge.checkout_id, day(14)).await;
    let payment = found.unwrap().unwrap().reference.id;
    for _ in 0..2 {
        scene.hear(About::Payment(payment.clone())).await;
        scene.converted_once(acme).await;
    }
    scene.clock.advance(Duration::HOUR);
    scene.do_what_is_due().await;
    scene.converted_once(acme).await;
}

#[tokio::test]
async fn two_processes_end_it_once() {
    let (scene, acme) = at_the_end().await;
    let gateway = scene.gateway.clone();
    let ids = Arc::new(Counting::series(7));
    let ports = Ports { ids, ..ports(&scene.store, gateway, &scene.clock) };
    let other = Arc::new(Billing::new(ports, Settings::default()));
    // While the first chooses what to charge, the second does it all; and the other way round.
    let second = other.clone();
    scene.gateway.meanwhile(Call::FindSavedMethod, move || async move {
        while second.end_due_trials(10).await.unwrap() > 0 {}
    });
    scene.do_what_is_due().await;
    while other.end_due_trials(10).await.unwrap() > 0 {}
    scene.converted_once(acme).await;
    assert_eq!(scene.gateway.calls(Call::Charge), 1);
}

#[tokio::test]
async fn many_workers_remind_and_end_once() {
    let (scene, acme) = at_the_end().await;
    let workers = (0..8).map(|_| {
        let billing = scene.billing.clone();
        tokio::spawn(async move {
            for _ in 0..4 {
                billing.end_due_trials(10).await.unwrap();
                billing.collect_due_invoices(10).await.unwrap();
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    scene.clock.advance(Duration::MINUTE);
    scene.do_what_is_due().await;
    scene.converted_once(acme).await;
}

#[tokio::test]
async fn what_was_cancelled_while_it_was_charged_stays_so() {
    let (scene, acme) = at_the_end().await;
    scene.gateway.timing_out_after_accepting();
    scene.do_what_is_due().await;
    scene.gateway.working();
    scene.cancel(acme).await;
    scene.clock.advance(Duration::MINUTE);
    scene.do_what_is_due().await;
    assert_eq!(scene.trial(acme).await.state.name(), "cancelled");
    assert_eq!(scene.plan(acme).await, "free");
    assert_eq!(scene.payments(acme).await[0].status.name(), "completed", "it is seen and refunded");
    assert_eq!(scene.billing.next_renewal_due_at().await.unwrap(), None);
}
