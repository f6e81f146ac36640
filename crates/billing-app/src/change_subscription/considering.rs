//! What is wanted, against what there is.

use core::cmp::Ordering;
use std::sync::Arc;

use billing_domain::{
    catalogue::{Catalogue, Plan, PlanVersion, Price},
    id::OrganizationId,
    money::Money,
    subscription::{ChangeRequest, Fate, Standing, Status, Subscription, When, Wish, by_the_month},
};

use super::{Asked, NewTerms, is_the_same};
use crate::{
    Billing, Error, Missing, Refusal, entitlement::Entitlement, ports::NewPrice,
    start_subscription::NOT_SIMPLE,
};

/// The meter on which seats in use are counted, in a catalogue that has it.
const SEATS: &str = "seats";
/// As many as gateways take.
const MOST: u32 = 999_999;

/// What is wanted, as it will be written down.
pub(crate) struct Considered {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) subscription: Subscription,
    pub(crate) open: Vec<ChangeRequest>,
    pub(crate) wish: Wish,
    /// What one period costs now, for one.
    pub(crate) price: Money,
}

impl Billing {
    /// What a wish means for the subscription of an organization, or why it cannot be.
    pub(crate) async fn consider_change(
        &self,
        id: OrganizationId,
        asked: &Asked,
    ) -> Result<Considered, Error> {
        let entitlement = self.entitlement(id).await?;
        let subscription =
            entitlement.subscription.clone().ok_or(Error::NotFound(Missing::Subscription))?;
        let catalogue = entitlement.catalogue.clone();
        let open = self.ports.subscriptions.open_changes(id).await?;
        let open: Vec<_> =
            open.into_iter().filter(|it| it.subscription_id == subscription.id).collect();
        let current = current(&catalogue, &subscription)?;
        let standing = Standing { subscription: &subscription, open: &open };
        let resolved = match asked {
            Asked::Change(terms) => Some(terms_of(&catalogue, &subscription, current, terms)),
            Asked::Cancel { .. } | Asked::Pause { .. } | Asked::Resume => None,
        };
        let begun = open.iter().find(|it| it.fate == Fate::Pending);
        let same = resolved.as_ref().and_then(|it| it.as_ref().ok().copied());
        let wish = match begun.filter(|begun| is_the_same(&begun.wish, asked, same)) {
            Some(begun) => begun.wish,
            None => {
                standing.check(asked.ask())?;
                self.checked_wish(&entitlement, &standing, asked, resolved).await?
            }
        };
        let price = current.2.amount;
        Ok(Considered { catalogue, subscription, open, wish, price })
    }

    async fn checked_wish(
        &self,
        entitlement: &Entitlement,
        standing: &Standing<'_>,
        asked: &Asked,
        resolved: Option<Result<Wish, Error>>,
    ) -> Result<Wish, Error> {
        Ok(match asked {
            Asked::Change(_) => {
                let wish = resolved.ok_or(Refusal::NothingToChange)??;
                self.leaves_seats(entitlement, &wish).await?;
                wish
            }
            Asked::Cancel { when } => Wish::Cancel { when: *when },
            Asked::Pause { resumes_at } => {
                if resumes_at.is_some_and(|at| at <= self.ports.clock.now()) {
                    return Err(Error::invalid("resumes_at", "must lie in the future"));
                }
                Wish::Pause { resumes_at: *resumes_at }
            }
            Asked::Resume => Wish::Resume(standing.resumption().ok_or(Refusal::NothingToChange)?),
        })
    }

    /// Refuses a quantity below the seats that are in use.
    async fn leaves_seats(&self, entitlement: &Entitlement, wish: &Wish) -> Result<(), Error> {
        let Wish::Change { quantity, .. } = wish else { return Ok(()) };
        if entitlement.catalogue.meter(SEATS).is_none() {
            return Ok(());
        }
        let now = self.ports.clock.now();
        let question = entitlement.quota_question(SEATS, now)?;
        let quotas = self.ports.facts.quotas(&[question], now).await?;
        let used = quotas.first().map_or(0, |quota| quota.used);
        if u64::from(*quantity) < used {
            return Err(Refusal::SeatsInUse { used }.into());
        }
        Ok(())
    }
}

impl Considered {
    /// Whether it was asked before, and nobody knows what became of it.
    pub(crate) fn is_begun(&self) -> bool {
        self.open.iter().any(|it| it.fate == Fate::Pending && it.wish == self.wish)
    }

