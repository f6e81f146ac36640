//! What each side says, in the same words.

use billing_domain::{
    catalogue::Catalogue,
    reconciliation::{Difference, Standing, Terms, Thing, compare, missing_there},
};
use time::OffsetDateTime;

use super::Reconciler;
use crate::{
    Error,
    gateway_facts::GatewayFacts,
    ports::{
        Known, SeenCheckout, SeenCheckoutStatus, SeenInvoice, SeenPayment, SeenSubscription,
        Sighting, Wanted,
    },
    settle::observed,
};

/// What the gateway says of a thing, and how we would know it.
pub(super) struct Seen {
    pub(super) standing: Standing,
    pub(super) wanted: Wanted,
}

impl Seen {
    fn new(standing: Standing) -> Self {
        let (thing, id) = (standing.thing, standing.id.clone());
        Self { standing, wanted: Wanted { thing, id, checkout_id: None } }
    }

    fn payment(seen: &SeenPayment) -> Self {
        let sums = (seen.amount, seen.refunded);
        Self::new(Standing::payment(seen.reference.id.as_str(), seen.status, sums))
    }

    fn subscription(catalogue: &Catalogue, seen: &SeenSubscription, at: OffsetDateTime) -> Self {
        let known = observed(catalogue, seen, at).ok();
        let terms = Terms {
            price_id: known.map(|(observation, _)| observation.price_id),
            quantity: seen.quantity,
            period: seen.period,
            cancel_at_period_end: seen.cancel_at_period_end,
        };
        Self::new(Standing::subscription(seen.reference.id.as_str(), &seen.status, terms))
    }

    fn invoice(seen: &SeenInvoice) -> Option<Self> {
        let document = seen.document.as_ref()?;
        let id = seen.reference.id.as_str();
        Some(Self::new(Standing::invoice(id, document.status, document.amount_paid)))
    }

    /// A page that we opened, in our words for where it stands.
    fn checkout(seen: &SeenCheckout) -> Option<Self> {
        let checkout_id = seen.checkout_id?;
        let status = match seen.status {
            SeenCheckoutStatus::Open => "open",
            SeenCheckoutStatus::Complete => "completed",
            SeenCheckoutStatus::Expired => "expired",
        };
        let mut it = Self::new(Standing::checkout(seen.session.id.as_str(), status));
        it.wanted.checkout_id = Some(checkout_id);
        Some(it)
    }

    pub(super) fn key(&self) -> (Thing, String) {
        (self.wanted.thing, self.wanted.id.clone())
    }
}

/// All that facts say.
pub(super) fn said(catalogue: &Catalogue, facts: &GatewayFacts) -> Vec<Seen> {
    let subscription =
        facts.subscription.as_ref().map(|it| Seen::subscription(catalogue, it, facts.asked_at));
    let checkout = facts.checkout.as_ref().and_then(Seen::checkout);
    let payments = facts.payments.iter().map(Seen::payment);
    let invoices = facts.invoices.iter().filter_map(Seen::invoice);
    subscription.into_iter().chain(checkout).chain(payments).chain(invoices).collect()
}

impl Reconciler<'_> {
    /// Which of the things that a list shows we know otherwise, or not at all.
    pub(super) async fn suspects(
        &mut self,
        sightings: Vec<Sighting>,
    ) -> Result<Vec<(Thing, String)>, Error> {
        let (catalogue, now) = (self.billing.catalogue().await?, self.billing.ports.clock.wall());
        let (mut seen, mut suspects) = (Vec::new(), Vec::new());
        for sighting in sightings {
            match sighting {
                Sighting::Subscription(it) => {
                    seen.push(Seen::subscription(&catalogue, &it, now));
                }
                Sighting::Checkout(it) => seen.extend(Seen::checkout(&it)),
                Sighting::Payment(it) => seen.push(Seen::payment(&it)),
                Sighting::Invoice { reference, status, paid } => {
                    seen.push(Seen::new(Standing::invoice(reference.id, status, paid)));
                }
                // A list of payments of the same time has shown how much of it was given back.
                Sighting::MoneyBack(id) => {
                    let payment = (Thing::Payment, id);
                    if !self.met.contains(&payment) && !suspects.contains(&payment) {
                        suspects.push(payment);
                    }
                }
            }
        }
        let known = self.known(&seen).await?;
        for it in seen {
            let news = self.met.insert(it.key());
            if news && !differences(&it, &known).is_empty() {
                suspects.push(it.key());
            }
        }
        Ok(suspects)
    }

    /// Where the gateway and we differ now on what was said; or on the thing that was asked for,
    /// of which the gateway knows nothing.
    pub(super) async fn differing(
        &self,
        asked: &(Thing, String),
        said: &[Seen],
    ) -> Result<(Vec<Difference>, Vec<Known>), Error> {
        let mut known = self.known(said).await?;
        let mut found: Vec<_> = said.iter().flat_map(|it| differences(it, &known)).collect();
        // A page that is gone will not be paid on.
        if said.is_empty() && asked.0 != Thing::Checkout {
            let (thing, id) = asked.clone();
            let wanted = [Wanted { thing, id, checkout_id: None }];
            known = self.billing.ports.reconciling.known(self.began.gateway, &wanted).await?;
            let ours = known.iter().filter_map(|it| it.standing.as_ref());
            found.extend(ours.map(missing_there));
        }
        Ok((found, known))
    }

    async fn known(&self, seen: &[Seen]) -> Result<Vec<Known>, Error> {
        let wanted: Vec<_> = seen.iter().map(|it| it.wanted.clone()).collect();
        self.billing.ports.reconciling.known(self.began.gateway, &wanted).await
    }
}

fn differences(theirs: &Seen, known: &[Known]) -> Vec<Difference> {
    let is_it = |it: &&Known| it.thing == theirs.wanted.thing && it.id == theirs.wanted.id;
    match known.iter().find(is_it) {
        None => compare(&theirs.standing, None),
        Some(Known { standing: None, .. }) => Vec::new(),
        Some(Known { standing: Some(ours), .. }) => {
            // Until it is paid on, or closed, it is all one whether we have heard of its address.
            let payable = |it: &Standing| ["pending", "open"].contains(&it.status);
            if theirs.wanted.thing == Thing::Checkout && payable(&theirs.standing) {
                return Vec::new();
            }
            compare(&theirs.standing, Some(ours))
        }
    }
}
