//! An organization tries a plan: once, and nobody twice under another name.

use billing_domain::{
    catalogue::{Catalogue, Offer, Plan, PlanVersion, Price},
    checkout::{Checkout, HostedPage, Purpose},
    currency::Currency,
    event::What,
    id::{OrganizationId, SubscriptionId},
    organization::Organization,
    period::{Interval, Period},
    subscription::{BilledBy, Status, Subscription},
    trial::{Trial, mailbox},
};

use crate::{
    Billing, Error, Missing, Refusal,
    open_checkout::is_being_opened,
    ports::{Claimant, Scope, TrialClaim, UnitOfWork},
};

/// The longest id of a user.
const LONGEST_ID: usize = 255;

/// A plan that an organization wants to try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartTrial {
    /// Who tries.
    pub organization_id: OrganizationId,
    /// The plan's key.
    pub plan: String,
    /// How often to pay afterwards.
    pub interval: Interval,
    /// In what; by default the organization's currency, or dollars where that has no price.
    pub currency: Option<Currency>,
    /// The product's id of the user who asks for it.
    pub user_id: Option<String>,
    /// The user's address; by default the organization's.
    pub email: Option<String>,
}

/// Whether a trial began, or what stands in its way.
enum Begun {
    Yes,
    /// Pages on which the plan could still be paid: they close first.
    Close(Vec<(Checkout, HostedPage)>),
}

impl Billing {
    /// Begins a trial: the subscription, a month's worth of the plan's credits, and the record by
    /// which it is ended.
    pub async fn start_trial(&self, request: StartTrial) -> Result<Trial, Error> {
        let catalogue = self.catalogue().await?;
        let plan = catalogue.plan(&request.plan).filter(|plan| plan.active);
        let plan = plan.ok_or(Error::NotFound(Missing::Plan))?;
        let version = plan.current().ok_or(Error::NotFound(Missing::Plan))?;
        let organization = self.organization(request.organization_id).await?;
        let price = request.price(version, &organization)?;
        if price.is_free() {
            return Err(Refusal::PlanIsFree(plan.key.clone()).into());
        }
        let claims = self.claims(&request, &organization)?;
        let (subscription, trial) = self.drawn_up(organization.id, (plan, version, price));
        let begun = self.begin_trial(&catalogue, (&subscription, &trial), &claims).await?;
        if let Begun::Close(pages) = begun {
            for (checkout, page) in pages {
                let gateway = self.gateway(Some(checkout.gateway))?;
                self.close(gateway, vec![(checkout, page)]).await?;
            }
            let again = self.begin_trial(&catalogue, (&subscription, &trial), &claims).await?;
            if let Begun::Close(_) = again {
                return Err(Error::Conflict("the checkout"));
            }
        }
        Ok(trial)
    }

    /// The records of a trial that begins now.
    fn drawn_up(
        &self,
        organization_id: OrganizationId,
        (plan, version, price): (&Plan, &PlanVersion, &Price),
    ) -> (Subscription, Trial) {
        let now = self.ports.clock.now();
        let id = SubscriptionId(self.ports.ids.next());
        let days = self.settings.trials.length(price);
        let trial = Trial::begun(organization_id, (id, version.id), days, now);
        let ends_at = trial.ends_at;
        let subscription = Subscription {
            id,
            organization_id,
            product_group: plan.product_group.clone(),
            plan_version_id: version.id,
            price_id: price.id,
            interval: price.interval,
            quantity: 1,
            status: Status::Trialing { ends_at },
            period: Period { start: now, end: ends_at },
            cancel_at_period_end: false,
            billed_by: BilledBy::Engine,
            created_at: now,
            observed_at: now,
        };
        (subscription, trial)
    }

    /// Who tries, as they are known again.
    fn claims(
        &self,
        request: &StartTrial,
        organization: &Organization,
    ) -> Result<Vec<TrialClaim>, Error> {
        let email = request.email.as_ref().or(organization.billing_email.as_ref());
        let email = email.map(|address| mailbox(address)).transpose()?;
        let user = request.user_id.as_ref();
        if user.is_some_and(|id| id.trim().is_empty() || id.chars().count() > LONGEST_ID) {
            return Err(Error::invalid("user_id", "must have 1 to 255 characters"));
        }
        if email.is_none() && user.is_none() {
            let message = "or `user_id` is required: the organization has no billing email";
            return Err(Error::invalid("email", message));
        }
        let known = email.map(|email| (Claimant::Email, email)).into_iter();
        let known = known.chain(user.map(|id| (Claimant::User, id.clone())));
        let claim = |(by, id): (Claimant, String)| {
            let name = format!("trial:{}:{id}", by.name());
            TrialClaim { by, digest: self.ports.secrets.digest(name.as_bytes()) }
        };
        Ok(known.map(claim).collect())
    }

    async fn begin_trial(
        &self,
        catalogue: &Catalogue,
        (subscription, trial): (&Subscription, &Trial),
        claims: &[TrialClaim],
    ) -> Result<Begun, Error> {
        let id = trial.organization_id;
        let mut work = self.ports.store.begin(Scope::Organization(id)).await?;
        // Held, so that two requests for the same organization take turns.
        let organization = work.organizations().find(id).await?;
        organization.ok_or(Error::NotFound(Missing::Organization))?;
        if work.trials().find(id).await?.is_some() {
            return Err(Refusal::TrialUsed { by: "organization" }.into());
        }
        self.refuse_subscribed(&mut *work, catalogue, (id, &subscription.product_group)).await?;
        let open = self.open_pages(&mut *work, id).await?;
        if !open.is_empty() {
            return Ok(Begun::Close(open));
        }
        if let Some(claimant) = work.trials().claim(id, claims).await? {
            return Err(Refusal::TrialUsed { by: claimant.name() }.into());
        }
        let subscription_id = subscription.id;
        let status = subscription.status.name();
        let created = What::SubscriptionCreated { subscription_id, status };
        let created = self.what(id, trial.started_at, created);
        work.subscriptions().save(subscription, None, &[created]).await?;
        let started = What::TrialStarted { subscription_id, ends_at: trial.ends_at };
        let started = self.what(id, trial.started_at, started);
        work.trials().save(trial, &[started]).await?;
        self.grant_period(&mut *work, catalogue, (subscription, false)).await?;
        let committed = work.commit().await;
        self.organization_changed(id);
        committed.map(|()| Begun::Yes)
    }

    /// Pages on which a plan can be paid. `Conflict` while one is being opened.
    async fn open_pages(
        &self,
        work: &mut dyn UnitOfWork,
        id: OrganizationId,
    ) -> Result<Vec<(Checkout, HostedPage)>, Error> {
        let now = self.ports.clock.now();
        let mut pages = Vec::new();
        for checkout in work.checkouts().unfinished(id).await? {
            if !matches!(checkout.purpose, Purpose::Subscription { .. }) {
                continue;
            }
            if is_being_opened(&checkout, now) {
                return Err(Error::Conflict("the checkout"));
            }
            if let Some(page) = checkout.payable(now).cloned() {
                pages.push((checkout, page));
            }
        }
        Ok(pages)
    }
}

impl StartTrial {
    fn price<'a>(
        &self,
        version: &'a PlanVersion,
        organization: &Organization,
    ) -> Result<&'a Price, Error> {
        let currency = self.currency.unwrap_or(organization.currency);
        let price = version.price_for(&Offer { currency, interval: self.interval });
        let wanted = |price: &&Price| self.currency.is_none_or(|it| it == price.amount.currency());
        Ok(price.filter(wanted).ok_or(Refusal::NoSuchPrice)?)
    }
}
