//! Outgoing webhooks: planned once, claimed by one, recorded with how their endpoint does.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use billing_app::{
    Error,
    ports::{
        ClaimedDelivery, DeliveryEnd, DeliveryFilter, DeliveryRoom, DeliveryStatus, EndedDelivery,
        NewDelivery, Page, ToldEvent, Tried,
    },
};
use billing_domain::{
    id::OrganizationId,
    webhook_endpoint::{DisabledFor, EndpointStatus, WebhookEndpoint},
};
use serde_json::json;
use time::OffsetDateTime;

use super::{
    Promise,
    stage::{at_once, everything},
};
use crate::{NOON, Subject, builders::a_fresh_id};

const LEASE: Duration = Duration::from_secs(60);
const ROOM: DeliveryRoom = DeliveryRoom { all: 100, failing: 10, each: 8 };

fn an_endpoint(organization_id: Option<OrganizationId>) -> WebhookEndpoint {
    WebhookEndpoint {
        id: a_fresh_id(),
        organization_id,
        url: "https://product.example/events".to_owned(),
        description: "the product".to_owned(),
        event_types: vec!["trial.*".to_owned(), "payment.updated".to_owned()],
        status: EndpointStatus::Enabled,
        secret_version: 3,
        old_secret_until: Some(NOON),
        failing_since: None,
        held_until: None,
        created_at: NOON,
    }
}

fn a_delivery(endpoint: &WebhookEndpoint, due_at: OffsetDateTime) -> NewDelivery {
    let event = ToldEvent {
        id: a_fresh_id(),
        organization_id: endpoint.organization_id.unwrap_or_else(a_fresh_id),
        at: NOON,
        kind: "trial.started".to_owned(),
        data: json!({ "subscription_id": "1", "of": ["many", 2] }),
    };
    NewDelivery { id: a_fresh_id(), endpoint_id: endpoint.id, event, due_at }
}

fn ended(claimed: &ClaimedDelivery, at: OffsetDateTime, end: DeliveryEnd) -> EndedDelivery {
    let tried = Tried { began_at: at, ended_at: at + Duration::from_millis(12) };
    let (status_code, answer) = (Some(200), Some("ok".to_owned()));
    EndedDelivery { claim: claimed.claim, tried, status_code, answer, end }
}

fn failed(again_at: Option<OffsetDateTime>) -> DeliveryEnd {
    DeliveryEnd::Failed { error: "it answered 500".to_owned(), again_at, hold_until: None }
}

impl Subject {
    async fn endpoint(&self, endpoint: &WebhookEndpoint) -> Result<(), Error> {
        let mut work = self.engine().await?;
        work.webhook_endpoints().insert(endpoint).await?;
        work.commit().await
    }

    async fn plan(&self, deliveries: &[NewDelivery], again: bool) -> Result<(), Error> {
        let mut work = self.engine().await?;
        work.webhook_endpoints().plan(deliveries, again).await?;
        work.commit().await
    }

    async fn claimed(
        &self,
        wall: OffsetDateTime,
        room: DeliveryRoom,
    ) -> Result<Vec<ClaimedDelivery>, Error> {
        self.deliveries.claim(wall, LEASE, room).await
    }
}

fn ids(claimed: &[ClaimedDelivery]) -> Vec<billing_domain::id::DeliveryId> {
    claimed.iter().map(|it| it.claim.id).collect()
}

