//! The simulator's own switches, in JSON: what a person does on the pages, without a browser.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde_json::{Value, json};

use super::{
    checkout::{self, Step},
    checkout_sessions::KIND,
    customers,
    outcome::{Decline, Outcome},
    refusal::Refusal,
    settlement,
    turn::{self, Cause, Turn},
};
use crate::{json::Fields as _, pages, sandbox::Sandbox};

/// Who buys, when a test does not care.
const SOMEBODY: &str = "buyer@example.com";

pub(crate) fn routes(routes: &mut web::ServiceConfig) {
    routes
        .route("/sandbox/checkout/{id}/complete", web::post().to(complete))
        .route("/sandbox/payments/{id}/settle", web::post().to(settle))
        .route("/sandbox/customers/{id}", web::post().to(switch_payments));
}

async fn complete(
    sandbox: web::Data<Sandbox>,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let id = id.into_inner();
    answer(sandbox, request, body, move |turn, told| {
        let outcome = outcome_of(told)?;
        let session = turn.find(KIND, &id)?;
        let known = [told.text("email"), session.text("customer_email")];
        let customer = turn.any(session.text("customer")).map(|it| it.text("email"));
        let email = known.into_iter().chain(customer).find(|email| !email.is_empty());
        let email = email.unwrap_or(SOMEBODY).to_owned();
        let step = checkout::pay(turn, &id, outcome, &email)?;
        report(turn, &id, step)
    })
    .await
}

fn outcome_of(told: &Value) -> Result<Outcome, Refusal> {
    let name = told.text("outcome");
    Outcome::named(name).ok_or_else(|| {
        let message = format!(
            "Unknown outcome {name:?}: it is success, insufficient_funds, expired_card, \
             generic_decline, authentication_failure, requires_action or processing."
        );
        Refusal::param("outcome", message)
    })
}

/// What happened, and where a browser would be now.
fn report(turn: &Turn<'_>, id: &str, step: Step) -> Result<Value, Refusal> {
    let session = turn.find(KIND, id)?;
    let page = format!("{}/c/pay/{id}", turn.url());
    let (result, redirect, decline) = match step {
        Step::Complete => ("complete", success_url(&session), None),
        Step::Declined(decline) => ("declined", page, Some(decline.decline_code())),
        Step::Challenge => ("challenge", format!("{page}/challenge"), None),
    };
    let intent = turn.noted(id, "intent");
    Ok(json!({
        "session": id,
        "result": result,
        "redirect_url": redirect,
        "decline_code": decline,
        "status": session.text("status"),
        "payment_status": session.text("payment_status"),
        "customer": session.at("customer"),
        "subscription": session.at("subscription"),
        "invoice": session.at("invoice"),
        "payment_intent": intent,
    }))
}

/// Where the buyer goes after paying.
pub(crate) fn success_url(session: &Value) -> String {
    session.text("success_url").replace("{CHECKOUT_SESSION_ID}", session.text("id"))
}

async fn settle(
    sandbox: web::Data<Sandbox>,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let id = id.into_inner();
    answer(sandbox, request, body, move |turn, told| {
        let succeeded = match told.text("outcome") {
            "succeeded" => true,
            "failed" => false,
            _ => {
                return Err(Refusal::param("outcome", "The outcome is succeeded or failed."));
            }
        };
        settlement::settle(turn, &id, succeeded)?;
        turn.find("payment_intent", &id)
    })
    .await
}

async fn switch_payments(
    sandbox: web::Data<Sandbox>,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let id = id.into_inner();
    answer(sandbox, request, body, move |turn, told| {
        customers::living(turn, &id, "id")?;
        let payments = told.text("payments");
        if payments != "succeed" && Decline::named(payments).is_none() {
            let message = "Payments succeed, or fail with insufficient_funds, expired_card, \
                           generic_decline, do_not_honor, lost_card, stolen_card, \
                           transaction_not_allowed, processing_error or authentication_required.";
            return Err(Refusal::param("payments", message));
        }
        turn.note(&id, "payments", payments);
        Ok(json!({ "customer": id, "payments": payments }))
    })
    .await
}

async fn answer(
    sandbox: web::Data<Sandbox>,
    request: HttpRequest,
    body: web::Bytes,
    act: impl FnOnce(&mut Turn<'_>, &Value) -> Result<Value, Refusal> + Send + 'static,
) -> HttpResponse {
    if pages::is_foreign(&request) {
        return HttpResponse::Forbidden().finish();
    }
    let Ok(told) = serde_json::from_slice::<Value>(&body) else {
        return HttpResponse::BadRequest().json(Refusal::invalid("The body is not JSON.").body());
    };
    let done =
        web::block(move || turn::take(&sandbox, Cause::default(), |turn| act(turn, &told))).await;
    match done {
        Ok(Ok(answer)) => HttpResponse::Ok().json(answer),
        Ok(Err(refusal)) => {
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
            HttpResponse::build(status).json(refusal.body())
        }
        Err(error) => {
            tracing::error!(%error, "a request failed");
            HttpResponse::InternalServerError().finish()
        }
    }
}
