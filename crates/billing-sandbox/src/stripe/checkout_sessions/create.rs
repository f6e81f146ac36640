//! `POST /v1/checkout/sessions`.

use serde_json::{Value, json};

use crate::{
    json::Fields as _,
    stripe::{
        blank,
        checkout_sessions::{basket, trial},
        coupons, customers,
        params::Params,
        periods::plus_days,
        refusal::Refusal,
        turn::Turn,
    },
};

const FIELDS: [&str; 57] = [
    "adaptive_pricing.enabled",
    "allow_promotion_codes",
    "allowed_payment_method_types.[]",
    "automatic_tax.enabled",
    "automatic_tax.liability.type",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "currency",
    "customer",
    "customer_creation",
    "customer_email",
    "customer_update.address",
    "customer_update.name",
    "customer_update.shipping",
    "discounts.[].coupon",
    "expires_at",
    "line_items.[].adjustable_quantity.enabled",
    "line_items.[].metadata.*",
    "line_items.[].price",
    "line_items.[].price_data.currency",
    "line_items.[].price_data.product",
    "line_items.[].price_data.product_data.description",
    "line_items.[].price_data.product_data.images.[]",
    "line_items.[].price_data.product_data.metadata.*",
    "line_items.[].price_data.product_data.name",
    "line_items.[].price_data.product_data.tax_code",
    "line_items.[].price_data.product_data.unit_label",
    "line_items.[].price_data.recurring.interval",
    "line_items.[].price_data.recurring.interval_count",
    "line_items.[].price_data.tax_behavior",
    "line_items.[].price_data.unit_amount",
    "line_items.[].price_data.unit_amount_decimal",
    "line_items.[].quantity",
    "locale",
    "metadata.*",
    "mode",
    "origin_context",
    "payment_intent_data.capture_method",
    "payment_intent_data.description",
    "payment_intent_data.metadata.*",
    "payment_intent_data.receipt_email",
    "payment_intent_data.setup_future_usage",
    "payment_method_collection",
    "phone_number_collection.enabled",
    "submit_type",
    "subscription_data.billing_mode.type",
    "subscription_data.description",
    "subscription_data.metadata.*",
    "subscription_data.proration_behavior",
    "subscription_data.trial_end",
    "subscription_data.trial_period_days",
    "subscription_data.trial_settings.end_behavior.missing_payment_method",
    "success_url",
    "tax_id_collection.enabled",
    "tax_id_collection.required",
    "ui_mode",
];
/// Texts that are shown again as they were given, with the words they may be; none for any text.
const ECHOED: [(&str, &[&str]); 8] = [
    ("billing_address_collection", &["auto", "required"]),
    ("client_reference_id", &[]),
    ("customer_creation", &["always", "if_required"]),
    ("customer_email", &[]),
    ("locale", &[]),
    ("origin_context", &["mobile_app", "web"]),
    ("payment_method_collection", &["always", "if_required"]),
    ("submit_type", &["auto", "book", "donate", "pay", "subscribe"]),
];

pub(crate) fn create(turn: &mut Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&FIELDS)?;
    params.required("mode")?;
    let mode = params.one_of("mode", &["payment", "subscription"])?.unwrap_or_default();
    params.one_of("ui_mode", &["hosted_page"])?;
    check_mode(params, mode)?;
    let trial = trial::asked(turn, params)?;
    let items = basket::fill(turn, params, mode, !trial.is_null())?;
    let subtotal = basket::total(&items)?;
    let coupon = coupons::asked(turn, params)?;
    let off = coupons::off(coupon.as_ref(), subtotal, &currency_of(&items))?;
    let total = subtotal - off;
    let currency = currency_of(&items);

    let id = format!("{}{}", turn.fresh_id("cs_test_a1"), turn.fresh_id(""));
    let mut session = blank::object(
        "checkout.session",
        json!({
            "mode": mode,
            "amount_subtotal": subtotal,
            "amount_total": total,
            "currency": currency,
            "discounts": coupons::of_session(coupon.as_ref()),
            "total_details.amount_discount": off,
            "url": format!("{}/c/pay/{id}", turn.url()),
            "success_url": params.web_address("success_url")?.ok_or_else(|| params.missing("success_url"))?,
            "cancel_url": params.web_address("cancel_url")?,
            "expires_at": expiry(turn, params)?,
        }),
    );
    describe(turn, &mut session, params)?;
    let session = turn.create_named("checkout.session", &id, session);
    turn.note(&id, "items", items);
    turn.note(&id, "trial", trial);
    for part in ["subscription_data", "payment_intent_data"] {
        if let Some(data) = params.child(part) {
            turn.note(&id, part, noted(&data)?);
        }
    }
    Ok(session)
}

/// They have one, all of them.
fn currency_of(items: &[Value]) -> String {
    items.first().map(|item| item.text("currency").to_owned()).unwrap_or_default()
}