/// Endpoints come back as they were saved, and go with all that they were told.
pub async fn endpoints_come_back_as_they_were(subject: &Subject) -> Promise {
    let own = a_fresh_id();
    let first = an_endpoint(None);
    let mut second = WebhookEndpoint { event_types: Vec::new(), ..an_endpoint(Some(own)) };
    subject.endpoint(&first).await?;
    subject.endpoint(&second).await?;
    for status in [
        EndpointStatus::Paused,
        EndpointStatus::Disabled(DisabledFor::Failing),
        EndpointStatus::Enabled,
    ] {
        (second.status, second.held_until, second.failing_since) = (status, Some(NOON), Some(NOON));
        let mut work = subject.engine().await?;
        assert!(work.webhook_endpoints().find(second.id).await?.is_some());
        work.webhook_endpoints().save(&second, &[]).await?;
        work.commit().await?;
        assert_eq!(subject.deliveries.endpoint(second.id).await?, Some(second.clone()));
    }
    let all = subject.deliveries.endpoints(None, everything()).await?;
    assert_eq!(all, [second.clone(), first.clone()]);
    assert_eq!(subject.deliveries.endpoints(Some(own), everything()).await?, [second.clone()]);
    let page = Page { after: Some(second.id), limit: 1 };
    assert_eq!(subject.deliveries.endpoints(None, page).await?, std::slice::from_ref(&first));
    let mut work = subject.engine().await?;
    assert_eq!(
        work.webhook_endpoints().told_of(&[a_fresh_id()]).await?,
        std::slice::from_ref(&first)
    );
    assert_eq!(work.webhook_endpoints().told_of(&[own]).await?.len(), 2);
    second.status = EndpointStatus::Disabled(DisabledFor::Gone);
    work.webhook_endpoints().save(&second, &[]).await?;
    assert_eq!(work.webhook_endpoints().told_of(&[own]).await?, std::slice::from_ref(&first));
    work.commit().await?;
    subject.plan(&[a_delivery(&first, NOON)], false).await?;
    let mut work = subject.engine().await?;
    assert!(work.webhook_endpoints().delete(first.id).await?);
    assert!(!work.webhook_endpoints().delete(first.id).await?);
    work.commit().await?;
    assert_eq!(subject.claimed(NOON, ROOM).await?, []);
    Ok(())
}

/// An event is planned once for an endpoint; planned again it is sent again.
pub async fn a_delivery_is_planned_once(subject: &Subject) -> Promise {
    let endpoint = an_endpoint(None);
    subject.endpoint(&endpoint).await?;
    let first = a_delivery(&endpoint, NOON);
    let second = NewDelivery { id: a_fresh_id(), ..first.clone() };
    subject.plan(std::slice::from_ref(&first), false).await?;
    subject.plan(&[second.clone(), a_delivery(&endpoint, NOON)], false).await?;
    let claimed = subject.claimed(NOON, ROOM).await?;
    assert_eq!(claimed.len(), 2);
    let one = claimed.iter().find(|it| it.claim.id == first.id).expect("the first one stays");
    assert_eq!((&one.endpoint, &one.event, one.attempts), (&endpoint, &first.event, 0));
    subject.plan(std::slice::from_ref(&second), true).await?;
    assert_eq!(subject.claimed(NOON, ROOM).await?, [], "somebody sends it");
    subject.deliveries.record(&[ended(one, NOON, DeliveryEnd::Delivered)]).await?;
    subject.plan(std::slice::from_ref(&second), false).await?;
    assert_eq!(subject.claimed(NOON, ROOM).await?, [], "it was accepted");
    subject.plan(&[second], true).await?;
    assert_eq!(ids(&subject.claimed(NOON, ROOM).await?), [first.id]);
    Ok(())
}

