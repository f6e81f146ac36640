//! The hosted page on which a customer sees and ends subscriptions.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde_json::Value;

use super::{
    hosted_checkout::{Notice, respond},
    invoices::lines::product_name,
    periods::Rhythm,
    portal_sessions::KIND,
    refusal::Refusal,
    subscriptions::{self, cancel},
    turn::Turn,
};
use crate::{
    json::Fields as _,
    money,
    pages::{self, Reply, day},
    sandbox::Sandbox,
};

/// A link to the page works this long.
const OPEN_SECONDS: i64 = 3600;

pub(crate) fn routes(routes: &mut web::ServiceConfig) {
    routes
        .route("/p/session/{id}", web::get().to(show))
        .route("/p/session/{id}/subscriptions/{subscription}", web::post().to(change));
}

#[derive(Template)]
#[template(path = "portal.html")]
struct PortalPage<'a> {
    merchant: &'a str,
    email: String,
    session: &'a str,
    subscriptions: Vec<SubscriptionRow>,
    invoices: Vec<InvoiceRow>,
    return_url: Option<&'a str>,
}

struct SubscriptionRow {
    id: String,
    name: String,
    price: String,
    status: String,
    note: String,
    ended: bool,
    ending: bool,
}

struct InvoiceRow {
    number: String,
    date: String,
    amount: String,
    status: String,
    link: String,
}

async fn show(sandbox: web::Data<Sandbox>, id: web::Path<String>) -> HttpResponse {
    respond(sandbox, move |turn| {
        let session = turn.find(KIND, &id)?;
        if has_expired(turn, &session)? {
            return Ok(expired(turn));
        }
        let customer = session.text("customer");
        let own = |object: &&Value| object.text("customer") == customer;
        let rows = turn.newest("subscription").filter(own).map(|it| subscription_row(turn, it));
        let invoices = turn.newest("invoice").filter(own).map(invoice_row);
        let page = PortalPage {
            merchant: turn.merchant(),
            email: turn.find("customer", customer)?.text("email").to_owned(),
            session: &id,
            subscriptions: rows.collect::<Result<_, _>>()?,
            invoices: invoices.collect::<Result<_, _>>()?,
            return_url: session.at("return_url").as_str(),
        };
        Ok(pages::page(&page, None))
    })
    .await
}

async fn change(
    sandbox: web::Data<Sandbox>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Bytes,
) -> HttpResponse {
    if pages::is_foreign(&request) {
        return HttpResponse::Forbidden().finish();
    }
    respond(sandbox, move |turn| {
        let (id, subscription) = path.into_inner();
        let session = turn.find(KIND, &id)?;
        if has_expired(turn, &session)? {
            return Ok(expired(turn));
        }
        let before = turn.find("subscription", &subscription)?;
        if before.text("customer") != session.text("customer") {
            return Err(Refusal::no_such("subscription", &subscription, "id"));
        }
        if !subscriptions::has_ended(&before) {
            act(turn, before, &body)?;
        }
        Ok(Reply::SeeOther(format!("/p/session/{id}")))
    })
    .await
}

fn act(turn: &mut Turn<'_>, before: Value, body: &[u8]) -> Result<(), Refusal> {
    let mut subscription = before.clone();
    match body {
        b"action=cancel_at_period_end" => {
            cancel::at_period_end(&mut subscription, turn.now, true)?;
        }
        b"action=keep" => cancel::at_period_end(&mut subscription, turn.now, false)?,
        b"action=cancel_now" => {
            cancel::end(turn, &mut subscription, "cancellation_requested");
            return Ok(());
        }
        _ => return Err(Refusal::param("action", "There is no such action.")),
    }
    subscriptions::save_change(turn, &before, &subscription);
    Ok(())
}

fn has_expired(turn: &Turn<'_>, session: &Value) -> Result<bool, Refusal> {
    Ok(session.int("created")?.saturating_add(OPEN_SECONDS) < turn.now)
}

fn expired(turn: &Turn<'_>) -> Reply {
    let notice = Notice {
        merchant: turn.merchant(),
        title: "This link has expired",
        text: "Open the billing page again from where you came.",
        link: None,
    };
    pages::page(&notice, None)
}

fn subscription_row(turn: &Turn<'_>, subscription: &Value) -> Result<SubscriptionRow, Refusal> {
    let price = subscription.at("items.data.0.price");
    let amount = money::display(price.int("unit_amount")?, price.text("currency"));
    let (_, end) = subscriptions::period(subscription)?;
    let ending = subscription.flag("cancel_at_period_end");
    let note = match subscription.text("status") {
        "canceled" => subscription.int("ended_at").map(|at| format!("Ended on {}", day(at)))?,
        _ if ending => format!("Ends on {}", day(end)),
        "trialing" => format!("Trial until {}", day(end)),
        _ => format!("Renews on {}", day(end)),
    };
    Ok(SubscriptionRow {
        id: subscription.text("id").to_owned(),
        name: product_name(turn, price),
        price: format!("{amount} every {}", Rhythm::words(price)),
        status: subscription.text("status").replace('_', " "),
        note,
        ended: subscriptions::has_ended(subscription),
        ending,
    })
}

fn invoice_row(invoice: &Value) -> Result<InvoiceRow, Refusal> {
    Ok(InvoiceRow {
        number: invoice.text("number").to_owned(),
        date: day(invoice.int("created")?),
        amount: money::display(invoice.int("total")?, invoice.text("currency")),
        status: invoice.text("status").to_owned(),
        link: invoice.text("hosted_invoice_url").to_owned(),
    })
}
