//! What the checkout page shows in each state of its session.

use askama::Template;
use serde_json::Value;

use super::Notice;
use crate::{
    json::Fields as _,
    money,
    pages::{self, Reply, day},
    stripe::{
        checkout_sessions::{self, KIND},
        controls::success_url,
        outcome::{Decline, Outcome},
        periods::Rhythm,
        refusal::Refusal,
        turn::Turn,
    },
};

#[derive(Template)]
#[template(path = "checkout.html")]
struct CheckoutPage<'a> {
    merchant: &'a str,
    title: String,
    today: String,
    then: Option<String>,
    lines: Vec<Line>,
    outcomes: Vec<Choice>,
    email: String,
    problem: Option<&'static str>,
    button: String,
    cancel_url: Option<&'a str>,
    session: &'a str,
    /// The start of the session id; the whole does not fit the line.
    short: String,
    expires_in: String,
    agreement: Option<String>,
}

struct Line {
    name: String,
    detail: String,
    amount: String,
}

struct Choice {
    value: &'static str,
    title: &'static str,
    detail: &'static str,
}

/// The page of a session: the form while it is open, else what became of it.
pub(super) fn session(turn: &Turn<'_>, id: &str) -> Result<Reply, Refusal> {
    let session = turn.find(KIND, id)?;
    let back = |words| {
        let place = session.at("cancel_url").as_str()?;
        Some((place.to_owned(), words))
    };
    let (title, text, link) = match session.text("status") {
        "open" => return open(turn, &session),
        "complete" => (
            "This checkout is complete",
            "It was paid once and cannot be paid again.",
            Some((success_url(&session), "Continue")),
        ),
        _ => (
            "This checkout has expired",
            "Nothing was charged. Go back and start again.",
            back("Go back"),
        ),
    };
    Ok(pages::page(&Notice { merchant: turn.merchant(), title, text, link }, None))
}

fn open(turn: &Turn<'_>, session: &Value) -> Result<Reply, Refusal> {
    let id = session.text("id");
    let items = checkout_sessions::items(turn, id);
    let trial_end = checkout_sessions::trial::end(turn, id);
    let then = then_price(&items, trial_end)?;
    let today = due_today(session)?;
    let outcomes = Outcome::OFFERED.map(|(outcome, title, detail)| Choice {
        value: outcome.name(),
        title,
        detail,
    });
    let first = items.first().map(|item| item.text("description").to_owned());
    let names = first.unwrap_or_default();
    let page = CheckoutPage {
        merchant: turn.merchant(),
        title: match session.text("mode") {
            "subscription" => format!("Subscribe to {names}"),
            _ => format!("Buy {names}"),
        },
        lines: lines(session, &items)?,
        outcomes: outcomes.into(),
        email: email(turn, session),
        problem: problem(turn, id),
        button: match trial_end {
            Some(_) => "Start trial".to_owned(),
            None => format!("Pay {today}"),
        },
        cancel_url: session.at("cancel_url").as_str(),
        session: id,
        short: id.chars().take(16).collect(),
        expires_in: expires_in(session.int("expires_at")? - turn.now),
        agreement: then
            .as_ref()
            .map(|then| format!("By confirming you agree to be charged {then}, until you cancel.")),
        today,
        then,
    };
    Ok(pages::page(&page, Some(session.text("success_url"))))
}

/// What is charged when the button is pressed.
pub(super) fn due_today(session: &Value) -> Result<String, Refusal> {
    Ok(money::display(session.int("amount_total")?, session.text("currency")))
}

/// What is charged from the next period on.
fn then_price(items: &[Value], trial_end: Option<i64>) -> Result<Option<String>, Refusal> {
    let mut sum = 0_i64;
    let mut words = None;
    for item in items.iter().filter(|item| Rhythm::of(item.at("price")).is_some()) {
        let each = item.int("price.unit_amount")?;
        sum = sum.saturating_add(each.saturating_mul(item.int("quantity")?));
        words = Some((Rhythm::words(item.at("price")), item.text("currency")));
    }
    Ok(words.map(|(every, currency)| {
        let amount = money::display(sum, currency);
        match trial_end {
            Some(end) => format!("{amount} every {every} from {}", day(end)),
            None => format!("{amount} every {every}"),
        }
    }))
}

/// What is bought, and what is taken off it.
fn lines(session: &Value, items: &[Value]) -> Result<Vec<Line>, Refusal> {
    let mut lines: Vec<Line> = items.iter().map(line).collect::<Result<_, _>>()?;
    let off = session.int("total_details.amount_discount")?;
    if off > 0 {
        lines.push(Line {
            name: "Discount".to_owned(),
            detail: session.text("discounts.0.coupon").to_owned(),
            amount: money::display(-off, session.text("currency")),
        });
    }
    Ok(lines)
}

fn line(item: &Value) -> Result<Line, Refusal> {
    let each = money::display(item.int("price.unit_amount")?, item.text("currency"));
    let detail = match Rhythm::of(item.at("price")) {
        Some(_) => {
            format!("{} × {each} every {}", item.int("quantity")?, Rhythm::words(item.at("price")))
        }
        None => format!("{} × {each}", item.int("quantity")?),
    };
    Ok(Line {
        name: item.text("description").to_owned(),
        detail,
        amount: money::display(item.int("amount_total")?, item.text("currency")),
    })
}

/// What was typed before, else what is known of the buyer.
fn email(turn: &Turn<'_>, session: &Value) -> String {
    let typed = turn.noted(session.text("id"), "email");
    let customer = turn.any(session.text("customer")).map(|customer| customer.text("email"));
    let known = [typed.as_str(), Some(session.text("customer_email")), customer];
    known.into_iter().flatten().find(|email| !email.is_empty()).unwrap_or_default().to_owned()
}

/// Why the last attempt did not go through.
fn problem(turn: &Turn<'_>, id: &str) -> Option<&'static str> {
    let noted = turn.noted(id, "decline");
    match noted.as_str()? {
        "email" => Some("Enter an email address for the receipt."),
        name => Decline::named(name).map(Decline::message),
    }
}

fn expires_in(seconds: i64) -> String {
    let minutes = seconds.max(0) / 60;
    match minutes / 60 {
        0 => format!("{minutes} min"),
        hours => format!("{hours} h {} min", minutes % 60),
    }
}
