//! Coupons: what they take off, and for how long.

use serde_json::{Value, json};

use crate::scene::{DAY, Scene};

const MONTH: i64 = 31 * DAY;

/// Subtotal, discount and total of the latest invoice.
async fn latest(scene: &Scene, subscription: &str) -> (i64, i64, i64) {
    let subscription = scene.get(&format!("/v1/subscriptions/{subscription}")).await;
    let id = subscription["latest_invoice"].as_str().unwrap();
    let invoice = scene.get(&format!("/v1/invoices/{id}")).await;
    let off = invoice["total_discount_amounts"][0]["amount"].as_i64().unwrap_or_default();
    assert_eq!(invoice["amount_due"], invoice["total"]);
    let of_line = invoice["lines"]["data"][0]["discount_amounts"][0]["amount"].as_i64();
    assert_eq!(of_line.unwrap_or_default(), off);
    (invoice["subtotal"].as_i64().unwrap(), off, invoice["total"].as_i64().unwrap())
}

/// Buys a plan of 20 dollars with a coupon.
async fn subscribed(scene: &Scene, coupon: &str) -> (Value, String) {
    let coupon = scene.post("/v1/coupons", coupon).await;
    let more = format!("&discounts[0][coupon]={}", coupon["id"].as_str().unwrap());
    let session = scene.monthly_checkout(&more).await;
    scene.complete(&session, "success").await;
    let path = format!("/v1/checkout/sessions/{}", session["id"].as_str().unwrap());
    let paid = scene.get(&path).await;
    let subscription = paid["subscription"].as_str().unwrap().to_owned();
    (session, subscription)
}

#[tokio::test]
async fn a_page_with_a_coupon_costs_less() {
    let scene = Scene::new().await;
    let form = "id=discount_1&percent_off=25&duration=once&name=Spring";
    let (session, subscription) = subscribed(&scene, form).await;
    assert_eq!(
        (&session["amount_subtotal"], &session["amount_total"]),
        (&json!(2000), &json!(1500))
    );
    assert_eq!(session["total_details"]["amount_discount"], 500);
    assert_eq!(session["discounts"], json!([{"coupon": "discount_1", "promotion_code": null}]));
    assert_eq!(latest(&scene, &subscription).await, (2000, 500, 1500));
    let coupon = scene.get("/v1/coupons/discount_1").await;
    assert_eq!((&coupon["percent_off"], &coupon["duration"]), (&json!(25), &json!("once")));
}

#[tokio::test]
async fn a_coupon_lasts_as_long_as_it_says() {
    for (form, off) in [
        ("percent_off=50&duration=once", [1000, 0, 0, 0]),
        ("percent_off=50&duration=repeating&duration_in_months=3", [1000, 1000, 1000, 0]),
        ("amount_off=300&currency=usd&duration=forever", [300, 300, 300, 300]),
        ("amount_off=9900&currency=usd&duration=once", [2000, 0, 0, 0]),
    ] {
        let scene = Scene::new().await;
        let (_, subscription) = subscribed(&scene, form).await;
        for (month, off) in (0..).zip(off) {
            scene.move_to(month * MONTH);
            let seen = latest(&scene, &subscription).await;
            assert_eq!(seen, (2000, off, 2000 - off), "{form}, month {month}");
        }
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let scene = Scene::new().await;
    scene.post("/v1/coupons", "id=one&percent_off=25&duration=once").await;
    scene.post("/v1/coupons", "id=euro&amount_off=100&currency=eur&duration=once").await;
    for form in [
        "id=one&percent_off=25&duration=once",
        "percent_off=0&duration=once",
        "percent_off=10&amount_off=100&currency=usd",
        "amount_off=100",
        "percent_off=10&duration=repeating",
        "percent_off=10&duration=once&duration_in_months=3",
    ] {
        scene.refused(scene.post_raw("/v1/coupons", form), 400).await;
    }
    let line = "mode=subscription&success_url=https%3A%2F%2Fapp.example%2Fok\
        &line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=2000\
        &line_items[0][price_data][recurring][interval]=month\
        &line_items[0][price_data][product_data][name]=Pro&line_items[0][quantity]=1";
    for more in [
        "discounts[0][coupon]=nobody",
        "discounts[0][coupon]=euro",
        "discounts[0][coupon]=one&discounts[1][coupon]=one",
        "discounts[0][coupon]=one&allow_promotion_codes=true",
    ] {
        let form = format!("{line}&{more}");
        scene.refused(scene.post_raw("/v1/checkout/sessions", &form), 400).await;
    }
    scene.refused(scene.get_raw("/v1/coupons/nobody"), 404).await;
}
