//! What the adapter sends: against the schema of Stripe's requests, and against what Stripe's own
//! client sends for the same calls.

use billing_app::ports::{
    CheckoutItem, CheckoutRequest, CouponLasts, GatewayError, NewCoupon, PaymentGateway as _,
};
use billing_domain::{discount::Off, id::DiscountId, period::Interval};
use billing_stripe::Stripe;
use serde_json::{Value, json};
use uuid::Uuid;
use wiremock::{Mock, Request, matchers::path_regex};

use crate::{
    changes::{ask_of_a_subscription, subscriptions_change},
    form_check::{Schema, decode},
    server::{
        Played, a_charge, a_customer, a_page_for, a_plan, at, checkout, credits, fixture,
        organization, refusal, usd, with,
    },
    specs::{json, specs},
};

pub(crate) fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.get(name).and_then(|value| value.to_str().ok())
}

/// The parameters: `POST` has them in its body, `GET` in the query.
pub(crate) fn parameters(request: &Request) -> String {
    if request.method.as_str() == "POST" {
        String::from_utf8(request.body.clone()).expect("a form is text")
    } else {
        assert!(request.body.is_empty(), "a read has no body");
        request.url.query().unwrap_or_default().to_owned()
    }
}

/// A server that can answer everything the adapter asks.
pub(crate) async fn everything() -> Played {
    let played = Played::new().await;
    played.answers("POST", "/v1/customers", &json!({"id": "cus_1"})).await;
    played.answers("POST", "/v1/coupons", &json!({"id": "discount_1"})).await;
    let unknown = refusal(404, "invalid_request_error", "No such coupon");
    Mock::given(path_regex("^/v1/coupons/.+")).respond_with(unknown).mount(&played.server).await;
    let session = fixture!("checkout_session.endive.json");
    played.answers("POST", "/v1/checkout/sessions", &session).await;
    played.answers("POST", "/v1/checkout/sessions/cs_1/expire", &session).await;
    played.shows("/v1/checkout/sessions/cs_1", &session).await;
    played.shows("/v1/checkout/sessions", &json!({"data": [session]})).await;
    let portal = json!({"url": "https://billing.stripe.com/p/session/x"});
    played.answers("POST", "/v1/billing_portal/sessions", &portal).await;
    played.shows("/v1/subscriptions/sub_1", &fixture!("subscription.endive.json")).await;
    subscriptions_change(&played).await;
    let invoice = fixture!("invoice.endive.json");
    played.shows("/v1/invoices/in_1", &invoice).await;
    played.shows("/v1/invoice_payments", &json!({"data": [{"invoice": invoice}]})).await;
    let intent = fixture!("payment_intent.endive.json");
    played.shows("/v1/payment_intents/pi_1", &intent).await;
    let of_ours = json!({"id": "pi_2", "metadata": {"checkout_id": checkout()}});
    played.shows("/v1/payment_intents/pi_2", &with(intent, of_ours)).await;
    played.answers("POST", "/v1/payment_intents", &fixture!("payment_intent.endive.json")).await;
    played.shows("/v1/payment_intents", &json!({"data": []})).await;
    played.shows("/v1/customers/cus_1", &json!({"id": "cus_1"})).await;
    played.shows("/v1/customers/cus_1/payment_methods", &json!({"data": [{"id": "pm_1"}]})).await;
    played.shows("/v1/charges/ch_1", &json!({"id": "ch_1", "payment_intent": "pi_1"})).await;
    played
}

fn pages() -> Vec<CheckoutRequest> {
    let plan = |gateway_price: Option<&str>, interval, trial_days| match a_plan() {
        CheckoutItem::Subscription { price_id, name, amount, .. } => CheckoutItem::Subscription {
            price_id,
            gateway_price: gateway_price.map(ToOwned::to_owned),
            name,
            amount,
            interval,
            trial_days,
        },
        credits @ CheckoutItem::Credits { .. } => credits,
    };
    let intervals = Interval::ALL.map(|interval| a_page_for(plan(None, interval, 0)));
    let pushed = a_page_for(plan(Some("price_1"), Interval::Year, 14));
    let taxed = CheckoutRequest { automatic_tax: true, promotion_codes: true, ..pushed.clone() };
    let reduced = CheckoutRequest {
        coupon: Some("discount_1".to_owned()),
        promotion_codes: true,
        ..pushed.clone()
    };
    let keeping = CheckoutRequest { saves_method: true, ..a_page_for(credits()) };
    intervals.into_iter().chain([pushed, taxed, a_page_for(credits()), keeping, reduced]).collect()
}

fn every_coupon() -> [NewCoupon; 3] {
    let coupon = |off, lasts| NewCoupon {
        discount_id: DiscountId(Uuid::from_u128(7)),
        name: "Spring & summer".to_owned(),
        off,
        lasts,
    };
    [
        coupon(Off::Percent(20), CouponLasts::Once),
        coupon(Off::Amount(usd(500)), CouponLasts::Months(36)),
        coupon(Off::Percent(100), CouponLasts::Forever),
    ]
}

