//! What happened is handed on, each event once to each subscriber.

use std::{sync::Arc, time::Duration};

use billing_app::{
    Error,
    ports::{EventSubscriber, OutboxBatch},
};
use billing_domain::{
    credits::CreditCommand,
    id::{EventId, OrganizationId},
};

use super::{
    Promise,
    stage::{at_once, dawdle},
};
use crate::{
    NOON, Subject,
    builders::{a_fresh_id, a_grant, an_event, an_organization},
};

const SUBSCRIBER: EventSubscriber = EventSubscriber::Webhooks;
/// Transactions of others hold events back for a moment.
const PATIENCE: Duration = Duration::from_secs(60);

/// The next batch, once it has so many events.
pub(super) async fn next(subject: &Subject, events: usize) -> Result<OutboxBatch, Error> {
    let waiting = async {
        loop {
            let batch = subject.outbox.next(SUBSCRIBER, 1_000).await?;
            if batch.events.len() >= events {
                return Ok(batch);
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("what was committed is seen in time")
}

/// Hands a batch on, in a unit of its own.
pub(super) async fn hand_on(subject: &Subject, batch: &OutboxBatch) -> Result<(), Error> {
    let mut work = subject.engine().await?;
    work.outbox().handed_on(batch).await?;
    work.commit().await
}

fn ids(batch: &OutboxBatch) -> Vec<EventId> {
    batch.events.iter().map(|event| event.id).collect()
}

/// Registers an organization, with this many events.
async fn with_events(subject: &Subject, events: usize) -> Result<Vec<EventId>, Error> {
    let organization = an_organization();
    let events: Vec<_> = (0..events).map(|_| an_event(organization.id)).collect();
    let mut work = subject.engine().await?;
    work.organizations().insert(&organization, &events).await?;
    work.commit().await?;
    Ok(events.iter().map(|event| event.id).collect())
}

/// Events come back as they were written, and again until they were handed on.
pub async fn events_are_handed_on_once(subject: &Subject) -> Promise {
    let organization = an_organization();
    let event = an_event(organization.id);
    let mut work = subject.engine().await?;
    work.organizations().insert(&organization, std::slice::from_ref(&event)).await?;
    work.commit().await?;
    let batch = next(subject, 1).await?;
    let [told] = batch.events.as_slice() else { panic!("there is one: {batch:?}") };
    assert_eq!((told.id, told.organization_id, told.at), (event.id, organization.id, NOON));
    let (kind, data) = crate::subject::named(&event.what)?;
    assert_eq!((&told.kind, &told.data), (&kind, &data));
    assert_eq!(next(subject, 1).await?, batch, "it was not handed on");
    assert_eq!(subject.outbox.lag(SUBSCRIBER).await?.waiting, 1);
    hand_on(subject, &batch).await?;
    let rest = next(subject, 0).await?;
    assert_eq!((rest.events.len(), rest.from, rest.to), (0, batch.to, batch.to));
    assert_eq!(subject.outbox.lag(SUBSCRIBER).await?, Default::default());
    Ok(())
}

/// They come in the order of their commits, in batches, whatever is told by which door.
pub async fn events_come_in_batches(subject: &Subject) -> Promise {
    let mut written = Vec::new();
    for events in [1, 3, 2] {
        written.push(with_events(subject, events).await?);
    }
    let grant = CreditCommand::Grant(a_grant());
    subject.credits.apply(subject.registered().await?, grant, NOON).await?;
    next(subject, 6).await?;
    let mut told = Vec::new();
    loop {
        let batch = subject.outbox.next(SUBSCRIBER, 2).await?;
        assert!(batch.events.len() <= 2);
        if batch.events.is_empty() {
            break;
        }
        told.extend(ids(&batch));
        hand_on(subject, &batch).await?;
    }
    let mut commits = told.as_slice();
    for mut together in written {
        let (of_it, rest) = commits.split_at(together.len());
        let mut of_it = of_it.to_vec();
        of_it.sort();
        together.sort();
        assert_eq!(of_it, together);
        commits = rest;
    }
    Ok(())
}

/// Whoever comes second to hand the same events on is refused, and nothing of his unit is true.
pub async fn a_batch_is_handed_on_by_one(subject: &Subject) -> Promise {
    with_events(subject, 2).await?;
    let batch = next(subject, 2).await?;
    let organizations: Vec<OrganizationId> = (0..6).map(|_| a_fresh_id()).collect();
    let tasks = organizations.clone().into_iter().map(|id| {
        let (store, batch) = (Arc::clone(&subject.store), batch.clone());
        async move {
            let mut organization = an_organization();
            organization.id = id;
            let mut work = store.begin(billing_app::ports::Scope::Engine).await?;
            work.organizations().insert(&organization, &[]).await?;
            work.outbox().handed_on(&batch).await?;
            dawdle(&mut *work).await?;
            work.commit().await
        }
    });
    let ended = at_once(tasks).await;
    let refused = ended.iter().filter(|it| matches!(it, Err(Error::Conflict(_)))).count();
    assert_eq!((ended.iter().filter(|it| it.is_ok()).count(), refused), (1, 5));
    let mut there = 0;
    for id in organizations {
        there += usize::from(subject.organizations.organization(id).await?.is_some());
    }
    assert_eq!(there, 1, "rows of who was refused are not there");
    Ok(())
}

/// A cursor that was moved in an abandoned unit stands where it stood.
pub async fn an_abandoned_cursor_stands_where_it_stood(subject: &Subject) -> Promise {
    with_events(subject, 1).await?;
    let batch = next(subject, 1).await?;
    let mut work = subject.engine().await?;
    work.outbox().handed_on(&batch).await?;
    drop(work);
    assert_eq!(next(subject, 1).await?, batch);
    hand_on(subject, &batch).await?;
    Ok(())
}

/// Of many who write at once nothing is missed and nothing told twice, while others read along.
pub async fn nothing_is_missed_at_the_same_time(subject: &Subject) -> Promise {
    let writers: Vec<_> = (0..12)
        .map(|_| {
            let store = Arc::clone(&subject.store);
            async move {
                let mut written = Vec::new();
                for _ in 0..4 {
                    let organization = an_organization();
                    let event = an_event(organization.id);
                    written.push(event.id);
                    let mut work = store.begin(billing_app::ports::Scope::Engine).await?;
                    work.organizations().insert(&organization, &[event]).await?;
                    // The order in which they began is not the one in which they end.
                    dawdle(&mut *work).await?;
                    work.commit().await?;
                }
                Ok::<_, Error>(written)
            }
        })
        .collect();
    let writing = tokio::spawn(at_once(writers));
    let mut told = Vec::new();
    while told.len() < 48 {
        let batch = next(subject, 1).await?;
        told.extend(ids(&batch));
        hand_on(subject, &batch).await?;
    }
    let written = writing.await?.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut written = written.concat();
    written.sort();
    told.sort();
    assert_eq!(told, written);
    Ok(())
}
