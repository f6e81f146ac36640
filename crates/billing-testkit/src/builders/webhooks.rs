//! What comes from outside, and what goes there.

use std::{collections::BTreeMap, time::Duration};

use billing_app::ports::{
    CheckoutItem, CheckoutRequest, Claim, FailedTry, NewCustomer, NewWebhook, RequestKey, Tried,
    WebhookAction,
};
use billing_domain::{
    event::{Event, INSTALLATION, What},
    gateway::Gateway,
    id::{OrganizationId, WebhookId},
    organization::Organization,
};

use time::OffsetDateTime;

use super::{a_fresh_id, a_price_of};
use crate::NOON;

/// A webhook about a customer of its own.
pub fn a_webhook() -> NewWebhook {
    let id: WebhookId = a_fresh_id();
    NewWebhook {
        id,
        source: Gateway::Stripe.into(),
        event_id: format!("evt_{}", id.0.simple()),
        kind: "invoice.paid".to_owned(),
        subject: format!("cus_{}", id.0.simple()),
        headers: BTreeMap::from([("user-agent".to_owned(), "Gateway/1.0".to_owned())]),
        body: br#"{"object":"event"}"#.to_vec(),
        received_at: NOON,
        ignored: false,
    }
}

/// A try that took 20 ms and ended at noon.
pub fn a_try() -> Tried {
    Tried { began_at: NOON - Duration::from_millis(20), ended_at: NOON }
}

/// A try that failed and of which nobody is told: to be repeated at an instant, or the last one.
pub fn a_failed_try(claim: Claim, error: &str, again_at: Option<OffsetDateTime>) -> FailedTry {
    FailedTry { claim, tried: a_try(), error: error.to_owned(), again_at, alert: None }
}

/// The alert that a webhook failed.
pub fn an_alert(webhook_id: WebhookId) -> Event {
    Event {
        id: a_fresh_id(),
        organization_id: INSTALLATION,
        at: NOON,
        what: What::WebhookFailed {
            webhook_id,
            source: Gateway::Stripe.into(),
            event_type: "invoice.paid".to_owned(),
            error: "it makes no sense".to_owned(),
            dead: true,
        },
    }
}

/// Somebody has mended the cause, and wants something done at an instant.
pub fn a_webhook_action(at: OffsetDateTime) -> WebhookAction {
    let id: WebhookId = a_fresh_id();
    WebhookAction {
        id: id.0,
        at,
        actor: "api_key key_1".to_owned(),
        reason: "the cause is gone".to_owned(),
    }
}

/// A request of one API key to one route.
pub fn a_request_key(key: &str) -> RequestKey {
    RequestKey {
        principal: "key_1".to_owned(),
        route: "POST /v1/organizations".to_owned(),
        key: key.to_owned(),
    }
}

/// An organization, as the gateway needs to know it.
pub fn a_new_customer(organization: &Organization) -> NewCustomer {
    NewCustomer {
        organization_id: organization.id,
        name: organization.name.clone(),
        email: organization.billing_email.clone(),
        country: organization.country.map(|country| country.code().to_owned()),
    }
}

/// A page for the plan `growth`, monthly and without a trial.
pub fn a_plan_checkout_request(organization: OrganizationId, customer: &str) -> CheckoutRequest {
    let (_, price) = a_price_of("growth");
    CheckoutRequest {
        checkout_id: a_fresh_id(),
        organization_id: organization,
        customer: customer.to_owned(),
        item: CheckoutItem::Subscription {
            price_id: price.id,
            gateway_price: None,
            name: "Growth".to_owned(),
            amount: price.amount,
            interval: price.interval,
            trial_days: 0,
        },
        success_url: "https://product.test/welcome".to_owned(),
        cancel_url: "https://product.test/plans".to_owned(),
        coupon: None,
        promotion_codes: false,
        automatic_tax: false,
        saves_method: false,
    }
}