/// Everything that the adapter can be asked to do.
async fn ask_everything(stripe: &Stripe) -> Result<(), GatewayError> {
    stripe.customers().create(&a_customer()).await?;
    for page in pages() {
        stripe.checkouts().open(&page).await?;
    }
    stripe.checkouts().find("cs_1").await?.expect("a page");
    stripe.checkouts().expire("cs_1").await?;
    stripe.portal().expect("a role").open("cus_1", "https://x/").await?;
    stripe.subscriptions().expect("a role").find("sub_1").await?.expect("a subscription");
    for id in ["pi_1", "pi_2", "ch_1"] {
        stripe.payments().find(id).await?.expect("a payment");
    }
    stripe.payments().find_invoice("in_1").await?.expect("an invoice");
    let coupons = stripe.coupons().expect("a role");
    for coupon in every_coupon() {
        coupons.ensure(&coupon).await?;
    }
    let charges = stripe.charges().expect("a role");
    charges.saved_method("cus_1").await?.expect("a card");
    charges.charge(&a_charge()).await?;
    charges.find("cus_1", checkout(), at(1_700_000_000)).await?;
    ask_of_a_subscription(stripe).await
}

#[tokio::test]
async fn every_request_keeps_to_the_schema() {
    let Some(specs) = specs() else { return };
    let schema = Schema::new(json(&specs.join("stripe/requests.2026-10-28.endive.schema.json")));
    let played = everything().await;
    ask_everything(&played.stripe).await.unwrap();
    let (mut checked, sent) = (0, played.requests().await);
    // The schema does not know how a page is closed.
    let writes = sent.iter().filter(|request| request.method.as_str() != "GET").count() - 1;
    for request in sent {
        let path =
            ["sub_1", "sub_sched_1"].into_iter().fold(request.url.path().to_owned(), |path, id| {
                path.replace(&format!("/{id}"), "/{id}")
            });
        let operation = format!("{} {path}", request.method);
        let form = parameters(&request);
        assert_eq!(header(&request, "stripe-version"), schema.version(), "{operation}");
        match schema.complaints(&operation, &form) {
            Some(complaints) => {
                assert_eq!(complaints, Vec::<String>::new(), "{operation}: {form}");
                checked += 1;
            }
            None if request.method.as_str() == "POST" => {
                assert_eq!(
                    (operation.as_str(), form.as_str()),
                    ("POST /v1/checkout/sessions/cs_1/expire", "")
                );
            }
            None => assert!(is_a_plain_read(&decode(&form)), "{operation}: {form}"),
        }
    }
    assert_eq!(checked, writes);
    assert!(checked > pages().len() + 15, "{checked}");
}

/// Reads of one object take only `expand`; lists are asked for one payment's
/// or one customer's.
fn is_a_plain_read(parameters: &Value) -> bool {
    let known = [
        "created",
        "customer",
        "expand",
        "limit",
        "lookup_keys",
        "payment",
        "payment_intent",
        "type",
    ];
    parameters.as_object().is_some_and(|all| all.keys().all(|name| known.contains(&name.as_str())))
}

#[tokio::test]
async fn requests_mean_what_stripes_own_client_means() {
    let Some(specs) = specs() else { return };
    let golden = json(&specs.join("stripe/golden-requests.stripe-node-23.1.0.json"));
    let golden = golden["requests"].as_array().unwrap();
    let played = everything().await;
    played.stripe.customers().create(&a_customer()).await.unwrap();
    played.stripe.portal().unwrap().open("cus_1", "https://x/").await.unwrap();
    for request in played.requests().await {
        let theirs = golden.iter().find(|golden| golden["path"] == request.url.path()).unwrap();
        assert_eq!(theirs["method"], request.method.as_str());
        for same in ["content-type", "stripe-version", "authorization", "accept"] {
            assert_eq!(theirs["headers"][same].as_str(), header(&request, same), "{same}");
        }
        assert!(header(&request, "idempotency-key").is_some());
        let (ours, mut theirs) = (decode(&parameters(&request)), theirs["decoded"].clone());
        if request.url.path() == "/v1/customers" {
            // The metadata is ours, and no street is known.
            theirs["metadata"] = json!({"organization_id": organization()});
            theirs["address"] = json!({"country": "EG"});
        }
        assert_eq!(ours, theirs);
    }
}

#[tokio::test]
async fn every_request_has_the_key_and_the_version() {
    let played = everything().await;
    ask_everything(&played.stripe).await.unwrap();
    for request in played.requests().await {
        assert_eq!(header(&request, "authorization"), Some("Bearer sk_test_123"));
        assert_eq!(header(&request, "stripe-version"), Some("2026-10-28.endive"));
        let writes = request.method.as_str() == "POST";
        assert_eq!(header(&request, "idempotency-key").is_some(), writes, "{}", request.url);
    }
}

