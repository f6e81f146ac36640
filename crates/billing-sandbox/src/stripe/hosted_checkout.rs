//! The hosted checkout page: server-rendered, without script, without a field for a card number.

mod view;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    checkout::{self, Step},
    checkout_sessions::KIND,
    controls::success_url,
    customers::is_email,
    form::Node,
    outcome::{Decline, Outcome},
    params::Params,
    refusal::Refusal,
    turn::{self, Cause, Turn},
};
use crate::{
    json::Fields as _,
    pages::{self, Reply},
    sandbox::Sandbox,
};

pub(crate) fn routes(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/c/pay/{id}").route(web::get().to(show)).route(web::post().to(pay)))
        .service(
            web::resource("/c/pay/{id}/challenge")
                .route(web::get().to(show_challenge))
                .route(web::post().to(answer_challenge)),
        );
}

/// A page with one thing to say.
#[derive(Template)]
#[template(path = "notice.html")]
pub(crate) struct Notice<'a> {
    pub(crate) merchant: &'a str,
    pub(crate) title: &'a str,
    pub(crate) text: &'a str,
    pub(crate) link: Option<(String, &'a str)>,
}

#[derive(Template)]
#[template(path = "challenge.html")]
struct ChallengePage {
    merchant: String,
    session: String,
    amount: String,
}

async fn show(sandbox: web::Data<Sandbox>, id: web::Path<String>) -> HttpResponse {
    respond(sandbox, move |turn| view::session(turn, &id)).await
}

async fn show_challenge(sandbox: web::Data<Sandbox>, id: web::Path<String>) -> HttpResponse {
    respond(sandbox, move |turn| {
        let session = turn.find(KIND, &id)?;
        if session.text("status") != "open" || turn.noted(&id, "challenge").is_null() {
            return Ok(Reply::SeeOther(format!("/c/pay/{id}")));
        }
        let page = ChallengePage {
            merchant: turn.merchant().to_owned(),
            session: id.to_string(),
            amount: view::due_today(&session)?,
        };
        Ok(pages::page(&page, Some(session.text("success_url"))))
    })
    .await
}

async fn pay(
    sandbox: web::Data<Sandbox>,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    if pages::is_foreign(&request) {
        return HttpResponse::Forbidden().finish();
    }
    respond(sandbox, move |turn| {
        let form = Node::decode(&body)?;
        let form = Params::new(&form);
        let session = turn.find(KIND, &id)?;
        if session.text("status") != "open" {
            return Ok(Reply::SeeOther(format!("/c/pay/{id}")));
        }
        let email = form.text("email").unwrap_or_default().trim().to_owned();
        turn.note(&id, "email", email.as_str());
        if !is_email(&email) {
            turn.note(&id, "decline", "email");
            return Ok(Reply::SeeOther(format!("/c/pay/{id}")));
        }
        let outcome = form.required("outcome")?;
        let outcome = Outcome::named(outcome)
            .ok_or_else(|| Refusal::param("outcome", "There is no such outcome."))?;
        step(turn, &id, outcome, &email)
    })
    .await
}

async fn answer_challenge(
    sandbox: web::Data<Sandbox>,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    if pages::is_foreign(&request) {
        return HttpResponse::Forbidden().finish();
    }
    respond(sandbox, move |turn| {
        let form = Node::decode(&body)?;
        let noted = turn.noted(&id, "challenge");
        let Some(email) = noted.as_str() else {
            return Ok(Reply::SeeOther(format!("/c/pay/{id}")));
        };
        let outcome = match Params::new(&form).text("answer") {
            Some("approve") => Outcome::Success,
            Some(_) | None => Outcome::Declined(Decline::AuthenticationFailure),
        };
        step(turn, &id, outcome, email)
    })
    .await
}

/// Pays and sends the browser to where it belongs then.
fn step(turn: &mut Turn<'_>, id: &str, outcome: Outcome, email: &str) -> Result<Reply, Refusal> {
    let place = match checkout::pay(turn, id, outcome, email)? {
        Step::Complete => success_url(&turn.find(KIND, id)?),
        Step::Declined(_) => format!("/c/pay/{id}"),
        Step::Challenge => format!("/c/pay/{id}/challenge"),
    };
    Ok(Reply::SeeOther(place))
}

/// Runs a page's work where waiting for the disk holds up nobody.
pub(crate) async fn respond(
    sandbox: web::Data<Sandbox>,
    act: impl FnOnce(&mut Turn<'_>) -> Result<Reply, Refusal> + Send + 'static,
) -> HttpResponse {
    let worked = sandbox.clone();
    let done = web::block(move || turn::take(&worked, Cause::default(), act)).await;
    match done {
        Ok(Ok(reply)) => reply.respond(StatusCode::OK),
        Ok(Err(refusal)) => {
            let notice = Notice {
                merchant: &sandbox.config.merchant,
                title: "This does not work",
                text: refusal.message(),
                link: None,
            };
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
            pages::page(&notice, None).respond(status)
        }
        Err(error) => {
            tracing::error!(%error, "a page failed");
            HttpResponse::InternalServerError().finish()
        }
    }
}
