//! The queue of webhooks.

mod log;

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        Claim, Claimed, Deed, FailedTry, Inbox, InboxFigures, InboxHealth, Matching, NewWebhook,
        Tried, TryOutcome, WebhookAction, WebhookDetail, WebhookFilter, WebhookRow, WebhookStatus,
        WebhookTry,
    },
};
use billing_domain::id::WebhookId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{MemoryStore, ledgers::at_most};

/// A webhook, and where it stands.
#[derive(Clone)]
pub(super) struct Kept {
    webhook: NewWebhook,
    status: WebhookStatus,
    attempts: i32,
    error: Option<String>,
    /// When it is tried next; nothing when it is not.
    due_at: Option<OffsetDateTime>,
    /// Who processes it, and until when.
    held: Option<(Uuid, OffsetDateTime)>,
    done_at: Option<OffsetDateTime>,
    alerted: bool,
    tries: Vec<WebhookTry>,
    actions: Vec<(Deed, WebhookAction)>,
}

impl Kept {
    fn new(webhook: NewWebhook) -> Self {
        let at = webhook.received_at;
        let (status, due_at, done_at) = if webhook.ignored {
            (WebhookStatus::Ignored, None, Some(at))
        } else {
            (WebhookStatus::Received, Some(at), None)
        };
        Self {
            webhook,
            status,
            attempts: 0,
            error: None,
            due_at,
            held: None,
            done_at,
            alerted: false,
            tries: Vec::new(),
            actions: Vec::new(),
        }
    }

    pub(super) fn is_held_by(&self, claim: Claim) -> bool {
        self.held.is_some_and(|(fence, _)| fence == claim.fence)
    }

    pub(super) fn finish(&mut self, ignored: bool, tried: Tried) {
        let (status, outcome) = if ignored {
            (WebhookStatus::Ignored, TryOutcome::Ignored)
        } else {
            (WebhookStatus::Processed, TryOutcome::Processed)
        };
        (self.status, self.done_at) = (status, Some(tried.ended_at));
        (self.error, self.due_at, self.held) = (None, None, None);
        self.has_ended(outcome, None, tried);
    }

    /// Whether an alert was given.
    fn fail(&mut self, failed: &FailedTry) -> bool {
        let again = failed.again_at.map(|_| WebhookStatus::Retrying);
        self.status = again.unwrap_or(WebhookStatus::Dead);
        self.error = Some(failed.error.clone());
        (self.due_at, self.held) = (failed.again_at, None);
        self.has_ended(TryOutcome::Failed, Some(failed.error.clone()), failed.tried);
        let alert = failed.alert.is_some() && !self.alerted;
        self.alerted |= alert;
        alert
    }

    fn has_ended(&mut self, outcome: TryOutcome, error: Option<String>, tried: Tried) {
        let duration = Some(tried.duration());
        self.tries.push(WebhookTry { ended_at: tried.ended_at, outcome, error, duration });
    }

    fn is_being_processed(&self, wall: OffsetDateTime) -> bool {
        self.held.is_some_and(|(_, until)| wall < until)
    }

    fn is_due(&self, wall: OffsetDateTime) -> bool {
        !self.is_being_processed(wall) && self.due_at.is_some_and(|due_at| due_at <= wall)
    }

    fn claim(&mut self, fence: Uuid, until: OffsetDateTime) -> Claimed {
        if let Some((_, ended_at)) = self.held {
            let outcome = TryOutcome::Lapsed;
            self.tries.push(WebhookTry { ended_at, outcome, error: None, duration: None });
        }
        (self.held, self.due_at) = (Some((fence, until)), Some(until));
        self.attempts += 1;
        Claimed {
            claim: Claim { id: self.webhook.id, fence },
            source: self.webhook.source,
            kind: self.webhook.kind.clone(),
            body: self.webhook.body.clone(),
            attempts: self.attempts - 1,
        }
    }
}

#[async_trait]
impl Inbox for MemoryStore {
    async fn receive(&self, webhook: &NewWebhook) -> Result<bool, Error> {
        let event = |one: &NewWebhook| (one.source, one.event_id.clone());
        self.shared
            .write(|world| {
                let mut all = world.webhooks.values();
                let new = all.all(|kept| event(&kept.webhook) != event(webhook));
                if new {
                    world.webhooks.insert(webhook.id, Kept::new(webhook.clone()));
                }
                Ok(new)
            })
            .await
    }

