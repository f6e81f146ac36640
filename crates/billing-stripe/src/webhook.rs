//! What Stripe sends us.

use billing_app::ports::{About, Delivery, Forged, Notice, Unreadable, Webhooks};
use serde::Deserialize;
use time::OffsetDateTime;

use crate::{
    Stripe,
    wire::{Event, Subject},
};

/// On what money or access hangs.
const CRITICAL: [&str; 6] = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "customer.subscription.created",
    "invoice.paid",
    "invoice.payment_succeeded",
    "payment_intent.succeeded",
];

impl Webhooks for Stripe {
    fn verify(&self, delivery: &Delivery<'_>, wall: OffsetDateTime) -> Result<(), Forged> {
        let header = delivery.headers.get("stripe-signature").ok_or(Forged("there is none"))?;
        self.signatures.verify(header, delivery.body, wall)?;
        match serde_json::from_slice(delivery.body) {
            Ok(Mode { livemode: Some(livemode) }) if livemode != self.livemode => {
                Err(Forged("livemode does not match"))
            }
            // What is no event is signed nevertheless: reading it says so.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn read(&self, body: &[u8]) -> Result<Notice, Unreadable> {
        let event: Event =
            serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))?;
        if let Some(account) = &event.account {
            return Err(Unreadable(format!("it is of {account}, an account connected to ours")));
        }
        let Some(object) = event.subject() else {
            return Err(Unreadable(format!("{} {} carries no object", event.kind, event.id)));
        };
        let subject = object.customer.id().or(object.id()).unwrap_or(&event.id);
        Ok(Notice {
            event_id: event.id.clone(),
            kind: event.kind.clone(),
            subject: subject.to_owned(),
            about: about(&event.kind, object),
            critical: CRITICAL.contains(&&*event.kind),
        })
    }
}

#[derive(Deserialize)]
struct Mode {
    livemode: Option<bool>,
}

/// Where to look after an event of a type.
fn about(kind: &str, object: &Subject) -> About {
    let at =
        |there: fn(String) -> About| object.id().map_or(About::Nothing, |id| there(id.to_owned()));
    match kind {
        "checkout.session.completed"
        | "checkout.session.async_payment_succeeded"
        | "checkout.session.async_payment_failed"
        | "checkout.session.expired" => at(About::Checkout),

        kind if kind.starts_with("customer.subscription.") => at(About::Subscription),

        kind if kind.starts_with("subscription_schedule.") => {
            let released = || object.released_subscription.id();
            object
                .subscription
                .id()
                .or_else(released)
                .map_or(About::Nothing, |id| About::Subscription(id.to_owned()))
        }

        // An upcoming invoice is none yet: it has no id.
        "invoice.paid"
        | "invoice.payment_succeeded"
        | "invoice.payment_failed"
        | "invoice.payment_action_required"
        | "invoice.finalized"
        | "invoice.updated"
        | "invoice.voided"
        | "invoice.marked_uncollectible" => at(About::Invoice),

        "payment_intent.succeeded"
        | "payment_intent.payment_failed"
        | "payment_intent.processing"
        | "payment_intent.canceled" => at(About::Payment),

        "charge.succeeded" | "charge.refunded" | "charge.failed" | "charge.refund.updated" => {
            money_moved(object)
        }
        kind if kind.starts_with("charge.dispute.") || kind.starts_with("refund.") => {
            money_moved(object)
        }

        // Whoever has another method may pay what waits for one.
        "customer.updated" => at(About::Customer),
        "payment_method.attached"
        | "payment_method.automatically_updated"
        | "setup_intent.succeeded" => {
            object.customer.id().map_or(About::Nothing, |id| About::Customer(id.to_owned()))
        }

        _ => About::Nothing,
    }
}

/// The payment behind a charge, a refund or a dispute.
fn money_moved(object: &Subject) -> About {
    let itself = || object.id().filter(|_| object.is("charge"));
    let id = object.payment_intent.id().or_else(|| object.charge.id()).or_else(itself);
    id.map_or(About::Nothing, |id| About::Payment(id.to_owned()))
}
