//! Stopped anywhere, overtaken, or left without an answer: there is one charge.

use super::*;

impl Scene {
    /// Nothing is known yet: the balance is as before, and a charge is under way.
    async fn nobody_knows(&self, acme: OrganizationId) {
        assert_eq!(self.balance(acme).await, 100);
        assert!(self.state(acme).await.pending.is_some());
        assert_eq!(self.top_up().await, 0, "it is not asked again at once");
    }

    /// One charge was made, and its credits were given once.
    async fn all_is_well(&self, acme: OrganizationId) {
        assert_eq!(self.balance(acme).await, 1_100);
        assert_eq!(self.gateway.charged().len(), 1);
        assert_eq!(self.state(acme).await.pending, None);
        let payments = self.payments(acme).await;
        let captured = payments.iter().filter(|it| it.status.captured());
        assert_eq!(captured.count(), 2, "the first pack and this one");
        let told = self.happened().into_iter().filter(|it| it == "credits.topped_up");
        assert_eq!(told.count(), 1);
        assert_eq!(self.top_up().await, 0);
    }

    /// The payment that the gateway made for the charge.
    async fn charged_payment(&self) -> String {
        let charge = self.gateway.charged().remove(0);
        let found = Charges::find(&*self.gateway, &charge.customer, charge.checkout_id, NOON).await;
        found.unwrap().unwrap().reference.id
    }
}

#[tokio::test]
async fn what_timed_out_is_asked_for_and_not_charged_again() {
    let scene = Scene::new();
    let acme = scene.low().await;
    scene.gateway.timing_out_after_accepting();
    assert_eq!(scene.top_up().await, 0);
    scene.gateway.working();
    scene.nobody_knows(acme).await;
    scene.clock.advance(Duration::MINUTE);
    assert_eq!(scene.top_up().await, 1);
    scene.all_is_well(acme).await;
    assert_eq!(scene.gateway.calls(Call::Charge), 1);
}

#[tokio::test]
async fn a_refusal_that_timed_out_is_found_as_well() {
    let scene = Scene::new();
    let acme = scene.low().await;
    scene.gateway.refuse(&scene.customer());
    scene.gateway.timing_out_after_accepting();
    assert_eq!(scene.top_up().await, 0);
    scene.gateway.working();
    scene.nobody_knows(acme).await;
    scene.clock.advance(Duration::MINUTE);
    assert_eq!(scene.top_up().await, 1);
    let state = scene.state(acme).await;
    assert_eq!((state.pending, state.failures), (None, 1));
    assert_eq!((scene.balance(acme).await, scene.gateway.charged().len()), (100, 1));
}

#[tokio::test]
async fn what_never_arrived_is_sent_again_as_the_same_charge() {
    let scene = Scene::new();
    let acme = scene.low().await;
    let recorded = scene.gateway.clone();
    // The gateway goes away between the look for a card and the charge.
    scene.gateway.meanwhile(Call::FindSavedMethod, move || async move { recorded.down() });
    assert_eq!(scene.top_up().await, 0);
    scene.nobody_knows(acme).await;
    let pending = scene.state(acme).await.pending;
    scene.clock.advance(Duration::MINUTE);
    assert_eq!(scene.top_up().await, 0, "still away");
    scene.gateway.working();
    // A card that was kept since then must not make another charge of it.
    scene.gateway.save_method(&scene.customer());
    scene.clock.advance(Duration::MINUTE);
    assert_eq!(scene.top_up().await, 1);
    scene.all_is_well(acme).await;
    assert_eq!(Some(scene.gateway.charged()[0].checkout_id), pending);
}

#[tokio::test]
async fn what_never_arrived_is_not_sent_when_the_gateway_may_have_forgotten_its_key() {
    let scene = Scene::new();
    let acme = scene.low().await;
    let gone = scene.gateway.clone();
    scene.gateway.meanwhile(Call::FindSavedMethod, move || async move { gone.down() });
    assert_eq!(scene.top_up().await, 0);
    let pending = scene.state(acme).await.pending.unwrap();
    scene.gateway.working();
    scene.clock.advance(Duration::hours(24));
    assert_eq!(scene.top_up().await, 0);
    assert_eq!(scene.state(acme).await.pending, Some(pending), "it could still arrive");
    assert!(scene.gateway.charged().is_empty());

    scene.clock.advance(Duration::hours(24));
    assert_eq!(scene.top_up().await, 1, "it is given up");
    assert_eq!(scene.checkout(acme, pending).await.status.name(), "expired");
    assert_eq!(scene.state(acme).await.failures, 0, "nobody refused");
    assert_eq!(scene.top_up().await, 1, "another one is made");
    scene.all_is_well(acme).await;
}

#[tokio::test]
async fn stopped_before_the_charge_it_goes_on() {
    let scene = Scene::new();
    let acme = scene.low().await;
    // The record is made, but nobody hears that it was: the process goes no further.
    let store = scene.store.clone();
    scene.gateway.meanwhile(Call::FindSavedMethod, move || async move {
        store.lose_next_commit();
    });
    assert_eq!(scene.top_up().await, 0);
    assert_eq!(scene.gateway.calls(Call::Charge), 0);
    scene.nobody_knows(acme).await;
    scene.clock.advance(Duration::MINUTE);
    assert_eq!(scene.top_up().await, 1);
    scene.all_is_well(acme).await;
}

