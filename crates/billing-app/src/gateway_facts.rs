//! What a gateway says now about the thing that a webhook named: asked outside of any transaction.

use billing_domain::gateway::GatewayRef;
use time::{Duration, OffsetDateTime};

use crate::ports::{
    About, GatewayError, PaymentGateway, SeenCheckout, SeenInvoice, SeenPayment, SeenSubscription,
};

/// How long a gateway surely remembers what it was asked under a key: 24 hours, less a little.
pub(crate) const REMEMBERED: Duration = Duration::hours(23);
/// After this nothing that was sent to it can still arrive.
pub(crate) const ARRIVED: Duration = Duration::hours(25);

/// What a gateway says now. What it was not asked about, or does not know, is absent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct GatewayFacts {
    pub(crate) checkout: Option<SeenCheckout>,
    pub(crate) subscription: Option<SeenSubscription>,
    pub(crate) payments: Vec<SeenPayment>,
    pub(crate) invoices: Vec<SeenInvoice>,
    /// When it was asked: the gateway's own order of its states.
    pub(crate) asked_at: OffsetDateTime,
}

impl GatewayFacts {
    /// What it says of a payment.
    pub(crate) fn of_payment(seen: SeenPayment, asked_at: OffsetDateTime) -> Self {
        Self { payments: vec![seen], ..Self::none(asked_at) }
    }

    /// Nothing yet.
    fn none(asked_at: OffsetDateTime) -> Self {
        let (payments, invoices) = (Vec::new(), Vec::new());
        Self { checkout: None, subscription: None, payments, invoices, asked_at }
    }

    /// Whom it is about, as the gateway knows them.
    pub(crate) fn customer(&self) -> Option<&GatewayRef> {
        let of_payment = || self.payments.iter().find_map(|payment| payment.customer.as_ref());
        let of_invoice = || self.invoices.iter().find_map(|invoice| invoice.customer.as_ref());
        let of_subscription = self.subscription.as_ref().map(|it| &it.customer);
        of_subscription.or_else(of_payment).or_else(of_invoice)
    }

    /// Whether the gateway knows anything of it.
    pub(crate) fn is_empty(&self) -> bool {
        self.checkout.is_none()
            && self.subscription.is_none()
            && self.payments.is_empty()
            && self.invoices.is_empty()
    }
}

/// Asks a gateway about the thing that a webhook named, and what belongs to it.
pub(crate) async fn ask(
    gateway: &dyn PaymentGateway,
    about: &About,
    asked_at: OffsetDateTime,
) -> Result<GatewayFacts, GatewayError> {
    let mut facts = GatewayFacts::none(asked_at);
    let subscription = match about {
        About::Checkout(session) => {
            facts.checkout = gateway.checkouts().find(session).await?;
            let seen = facts.checkout.as_ref();
            facts.payments.extend(seen.and_then(|it| it.payment.clone()));
            seen.and_then(|it| it.subscription.clone())
        }
        About::Subscription(id) => Some(id.clone()),
        About::Invoice(id) => {
            let invoice = gateway.payments().find_invoice(id).await?;
            facts.payments.extend(invoice.as_ref().and_then(payment_of));
            facts.invoices.extend(invoice.clone());
            invoice.and_then(|it| it.subscription)
        }
        About::Payment(id) => {
            facts.payments.extend(gateway.payments().find(id).await?);
            None
        }
        About::Customer(_) | About::Nothing => None,
    };
    if let (Some(id), Some(subscriptions)) = (subscription, gateway.subscriptions()) {
        facts.subscription = subscriptions.find(&id).await?;
        let latest = facts.subscription.as_ref().and_then(|it| it.latest_invoice.as_ref());
        let payment = latest.and_then(payment_of);
        let known = |it: &SeenPayment| facts.payments.iter().any(|p| p.reference == it.reference);
        if let Some(payment) = payment.filter(|it| !known(it)) {
            facts.payments.push(payment);
        }
        let latest = facts.subscription.as_ref().and_then(|it| it.latest_invoice.clone());
        let known = |it: &SeenInvoice| facts.invoices.iter().any(|i| i.reference == it.reference);
        if let Some(invoice) = latest.filter(|it| !known(it)) {
            facts.invoices.push(invoice);
        }
    }
    Ok(facts)
}

fn payment_of(invoice: &SeenInvoice) -> Option<SeenPayment> {
    invoice.payment.clone()
}