/// What is recorded counts while its claim is held; what failed is tried again when it said.
pub async fn what_became_of_a_delivery_is_recorded(subject: &Subject) -> Promise {
    let endpoint = an_endpoint(None);
    subject.endpoint(&endpoint).await?;
    subject.plan(&[a_delivery(&endpoint, NOON)], false).await?;
    let claimed = subject.claimed(NOON, ROOM).await?;
    let [first] = claimed.as_slice() else { panic!("there is one: {claimed:?}") };
    assert_eq!(subject.claimed(NOON, ROOM).await?, [], "it is under way");
    let later = NOON + LEASE;
    let again = subject.claimed(later, ROOM).await?;
    let [second] = again.as_slice() else { panic!("its claim has lapsed: {again:?}") };
    assert_eq!((second.claim.id, second.attempts), (first.claim.id, 1));
    subject.deliveries.record(&[ended(first, later, DeliveryEnd::Delivered)]).await?;
    let retry_at = later + LEASE;
    subject.deliveries.record(&[ended(second, later, failed(Some(retry_at)))]).await?;
    assert_eq!(subject.claimed(retry_at - Duration::from_secs(1), ROOM).await?, []);
    let third = subject.claimed(retry_at, ROOM).await?;
    let [third] = third.as_slice() else { panic!("it is due: {third:?}") };
    assert!(third.endpoint.failing_since.is_some());
    subject.deliveries.record(&[ended(third, retry_at, failed(None))]).await?;
    let found = subject.deliveries.find(endpoint.id, first.claim.id).await?;
    let (row, event, tries) = found.expect("it is there");
    assert_eq!((row.status, row.attempts, row.next_attempt_at), (DeliveryStatus::Dead, 3, None));
    assert_eq!((row.error.as_deref(), event), (Some("it answered 500"), first.event.clone()));
    let outcomes: Vec<_> = tries.iter().map(|it| (it.outcome, it.status_code)).collect();
    assert_eq!(outcomes, [("lapsed", None), ("failed", Some(200)), ("failed", Some(200))]);
    assert_eq!(subject.deliveries.find(a_fresh_id(), first.claim.id).await?, None);
    assert!(subject.deliveries.resend(endpoint.id, first.claim.id, retry_at).await?);
    assert!(!subject.deliveries.resend(a_fresh_id(), first.claim.id, retry_at).await?);
    let fourth = subject.claimed(retry_at, ROOM).await?;
    let [fourth] = fourth.as_slice() else { panic!("it was put back: {fourth:?}") };
    assert_eq!(fourth.attempts, 0);
    subject.deliveries.record(&[ended(fourth, retry_at, DeliveryEnd::Delivered)]).await?;
    let endpoint = subject.deliveries.endpoint(endpoint.id).await?.expect("it is there");
    assert_eq!(endpoint.failing_since, None);
    Ok(())
}

/// Each endpoint has its share: one that fails has one place, one that is held has none.
pub async fn an_endpoint_takes_no_more_than_its_share(subject: &Subject) -> Promise {
    let [well, failing, held, paused] = [(); 4].map(|()| an_endpoint(None));
    let failing = WebhookEndpoint { failing_since: Some(NOON), ..failing };
    let held = WebhookEndpoint { held_until: Some(NOON + LEASE), ..held };
    let paused = WebhookEndpoint { status: EndpointStatus::Paused, ..paused };
    for endpoint in [&well, &failing, &held, &paused] {
        subject.endpoint(endpoint).await?;
        let planned: Vec<_> = (0..4).map(|_| a_delivery(endpoint, NOON)).collect();
        subject.plan(&planned, false).await?;
    }
    let of = |claimed: &[ClaimedDelivery], endpoint: &WebhookEndpoint| {
        claimed.iter().filter(|it| it.endpoint.id == endpoint.id).count()
    };
    let room = DeliveryRoom { all: 10, failing: 10, each: 3 };
    let nobody_failing = DeliveryRoom { failing: 0, ..room };
    let first = subject.claimed(NOON, nobody_failing).await?;
    let [one, _, _] = first.as_slice() else { panic!("there are three: {first:?}") };
    assert_eq!(of(&first, &well), 3);
    let second = subject.claimed(NOON, room).await?;
    let [only] = second.as_slice() else { panic!("the others are full: {second:?}") };
    assert_eq!(only.endpoint.id, failing.id);
    subject.deliveries.record(&[ended(one, NOON, DeliveryEnd::Delivered)]).await?;
    let hold_until = Some(NOON + LEASE);
    let end = DeliveryEnd::Failed { error: "429".to_owned(), again_at: hold_until, hold_until };
    subject.deliveries.record(&[ended(only, NOON, end)]).await?;
    let third = subject.claimed(NOON, room).await?;
    assert_eq!((of(&third, &well), third.len()), (1, 1), "one place is free, the other is held");
    let later = subject.claimed(NOON + LEASE, room).await?;
    assert_eq!((of(&later, &held), of(&later, &failing), of(&later, &paused)), (3, 1, 0));
    Ok(())
}