    async fn claim(
        &self,
        wall: OffsetDateTime,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<Claimed>, Error> {
        self.shared
            .write(|world| {
                let all = world.webhooks.values();
                let mut busy: BTreeSet<_> = all
                    .filter(|kept| kept.is_being_processed(wall))
                    .map(|kept| kept.webhook.subject.clone())
                    .collect();
                let mut due: Vec<_> =
                    world.webhooks.values_mut().filter(|kept| kept.is_due(wall)).collect();
                due.sort_by_key(|kept| (kept.due_at, kept.webhook.id));
                let mut claimed = Vec::new();
                for kept in due {
                    if claimed.len() < at_most(limit) && busy.insert(kept.webhook.subject.clone()) {
                        world.fences += 1;
                        claimed.push(kept.claim(Uuid::from_u128(world.fences), wall + lease));
                    }
                }
                Ok(claimed)
            })
            .await
    }

    async fn fail(&self, failed: &FailedTry) -> Result<bool, Error> {
        self.shared
            .write(|world| {
                let kept = world.webhooks.get_mut(&failed.claim.id);
                let held = kept.filter(|kept| kept.is_held_by(failed.claim));
                let alert = held.is_some_and(|kept| kept.fail(failed));
                world.events.extend(failed.alert.iter().filter(|_| alert).cloned());
                Ok(alert)
            })
            .await
    }

    async fn retry(&self, id: WebhookId, action: &WebhookAction) -> Result<bool, Error> {
        self.shared
            .write(|world| {
                let kept = world.webhooks.get_mut(&id);
                Ok(kept.map(|kept| kept.put_back(action)).is_some())
            })
            .await
    }

    async fn retry_all(
        &self,
        filter: &WebhookFilter,
        limit: i64,
        action: Option<&WebhookAction>,
    ) -> Result<Matching, Error> {
        self.shared
            .write(|world| {
                let all = world.webhooks.values_mut();
                let mut matching: Vec<_> = all
                    .filter(|kept| kept.matches(filter) && kept.held.is_none())
                    .filter(|kept| kept.status != WebhookStatus::Received)
                    .collect();
                let count = i64::try_from(matching.len()).map_err(anyhow::Error::from)?;
                matching.truncate(at_most(limit));
                let rows = matching.iter().map(|kept| kept.row()).collect();
                for (kept, action) in matching.into_iter().zip(action.into_iter().cycle()) {
                    kept.put_back(action);
                }
                Ok(Matching { count, rows })
            })
            .await
    }

    async fn discard(
        &self,
        id: WebhookId,
        action: &WebhookAction,
    ) -> Result<Option<WebhookStatus>, Error> {
        self.shared
            .write(|world| Ok(world.webhooks.get_mut(&id).map(|kept| kept.give_up(action))))
            .await
    }

    async fn list(
        &self,
        filter: &WebhookFilter,
        before: Option<WebhookId>,
        limit: i64,
    ) -> Result<Vec<WebhookRow>, Error> {
        self.shared.read(|world| {
            let newest_first = world.webhooks.values().rev();
            let older = newest_first.filter(|kept| before.is_none_or(|id| kept.webhook.id < id));
            let wanted = older.filter(|kept| kept.matches(filter));
            wanted.take(at_most(limit)).map(Kept::row).collect()
        })
    }

    async fn find_all(&self, ids: &[WebhookId]) -> Result<Vec<WebhookDetail>, Error> {
        self.shared.read(|world| {
            let all = world.webhooks.iter();
            all.filter(|(id, _)| ids.contains(id)).map(|(_, kept)| kept.detail()).collect()
        })
    }

    async fn done_before(
        &self,
        instant: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<WebhookId>, Error> {
        self.shared.read(|world| {
            let all = world.webhooks.iter();
            let old = all.filter(|(_, kept)| kept.was_done_before(instant));
            old.map(|(id, _)| *id).take(at_most(limit)).collect()
        })
    }

    async fn remove(&self, ids: &[WebhookId], before: OffsetDateTime) -> Result<usize, Error> {
        self.shared
            .write(|world| {
                let there = world.webhooks.len();
                let goes = |kept: &Kept| kept.was_done_before(before);
                world.webhooks.retain(|id, kept| !(ids.contains(id) && goes(kept)));
                Ok(there - world.webhooks.len())
            })
            .await
    }

    async fn health(&self) -> Result<InboxHealth, Error> {
        self.shared.read(|world| log::health(world.webhooks.values()))
    }

    async fn figures(&self, since: OffsetDateTime) -> Result<InboxFigures, Error> {
        self.shared.read(|world| {
            let all = world.webhooks.values();
            log::figures(all.filter(|kept| kept.webhook.received_at >= since))
        })
    }
}