#[tokio::test]
async fn stopped_after_the_charge_it_goes_on() {
    for lost in [true, false] {
        let scene = Scene::new();
        let acme = scene.low().await;
        let store = scene.store.clone();
        scene.gateway.meanwhile(Call::Charge, move || async move {
            if lost { store.lose_next_commit() } else { store.fail_next_commit() }
        });
        assert_eq!(scene.top_up().await, 0);
        scene.clock.advance(Duration::MINUTE);
        assert_eq!(scene.top_up().await, usize::from(!lost), "lost: it had happened");
        scene.all_is_well(acme).await;
        assert_eq!(scene.gateway.calls(Call::Charge), 1);
    }
}

#[tokio::test]
async fn two_at_once_make_one_charge() {
    for call in [Call::FindSavedMethod, Call::Charge] {
        let scene = Scene::new();
        let acme = scene.low().await;
        let billing = scene.billing.clone();
        scene.gateway.meanwhile(call, move || async move {
            billing.top_up_credits().await.unwrap();
        });
        scene.top_up().await;
        scene.all_is_well(acme).await;
        assert_eq!(scene.gateway.calls(Call::Charge), 1, "{call:?}");
    }
    let scene = Scene::new();
    let acme = scene.low().await;
    let (one, two, three) = tokio::join!(scene.top_up(), scene.top_up(), scene.top_up());
    assert_eq!(one + two + three, 1);
    scene.all_is_well(acme).await;
}

#[tokio::test]
async fn a_webhook_may_bring_the_news_first() {
    let scene = Scene::new();
    let acme = scene.low().await;
    scene.gateway.timing_out_after_accepting();
    assert_eq!(scene.top_up().await, 0);
    scene.gateway.working();
    let payment = scene.charged_payment().await;
    for _ in 0..2 {
        scene.hear(About::Payment(payment.clone())).await;
        scene.all_is_well(acme).await;
    }
    scene.clock.advance(Duration::DAY);
    scene.all_is_well(acme).await;
}

#[tokio::test]
async fn a_webhook_may_bring_a_refusal_first() {
    let scene = Scene::new();
    let acme = scene.low().await;
    scene.gateway.refuse(&scene.customer());
    scene.gateway.timing_out_after_accepting();
    assert_eq!(scene.top_up().await, 0);
    scene.gateway.working();
    let payment = scene.charged_payment().await;
    for _ in 0..3 {
        scene.hear(About::Payment(payment.clone())).await;
    }
    let state = scene.state(acme).await;
    assert_eq!((state.pending, state.failures, state.enabled), (None, 1, true), "counted once");
    scene.clock.advance(Duration::hours(23));
    assert_eq!(scene.top_up().await, 0);
}

#[tokio::test]
async fn what_the_gateway_refuses_counts_as_a_failure() {
    let scene = Scene::new();
    let acme = scene.low().await;
    let gone = scene.gateway.clone();
    let customer = scene.customer();
    // The card is removed between the look for it and the charge.
    scene.gateway.meanwhile(Call::FindSavedMethod, move || async move {
        gone.forget_methods(&customer);
    });
    assert_eq!(scene.top_up().await, 1);
    assert_eq!(scene.told_failure()["reason"], "refused");
    let state = scene.state(acme).await;
    assert_eq!((state.pending, state.failures), (None, 1));
    assert_eq!(state.look_at, NOON + Duration::DAY);
}

#[tokio::test]
async fn a_gateway_that_is_away_is_left_alone_for_a_while() {
    let scene = Scene::new();
    let acme = scene.low().await;
    scene.gateway.down();
    for _ in 0..3 {
        assert_eq!(scene.top_up().await, 0);
    }
    assert_eq!(scene.gateway.calls(Call::FindSavedMethod), 1);
    let state = scene.state(acme).await;
    assert_eq!((state.pending, state.failures), (None, 0), "nothing was recorded");
    scene.gateway.working();
    scene.clock.advance(Duration::MINUTE);
    assert_eq!(scene.top_up().await, 1);
    scene.all_is_well(acme).await;
}

#[tokio::test]
async fn switched_off_meanwhile_a_charge_under_way_is_still_brought_to_its_end() {
    let scene = Scene::new();
    let acme = scene.low().await;
    scene.gateway.timing_out_after_accepting();
    assert_eq!(scene.top_up().await, 0);
    scene.gateway.working();
    let off = SetAutoTopUp { enabled: false, ..a_wish(acme) };
    let off = scene.billing.set_auto_top_up(off).await.unwrap();
    assert!(off.pending.is_some());
    scene.clock.advance(Duration::MINUTE);
    assert_eq!(scene.top_up().await, 1);
    scene.all_is_well(acme).await;
    assert!(!scene.state(acme).await.enabled);
}

#[tokio::test]
async fn a_page_for_the_same_pack_is_another_sale() {
    let scene = Scene::new();
    let acme = scene.low().await;
    scene.gateway.timing_out_after_accepting();
    assert_eq!(scene.top_up().await, 0);
    scene.gateway.working();
    let opened = scene.buy_a_thousand(acme).await;
    assert_ne!(Some(opened.checkout.id), scene.state(acme).await.pending);
    scene.clock.advance(Duration::MINUTE);
    assert_eq!(scene.top_up().await, 1);
    scene.all_is_well(acme).await;
}