/// Refuses what does not go with the mode.
fn check_mode(params: &Params<'_>, mode: &str) -> Result<(), Refusal> {
    let (foreign, needless) = match mode {
        "subscription" => ("payment_intent_data", "customer_creation"),
        _ => ("subscription_data", "payment_method_collection"),
    };
    for name in [foreign, needless] {
        if params.has(name) {
            let message = format!("You can not pass `{name}` in `{mode}` mode.");
            return Err(Refusal::param(name, message));
        }
    }
    if params.has("customer") && params.has("customer_email") {
        let message = "You may only specify one of these parameters: customer, customer_email.";
        return Err(Refusal::param("customer_email", message));
    }
    if params.has("customer_update") && !params.has("customer") {
        let message = "`customer_update` can only be used with `customer`.";
        return Err(Refusal::param("customer_update", message));
    }
    Ok(())
}

/// The fields that are taken over as they are.
fn describe(turn: &Turn<'_>, session: &mut Value, params: &Params<'_>) -> Result<(), Refusal> {
    for (field, words) in ECHOED {
        let text =
            if words.is_empty() { params.text(field) } else { params.one_of(field, words)? };
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            session.set(field, text);
        }
    }
    if let Some(update) = params.child("customer_update") {
        for field in ["address", "name", "shipping"] {
            update.one_of(field, &["auto", "never"])?;
        }
    }
    customers::check_email(params, "customer_email")?;
    if params.text("client_reference_id").is_some_and(|text| text.chars().count() > 200) {
        let message = "Invalid string: must be at most 200 characters";
        return Err(Refusal::param("client_reference_id", message));
    }
    if let Some(id) = params.text("customer") {
        let customer = customers::living(turn, id, "customer")?;
        session.set("customer", id);
        let fields = ["address", "email", "name", "phone", "tax_exempt"];
        let details: Value =
            fields.iter().map(|field| ((*field).to_owned(), customer.at(field).clone())).collect();
        session.set("customer_details", details);
        session.set("customer_details.tax_ids", Value::Null);
    }
    if let Some(allow) = params.flag("allow_promotion_codes")? {
        session.set("allow_promotion_codes", allow);
    }
    let nested = [
        ("automatic_tax", "enabled"),
        ("phone_number_collection", "enabled"),
        ("tax_id_collection", "enabled"),
        ("adaptive_pricing", "enabled"),
    ];
    for (object, field) in nested {
        if let Some(part) = params.child(object) {
            session.set(&format!("{object}.{field}"), part.flag(field)?.unwrap_or_default());
        }
    }
    if session.flag("automatic_tax.enabled") {
        session.set("automatic_tax.provider", "stripe");
        session.set("automatic_tax.status", "requires_location_inputs");
        session.set("automatic_tax.liability", json!({ "type": "self" }));
    }
    if params.has("allowed_payment_method_types") {
        session.set("allowed_payment_method_types", params.texts("allowed_payment_method_types"));
    }
    let mode = session.text("mode").to_owned();
    if mode == "subscription" && session.at("payment_method_collection").is_null() {
        session.set("payment_method_collection", "always");
    }
    if mode == "payment" && session.at("customer_creation").is_null() {
        session.set("customer_creation", "if_required");
    }
    let mut metadata = json!({});
    params.metadata(&mut metadata)?;
    session.set("metadata", metadata);
    Ok(())
}

fn expiry(turn: &Turn<'_>, params: &Params<'_>) -> Result<i64, Refusal> {
    match params.int("expires_at")? {
        None => Ok(plus_days(turn.now, 1)),
        Some(at) if (turn.now + 1800..=plus_days(turn.now, 1)).contains(&at) => Ok(at),
        Some(_) => {
            let message = "The `expires_at` timestamp must be between 30 minutes and 24 hours \
                           from Checkout Session creation.";
            Err(Refusal::param("expires_at", message))
        }
    }
}

/// What is kept of `subscription_data` or `payment_intent_data` until the buyer pays.
fn noted(data: &Params<'_>) -> Result<Value, Refusal> {
    let mut kept = json!({ "metadata": {} });
    let mut metadata = json!({});
    data.metadata(&mut metadata)?;
    kept.set("metadata", metadata);
    for field in ["description", "receipt_email", "setup_future_usage"] {
        if let Some(text) = data.text(field) {
            kept.set(field, text);
        }
    }
    data.one_of("setup_future_usage", &["off_session", "on_session"])?;
    data.one_of("capture_method", &["automatic", "automatic_async"])?;
    let behavior = data.child("trial_settings").and_then(|trial| {
        trial.child("end_behavior").map(|behavior| {
            behavior.one_of("missing_payment_method", &["cancel", "create_invoice", "pause"])
        })
    });
    if let Some(behavior) = behavior.transpose()?.flatten() {
        kept.set("trial_end_behavior", behavior);
    }
    Ok(kept)
}
