//! What a delivery is taken to be about.

use std::path::Path;

use billing_app::ports::{About, Notice, PaymentGateway as _, Unreadable};
use serde_json::{Value, json};

use crate::{
    server::{config, stripe},
    specs::{json, specs},
};

fn read(body: &Value) -> Result<Notice, Unreadable> {
    let stripe = stripe(&config("http://127.0.0.1:1".to_owned())).expect("the adapter starts");
    stripe.webhooks().read(body.to_string().as_bytes())
}

fn about(kind: &str, object: &Value) -> About {
    let event = json!({"id": "evt_1", "type": kind, "data": {"object": object}});
    read(&event).unwrap_or_else(|error| panic!("{kind}: {error}")).about
}

#[test]
fn an_event_says_where_to_look() {
    let checkout = About::Checkout("x_1".to_owned());
    let subscription = About::Subscription("x_1".to_owned());
    let invoice = About::Invoice("x_1".to_owned());
    let payment = About::Payment("x_1".to_owned());
    let table = [
        ("checkout.session.completed", &checkout),
        ("checkout.session.async_payment_succeeded", &checkout),
        ("checkout.session.async_payment_failed", &checkout),
        ("checkout.session.expired", &checkout),
        ("customer.subscription.created", &subscription),
        ("customer.subscription.updated", &subscription),
        ("customer.subscription.deleted", &subscription),
        ("customer.subscription.trial_will_end", &subscription),
        ("customer.subscription.something_new", &subscription),
        ("invoice.paid", &invoice),
        ("invoice.payment_succeeded", &invoice),
        ("invoice.payment_failed", &invoice),
        ("invoice.payment_action_required", &invoice),
        ("invoice.finalized", &invoice),
        ("invoice.updated", &invoice),
        ("invoice.voided", &invoice),
        ("invoice.marked_uncollectible", &invoice),
        ("payment_intent.succeeded", &payment),
        ("payment_intent.payment_failed", &payment),
        ("payment_intent.processing", &payment),
        ("payment_intent.canceled", &payment),
        ("invoice.upcoming", &About::Nothing),
        ("customer.updated", &About::Customer("x_1".to_owned())),
        ("payment_method.attached", &About::Nothing),
        ("something.unheard_of", &About::Nothing),
    ];
    for (kind, expected) in table {
        assert_eq!(&about(kind, &json!({"id": "x_1"})), expected, "{kind}");
    }
}

#[test]
fn a_method_leads_to_its_customer() {
    for kind in [
        "payment_method.attached",
        "payment_method.automatically_updated",
        "setup_intent.succeeded",
    ] {
        let of = About::Customer("cus_1".to_owned());
        assert_eq!(about(kind, &json!({"id": "x_1", "customer": "cus_1"})), of, "{kind}");
        assert_eq!(about(kind, &json!({"id": "x_1", "customer": null})), About::Nothing, "{kind}");
    }
}

#[test]
fn refunds_and_disputes_lead_to_their_payment() {
    let payment = |id: &str| About::Payment(id.to_owned());
    let charge = json!({"id": "ch_1", "object": "charge", "payment_intent": "pi_1"});
    for kind in ["charge.succeeded", "charge.refunded", "charge.failed"] {
        assert_eq!(about(kind, &charge), payment("pi_1"), "{kind}");
        assert_eq!(about(kind, &json!({"id": "ch_1", "object": "charge"})), payment("ch_1"));
    }
    let part = json!({
        "id": "x_1", "object": "refund", "charge": "ch_1", "payment_intent": {"id": "pi_1"},
    });
    let old = json!({"id": "x_1", "object": "dispute", "charge": "ch_1", "payment_intent": null});
    for kind in
        ["refund.created", "refund.failed", "charge.dispute.closed", "charge.refund.updated"]
    {
        assert_eq!(about(kind, &part), payment("pi_1"), "{kind}");
        assert_eq!(about(kind, &old), payment("ch_1"), "{kind}");
        assert_eq!(
            about(kind, &json!({"id": "x_1", "object": "refund"})),
            About::Nothing,
            "{kind}"
        );
    }
}

#[test]
fn the_subject_is_the_customer_where_there_is_one() {
    let subject = |object: Value| {
        read(&json!({"id": "evt_1", "type": "invoice.upcoming", "data": {"object": object}}))
            .unwrap()
            .subject
    };
    assert_eq!(subject(json!({"id": "in_1", "customer": "cus_1"})), "cus_1");
    assert_eq!(subject(json!({"id": "in_1", "customer": {"id": "cus_1"}})), "cus_1");
    assert_eq!(subject(json!({"id": "cus_1", "object": "customer"})), "cus_1");
    assert_eq!(subject(json!({"id": "in_1", "customer": null})), "in_1");
    assert_eq!(subject(json!({})), "evt_1");
}

