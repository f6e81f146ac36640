//! Hosted payment pages.

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use billing_app::ports::{
    CheckoutItem, CheckoutRequest, GatewayError, HostedCheckouts, SeenCheckout, SeenCheckoutStatus,
    SeenPayment,
};
use billing_domain::{checkout::HostedPage, id::CheckoutId, money::Money, period::Interval};

use crate::{
    Stripe,
    client::is_id,
    failure::unreadable,
    form::Form,
    money::{currency_to_wire, to_wire},
    payments::{Occasion, seen_payment},
    prices::rhythm,
    reference,
    wire::{Expandable, Identified, Session},
};

pub(crate) const SESSIONS: &str = "/v1/checkout/sessions";

#[async_trait]
impl HostedCheckouts for Stripe {
    async fn open(&self, request: &CheckoutRequest) -> Result<HostedPage, GatewayError> {
        let key = format!("checkout_{}", request.checkout_id);
        let session: Session = self.client.post(SESSIONS, &opening(request)?, &key).await?;
        let url = session.url.context("a page without an address").map_err(unreadable)?;
        Ok(HostedPage { session: reference(&session.id), url, expires_at: session.expires_at })
    }

    async fn find(&self, session: &str) -> Result<Option<SeenCheckout>, GatewayError> {
        let Some(session) = self.session(session).await? else { return Ok(None) };
        Ok(Some(SeenCheckout {
            session: reference(&session.id),
            checkout_id: session.checkout_id(),
            status: status(&session)?,
            paid: matches!(session.payment_status.as_str(), "paid" | "no_payment_required"),
            payment: self.payment_on(&session).await?,
            subscription: session.subscription.map(|link| link.0),
        }))
    }

    async fn expire(&self, session: &str) -> Result<(), GatewayError> {
        if !is_id(session) {
            return Err(GatewayError::Refused { message: "no such checkout session".to_owned() });
        }
        let path = format!("{SESSIONS}/{session}/expire");
        let key = format!("expire_{session}");
        match self.client.post::<Identified>(&path, &Form::new(), &key).await {
            Ok(_) => Ok(()),
            Err(refused @ GatewayError::Refused { .. }) => match self.session(session).await? {
                Some(session) if status(&session)? != SeenCheckoutStatus::Open => Ok(()),
                Some(_) | None => Err(refused),
            },
            Err(error) => Err(error),
        }
    }
}

impl Stripe {
    async fn session(&self, id: &str) -> Result<Option<Session>, GatewayError> {
        let whole = Form::expanding(&["payment_intent", "payment_intent.latest_charge"]);
        self.client.find(SESSIONS, id, &whole).await
    }

    async fn payment_on(&self, session: &Session) -> Result<Option<SeenPayment>, GatewayError> {
        let occasion = Occasion::checkout(session)?;
        match &session.payment_intent {
            None => Ok(None),
            Some(Expandable::Object(intent)) => seen_payment(intent, occasion).map(Some),
            Some(Expandable::Id(id)) => match self.payment_intent(id).await? {
                Some(intent) => seen_payment(&intent, occasion).map(Some),
                None => Ok(None),
            },
        }
    }
}

impl Session {
    /// Our checkout; nothing for a page that somebody else opened.
    pub(crate) fn checkout_id(&self) -> Option<CheckoutId> {
        let reference = || self.client_reference_id.as_ref()?.parse().ok();
        self.metadata.id("checkout_id").or_else(reference)
    }
}

pub(crate) fn status(session: &Session) -> Result<SeenCheckoutStatus, GatewayError> {
    match session.status.as_deref() {
        Some("open") => Ok(SeenCheckoutStatus::Open),
        Some("complete") => Ok(SeenCheckoutStatus::Complete),
        Some("expired") => Ok(SeenCheckoutStatus::Expired),
        other => Err(unreadable(anyhow!("a checkout session that is {other:?}"))),
    }
}

fn opening(request: &CheckoutRequest) -> Result<Form, GatewayError> {
    let form = Form::new()
        .with("customer", &request.customer)
        .with("client_reference_id", request.checkout_id)
        .with("success_url", &request.success_url)
        .with("cancel_url", &request.cancel_url)
        .with_some("discounts[0][coupon]", request.coupon.as_deref())
        // Stripe takes one or the other.
        .with_some(
            "allow_promotion_codes",
            request.coupon.is_none().then_some(request.promotion_codes),
        )
        .with("automatic_tax[enabled]", request.automatic_tax)
        // Tax needs an address; what the payer types in is kept with the customer.
        .with_some("customer_update[address]", request.automatic_tax.then_some("auto"))
        .with("line_items[0][quantity]", 1);
    let form = tagged(form, "metadata", request);
    match &request.item {
        CheckoutItem::Subscription {
            price_id,
            gateway_price,
            name,
            amount,
            interval,
            trial_days,
        } => {
            let form = tagged(form, "subscription_data[metadata]", request)
                .with("mode", "subscription")
                .with("subscription_data[metadata][price_id]", price_id)
                .with_some(
                    "subscription_data[trial_period_days]",
                    (*trial_days > 0).then_some(trial_days),
                );
            match gateway_price {
                Some(price) => Ok(form.with("line_items[0][price]", price)),
                None => Ok(recurring(priced(form, name, *amount)?, *interval)),
            }
        }
        CheckoutItem::Credits { name, amount } => {
            let form = tagged(form, "payment_intent_data[metadata]", request)
                .with("mode", "payment")
                .with("payment_intent_data[description]", name)
                .with_some(
                    "payment_intent_data[setup_future_usage]",
                    request.saves_method.then_some("off_session"),
                );
            priced(form, name, *amount)
        }
    }
}

/// Puts our ids where they come back to us.
fn tagged(form: Form, metadata: &str, request: &CheckoutRequest) -> Form {
    form.with(&format!("{metadata}[checkout_id]"), request.checkout_id)
        .with(&format!("{metadata}[organization_id]"), request.organization_id)
}

/// A price of its own for this page.
fn priced(form: Form, name: &str, amount: Money) -> Result<Form, GatewayError> {
    Ok(form
        .with("line_items[0][price_data][currency]", currency_to_wire(amount.currency()))
        .with("line_items[0][price_data][unit_amount]", to_wire(amount)?)
        .with("line_items[0][price_data][product_data][name]", name))
}

fn recurring(form: Form, interval: Interval) -> Form {
    let (unit, count) = rhythm(interval);
    form.with("line_items[0][price_data][recurring][interval]", unit)
        .with("line_items[0][price_data][recurring][interval_count]", count)
}
