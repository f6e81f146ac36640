#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use billing_app::{
    Advance, Billing, Error, GrantCredits, Refusal, Settings,
    ports::{Clock as _, GatewayError, MovableClock as _, SimulatedGateway},
};
use billing_domain::{credits::EntryKind, id::OrganizationId};
use billing_testkit::{FakeGateway, MemoryStore, NOON, Stopped, builders::the_default_catalogue};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::{
    grant_credits::for_a_day,
    scene::{Scene, acme, everything, ports},
};

/// Credits for a day, from so many days on.
fn on_day(organization: OrganizationId, days: i64) -> GrantCredits {
    let starts_at = NOON + Duration::days(days);
    GrantCredits {
        starts_at: Some(starts_at),
        expires_at: Some(starts_at + Duration::DAY),
        ..for_a_day(organization, 10)
    }
}

#[tokio::test]
async fn each_thing_is_booked_at_its_own_instant_in_order() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    for day in 1..=365 {
        scene.billing.grant_credits(on_day(acme, day)).await.unwrap();
    }
    let advanced = scene.billing.advance_clock(Advance::By(Duration::days(366))).await.unwrap();
    assert_eq!((advanced.from, advanced.now), (NOON, NOON + Duration::days(366)));
    assert!(advanced.stops >= 365, "{advanced:?}");

    let mut entries = Vec::new();
    let mut page = everything();
    loop {
        let more = scene.billing.credit_entries(acme, page).await.unwrap();
        let Some(last) = more.last() else { break };
        page.after = Some(last.seq);
        entries.extend(more);
    }
    entries.reverse();
    assert_eq!(entries.len(), 2 * 365);
    // At each noon what was given the day before ends, and then the next begins.
    for (entry, n) in entries.iter().zip(1_i64..) {
        let kind = if n % 2 == 1 { EntryKind::Earned } else { EntryKind::Expired };
        assert_eq!((entry.kind, entry.at), (kind, NOON + Duration::days(n / 2 + 1)), "{n}");
    }
}

#[tokio::test]
async fn partitions_are_made_as_months_begin() {
    let scene = Scene::new();
    let to = datetime!(2027-03-01 0:00 UTC);
    scene.billing.advance_clock(Advance::To(to)).await.unwrap();
    let made = scene.store.partitions();
    let months: Vec<_> = made.iter().map(|at| (at.year(), u8::from(at.month()))).collect();
    let expected: Vec<_> = (4..=12).map(|n| (2026, n)).chain((1..=3).map(|n| (2027, n))).collect();
    assert_eq!(months, expected);
    assert!(made.iter().all(|at| (at.day(), at.hour()) == (1, 0)));
}

#[tokio::test]
async fn the_clock_never_goes_back() {
    let scene = Scene::new();
    let back = Advance::To(NOON - Duration::SECOND);
    fails!(scene.billing.advance_clock(back).await, Error::Refused(Refusal::ClockGoesBack(_)));
    fails!(
        scene.billing.advance_clock(Advance::By(Duration::days(3_661))).await,
        Error::Invalid { field: "advance", .. }
    );
    let still = scene.billing.advance_clock(Advance::By(Duration::ZERO)).await.unwrap();
    assert_eq!((still.now, still.stops), (NOON, 0));
    // Whoever was refused lets the others go on.
    assert!(scene.billing.enter().await.unwrap().is_some());
}

#[tokio::test]
async fn where_money_is_real_time_is_too() {
    let clock = Arc::new(Stopped::default());
    let store = MemoryStore::selling(the_default_catalogue());
    let fake = Arc::new(FakeGateway::new(clock.clone()));
    let live = billing_app::Ports { movable_clock: None, ..ports(&store, fake, &clock) };
    let billing = Billing::new(live, Settings::default());
    fails!(
        billing.advance_clock(Advance::By(Duration::DAY)).await,
        Error::Refused(Refusal::ClockIsReal)
    );
    fails!(billing.clock_stands(), Error::Refused(Refusal::ClockIsReal));
    assert!(billing.enter().await.unwrap().is_none());
    assert_eq!(clock.now(), NOON);
}

#[tokio::test]
async fn one_moves_the_clock_while_nobody_is_in() {
    let scene = Scene::new();
    let pass = scene.billing.enter().await.unwrap();
    let day = Advance::By(Duration::DAY);
    fails!(scene.billing.advance_clock(day).await, Error::Conflict(_));
    drop(pass);
    let held = scene.clock.hold().await.unwrap();
    fails!(scene.billing.advance_clock(day).await, Error::Conflict(_));
    fails!(scene.billing.enter().await, Error::Unavailable { .. });
    held.end().await.unwrap();
    scene.billing.advance_clock(day).await.unwrap();
}

/// A simulator at which something happens at these instants.
struct Played {
    due: Mutex<Vec<OffsetDateTime>>,
    moved: Mutex<Vec<OffsetDateTime>>,
    fails: bool,
}

#[async_trait]
impl SimulatedGateway for Played {
    async fn next_due(&self) -> Result<Option<OffsetDateTime>, GatewayError> {
        Ok(self.due.lock().unwrap().first().copied())
    }

    async fn move_to(&self, instant: OffsetDateTime) -> Result<(), GatewayError> {
        if self.fails {
            return Err(GatewayError::Unknown(anyhow::anyhow!("it is away")));
        }
        self.moved.lock().unwrap().push(instant);
        self.due.lock().unwrap().retain(|at| *at > instant);
        Ok(())
    }
}

async fn played(fails: bool, days: &[i64]) -> (Billing, Arc<Played>, Arc<Stopped>) {
    let clock = Arc::new(Stopped::default());
    let store = MemoryStore::selling(the_default_catalogue());
    let fake = Arc::new(FakeGateway::new(clock.clone()));
    let due = days.iter().map(|days| NOON + Duration::days(*days)).collect();
    let simulator = Arc::new(Played { due: Mutex::new(due), moved: Mutex::default(), fails });
    let simulators = vec![simulator.clone() as Arc<dyn SimulatedGateway>];
    let all = billing_app::Ports { simulators, ..ports(&store, fake, &clock) };
    let billing = Billing::new(all, Settings::default());
    billing.register_organization(acme()).await.unwrap();
    (billing, simulator, clock)
}

#[tokio::test]
async fn a_simulated_gateway_does_what_is_due_at_its_instants() {
    let (billing, simulator, _) = played(false, &[10, 40, 90]).await;
    billing.advance_clock(Advance::By(Duration::days(60))).await.unwrap();
    let at = |days| NOON + Duration::days(days);
    assert_eq!(*simulator.moved.lock().unwrap(), [at(10), at(40)]);
    billing.advance_clock(Advance::By(Duration::days(30))).await.unwrap();
    assert_eq!(*simulator.moved.lock().unwrap(), [at(10), at(40), at(90)]);
}

#[tokio::test]
async fn ended_on_the_way_the_clock_stands_where_all_is_done() {
    let (billing, simulator, clock) = played(true, &[10]).await;
    let month = Advance::By(Duration::days(30));
    fails!(billing.advance_clock(month).await, Error::Unavailable { .. });
    assert_eq!(clock.now(), NOON + Duration::days(10));
    assert!(billing.enter().await.unwrap().is_some(), "the others go on");
    simulator.due.lock().unwrap().clear();
    billing.advance_clock(month).await.unwrap();
    assert_eq!(clock.now(), NOON + Duration::days(40));
}