#[test]
fn what_carries_no_object_cannot_be_read() {
    let thin = json!({
        "id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found",
        "related_object": {"id": "mtr_1", "type": "billing.meter"}, "livemode": false,
    });
    let error = read(&thin).unwrap_err();
    assert_eq!(error.0, "v1.billing.meter.no_meter_found evt_1 carries no object");
    for bare in [json!({"id": "in_1", "object": "invoice"}), json!([]), json!("x"), json!(null)] {
        assert!(read(&bare).is_err(), "{bare}");
    }
}

#[test]
fn an_event_of_a_connected_account_is_not_for_us() {
    let event = |account: Value| {
        json!({"id": "evt_1", "type": "invoice.paid", "account": account,
               "data": {"object": {"id": "in_1"}}})
    };
    let error = read(&event(json!("acct_1"))).unwrap_err();
    assert_eq!(error.0, "it is of acct_1, an account connected to ours");
    assert!(read(&event(Value::Null)).is_ok());
}

#[test]
fn a_failure_is_told_at_once_where_money_or_access_hangs_on_it() {
    for (kind, critical) in [
        ("checkout.session.completed", true),
        ("customer.subscription.created", true),
        ("invoice.paid", true),
        ("payment_intent.succeeded", true),
        ("customer.subscription.updated", false),
        ("invoice.payment_failed", false),
        ("something.unheard_of", false),
    ] {
        let event = json!({"id": "evt_1", "type": kind, "data": {"object": {"id": "x_1"}}});
        assert_eq!(read(&event).expect(kind).critical, critical, "{kind}");
    }
}

#[test]
fn what_leads_nowhere_is_read_past() {
    for customer in
        [json!(null), json!(7), json!(-7), json!(0.5), json!(true), json!([{}]), json!({"a": [1]})]
    {
        let object =
            json!({"id": "in_1", "customer": customer, "lines": {"data": [{"id": "il_1"}]}});
        let event = json!({"id": "evt_1", "type": "invoice.paid", "data": {"object": object}});
        let notice = read(&event).expect("nothing is required of it");
        assert_eq!((&*notice.subject, notice.about), ("in_1", About::Invoice("in_1".to_owned())));
    }
    let whole = json!({"object": "customer", "id": "cus_1", "metadata": {"id": "other"}});
    let object = json!({"id": "in_1", "customer": whole});
    let event = json!({"id": "evt_1", "type": "invoice.paid", "data": {"object": object}});
    assert_eq!(read(&event).expect("it is read").subject, "cus_1");
}

fn files(folder: &Path) -> Vec<(String, Value)> {
    let entries = std::fs::read_dir(folder).expect("a folder of events");
    let read = entries.map(|entry| {
        let path = entry.expect("a file").path();
        (path.display().to_string(), json(&path))
    });
    read.collect()
}

#[test]
fn recorded_envelopes_are_read() {
    let Some(specs) = specs() else { return };
    let events = files(&specs.join("stripe/events/fixtures"));
    assert!(!events.is_empty());
    for (file, event) in events {
        let notice = read(&event).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(notice.event_id, event["id"], "{file}");
        assert_eq!(notice.kind, event["type"], "{file}");
        let id = event["data"]["object"]["id"].as_str();
        assert_eq!(notice.about == About::Nothing, notice.kind == "invoice.upcoming", "{file}");
        let customer = event["data"]["object"]["customer"].as_str();
        assert_eq!(Some(notice.subject.as_str()), customer.or(id), "{file}");
    }
    let deliveries = json(&specs.join("stripe/events/localstripe-deliveries.json"));
    for delivery in deliveries.as_array().unwrap() {
        let body: Value = serde_json::from_str(delivery["body"].as_str().unwrap()).unwrap();
        let notice = read(&body).unwrap();
        let known = ["payment_intent.", "customer.subscription.", "invoice.payment"];
        let methods = ["customer.updated", "payment_method.attached", "setup_intent.succeeded"];
        let known = known.iter().any(|prefix| notice.kind.starts_with(prefix))
            || methods.contains(&&*notice.kind);
        assert_eq!(notice.about != About::Nothing, known, "{}", notice.kind);
    }
}

#[test]
fn recorded_objects_without_an_envelope_are_refused_with_a_reason_and_read_within_one() {
    let Some(specs) = specs() else { return };
    for (file, object) in files(&specs.join("stripe/events/pay-rails")) {
        if object["object"] == "event" {
            let connected = object["account"].is_string();
            assert_eq!(read(&object).is_err(), connected, "{file}");
            let mut own = object.clone();
            own["account"] = Value::Null;
            read(&own).unwrap_or_else(|error| panic!("{file}: {error}"));
            continue;
        }
        let error = read(&object).unwrap_err();
        let reasons = ["missing field", "carries no object"];
        assert!(reasons.iter().any(|reason| error.0.contains(reason)), "{file}: {error}");
        let object = if object["object"].is_object() { &object["object"] } else { &object };
        for kind in ["invoice.updated", "charge.succeeded", "customer.updated"] {
            read(&json!({"id": "evt_1", "type": kind, "data": {"object": object}})).unwrap();
        }
    }
}
