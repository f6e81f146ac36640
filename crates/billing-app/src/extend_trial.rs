//! A trial becomes longer: for a referral, by an operator, or by a promotion.

use billing_domain::{
    credits::{CreditCommand, Grant, GrantKind, NewGrant, Revoke, Source},
    event::What,
    id::{GrantId, OrganizationId},
    subscription::{Actor, Subscription},
    trial::{Extension, Trial},
};

use crate::{
    Billing, Error, Missing, Refusal,
    ports::{Scope, UnitOfWork},
    settle::whole,
};

/// The longest reason.
const LONGEST_REASON: usize = 200;

/// A trial that is to become longer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExtendTrial {
    /// Whose.
    pub organization_id: OrganizationId,
    /// What gives the days.
    pub by: Extension,
    /// Why, in a few words.
    pub reason: String,
}

impl Billing {
    /// Puts off the end of a trial, and with it that of the credits that it gave. `CannotExtend`
    /// when its end has come, or when it was extended as far as may be.
    pub async fn extend_trial(&self, request: ExtendTrial) -> Result<Trial, Error> {
        let reason = request.reason.trim();
        if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
            return Err(Error::invalid("reason", "must have 1 to 200 characters"));
        }
        let id = request.organization_id;
        self.organization(id).await?;
        let credits = self.ports.ledgers.credits(id).await?;
        let now = self.ports.clock.now();
        let mut work = self.ports.store.begin(Scope::Organization(id)).await?;
        let trial = work.trials().find(id).await?;
        let mut trial = trial.ok_or(Error::NotFound(Missing::Trial))?;
        let found = work.subscriptions().find(id, trial.subscription_id).await?;
        let mut subscription = found.ok_or(Error::NotFound(Missing::Subscription))?;
        let carried = given_by(&trial, &subscription);
        let days = trial.extend(request.by, &self.settings.trials, now);
        let days = days.map_err(Refusal::from)?;
        let before = subscription.status;
        let actor = match request.by {
            Extension::Operator => Actor::Admin,
            Extension::Referral | Extension::Promotion => Actor::System,
        };
        let change = subscription.extend_trial(trial.ends_at, (actor, reason), now);
        let change = change.map_err(Refusal::from)?;
        self.save_changed(&mut *work, (&subscription, before), (change, now)).await?;
        let extended = What::TrialExtended {
            subscription_id: subscription.id,
            by: request.by,
            days,
            ends_at: trial.ends_at,
        };
        work.trials().save(&trial, &[self.what(id, now, extended)]).await?;
        let grants = credits.map(|credits| credits.grants).unwrap_or_default();
        if let Some(old) = grants.iter().find(|grant| grant.source == carried) {
            self.carry(&mut *work, old, (&trial, &subscription)).await?;
        }
        let committed = work.commit().await;
        self.organization_changed(id);
        committed.map(|()| trial)
    }

    /// What a grant of the trial has left lasts until the new end. What was used of it since it was
    /// read is owed for a moment, and repaid by the grant that takes its place.
    async fn carry(
        &self,
        work: &mut dyn UnitOfWork,
        old: &Grant,
        (trial, subscription): (&Trial, &Subscription),
    ) -> Result<(), Error> {
        let amount = old.remaining.saturating_sub(old.held);
        if amount <= 0 {
            return Ok(());
        }
        let total = old.revoked.saturating_add(amount);
        let revoke = Revoke { source: old.source.clone(), total };
        let grant = NewGrant {
            id: GrantId(self.ports.ids.next()),
            kind: GrantKind::Subscription,
            amount,
            starts_at: self.ports.clock.now(),
            expires_at: Some(trial.ends_at),
            source: given_by(trial, subscription),
        };
        let owner = trial.organization_id;
        self.change_credits(work, owner, CreditCommand::Revoke(revoke)).await?;
        self.give(work, owner, grant).await
    }
}

/// The source of the credits that last until the present end of a trial.
fn given_by(trial: &Trial, subscription: &Subscription) -> Source {
    let Source { kind, id } = whole(subscription);
    match trial.extensions {
        0 => Source { kind, id },
        nth => Source { kind, id: format!("{id}:extended:{nth}") },
    }
}