    /// Whether another interval begins at once.
    pub(crate) fn begins_period(&self) -> bool {
        let Wish::Change { price_id, when: When::Now, .. } = self.wish else { return false };
        let on_trial = matches!(self.subscription.status, Status::Trialing { .. });
        let wanted = self.catalogue.price(price_id).map(|(_, _, price)| price.interval);
        !on_trial && wanted.is_some_and(|interval| interval != self.subscription.interval)
    }

    /// The price that is wanted, as the gateway needs to know it.
    pub(crate) fn to(&self) -> Result<Option<NewPrice>, Error> {
        match self.wish {
            Wish::Change { price_id, quantity, .. } => {
                let (plan, _, price) =
                    self.catalogue.price(price_id).ok_or(Error::NotFound(Missing::Plan))?;
                if let Some(reference) = self.subscription.billed_by.reference()
                    && !price.is_simple()
                {
                    let gateway = reference.gateway.name();
                    return Err(Refusal::NotAtThisGateway { gateway, what: NOT_SIMPLE }.into());
                }
                Ok(Some(new_price((plan, price), quantity)))
            }
            Wish::Cancel { .. } | Wish::Pause { .. } | Wish::Resume(_) => Ok(None),
        }
    }
}

/// A price of ours, as the gateway needs to know it.
pub(crate) fn new_price((plan, price): (&Plan, &Price), quantity: u32) -> NewPrice {
    NewPrice {
        price_id: price.id,
        gateway_price: price.stripe_price.clone(),
        name: plan.name.clone(),
        amount: price.amount,
        interval: price.interval,
        quantity,
    }
}

type Current<'a> = (&'a Plan, &'a PlanVersion, &'a Price);

/// What is subscribed to, of which every part must be on our books.
fn current<'a>(
    catalogue: &'a Catalogue,
    subscription: &Subscription,
) -> Result<Current<'a>, Error> {
    let price = catalogue.price(subscription.price_id);
    price.ok_or_else(|| Error::Internal(anyhow::anyhow!("price {} is gone", subscription.price_id)))
}

/// What other terms come to. The currency stays: a gateway cannot change it.
fn terms_of(
    catalogue: &Catalogue,
    subscription: &Subscription,
    (plan, version, price): Current<'_>,
    terms: &NewTerms,
) -> Result<Wish, Error> {
    let quantity = terms.quantity.unwrap_or(subscription.quantity);
    if !(1..=MOST).contains(&quantity) {
        return Err(Error::invalid("quantity", format!("must be from 1 to {MOST}")));
    }
    let wanted = terms.plan.as_ref().filter(|key| **key != plan.key);
    // Who stays on a plan stays on its version.
    let (plan, version) = match wanted {
        None => (plan, version),
        Some(key) => {
            let found = catalogue.plan(key).filter(|it| it.active);
            let found = found.and_then(|it| Some((it, it.current()?)));
            found.ok_or(Error::NotFound(Missing::Plan))?
        }
    };
    if plan.product_group != subscription.product_group {
        return Err(Error::invalid("plan", "belongs to another group of products"));
    }
    let interval = terms.interval.unwrap_or(subscription.interval);
    let stays = wanted.is_none() && interval == subscription.interval;
    let new = if stays { Some(price) } else { priced_like(version, price, interval) };
    let new = new.ok_or(Refusal::NoSuchPrice)?;
    if new.is_free() {
        return Err(Refusal::PlanIsFree(plan.key.clone()).into());
    }
    if (new.id, quantity) == (price.id, subscription.quantity) {
        return Err(Refusal::NothingToChange.into());
    }
    let dearer = by_the_month((new, quantity), (price, subscription.quantity));
    let when = from_when(subscription, dearer, terms)?;
    Ok(Wish::Change { price_id: new.id, quantity, when })
}

fn priced_like<'a>(
    version: &'a PlanVersion,
    like: &Price,
    interval: billing_domain::period::Interval,
) -> Option<&'a Price> {
    version.prices.iter().find(|it| {
        it.active && it.interval == interval && it.amount.currency() == like.amount.currency()
    })
}

fn from_when(
    subscription: &Subscription,
    dearer: Ordering,
    terms: &NewTerms,
) -> Result<When, Error> {
    if terms.upgrade {
        return match dearer {
            Ordering::Greater => Ok(When::Now),
            Ordering::Equal | Ordering::Less => Err(Refusal::NotAnUpgrade.into()),
        };
    }
    let on_trial = matches!(subscription.status, Status::Trialing { .. });
    match terms.when {
        Some(When::PeriodEnd) if on_trial => {
            Err(Error::invalid("when", "must be now: nothing is paid yet for a trial"))
        }
        Some(when) => Ok(when),
        None if dearer == Ordering::Less && !on_trial => Ok(When::PeriodEnd),
        None => Ok(When::Now),
    }
}
