use super::*;

#[test]
fn a_hold_is_settled_by_the_id_in_its_answer() {
    let billing = Billing::new("http://localhost:1", "k", None).unwrap();
    let Next::Ask(settle) =
        billing.next(Work::Settle, 0, br#"{"hold_id":"h1","organization_id":"o1"}"#).unwrap()
    else {
        panic!("one request settles nothing")
    };
    assert!(settle.text().starts_with("POST /api/billing/credits/holds/h1/settle HTTP/1.1"));
    let settled = billing.next(Work::Settle, 1, br#"{"settled":1}"#).unwrap();
    assert!(matches!(settled, Next::Done(1)));
}

#[test]
fn a_batch_counts_when_nothing_was_left_out() {
    let billing = Billing::new("http://localhost:1", "k", None).unwrap();
    let next = |body: &str| billing.next(Work::Batch, 0, body.as_bytes());
    next(r#"{"accepted":100,"duplicates":0,"rejected":[]}"#).unwrap();
    next(r#"{"accepted":100,"duplicates":0,"rejected":0}"#).unwrap();
    assert!(next(r#"{"accepted":99,"duplicates":1,"rejected":[]}"#).is_err());
    assert!(next(r#"{"accepted":99,"duplicates":0,"rejected":[{"index":3}]}"#).is_err());
}

#[test]
fn webhooks_need_the_secret() {
    let without = Billing::new("http://localhost:1", "k", None).unwrap();
    assert!(without.begin(Work::Webhook, &[]).is_none());
    let with = Billing::new("http://localhost:1", "k", Some("whsec")).unwrap();
    let [one, other] = [(); 2].map(|()| with.begin(Work::Webhook, &[]).unwrap());
    assert!(one.text().contains("Stripe-Signature: t="));
    let event = |it: &Request| it.text().split_once(EVENTS).unwrap().1.get(..16).map(str::to_owned);
    assert_ne!(event(&one), event(&other));
}
