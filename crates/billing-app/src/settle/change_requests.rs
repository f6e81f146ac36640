//! What was asked for comes true, or not: told by whatever brings the news.

use billing_domain::{
    catalogue::Catalogue,
    event::What,
    id::ChangeId,
    subscription::{
        Actor, Change, ChangeRequest, Fate, Observation, Resumption, Snapshot, Status,
        Subscription, Wish,
    },
};
use time::{Duration, OffsetDateTime};

use crate::{Billing, Error, ports::UnitOfWork};

/// How long after its time somebody looks whether a planned change has come true: the gateway
/// tells of it much sooner.
const LATE: Duration = Duration::minutes(10);

/// A gateway does not know until when a subscription is paused: our request does.
pub(super) fn until_when(observation: &mut Observation, open: &[ChangeRequest]) {
    if let Status::Paused { resumes_at: resumes_at @ None } = &mut observation.status {
        *resumes_at = open.iter().find_map(ChangeRequest::resumes_at);
    }
}

impl Billing {
    /// Tells open requests what was seen. The one that came true, if one did: what changed is the
    /// doing of whoever asked for it.
    pub(crate) async fn settle_requests(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        (seen, planned): (&Subscription, Option<ChangeId>),
        open: Vec<ChangeRequest>,
    ) -> Result<Option<ChangeRequest>, Error> {
        let mut done = None;
        for mut request in open {
            if !request.observe(seen, planned) {
                continue;
            }
            let (actor, reason) = (request.actor, request.reason.clone());
            match request.fate.clone() {
                Fate::Pending | Fate::Failed { .. } => {
                    work.change_requests().save(&request, &[]).await?;
                }
                Fate::Scheduled { at } => {
                    request.look_at = at + LATE;
                    self.plan(work, &request, at).await?;
                    let to = target(catalogue, seen, &request.wish, at);
                    let change = self.told_of(seen.snapshot(), to, (actor, reason), "planned");
                    self.record(work, seen, &change).await?;
                }
                Fate::Withdrawn => {
                    self.withdraw(work, &request).await?;
                    let from = target(catalogue, seen, &request.wish, seen.period.end);
                    let change = self.told_of(from, seen.snapshot(), (actor, reason), "withdrawn");
                    self.record(work, seen, &change).await?;
                }
                Fate::Done => {
                    work.change_requests().save(&request, &[]).await?;
                    self.plan_resumption(work, &request).await?;
                    done = Some(request);
                }
            }
        }
        Ok(done)
    }

    /// Records a request that comes true by itself.
    async fn plan(
        &self,
        work: &mut dyn UnitOfWork,
        request: &ChangeRequest,
        at: OffsetDateTime,
    ) -> Result<(), Error> {
        let what = What::SubscriptionChangeScheduled {
            subscription_id: request.subscription_id,
            change_id: request.id,
            action: request.wish.action().name(),
            at,
        };
        let told = self.what(request.organization_id, self.ports.clock.now(), what);
        work.change_requests().save(request, &[told]).await
    }

    /// Records that nothing comes of a request.
    async fn withdraw(
        &self,
        work: &mut dyn UnitOfWork,
        request: &ChangeRequest,
    ) -> Result<(), Error> {
        let what = What::SubscriptionChangeWithdrawn {
            subscription_id: request.subscription_id,
            change_id: request.id,
        };
        let told = self.what(request.organization_id, self.ports.clock.now(), what);
        work.change_requests().save(request, &[told]).await
    }

    /// A pause that began ends by itself, if it was said when.
    async fn plan_resumption(
        &self,
        work: &mut dyn UnitOfWork,
        paused: &ChangeRequest,
    ) -> Result<(), Error> {
        let Wish::Pause { resumes_at: Some(at) } = paused.wish else { return Ok(()) };
        let resume = ChangeRequest {
            id: ChangeId(self.ports.ids.next()),
            wish: Wish::Resume(Resumption::Pause),
            fate: Fate::Scheduled { at },
            invoice_id: None,
            created_at: self.ports.clock.now(),
            look_at: at,
            ..paused.clone()
        };
        self.plan(work, &resume, at).await
    }

    async fn record(
        &self,
        work: &mut dyn UnitOfWork,
        subscription: &Subscription,
        change: &Change,
    ) -> Result<(), Error> {
        let change = (ChangeId(self.ports.ids.next()), change);
        work.subscriptions().save(subscription, Some(change), &[]).await
    }

    fn told_of(
        &self,
        from: Snapshot,
        to: Snapshot,
        (actor, reason): (Actor, String),
        what: &str,
    ) -> Change {
        Change { what: what.to_owned(), from, to, actor, reason, at: self.ports.clock.now() }
    }
}

/// What the subscription would be once a wish comes true.
fn target(
    catalogue: &Catalogue,
    subscription: &Subscription,
    wish: &Wish,
    at: OffsetDateTime,
) -> Snapshot {
    let now = subscription.snapshot();
    match wish {
        Wish::Change { price_id, quantity, .. } => {
            let version = catalogue.price(*price_id).map(|(_, version, _)| version.id);
            Snapshot {
                plan_version_id: version.unwrap_or(now.plan_version_id),
                price_id: *price_id,
                quantity: *quantity,
                ..now
            }
        }
        Wish::Cancel { .. } => Snapshot { status: Status::Cancelled { at }, ..now },
        Wish::Pause { resumes_at } => {
            Snapshot { status: Status::Paused { resumes_at: *resumes_at }, ..now }
        }
        Wish::Resume(_) => Snapshot { status: Status::Active, ..now },
    }
}
