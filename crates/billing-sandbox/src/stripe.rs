//! Stripe, at version 2026-10-28.endive.
//!
//! `gate` admits a request, `api` finds who answers it, and everything that is done is done in a
//! `turn`: one unit of work. `checkout` is the buyer's side, `due` what time brings about.
//! Objects are kept as the JSON that goes out, beginning with the empty ones in `blank/`.

mod api;
mod authorization;
mod gate;

mod blank;
mod expand;
mod form;
mod list;
mod params;
mod refusal;
mod signature;
mod turn;

mod account;
mod charges;
mod checkout_sessions;
mod coupons;
mod customers;
mod disputes;
mod events;
mod invoice_payments;
mod invoices;
mod payment_intents;
mod payment_methods;
mod portal_sessions;
mod prices;
mod products;
mod refunds;
mod subscription_schedules;
mod subscriptions;

mod checkout;
mod due;
mod outcome;
mod payments;
mod periods;
mod settlement;

mod controls;
mod hosted_checkout;
mod hosted_invoice;
mod hosted_portal;

use actix_web::{HttpRequest, HttpResponse, web};

use crate::sandbox::Sandbox;

pub(crate) use due::due_at;
pub(crate) use signature::sign;

/// The version all objects have, and the only one a request may ask for.
pub(crate) const VERSION: &str = "2026-10-28.endive";

/// Everything this gateway answers.
pub(crate) fn routes(routes: &mut web::ServiceConfig) {
    routes
        .route("/v1/{path:.*}", web::to(gate::serve))
        .configure(hosted_checkout::routes)
        .configure(hosted_invoice::routes)
        .configure(hosted_portal::routes)
        .configure(controls::routes);
}

/// Answers what nobody else answers.
pub(crate) async fn unrecognized(request: HttpRequest) -> HttpResponse {
    let refusal = refusal::Refusal::unrecognized(request.method().as_str(), request.path());
    HttpResponse::NotFound().json(refusal.body())
}

/// Does what is due by now.
pub(crate) fn catch_up(sandbox: &Sandbox) {
    let now = sandbox.now();
    due::catch_up(sandbox, &mut sandbox.store(), now);
}
