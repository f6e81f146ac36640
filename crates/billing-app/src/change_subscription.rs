//! A subscription is changed: our record of what is wanted first, then who bills it. A gateway is
//! told, and what it says then is adopted, the same way as from a webhook; where our own engine
//! bills, the request is made true, once what it costs is paid.
//!
//! One change at a time: until it is known what became of the last one, there is no other.

pub(crate) mod bill;
pub(crate) mod considering;
pub(crate) mod fulfilling;
mod paying;
mod sending;

use billing_domain::{
    id::{ChangeId, OrganizationId},
    period::Interval,
    subscription::{Actor, Ask, BilledBy, ChangeRequest, Fate, When, Wish},
};
use time::{Duration, OffsetDateTime};

use self::{considering::Considered, paying::refuse_unpaid};
use crate::{
    Billing, Error, Missing,
    collect_invoices::for_subscription,
    ports::{Scope, UnitOfWork},
};

/// Asked in a request, a change is looked after there; after this time by a worker.
const ATTENDED: Duration = Duration::MINUTE;
/// The longest that nobody looks.
const LONGEST_PAUSE: Duration = Duration::HOUR;
const LONGEST_REASON: usize = 200;

/// What somebody wants of a subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangeSubscription {
    /// Whose.
    pub organization_id: OrganizationId,
    /// What is wanted.
    pub asked: Asked,
    /// By whom.
    pub actor: Actor,
    /// Why, in a few words.
    pub reason: Option<String>,
    /// What a preview answered: then exactly that is done, or nothing.
    pub preview_token: Option<String>,
}

/// What is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// Another plan, interval or quantity.
    Change(NewTerms),
    /// An end.
    Cancel {
        /// When.
        when: When,
    },
    /// A rest.
    Pause {
        /// Until when, if that is known.
        resumes_at: Option<OffsetDateTime>,
    },
    /// To go on: after a pause, or in spite of what was planned.
    Resume,
}

/// Other terms; what is not named stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewTerms {
    /// The key of a plan.
    pub plan: Option<String>,
    /// How often to pay.
    pub interval: Option<Interval>,
    /// How many.
    pub quantity: Option<u32>,
    /// From when; by default now where it becomes dearer, else at the end of the period.
    pub when: Option<When>,
    /// Whether only something dearer is meant, and now.
    pub upgrade: bool,
}

impl Asked {
    /// The verb.
    pub(crate) fn ask(&self) -> Ask {
        match self {
            Self::Change(_) => Ask::Change,
            Self::Cancel { when } => Ask::Cancel(*when),
            Self::Pause { .. } => Ask::Pause,
            Self::Resume => Ask::Resume,
        }
    }
}

/// When to look again at something that began then: later each time.
pub(crate) fn later(begun: OffsetDateTime, now: OffsetDateTime) -> OffsetDateTime {
    now + (now - begun).clamp(Duration::MINUTE, LONGEST_PAUSE)
}

/// An instant as gateways count: in whole seconds.
pub(crate) fn whole_second(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(0).unwrap_or(at)
}

impl Billing {
    /// Changes the live subscription of an organization. Asking the same again while it is unknown
    /// what became of it goes on with the first request. The request as it stands then.
    pub async fn change_subscription(
        &self,
        wanted: ChangeSubscription,
    ) -> Result<ChangeRequest, Error> {
        checked(&wanted)?;
        let considered = self.consider_change(wanted.organization_id, &wanted.asked).await?;
        let proration_at = match &wanted.preview_token {
            Some(token) if !considered.is_begun() => self.previewed(&considered, token).await?,
            Some(_) | None => whole_second(self.ports.clock.now()),
        };
        let request = self.record_request(&wanted, considered, proration_at).await?;
        self.send_request(&request).await?;
        self.requested(&request).await
    }

