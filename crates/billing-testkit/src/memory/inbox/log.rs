//! The inbox as operators see it.

use std::time::Duration;

use billing_app::ports::{
    Deed, InboxFigures, InboxHealth, WebhookAction, WebhookDetail, WebhookFilter, WebhookRow,
    WebhookStatus,
};
use time::OffsetDateTime;

use super::Kept;

impl Kept {
    pub(super) fn matches(&self, filter: &WebhookFilter) -> bool {
        let WebhookFilter { source, kind, status, since, until } = filter;
        source.is_none_or(|source| self.webhook.source == source)
            && kind.as_ref().is_none_or(|kind| self.webhook.kind == *kind)
            && status.is_none_or(|status| self.status == status)
            && since.is_none_or(|since| self.webhook.received_at >= since)
            && until.is_none_or(|until| self.webhook.received_at < until)
    }

    pub(super) fn was_done_before(&self, instant: OffsetDateTime) -> bool {
        let done = self.done_at.is_some_and(|done_at| done_at < instant);
        done && self.webhook.received_at < instant
    }

    pub(super) fn put_back(&mut self, action: &WebhookAction) {
        if !self.is_being_processed(action.at) {
            self.due_at = Some(action.at);
        }
        (self.status, self.attempts, self.error) = (WebhookStatus::Received, 0, None);
        (self.done_at, self.alerted) = (None, false);
        self.actions.push((Deed::Retry, action.clone()));
    }

    /// Where it stood before.
    pub(super) fn give_up(&mut self, action: &WebhookAction) -> WebhookStatus {
        let before = self.status;
        match before {
            WebhookStatus::Received | WebhookStatus::Retrying | WebhookStatus::Dead => {
                self.status = WebhookStatus::Discarded;
                (self.due_at, self.held, self.done_at) = (None, None, Some(action.at));
                self.actions.push((Deed::Discard, action.clone()));
            }
            WebhookStatus::Processed | WebhookStatus::Ignored | WebhookStatus::Discarded => {}
        }
        before
    }

    pub(super) fn row(&self) -> WebhookRow {
        WebhookRow {
            id: self.webhook.id,
            source: self.webhook.source,
            event_id: self.webhook.event_id.clone(),
            kind: self.webhook.kind.clone(),
            status: self.status,
            attempts: self.attempts,
            error: self.error.clone(),
            received_at: self.webhook.received_at,
            next_attempt_at: self.due_at,
        }
    }

    pub(super) fn detail(&self) -> WebhookDetail {
        WebhookDetail {
            row: self.row(),
            subject: self.webhook.subject.clone(),
            headers: self.webhook.headers.clone(),
            body: self.webhook.body.clone(),
            done_at: self.done_at,
            tries: self.tries.clone(),
            actions: self.actions.clone(),
        }
    }
}

pub(super) fn health<'a>(all: impl Iterator<Item = &'a Kept>) -> InboxHealth {
    all.fold(InboxHealth::default(), |health, kept| match kept.status {
        WebhookStatus::Received | WebhookStatus::Retrying => {
            InboxHealth { pending: health.pending + 1, ..health }
        }
        WebhookStatus::Dead => InboxHealth { dead: health.dead + 1, ..health },
        WebhookStatus::Processed | WebhookStatus::Ignored | WebhookStatus::Discarded => health,
    })
}

pub(super) fn figures<'a>(came: impl Iterator<Item = &'a Kept>) -> InboxFigures {
    let (mut figures, mut took) = (InboxFigures::default(), Vec::new());
    for kept in came {
        figures.received += 1;
        match kept.status {
            WebhookStatus::Received => {}
            WebhookStatus::Processed => {
                figures.processed += 1;
                let waited = kept.done_at.map(|done_at| done_at - kept.webhook.received_at);
                took.extend(waited.map(|waited| Duration::try_from(waited).unwrap_or_default()));
            }
            WebhookStatus::Ignored => figures.ignored += 1,
            WebhookStatus::Retrying => figures.retrying += 1,
            WebhookStatus::Dead => figures.dead += 1,
            WebhookStatus::Discarded => figures.discarded += 1,
        }
    }
    took.sort_unstable();
    // The first that is not shorter than so many in a hundred.
    let longest_of = |percent: usize| {
        let nth = (took.len() * percent).div_ceil(100).saturating_sub(1);
        took.get(nth).copied()
    };
    (figures.median_to_effect, figures.p99_to_effect) = (longest_of(50), longest_of(99));
    figures
}
