//! Collection: how the money of an invoice of ours is taken, attempt after attempt.
//!
//! One attempt is under way at a time, and the next is made when it is known how it ended. What
//! failed is tried again by [`DunningRules`]; the same method is never charged again for an invoice
//! or any other once its bank refused it for good.

mod rules;

use time::{Duration, OffsetDateTime};

pub use self::rules::{DunningRules, MethodRecord, NotAgain};
use crate::{
    checkout::Charging,
    gateway::GatewayRef,
    id::{CheckoutId, InvoiceId, OrganizationId, SubscriptionId},
    payment::{ChargeFailure, DeclineKind},
};

/// How soon to look again at what could not be done now.
const SOON: Duration = Duration::MINUTE;

/// How the money of an invoice of ours is taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Collection {
    /// Who pays.
    pub organization_id: OrganizationId,
    /// For which invoice.
    pub invoice_id: InvoiceId,
    /// The subscription that the invoice is for, if any.
    pub subscription_id: Option<SubscriptionId>,
    /// Where it stands.
    pub state: CollectionState,
    /// Every attempt, the oldest first.
    pub attempts: Vec<Attempt>,
    /// Since when it is known that the money does not come by itself.
    pub failed_at: Option<OffsetDateTime>,
    /// Why it did not come last.
    pub failure: Option<ChargeFailure>,
    /// When it is tried next without anybody asking for it.
    pub retry_at: Option<OffsetDateTime>,
    /// Before this there is nothing to do; nothing once it has ended.
    pub next_due_at: Option<OffsetDateTime>,
    /// When it began: with the invoice.
    pub created_at: OffsetDateTime,
}

/// Where a collection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CollectionState {
    /// The money is to be taken.
    Open,
    /// An attempt is under way.
    Charging(Charging),
    /// The money came.
    Collected {
        /// When.
        at: OffsetDateTime,
    },
    /// Nobody tries any more by themselves; it may be paid nevertheless.
    GivenUp {
        /// When.
        at: OffsetDateTime,
    },
    /// There is nothing to pay any more.
    Void {
        /// When.
        at: OffsetDateTime,
    },
}

impl CollectionState {
    /// Its name in tables and answers.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Charging(_) => "charging",
            Self::Collected { .. } => "collected",
            Self::GivenUp { .. } => "given_up",
            Self::Void { .. } => "void",
        }
    }

    /// Whether the money is still being taken.
    pub const fn is_open(&self) -> bool {
        match self {
            Self::Open | Self::Charging(_) => true,
            Self::Collected { .. } | Self::GivenUp { .. } | Self::Void { .. } => false,
        }
    }
}

/// One try to take the money.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// Our record of the charge.
    pub checkout_id: CheckoutId,
    /// What was charged.
    pub method: GatewayRef,
    /// When it was recorded, before it was sent.
    pub at: OffsetDateTime,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// When that became known.
    pub ended_at: Option<OffsetDateTime>,
    /// Who asked for it; nothing where the rules did.
    pub asked_for: Option<AskedFor>,
}

/// Who asked for an attempt, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AskedFor {
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// How an attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AttemptOutcome {
    /// It is not known.
    Pending,
    /// With the money.
    Succeeded,
    /// Without.
    Failed(ChargeFailure),
}

impl AttemptOutcome {
    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed(_) => "failed",
        }
    }

    /// Why it failed, where it did.
    pub const fn failure(self) -> Option<ChargeFailure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Pending | Self::Succeeded => None,
        }
    }
}

/// What is to be done now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CollectionStep {
    /// Nothing.
    Rest,
    /// An attempt is to be made.
    Charge,
    /// It is asked how the attempt went that is under way.
    Ask(CheckoutId),
    /// Nobody tries any more.
    GiveUp,
}