    /// Writes down what is wanted, or finds that it is written already.
    async fn record_request(
        &self,
        wanted: &ChangeSubscription,
        considered: Considered,
        proration_at: OffsetDateTime,
    ) -> Result<ChangeRequest, Error> {
        let (id, group) = (wanted.organization_id, &considered.subscription.product_group);
        let mut work = self.ports.store.begin(Scope::Organization(id)).await?;
        // Held, so that two requests for the same organization take turns.
        let organization = work.organizations().find(id).await?;
        organization.ok_or(Error::NotFound(Missing::Organization))?;
        self.refuse_while_unpaid(&mut *work, &considered).await?;
        let live = work.subscriptions().live(id, group).await?;
        let subscription = considered.subscription;
        if live
            .is_none_or(|it| (it.id, it.snapshot()) != (subscription.id, subscription.snapshot()))
        {
            return Err(Error::Conflict("the subscription"));
        }
        let open = work.change_requests().open(id, subscription.id).await?;
        if let Some(begun) = open.iter().find(|it| it.fate == Fate::Pending) {
            return if begun.wish == considered.wish {
                Ok(begun.clone())
            } else {
                Err(Error::Conflict("the subscription"))
            };
        }
        if open != considered.open {
            return Err(Error::Conflict("the subscription"));
        }
        let now = self.ports.clock.now();
        let reason = wanted.reason.clone().filter(|it| !it.trim().is_empty());
        let request = ChangeRequest {
            id: ChangeId(self.ports.ids.next()),
            organization_id: id,
            subscription_id: subscription.id,
            wish: considered.wish,
            fate: Fate::Pending,
            actor: wanted.actor,
            reason: reason.unwrap_or_else(|| considered.wish.action().name().to_owned()),
            proration_at,
            invoice_id: None,
            created_at: now,
            look_at: now + ATTENDED,
        };
        work.change_requests().save(&request, &[]).await?;
        work.commit().await?;
        Ok(request)
    }

    /// Refuses what cannot be while something of a subscription that our engine bills is not paid.
    pub(crate) async fn refuse_while_unpaid(
        &self,
        work: &mut dyn UnitOfWork,
        considered: &Considered,
    ) -> Result<(), Error> {
        let Considered { subscription, wish, .. } = considered;
        if subscription.billed_by != BilledBy::Engine || considered.is_begun() {
            return Ok(());
        }
        if considered.begins_period()
            && whole_second(self.ports.clock.now()) <= subscription.period.start
        {
            // One that began in this second would have no time, and be paid for.
            return Err(Error::Conflict("the subscription"));
        }
        let unpaid = work.collections().open(subscription.organization_id).await?;
        Ok(refuse_unpaid(wish, &for_subscription(unpaid, subscription))?)
    }

    /// A request as it stands now.
    async fn requested(&self, request: &ChangeRequest) -> Result<ChangeRequest, Error> {
        let scope = Scope::Organization(request.organization_id);
        let mut work = self.ports.store.begin(scope).await?;
        let found = work.change_requests().find(request.organization_id, request.id).await?;
        found.ok_or(Error::NotFound(Missing::Subscription))
    }

    /// The requests of an organization that are pending or scheduled, the oldest first.
    pub async fn open_changes(&self, id: OrganizationId) -> Result<Vec<ChangeRequest>, Error> {
        self.ports.subscriptions.open_changes(id).await
    }
}

fn checked(wanted: &ChangeSubscription) -> Result<(), Error> {
    if wanted.reason.as_ref().is_some_and(|it| it.chars().count() > LONGEST_REASON) {
        let message = format!("must not be longer than {LONGEST_REASON} characters");
        return Err(Error::invalid("reason", message));
    }
    Ok(())
}

/// Whether a request that is under way is what is asked for again.
pub(crate) fn is_the_same(begun: &Wish, asked: &Asked, resolved: Option<Wish>) -> bool {
    match asked {
        Asked::Change(_) => resolved == Some(*begun),
        Asked::Cancel { when } => *begun == Wish::Cancel { when: *when },
        Asked::Pause { resumes_at } => *begun == Wish::Pause { resumes_at: *resumes_at },
        Asked::Resume => matches!(begun, Wish::Resume(_)),
    }
}