#[tokio::test]
async fn idempotency_keys_come_from_our_records() {
    let played = everything().await;
    let page = a_page_for(credits());
    for _ in 0..2 {
        played.stripe.customers().create(&a_customer()).await.unwrap();
        played.stripe.checkouts().open(&page).await.unwrap();
        played.stripe.portal().unwrap().open("cus_1", "https://x/").await.unwrap();
    }
    let keys: Vec<_> = played
        .requests()
        .await
        .iter()
        .map(|request| header(request, "idempotency-key").unwrap().to_owned())
        .collect();
    assert_eq!(keys[0], format!("customer_{}", organization()));
    assert_eq!(keys[1], format!("checkout_{}", checkout()));
    assert_eq!(keys[..2], keys[3..5]);
    // A visit to the portal needs an address of its own.
    assert_ne!(keys[2], keys[5]);
}

#[tokio::test]
async fn a_coupon_is_made_under_our_id_unless_it_is_there() {
    let played = everything().await;
    for coupon in every_coupon() {
        let ensured = played.stripe.coupons().unwrap().ensure(&coupon).await.unwrap();
        assert_eq!(ensured, "discount_1", "what Stripe calls it");
    }
    let sent = played.requests().await;
    let made: Vec<_> = sent.iter().filter(|it| it.method.as_str() == "POST").collect();
    let bodies: Vec<_> = made.iter().map(|request| decode(&parameters(request))).collect();
    let id = format!("discount_{}", Uuid::from_u128(7).simple());
    let ours = json!({"discount_id": Uuid::from_u128(7)});
    let expected = [
        json!({"id": id, "name": "Spring & summer", "metadata": ours, "percent_off": "20",
            "duration": "once"}),
        json!({"id": format!("{id}_36"), "name": "Spring & summer", "metadata": ours,
            "amount_off": "500", "currency": "usd", "duration": "repeating",
            "duration_in_months": "36"}),
        json!({"id": id, "name": "Spring & summer", "metadata": ours, "percent_off": "100",
            "duration": "forever"}),
    ];
    assert_eq!(bodies, expected);
    let key = header(made[1], "idempotency-key");
    assert_eq!(key, Some(format!("{id}_36").as_str()));

    let there = Played::new().await;
    there.shows(&format!("/v1/coupons/{id}"), &json!({"id": id})).await;
    let [coupon, ..] = every_coupon();
    assert_eq!(there.stripe.coupons().unwrap().ensure(&coupon).await.unwrap(), id);
    assert_eq!(there.requests().await.len(), 1, "it is not made again");
}

#[tokio::test]
async fn a_page_says_all_that_was_asked_for() {
    let played = everything().await;
    for page in pages() {
        played.stripe.checkouts().open(&page).await.unwrap();
    }
    let sent: Vec<_> =
        played.requests().await.iter().map(|request| decode(&parameters(request))).collect();
    let recurring = |at: usize| &sent[at]["line_items"][0]["price_data"]["recurring"];
    let every = |unit: &str, count: &str| json!({"interval": unit, "interval_count": count});
    let intervals: Vec<_> = (0..5).map(|at| recurring(at).clone()).collect();
    assert_eq!(
        intervals,
        [("month", "1"), ("month", "3"), ("month", "6"), ("year", "1"), ("year", "2")]
            .map(|(unit, count)| every(unit, count))
    );
    assert_eq!(sent[0]["success_url"], "https://example.com/ok?session={CHECKOUT_SESSION_ID}&x=1");
    assert_eq!(sent[0]["subscription_data"]["trial_period_days"], Value::Null);
    let taxed = &sent[6];
    assert_eq!(taxed["line_items"], json!([{"price": "price_1", "quantity": "1"}]));
    assert_eq!(taxed["subscription_data"]["trial_period_days"], "14");
    assert_eq!(taxed["automatic_tax"], json!({"enabled": "true"}));
    assert_eq!(taxed["customer_update"], json!({"address": "auto"}));
    assert_eq!(taxed["allow_promotion_codes"], "true");
    let reduced = &sent[9];
    assert_eq!(reduced["discounts"], json!([{"coupon": "discount_1"}]));
    assert_eq!(reduced["allow_promotion_codes"], Value::Null, "Stripe takes one of both");
    let future = |at: usize| &sent[at]["payment_intent_data"]["setup_future_usage"];
    assert_eq!((future(7), future(8)), (&Value::Null, &json!("off_session")));
    let credits = &sent[7];
    let ours = json!({"checkout_id": checkout(), "organization_id": organization()});
    assert_eq!(credits["mode"], "payment");
    assert_eq!(credits["metadata"], ours);
    assert_eq!(credits["payment_intent_data"]["metadata"], ours);
    assert_eq!(
        credits["line_items"][0]["price_data"],
        json!({"currency": "usd", "unit_amount": "1900", "product_data": {"name": "1000 credits"}})
    );
}