/// Many who claim at once never get the same, and no endpoint more than its share.
pub async fn deliveries_are_claimed_once_at_the_same_time(subject: &Subject) -> Promise {
    let endpoints = [(); 3].map(|()| an_endpoint(None));
    for endpoint in &endpoints {
        subject.endpoint(endpoint).await?;
        let planned: Vec<_> = (0..20).map(|_| a_delivery(endpoint, NOON)).collect();
        subject.plan(&planned, false).await?;
    }
    let tasks = (0..8).map(|_| {
        let deliveries = Arc::clone(&subject.deliveries);
        async move { deliveries.claim(NOON, LEASE, ROOM).await }
    });
    let batches: Vec<_> = tasks.collect();
    let batches = at_once(batches).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let claimed = batches.concat();
    assert_eq!(claimed.len(), 24, "eight to each");
    assert_eq!(ids(&claimed).into_iter().collect::<BTreeSet<_>>().len(), 24);
    Ok(())
}

/// Deliveries are listed, counted, and forgotten in the end.
pub async fn deliveries_are_listed_and_forgotten(subject: &Subject) -> Promise {
    let endpoint = an_endpoint(None);
    subject.endpoint(&endpoint).await?;
    let planned: Vec<_> = (0..3).map(|_| a_delivery(&endpoint, NOON)).collect();
    subject.plan(&planned, false).await?;
    let claimed = subject.claimed(NOON, DeliveryRoom { all: 2, ..ROOM }).await?;
    let [one, two] = claimed.as_slice() else { panic!("there are two: {claimed:?}") };
    let at = NOON + Duration::from_secs(2);
    let tries = [ended(one, at, DeliveryEnd::Delivered), ended(two, at, failed(None))];
    subject.deliveries.record(&tries).await?;
    let all = DeliveryFilter::default();
    let [oldest, middle, newest] = planned.as_slice() else { panic!("three were planned") };
    let newest_first = [newest.id, middle.id, oldest.id];
    let rows = subject.deliveries.list(endpoint.id, &all, everything()).await?;
    assert_eq!(rows.iter().map(|it| it.id).collect::<Vec<_>>(), newest_first);
    let page = Page { after: Some(newest.id), limit: 1 };
    let rows = subject.deliveries.list(endpoint.id, &all, page).await?;
    assert_eq!(rows.iter().map(|it| it.id).collect::<Vec<_>>(), [middle.id]);
    let dead = DeliveryFilter { status: Some(DeliveryStatus::Dead), ..all.clone() };
    assert_eq!(subject.deliveries.list(endpoint.id, &dead, everything()).await?.len(), 1);
    let other = DeliveryFilter { kind: Some("trial.ended".to_owned()), ..all.clone() };
    assert_eq!(subject.deliveries.list(endpoint.id, &other, everything()).await?.len(), 0);
    let late = DeliveryFilter { since: Some(at), ..all.clone() };
    assert_eq!(subject.deliveries.list(endpoint.id, &late, everything()).await?.len(), 0);
    let early = DeliveryFilter { until: Some(at), since: Some(NOON), ..all };
    assert_eq!(subject.deliveries.list(endpoint.id, &early, everything()).await?.len(), 3);
    let figures = subject.deliveries.figures(NOON, at).await?;
    let counts = (figures.planned, figures.delivered, figures.retrying, figures.dead);
    assert_eq!(counts, (3, 1, 0, 1));
    assert_eq!((figures.due, figures.oldest_due_at), (1, Some(NOON)));
    assert_eq!(figures.failing_endpoints, 0, "one of two was accepted");
    let took = Some(Duration::from_millis(2_012));
    assert_eq!((figures.median_to_accepted, figures.p99_to_accepted), (took, took));
    assert_eq!(subject.deliveries.forget(NOON, 10).await?, 0);
    assert_eq!(subject.deliveries.forget(at, 1).await?, 1);
    assert_eq!(subject.deliveries.forget(at, 10).await?, 1, "what waits is kept");
    Ok(())
}
