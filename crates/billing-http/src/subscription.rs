//! What an organization is on, as it is shown.

use billing_app::{Entitlement, Error};
use billing_domain::{
    catalogue::Catalogue,
    id::OrganizationId,
    subscription::{Action, ChangeRequest, Fate, Standing, Status, Subscription as Record, Wish},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{moment::Moment, money::Money, state::Http, trials::Trial};

/// What an organization is on. Without a subscription `status` is `none`, `plan` the free one, and
/// everything that only a subscription has is null.
#[derive(Serialize, ToSchema)]
pub(crate) struct Subscription {
    organization_id: Uuid,
    /// `none`, `incomplete`, `trialing`, `active`, `past_due`, `paused`, `cancelled` or `expired`.
    #[schema(example = "active")]
    status: &'static str,
    /// The key of the plan of the subscription.
    #[schema(example = "starter")]
    plan: String,
    plan_version: i32,
    plan_version_id: Uuid,
    /// The plan whose limits hold now: the free one once a subscription gives no access.
    #[schema(example = "starter")]
    entitled_plan: String,
    id: Option<Uuid>,
    #[schema(example = "month")]
    interval: Option<&'static str>,
    /// For one.
    price: Option<Money>,
    /// How many, such as seats.
    quantity: Option<u32>,
    current_period_start: Option<Moment>,
    current_period_end: Option<Moment>,
    /// Whether it ends with the period.
    cancel_at_period_end: bool,
    /// When the first payment is due, while trialing.
    trial_ends_at: Option<Moment>,
    /// Since when a payment is overdue.
    past_due_since: Option<Moment>,
    /// Until when it is paused, if that is known.
    resumes_at: Option<Moment>,
    /// When it was cancelled or expired.
    ended_at: Option<Moment>,
    /// `gateway`, or `engine` where our own engine bills it, as after a trial that it began.
    #[schema(example = "gateway")]
    billed_by: Option<&'static str>,
    /// The gateway that bills it, if one does.
    #[schema(example = "stripe")]
    gateway: Option<&'static str>,
    /// What the gateway calls it.
    gateway_subscription_id: Option<String>,
    created_at: Option<Moment>,
    /// What was asked for and has not come true yet.
    pending_changes: Vec<PendingChange>,
    /// What can be asked now: `change`, `cancel`, `pause`, `resume`.
    allowed_actions: Vec<&'static str>,
    /// The one trial of the organization, over or not; nothing where it never had one.
    trial: Option<Trial>,
}

/// A change that was asked for and has not come true yet.
#[derive(Serialize, ToSchema)]
pub(crate) struct PendingChange {
    id: Uuid,
    /// `change`, `cancel`, `pause` or `resume`.
    #[schema(example = "change")]
    action: &'static str,
    /// `pending`: nobody knows yet whether the gateway heard of it. `scheduled`: it comes true by
    /// itself.
    #[schema(example = "scheduled")]
    status: &'static str,
    /// The plan that it is to be.
    plan: Option<String>,
    /// For one.
    price: Option<Money>,
    interval: Option<&'static str>,
    quantity: Option<u32>,
    /// When it comes true, if that is known.
    effective_at: Option<Moment>,
    /// `customer`, `admin` or `system`.
    #[schema(example = "customer")]
    requested_by: &'static str,
    reason: String,
    requested_at: Moment,
}

impl Subscription {
    /// What an organization is on, with what is planned, and its trial.
    pub(crate) async fn shown(http: &Http, id: OrganizationId) -> Result<Self, Error> {
        let entitlement = http.billing.entitlement(id).await?;
        let open = http.billing.open_changes(id).await?;
        Self::of(&entitlement, &open)?.with_trial(http).await
    }

    /// The same, with the trial of the organization.
    pub(crate) async fn with_trial(self, http: &Http) -> Result<Self, Error> {
        let trial = http.billing.trial(OrganizationId(self.organization_id)).await?;
        Ok(Self { trial: trial.map(|trial| Trial::of(&trial, http)), ..self })
    }

    pub(crate) fn of(entitlement: &Entitlement, open: &[ChangeRequest]) -> Result<Self, Error> {
        let (plan, version) = entitlement.plan()?;
        let none = Self {
            organization_id: entitlement.organization.id.0,
            status: "none",
            plan: plan.key.clone(),
            plan_version: version.number,
            plan_version_id: version.id.0,
            entitled_plan: plan.key.clone(),
            id: None,
            interval: None,
            price: None,
            quantity: None,
            current_period_start: None,
            current_period_end: None,
            cancel_at_period_end: false,
            trial_ends_at: None,
            past_due_since: None,
            resumes_at: None,
            ended_at: None,
            billed_by: None,
            gateway: None,
            gateway_subscription_id: None,
            created_at: None,
            pending_changes: Vec::new(),
            allowed_actions: Vec::new(),
            trial: None,
        };
        match &entitlement.subscription {
            Some(record) => {
                let catalogue = &entitlement.catalogue;
                Ok(none.subscribed(record, catalogue)?.planned(record, open, catalogue))
            }
            None => Ok(none),
        }
    }

    fn planned(self, record: &Record, open: &[ChangeRequest], catalogue: &Catalogue) -> Self {
        let of_it = open.iter().filter(|request| request.subscription_id == record.id).cloned();
        let of_it: Vec<_> = of_it.collect();
        let standing = Standing { subscription: record, open: &of_it };
        Self {
            pending_changes: of_it.iter().map(|it| PendingChange::of(it, catalogue)).collect(),
            allowed_actions: standing.allowed().into_iter().map(Action::name).collect(),
            ..self
        }
    }

    fn subscribed(self, record: &Record, catalogue: &Catalogue) -> Result<Self, Error> {
        let Record {
            id,
            organization_id: _,
            product_group: _,
            plan_version_id,
            price_id,
            interval,
            quantity,
            status,
            period,
            cancel_at_period_end,
            billed_by,
            created_at,
            observed_at: _,
        } = record;
        let (plan, version) = catalogue.version(*plan_version_id).ok_or_else(|| {
            Error::Internal(anyhow::anyhow!("plan version {plan_version_id} is gone"))
        })?;
        let price = catalogue.price(*price_id).map(|(_, _, price)| Money::from(price.amount));
        Ok(Self {
            plan: plan.key.clone(),
            plan_version: version.number,
            plan_version_id: version.id.0,
            id: Some(id.0),
            interval: Some(interval.name()),
            price,
            quantity: Some(*quantity),
            current_period_start: Some(Moment(period.start)),
            current_period_end: Some(Moment(period.end)),
            cancel_at_period_end: *cancel_at_period_end,
            billed_by: Some(billed_by.name()),
            gateway: billed_by.reference().map(|it| it.gateway.name()),
            gateway_subscription_id: billed_by.reference().map(|it| it.id.clone()),
            created_at: Some(Moment(*created_at)),
            ..self.standing(status)
        })
    }

    fn standing(self, status: &Status) -> Self {
        let named = Self { status: status.name(), ..self };
        match status {
            Status::Incomplete | Status::Active => named,
            Status::Trialing { ends_at } => Self { trial_ends_at: Some(Moment(*ends_at)), ..named },
            Status::PastDue { since } => Self { past_due_since: Some(Moment(*since)), ..named },
            Status::Paused { resumes_at } => Self { resumes_at: resumes_at.map(Moment), ..named },
            Status::Cancelled { at } | Status::Expired { at } => {
                Self { ended_at: Some(Moment(*at)), ..named }
            }
        }
    }
}

impl PendingChange {
    fn of(request: &ChangeRequest, catalogue: &Catalogue) -> Self {
        let named = Self {
            id: request.id.0,
            action: request.wish.action().name(),
            status: request.fate.name(),
            plan: None,
            price: None,
            interval: None,
            quantity: None,
            effective_at: match &request.fate {
                Fate::Scheduled { at } => Some(Moment(*at)),
                Fate::Pending | Fate::Done | Fate::Failed { .. } | Fate::Withdrawn => None,
            },
            requested_by: request.actor.name(),
            reason: request.reason.clone(),
            requested_at: Moment(request.created_at),
        };
        match request.wish {
            Wish::Change { price_id, quantity, .. } => {
                let found = catalogue.price(price_id);
                Self {
                    plan: found.map(|(plan, ..)| plan.key.clone()),
                    price: found.map(|(_, _, price)| Money::from(price.amount)),
                    interval: found.map(|(_, _, price)| price.interval.name()),
                    quantity: Some(quantity),
                    ..named
                }
            }
            Wish::Cancel { .. } | Wish::Pause { .. } | Wish::Resume(_) => named,
        }
    }
}
