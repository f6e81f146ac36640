//! Reminders, and what happens at the end.

use super::*;

#[tokio::test]
async fn the_end_is_announced_and_comes_once() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.try_starter(acme).await;
    for days in 0..20 {
        scene.on_day(days).await;
    }
    assert_eq!(scene.reminders(), [(7, 7), (3, 11), (1, 13), (0, 14)]);
    let expired = scene.told("trial.expired");
    let [(at, said)] = &expired[..] else { panic!("{expired:?}") };
    assert_eq!((*at, &said["reason"]), (day(14), &json!("no_saved_method")));
    assert_eq!(scene.subscription(acme).await.status, Status::Expired { at: day(14) });
    assert_eq!((scene.plan(acme).await.as_str(), scene.balance(acme).await), ("free", 0));
    assert_eq!(scene.billing.next_trial_due_at().await.unwrap(), None);
    assert_eq!(scene.billing.next_renewal_due_at().await.unwrap(), None);
}

#[tokio::test]
async fn after_a_long_sleep_only_what_still_holds_is_said() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.try_starter(acme).await;
    scene.on_day(12).await;
    assert_eq!(scene.reminders(), [(3, 11)], "dated when it was due");
    scene.on_day(90).await;
    assert_eq!(scene.reminders(), [(3, 11), (0, 14)]);
    assert_eq!(scene.trial(acme).await.state, TrialState::Expired { at: day(14) });
}

#[tokio::test]
async fn who_has_a_card_is_converted() {
    let scene = Scene::new();
    let acme = scene.with_card(true).await;
    scene.try_starter(acme).await;
    assert_eq!(scene.balance(acme).await, 1_100);
    scene.on_day(14).await;
    let subscription = scene.subscription(acme).await;
    assert_eq!(subscription.status, Status::Active);
    assert_eq!(subscription.period, Anchor(day(14)).period(Interval::Month, 0));
    assert_eq!(scene.trial(acme).await.state, TrialState::Converted { at: day(14) });
    assert_eq!(scene.balance(acme).await, 1_100, "the pack, and the month's own");
    let payments = scene.payments(acme).await;
    assert_eq!((payments.len(), payments[0].amount.minor()), (2, 900));
    assert_eq!(payments[0].subscription_id, Some(subscription.id));
    let told = scene.told("trial.converted");
    assert_eq!((told.len(), &told[0].1["amount"]["amount"]), (1, &json!(900)));
    let news = scene.happened();
    let last = [
        "trial.reminder",
        "invoice.updated",
        "payment.updated",
        "invoice.updated",
        "subscription.updated",
        "trial.converted",
    ];
    assert_eq!(news[news.len() - 6..], last);
    let changes = scene.store.changes(subscription.id);
    assert_eq!((changes.len(), changes[0].what.as_str()), (1, "status,period"));
    assert_eq!(scene.do_what_is_due().await, 0);
    assert_eq!(scene.gateway.charged().len(), 1);
}

#[tokio::test]
async fn who_is_refused_by_the_bank_is_not() {
    let scene = Scene::new();
    let acme = scene.with_card(true).await;
    scene.try_starter(acme).await;
    scene.gateway.refuse(&scene.customer());
    scene.on_day(14).await;
    assert_eq!(scene.trial(acme).await.state, TrialState::Expired { at: day(14) });
    assert_eq!((scene.plan(acme).await.as_str(), scene.balance(acme).await), ("free", 100));
    assert_eq!(scene.told("trial.expired")[0].1["reason"], "declined");
    assert_eq!(scene.payments(acme).await[0].status.name(), "failed");
    scene.on_day(90).await;
    assert_eq!(scene.gateway.charged().len(), 1, "nobody is asked again");
}

#[tokio::test]
async fn a_subscription_that_has_ended_before_is_not_charged() {
    let scene = Scene::new();
    let acme = scene.with_card(true).await;
    scene.try_starter(acme).await;
    scene.on_day(3).await;
    scene.cancel(acme).await;
    scene.on_day(30).await;
    assert_eq!(scene.trial(acme).await.state.name(), "cancelled");
    assert!(scene.reminders().is_empty() && scene.gateway.charged().is_empty());
}

#[tokio::test]
async fn who_wished_to_end_with_the_trial_is_not_charged() {
    let scene = Scene::new();
    let acme = scene.with_card(true).await;
    scene.try_starter(acme).await;
    scene.end_with_the_period(acme).await;
    scene.on_day(30).await;
    assert_eq!(scene.trial(acme).await.state, TrialState::Cancelled { at: day(14) });
    assert_eq!(scene.subscription(acme).await.status, Status::Cancelled { at: day(14) });
    assert!(scene.gateway.charged().is_empty());
}

#[tokio::test]
async fn figures_say_how_trials_went() {
    let scene = Scene::new();
    let none = scene.billing.trial_figures().await.unwrap();
    assert_eq!((none.total.started, none.total.rate()), (0, None));
    let converts = scene.with_card(true).await;
    let expires = scene.acme().await;
    scene.try_starter(converts).await;
    let bob = StartTrial {
        plan: "growth".to_owned(),
        user_id: Some("user_bob".to_owned()),
        email: Some("bob@example.com".to_owned()),
        ..a_start(expires)
    };
    scene.billing.start_trial(bob).await.unwrap();
    assert_eq!(scene.billing.trial_figures().await.unwrap().total.active, 2);
    scene.on_day(14).await;
    let figures = scene.billing.trial_figures().await.unwrap();
    assert_eq!(figures.total.rate(), Some(5_000));
    assert_eq!(figures.total.recent_rate(), Some(5_000));
    assert_eq!(figures.total.mean_days_to_convert(), Some(1_400));
    let plans: Vec<_> =
        figures.by_plan.iter().map(|of| (of.plan.as_str(), of.counts.rate())).collect();
    assert_eq!(plans, [("growth", Some(0)), ("starter", Some(10_000))]);
    assert_eq!(figures.by_month.len(), 1);
    scene.on_day(60).await;
    let figures = scene.billing.trial_figures().await.unwrap();
    assert_eq!((figures.total.recent_rate(), figures.total.rate()), (None, Some(5_000)));
}
