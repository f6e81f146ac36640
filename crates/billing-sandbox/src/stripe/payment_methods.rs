//! The card that every buyer of the sandbox has, and Stripe's test cards, which are refused in their
//! ways. A card has a brand and four digits, and no number.

use serde_json::{Value, json};

use super::{
    customers, list,
    outcome::{Decline, Outcome},
    params::Params,
    payments,
    refusal::Refusal,
    turn::Turn,
};
use crate::json::Fields as _;

/// Under this name a card keeps how it is refused.
const REFUSED: &str = "refused";

/// Stripe's test cards, and how they are refused.
const TEST_CARDS: [(&str, Option<Decline>); 8] = [
    ("pm_card_visa", None),
    ("pm_card_visa_chargeDeclined", Some(Decline::Generic)),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", Some(Decline::InsufficientFunds)),
    ("pm_card_visa_chargeDeclinedLostCard", Some(Decline::LostCard)),
    ("pm_card_visa_chargeDeclinedStolenCard", Some(Decline::StolenCard)),
    ("pm_card_chargeDeclinedProcessingError", Some(Decline::ProcessingError)),
    ("pm_card_chargeDeclinedExpiredCard", Some(Decline::ExpiredCard)),
    ("pm_card_authenticationRequired", Some(Decline::AuthenticationRequired)),
];

pub(crate) fn show(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    turn.find("payment_method", id)
}

pub(crate) fn of_customer(
    turn: &Turn<'_>,
    id: &str,
    params: &Params<'_>,
) -> Result<Value, Refusal> {
    params.only(&list::taking(&["type"]))?;
    customers::living(turn, id, "id")?;
    let url = format!("/v1/customers/{id}/payment_methods");
    list::page(turn, "payment_method", &url, params, |method| method.text("customer") == id)
}

/// Makes a card; it is attached when it belongs to a customer.
pub(crate) fn card(turn: &mut Turn<'_>, email: Option<&str>, customer: Option<&str>) -> Value {
    let fields = json!({ "customer": customer, "billing_details.email": email });
    let method = turn.create("payment_method", "pm_", fields);
    if customer.is_some() {
        turn.emit("payment_method.attached", &method);
    }
    method
}

/// `POST /v1/payment_methods/{id}/attach`: a test card becomes a card of the customer.
pub(crate) fn attach(turn: &mut Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&["customer"])?;
    let customer = customers::living(turn, params.required("customer")?, "customer")?;
    let test_card = TEST_CARDS.iter().find(|(name, _)| *name == id);
    let Some((_, refused)) = test_card else {
        return Err(Refusal::no_such("PaymentMethod", id, "id"));
    };
    let email = customer.at("email").as_str().map(str::to_owned);
    let method = card(turn, email.as_deref(), Some(customer.text("id")));
    if let Some(refused) = refused {
        turn.note(method.text("id"), REFUSED, refused.decline_code());
    }
    Ok(method)
}

/// The card that a parameter names, which must be one of this customer's.
pub(crate) fn of(turn: &Turn<'_>, customer: &str, id: &str) -> Result<Value, Refusal> {
    let missing = |_| Refusal::no_such("PaymentMethod", id, "payment_method");
    let method = turn.find("payment_method", id).map_err(missing)?;
    if method.text("customer") == customer {
        return Ok(method);
    }
    let message = "The PaymentMethod does not belong to the Customer you supplied.";
    Err(Refusal::param("payment_method", message))
}

/// What charging a card comes to while its owner is away.
pub(crate) fn outcome(turn: &Turn<'_>, method: &Value) -> Outcome {
    let refused = turn.noted(method.text("id"), REFUSED);
    match refused.as_str().and_then(Decline::named) {
        Some(decline) => Outcome::Declined(decline),
        None => payments::next_outcome(turn, method.text("customer")),
    }
}