impl Collection {
    /// That of an invoice that was just issued: the first attempt is made at once.
    pub const fn begun(
        (organization_id, invoice_id): (OrganizationId, InvoiceId),
        subscription_id: Option<SubscriptionId>,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            organization_id,
            invoice_id,
            subscription_id,
            state: CollectionState::Open,
            attempts: Vec::new(),
            failed_at: None,
            failure: None,
            retry_at: Some(now),
            next_due_at: Some(now),
            created_at: now,
        }
    }

    /// What is to be done now.
    pub fn step(&self, rules: &DunningRules, now: OffsetDateTime) -> CollectionStep {
        if self.next_due_at.is_none_or(|at| now < at) {
            return CollectionStep::Rest;
        }
        match self.state {
            CollectionState::Charging(charging) => CollectionStep::Ask(charging.checkout),
            CollectionState::Open if self.retry_at.is_some_and(|at| at <= now) => {
                CollectionStep::Charge
            }
            CollectionState::Open if self.deadline(rules).is_some_and(|at| at <= now) => {
                CollectionStep::GiveUp
            }
            CollectionState::Open
            | CollectionState::Collected { .. }
            | CollectionState::GivenUp { .. }
            | CollectionState::Void { .. } => CollectionStep::Rest,
        }
    }

    /// The number of the next attempt, from 1.
    pub fn next_number(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Whether another attempt may be made with a method of which this is known.
    pub fn may_try(&self, record: MethodRecord, rules: &DunningRules) -> Result<(), NotAgain> {
        if record.refused_for_good {
            return Err(NotAgain::Hard);
        }
        if record.attempts >= rules.most_attempts {
            return Err(NotAgain::TooOften);
        }
        Ok(())
    }

    /// An attempt is recorded, and goes to the gateway now.
    pub fn begin(
        &mut self,
        checkout_id: CheckoutId,
        (method, asked_for): (GatewayRef, Option<AskedFor>),
        now: OffsetDateTime,
    ) {
        let charging = Charging { checkout: checkout_id, since: now };
        self.attempts.push(Attempt {
            checkout_id,
            method,
            at: now,
            outcome: AttemptOutcome::Pending,
            ended_at: None,
            asked_for,
        });
        self.state = CollectionState::Charging(charging);
        self.retry_at = None;
        self.next_due_at = Some(charging.ask_at(now));
    }

    /// It is asked now how the attempt went; whoever looks next waits.
    pub fn ask(&mut self, now: OffsetDateTime) {
        if let CollectionState::Charging(charging) = self.state {
            self.next_due_at = Some(charging.ask_at(now));
        }
    }

    /// What is due cannot be done now: look again soon. What is under way is asked for in time.
    pub fn put_off(&mut self, now: OffsetDateTime) {
        if self.state == CollectionState::Open {
            self.next_due_at = Some(now + SOON);
        }
    }

    /// The money came by an attempt, whatever was thought of it before. Whether that is news.
    pub fn succeed(&mut self, checkout: CheckoutId, now: OffsetDateTime) -> bool {
        if let Some(attempt) = self.attempts.iter_mut().find(|it| it.checkout_id == checkout) {
            attempt.outcome = AttemptOutcome::Succeeded;
            attempt.ended_at = Some(now);
        }
        let news = !matches!(self.state, CollectionState::Collected { .. });
        if news {
            self.end(CollectionState::Collected { at: now });
        }
        news
    }

    /// The attempt that is under way brought no money. Whether that is news.
    pub fn fail(
        &mut self,
        checkout: CheckoutId,
        failure: ChargeFailure,
        rules: &DunningRules,
        now: OffsetDateTime,
    ) -> bool {
        let CollectionState::Charging(charging) = self.state else { return false };
        if charging.checkout != checkout {
            return false;
        }
        if let Some(attempt) = self.attempts.iter_mut().find(|it| it.checkout_id == checkout) {
            attempt.outcome = AttemptOutcome::Failed(failure);
            attempt.ended_at = Some(now);
        }
        let in_a_row = self.technical_in_a_row();
        let technical = rules.technical_retry_at(in_a_row, now);
        self.failed(failure, rules, now);
        if let (DeclineKind::Technical, Some(at)) = (failure.kind(), technical) {
            self.retry_at = Some(at);
            self.next_due_at = Some(at);
        }
        true
    }

    /// There was nothing to charge, or nothing that may be charged.
    pub fn fail_untried(
        &mut self,
        failure: ChargeFailure,
        rules: &DunningRules,
        now: OffsetDateTime,
    ) {
        self.failed(failure, rules, now);
    }

    /// The customer has a method that may be new: where it was not the one that failed, it is
    /// tried at once. Whether it will be.
    pub fn method_arrived(&mut self, method: &GatewayRef, now: OffsetDateTime) -> bool {
        let failed_last = self.attempts.last().map(|attempt| &attempt.method);
        let is_new = self.failure == Some(ChargeFailure::NoSavedMethod)
            || failed_last.is_none_or(|last| last != method);
        let tries = self.state == CollectionState::Open && self.failed_at.is_some() && is_new;
        if tries {
            self.retry_at = Some(now);
            self.next_due_at = Some(now);
        }
        tries
    }

    /// Nobody tries any more. Whether that is news.
    pub fn give_up(&mut self, now: OffsetDateTime) -> bool {
        let open = self.state == CollectionState::Open;
        if open {
            self.end(CollectionState::GivenUp { at: now });
        }
        open
    }

    /// There is nothing to pay any more. Whether that is news.
    pub fn void(&mut self, now: OffsetDateTime) -> bool {
        let open = self.state.is_open();
        if open {
            self.end(CollectionState::Void { at: now });
        }
        open
    }

    /// When it is given up if nothing comes.
    pub fn deadline(&self, rules: &DunningRules) -> Option<OffsetDateTime> {
        self.failed_at.map(|at| at + rules.length())
    }

    fn failed(&mut self, failure: ChargeFailure, rules: &DunningRules, now: OffsetDateTime) {
        let failed_at = *self.failed_at.get_or_insert(now);
        self.failure = Some(failure);
        self.state = CollectionState::Open;
        self.retry_at = match failure.kind() {
            DeclineKind::Soft | DeclineKind::Technical => rules.retry_at(failed_at, now),
            DeclineKind::Hard | DeclineKind::AskCustomer | DeclineKind::NewMethod => None,
        };
        self.next_due_at = Some(self.retry_at.unwrap_or(failed_at + rules.length()));
    }

    /// How many attempts have failed in a row, the last among them, because nobody could answer.
    fn technical_in_a_row(&self) -> usize {
        let technical = |attempt: &&Attempt| {
            attempt.outcome.failure().map(ChargeFailure::kind) == Some(DeclineKind::Technical)
        };
        self.attempts.iter().rev().take_while(technical).count()
    }

    const fn end(&mut self, state: CollectionState) {
        self.state = state;
        self.retry_at = None;
        self.next_due_at = None;
    }
}

#[cfg(test)]
mod tests;
