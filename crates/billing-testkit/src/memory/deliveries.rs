//! Outgoing webhooks.

mod units;

use std::time::Duration;

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        ClaimedDelivery, Deliveries, DeliveryAttempt, DeliveryClaim, DeliveryEnd, DeliveryFigures,
        DeliveryFilter, DeliveryRoom, DeliveryRow, DeliveryStatus, EndedDelivery, NewDelivery,
        Page, ToldEvent,
    },
};
use billing_domain::{
    id::{DeliveryId, EndpointId, OrganizationId},
    webhook_endpoint::{EndpointStatus, WebhookEndpoint},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{MemoryStore, ledgers::at_most, world::World};

/// A delivery, and where it stands.
#[derive(Clone)]
pub(super) struct KeptDelivery {
    planned: NewDelivery,
    status: DeliveryStatus,
    attempts: i32,
    error: Option<String>,
    due_at: Option<OffsetDateTime>,
    held: Option<(Uuid, OffsetDateTime)>,
    done_at: Option<OffsetDateTime>,
    tries: Vec<DeliveryAttempt>,
}

impl KeptDelivery {
    fn new(planned: NewDelivery) -> Self {
        Self {
            status: DeliveryStatus::Pending,
            attempts: 0,
            error: None,
            due_at: Some(planned.due_at),
            held: None,
            done_at: None,
            tries: Vec::new(),
            planned,
        }
    }

    fn is_sent_now(&self, wall: OffsetDateTime) -> bool {
        self.held.is_some_and(|(_, until)| wall < until)
    }

    fn is_due(&self, wall: OffsetDateTime) -> bool {
        self.due_at.is_some_and(|due_at| due_at <= wall)
    }

    fn put_back(&mut self, wall: OffsetDateTime) {
        if !self.is_sent_now(wall) {
            (self.status, self.due_at) = (DeliveryStatus::Pending, Some(wall));
        }
        (self.attempts, self.error, self.done_at) = (0, None, None);
    }

    fn lapse(&mut self) {
        if let Some((_, ended_at)) = self.held.take() {
            let (status_code, error, answer, duration) = (None, None, None, None);
            let outcome = "lapsed";
            let lapsed =
                DeliveryAttempt { ended_at, outcome, status_code, error, answer, duration };
            self.tries.push(lapsed);
        }
    }

    fn record(&mut self, ended: &EndedDelivery) {
        let (status, outcome, error, again_at) = match &ended.end {
            DeliveryEnd::Delivered => (DeliveryStatus::Delivered, "delivered", None, None),
            DeliveryEnd::Failed { error, again_at, .. } => {
                let again = again_at.map(|_| DeliveryStatus::Retrying);
                let status = again.unwrap_or(DeliveryStatus::Dead);
                (status, "failed", Some(error.clone()), *again_at)
            }
        };
        (self.status, self.error, self.due_at, self.held) = (status, error.clone(), again_at, None);
        self.done_at = again_at.is_none().then_some(ended.tried.ended_at);
        self.tries.push(DeliveryAttempt {
            ended_at: ended.tried.ended_at,
            outcome,
            status_code: ended.status_code.map(i32::from),
            error,
            answer: ended.answer.clone(),
            duration: Some(ended.tried.duration()),
        });
    }

    fn matches(&self, filter: &DeliveryFilter) -> bool {
        let event = &self.planned.event;
        filter.status.is_none_or(|status| status == self.status)
            && filter.kind.as_ref().is_none_or(|kind| *kind == event.kind)
            && filter.since.is_none_or(|since| event.at >= since)
            && filter.until.is_none_or(|until| event.at < until)
    }

    fn row(&self) -> DeliveryRow {
        DeliveryRow {
            id: self.planned.id,
            event_id: self.planned.event.id,
            kind: self.planned.event.kind.clone(),
            status: self.status,
            attempts: self.attempts,
            error: self.error.clone(),
            created_at: self.planned.due_at,
            next_attempt_at: self.due_at,
        }
    }
}

impl World {
    /// Whether the delivery of an event to an endpoint has failed for good.
    pub(super) fn is_dead_at(&self, endpoint: EndpointId, event: &ToldEvent) -> bool {
        let of_it = |it: &&KeptDelivery| {
            it.planned.endpoint_id == endpoint && it.planned.event.id == event.id
        };
        let found = self.deliveries.values().find(of_it);
        found.is_some_and(|it| it.status == DeliveryStatus::Dead)
    }

    fn room_at(&self, endpoint: &WebhookEndpoint, wall: OffsetDateTime, each: i64) -> usize {
        let most = if endpoint.failing_since.is_some() { 1 } else { at_most(each) };
        let of_it = self.deliveries.values().filter(|it| it.planned.endpoint_id == endpoint.id);
        most.saturating_sub(of_it.filter(|it| it.is_sent_now(wall)).count())
    }

    fn choose(&self, wall: OffsetDateTime, room: DeliveryRoom) -> Vec<DeliveryId> {
        let mut chosen = Vec::new();
        let open = self.endpoints.values().filter(|it| {
            it.status == EndpointStatus::Enabled && it.held_until.is_none_or(|until| until <= wall)
        });
        for endpoint in open {
            let due = self.deliveries.values().filter(|it| it.planned.endpoint_id == endpoint.id);
            let mut due: Vec<_> = due.filter(|it| it.is_due(wall)).collect();
            due.sort_by_key(|it| (it.due_at, it.planned.id));
            due.truncate(self.room_at(endpoint, wall, room.each));
            let failing = endpoint.failing_since.is_some();
            chosen.extend(due.into_iter().map(|it| (failing, it.due_at, it.planned.id)));
        }
        chosen.sort();
        let well = chosen.iter().filter(|(failing, ..)| !failing).count();
        chosen.truncate(well + at_most(room.failing));
        chosen.truncate(at_most(room.all));
        chosen.into_iter().map(|(.., id)| id).collect()
    }

    fn record_delivery(&mut self, ended: &EndedDelivery) {
        let held = self.deliveries.get_mut(&ended.claim.id);
        let held = held.filter(|it| it.held.is_some_and(|(fence, _)| fence == ended.claim.fence));
        let Some(kept) = held else { return };
        kept.record(ended);
        let Some(endpoint) = self.endpoints.get_mut(&kept.planned.endpoint_id) else { return };
        match &ended.end {
            DeliveryEnd::Delivered => endpoint.failing_since = None,
            DeliveryEnd::Failed { hold_until, .. } => {
                endpoint.failing_since.get_or_insert(ended.tried.ended_at);
                endpoint.held_until = endpoint.held_until.max(*hold_until);
            }
        }
    }
}

#[async_trait]
impl Deliveries for MemoryStore {
    async fn claim(
        &self,
        wall: OffsetDateTime,
        lease: Duration,
        room: DeliveryRoom,
    ) -> Result<Vec<ClaimedDelivery>, Error> {
        self.shared
            .write(|world| {
                let mut claimed = Vec::new();
                for id in world.choose(wall, room) {
                    world.fences += 1;
                    let fence = Uuid::from_u128(world.fences);
                    let Some(kept) = world.deliveries.get_mut(&id) else { continue };
                    kept.lapse();
                    (kept.held, kept.due_at) = (Some((fence, wall + lease)), Some(wall + lease));
                    kept.attempts += 1;
                    let endpoint = world.endpoints.get(&kept.planned.endpoint_id).cloned();
                    claimed.extend(endpoint.map(|endpoint| ClaimedDelivery {
                        claim: DeliveryClaim { id, fence },
                        endpoint,
                        event: kept.planned.event.clone(),
                        attempts: kept.attempts - 1,
                    }));
                }
                claimed.sort_by_key(|it| it.claim.id);
                Ok(claimed)
            })
            .await
    }

    async fn record(&self, ended: &[EndedDelivery]) -> Result<(), Error> {
        self.shared
            .write(|world| {
                // Of those recorded at once one that was accepted says that its endpoint does well.
                let well = |it: &&EndedDelivery| it.end == DeliveryEnd::Delivered;
                let failed = ended.iter().filter(|it| !well(it));
                failed.chain(ended.iter().filter(well)).for_each(|it| world.record_delivery(it));
                Ok(())
            })
            .await
    }

    async fn endpoints(
        &self,
        organization: Option<OrganizationId>,
        page: Page<EndpointId>,
    ) -> Result<Vec<WebhookEndpoint>, Error> {
        self.shared.read(|world| {
            let newest_first = world.endpoints.values().rev();
            let older = newest_first.filter(|it| page.after.is_none_or(|id| it.id < id));
            let wanted =
                older.filter(|it| organization.is_none() || it.organization_id == organization);
            wanted.take(at_most(page.limit)).cloned().collect()
        })
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Option<WebhookEndpoint>, Error> {
        self.shared.read(|world| world.endpoints.get(&id).cloned())
    }

    async fn list(
        &self,
        endpoint: EndpointId,
        filter: &DeliveryFilter,
        page: Page<DeliveryId>,
    ) -> Result<Vec<DeliveryRow>, Error> {
        self.shared.read(|world| {
            let newest_first = world.deliveries.values().rev();
            let of_it = newest_first.filter(|it| it.planned.endpoint_id == endpoint);
            let older = of_it.filter(|it| page.after.is_none_or(|id| it.planned.id < id));
            let wanted = older.filter(|it| it.matches(filter));
            wanted.take(at_most(page.limit)).map(KeptDelivery::row).collect()
        })
    }

    async fn find(
        &self,
        endpoint: EndpointId,
        id: DeliveryId,
    ) -> Result<Option<(DeliveryRow, ToldEvent, Vec<DeliveryAttempt>)>, Error> {
        self.shared.read(|world| {
            let found = world.deliveries.get(&id).filter(|it| it.planned.endpoint_id == endpoint);
            found.map(|it| (it.row(), it.planned.event.clone(), it.tries.clone()))
        })
    }

    async fn resend(
        &self,
        endpoint: EndpointId,
        id: DeliveryId,
        wall: OffsetDateTime,
    ) -> Result<bool, Error> {
        self.shared
            .write(|world| {
                let found = world.deliveries.get_mut(&id);
                let found = found.filter(|it| it.planned.endpoint_id == endpoint);
                Ok(found.map(|it| it.put_back(wall)).is_some())
            })
            .await
    }

    async fn figures(
        &self,
        since: OffsetDateTime,
        wall: OffsetDateTime,
    ) -> Result<DeliveryFigures, Error> {
        self.shared.read(|world| {
            let count = |status: Option<DeliveryStatus>| {
                let planned = world.deliveries.values().filter(|it| it.planned.due_at >= since);
                let those = planned.filter(|it| status.is_none_or(|status| status == it.status));
                i64::try_from(those.count()).unwrap_or(i64::MAX)
            };
            let open = |it: &&KeptDelivery| {
                let endpoint = world.endpoints.get(&it.planned.endpoint_id);
                endpoint.is_some_and(|it| it.status == EndpointStatus::Enabled)
            };
            let waiting = world.deliveries.values().filter(open).filter(|it| it.is_due(wall));
            let due: Vec<_> = waiting.filter_map(|it| it.due_at).collect();
            let failing = world.endpoints.values().filter(|it| it.failing_since.is_some());
            DeliveryFigures {
                planned: count(None),
                delivered: count(Some(DeliveryStatus::Delivered)),
                retrying: count(Some(DeliveryStatus::Retrying)),
                dead: count(Some(DeliveryStatus::Dead)),
                due: i64::try_from(due.len()).unwrap_or(i64::MAX),
                oldest_due_at: due.into_iter().min(),
                failing_endpoints: i64::try_from(failing.count()).unwrap_or(i64::MAX),
                ..took(world.deliveries.values().filter(|it| it.planned.due_at >= since))
            }
        })
    }

    async fn forget(&self, before: OffsetDateTime, limit: i64) -> Result<usize, Error> {
        self.shared
            .write(|world| {
                let old = |it: &&KeptDelivery| it.due_at.is_none() && it.planned.due_at < before;
                let old = world.deliveries.values().filter(old).map(|it| it.planned.id);
                let old: Vec<_> = old.take(at_most(limit)).collect();
                old.iter().for_each(|id| drop(world.deliveries.remove(id)));
                Ok(old.len())
            })
            .await
    }
}

/// How long it took until they were accepted.
fn took<'a>(planned: impl Iterator<Item = &'a KeptDelivery>) -> DeliveryFigures {
    let accepted = planned.filter(|it| it.status == DeliveryStatus::Delivered);
    let took = accepted.filter_map(|it| Duration::try_from(it.done_at? - it.planned.due_at).ok());
    let mut took: Vec<_> = took.collect();
    took.sort();
    let at =
        |percent: usize| took.get((took.len() * percent).div_ceil(100).checked_sub(1)?).copied();
    let (median_to_accepted, p99_to_accepted) = (at(50), at(99));
    DeliveryFigures { median_to_accepted, p99_to_accepted, ..DeliveryFigures::default() }
}
