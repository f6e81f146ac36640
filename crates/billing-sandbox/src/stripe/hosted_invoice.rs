//! The hosted page of an invoice.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::{hosted_checkout::respond, turn::Turn};
use crate::{
    json::Fields as _,
    money,
    pages::{self, day},
    sandbox::Sandbox,
};

pub(crate) fn routes(routes: &mut web::ServiceConfig) {
    routes.route("/i/{id}", web::get().to(show));
}

#[derive(Template)]
#[template(path = "invoice.html")]
struct InvoicePage {
    merchant: String,
    number: String,
    status: String,
    date: String,
    customer: String,
    lines: Vec<(String, String, String)>,
    total: String,
    paid: String,
    due: String,
}

async fn show(sandbox: web::Data<Sandbox>, id: web::Path<String>) -> HttpResponse {
    respond(sandbox, move |turn: &mut Turn<'_>| {
        let invoice = turn.find("invoice", &id)?;
        let currency = invoice.text("currency");
        let mut lines = Vec::new();
        for line in invoice.list("lines.data") {
            let period = (line.int("period.start")?, line.int("period.end")?);
            lines.push((
                line.text("description").to_owned(),
                format!("{} to {}", day(period.0), day(period.1)),
                money::display(line.int("amount")?, currency),
            ));
        }
        let page = InvoicePage {
            merchant: turn.merchant().to_owned(),
            number: invoice.text("number").to_owned(),
            status: invoice.text("status").to_owned(),
            date: day(invoice.int("created")?),
            customer: invoice.text("customer_email").to_owned(),
            lines,
            total: money::display(invoice.int("total")?, currency),
            paid: money::display(invoice.int("amount_paid")?, currency),
            due: money::display(invoice.int("amount_remaining")?, currency),
        };
        Ok(pages::page(&page, None))
    })
    .await
}
