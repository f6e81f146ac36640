//! Invoices: as data, as pages and as PDF.

use billing_app::ports::About;
use billing_domain::{currency::Currency, money::Money};
use serde_json::{Value, json};
use time::Duration;

use crate::world::World;

/// `acme` pays for a pack, and the gateway's word is heard. What the gateway calls the payment.
async fn a_pack(world: &World) -> String {
    let body = json!({
        "credit_product": "credits_100",
        "success_url": "https://example.com/a",
        "cancel_url": "https://example.com/b",
    });
    let opened = world.post("/api/billing/credit-products/checkout", &world.bound, body).await.ok();
    let session = opened["session_id"].as_str().unwrap().to_owned();
    let seen = world.gateway.pay(&session);
    crate::webhooks::delivered(world, About::Checkout(session)).await;
    world.clock.advance(Duration::HOUR);
    seen.payment.unwrap().reference.id
}

/// The path of the newest invoice.
async fn newest(world: &World) -> String {
    let path = format!("/api/billing/invoices/{}", world.acme);
    let all = world.get(&path, &world.bound).await.ok();
    format!("{path}/{}", all["data"][0]["id"].as_str().unwrap())
}

#[actix_web::test]
async fn a_pack_has_an_invoice_and_a_refund_a_credit_note() {
    let world = World::new().await;
    let payment = a_pack(&world).await;
    world.gateway.refund(&payment, Money::new(500, Currency::USD));
    crate::webhooks::delivered(&world, About::Payment(payment)).await;
    let invoice = world.get(&newest(&world).await, &world.bound).await.ok();
    insta::assert_json_snapshot!(invoice, {
        ".id" => "[id]", ".payment_id" => "[payment]", ".checkout_id" => "[checkout]",
        ".lines[].bills.credit_product_id" => "[pack]",
        ".credit_notes[].id" => "[note]", ".credit_notes[].invoice_id" => "[id]",
        ".credit_notes[].payment_id" => "[payment]",
    }, @r#"
    {
      "amount_due": {
        "amount": 0,
        "currency": "USD"
      },
      "amount_paid": {
        "amount": 1500,
        "currency": "USD"
      },
      "buyer": {
        "address": null,
        "country": null,
        "email": null,
        "name": "Acme",
        "tax_id": null
      },
      "checkout_id": "[checkout]",
      "created_at": "2026-03-14T12:00:00.535897Z",
      "credit": {
        "amount": 0,
        "currency": "USD"
      },
      "credit_notes": [
        {
          "amount": {
            "amount": 500,
            "currency": "USD"
          },
          "id": "[note]",
          "invoice_id": "[id]",
          "issued_at": "2026-03-14T13:00:00.535897Z",
          "number": "CN-2026-000001",
          "payment_id": "[payment]",
          "taxes": []
        }
      ],
      "credits": [],
      "discount": {
        "amount": 0,
        "currency": "USD"
      },
      "discounts": [],
      "due_at": null,
      "gateway_invoice_id": null,
      "hosted_url": null,
      "id": "[id]",
      "issued_at": "2026-03-14T12:00:00.535897Z",
      "issuer": "us",
      "lines": [
        {
          "amount": {
            "amount": 1500,
            "currency": "USD"
          },
          "bills": {
            "credit_product_id": "[pack]",
            "credits": 100,
            "type": "credits"
          },
          "description": "100 credits",
          "kind": "one_off",
          "period_end": null,
          "period_start": null,
          "quantity": 1,
          "unit_amount": {
            "amount": 1500,
            "currency": "USD"
          }
        }
      ],
      "no_tax": null,
      "number": "2026-000001",
      "paid_at": "2026-03-14T12:00:00.535897Z",
      "payment_id": "[payment]",
      "pdf_url": null,
      "period_end": null,
      "period_start": null,
      "seller": {
        "address": null,
        "country": null,
        "email": null,
        "name": "",
        "tax_id": null
      },
      "status": "paid",
      "subscription_id": null,
      "subtotal": {
        "amount": 1500,
        "currency": "USD"
      },
      "tax": {
        "amount": 0,
        "currency": "USD"
      },
      "taxes": [],
      "total": {
        "amount": 1500,
        "currency": "USD"
      }
    }
    "#);
    let history = world.get(&format!("/api/billing/history/{}", world.acme), &world.bound).await;
    let history = history.ok();
    let kinds: Vec<_> =
        history["data"].as_array().unwrap().iter().map(|entry| entry["type"].clone()).collect();
    assert_eq!(kinds, ["credit_note", "invoice", "payment"]);
    assert_eq!(history["data"][1]["number"], "2026-000001");
    assert_eq!(history["data"][2]["status"], "partially_refunded");
}

#[actix_web::test]
async fn invoices_are_listed_and_filtered() {
    let world = World::new().await;
    for _ in 0..3 {
        a_pack(&world).await;
    }
    let path = format!("/api/billing/invoices/{}", world.acme);
    let numbers = |page: &Value| {
        let all = page["data"].as_array().unwrap().iter();
        all.map(|it| it["number"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = world.get(&format!("{path}?limit=2"), &world.bound).await.ok();
    assert_eq!(numbers(&first), ["2026-000003", "2026-000002"]);
    assert_eq!(first["has_more"], true);
    let after = first["data"][1]["id"].as_str().unwrap();
    let rest = world.get(&format!("{path}?starting_after={after}"), &world.bound).await.ok();
    assert_eq!(
        (numbers(&rest), &rest["has_more"]),
        (vec!["2026-000001".to_owned()], &json!(false))
    );
    for (query, count) in [
        ("status=paid", 3),
        ("status=open", 0),
        ("year=2026", 3),
        ("year=2025", 0),
        ("status=paid&year=2026&limit=100", 3),
    ] {
        let found = world.get(&format!("{path}?{query}"), &world.bound).await.ok();
        assert_eq!(numbers(&found).len(), count, "{query}");
    }
    for (query, field) in [
        ("status=unpaid", "status"),
        ("year=soon", "year"),
        ("limit=0", "limit"),
        ("starting_after=x", "starting_after"),
    ] {
        let answer = world.get(&format!("{path}?{query}"), &world.bound).await;
        let (status, code) = answer.refused();
        assert_eq!((status, code.as_str()), (400, "VALIDATION_ERROR"), "{field}");
    }
}

#[actix_web::test]
async fn what_is_not_ones_own_is_not_found() {
    let world = World::new().await;
    a_pack(&world).await;
    let own = newest(&world).await;
    let id = own.rsplit('/').next().unwrap();
    let nobody = "0192d3a4-0000-7000-8000-0000000000ff";
    for suffix in ["", ".html", ".pdf"] {
        let table = [
            (format!("/api/billing/invoices/{}/{id}{suffix}", world.other), &world.bound, false),
            (format!("/api/billing/invoices/{}/{id}{suffix}", world.other), &world.reader, true),
            (format!("/api/billing/invoices/{}/{nobody}{suffix}", world.acme), &world.bound, true),
            (format!("/api/billing/invoices/{}/7{suffix}", world.acme), &world.bound, true),
            (format!("/api/billing/invoices/{nobody}/{id}{suffix}"), &world.reader, false),
        ];
        for (path, key, is_invoice) in table {
            let code = if is_invoice { "INVOICE_NOT_FOUND" } else { "ORGANIZATION_NOT_FOUND" };
            assert_eq!(world.get(&path, key).await.refused(), (404, code.to_owned()), "{path}");
        }
        let stranger = world.get(&format!("{own}{suffix}"), "").await;
        assert_eq!(stranger.status, 401);
    }
    let list = format!("/api/billing/invoices/{}", world.other);
    let list = world.get(&list, &world.bound).await;
    assert_eq!(list.refused(), (404, "ORGANIZATION_NOT_FOUND".to_owned()));
}

#[actix_web::test]
async fn a_page_is_in_the_language_that_is_asked_for() {
    let world = World::new().await;
    a_pack(&world).await;
    let path = newest(&world).await;
    let english = world.get(&format!("{path}.html"), &world.bound).await;
    assert_eq!(english.status, 200);
    assert_eq!(english.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(english.header("content-language"), Some("en"));
    let policy = english.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let text = english.text();
    for part in ["<html lang=\"en\" dir=\"ltr\">", "2026-000001", "USD 15.00", "100 credits"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("<script") && !text.contains("style="), "{text}");
    let arabic = world.get(&format!("{path}.html?locale=ar"), &world.bound).await;
    assert_eq!(arabic.header("content-language"), Some("ar"));
    assert!(arabic.text().contains("<html lang=\"ar\" dir=\"rtl\">"));
    assert!(arabic.text().contains("فاتورة"));
    for (query, field) in [("locale=fr", "locale"), ("locale=", "locale"), ("lang=ar", "lang")] {
        for kind in ["html", "pdf"] {
            let refused = world.get(&format!("{path}.{kind}?{query}"), &world.bound).await;
            assert_eq!(refused.refused(), (400, "VALIDATION_ERROR".to_owned()), "{field}");
        }
    }
}

#[actix_web::test]
async fn a_pdf_is_a_file_with_a_name() {
    let world = World::new().await;
    a_pack(&world).await;
    let path = newest(&world).await;
    for (query, language) in [("", "en"), ("?locale=ar", "ar")] {
        let pdf = world.get(&format!("{path}.pdf{query}"), &world.bound).await;
        assert_eq!((pdf.status, pdf.header("content-type")), (200, Some("application/pdf")));
        assert_eq!(pdf.header("content-language"), Some(language));
        let name = "inline; filename=\"invoice-2026-000001.pdf\"";
        assert_eq!(pdf.header("content-disposition"), Some(name));
        assert!(pdf.bytes.starts_with(b"%PDF-") && pdf.bytes.ends_with(b"%%EOF"));
    }
}

#[actix_web::test]
async fn the_language_of_the_organization_is_the_default() {
    let world = World::new().await;
    let body = json!({ "name": "شركة", "country": "EG", "locale": "ar", "tax_id": "123-456-789" });
    let made = world.post("/api/admin/organizations", &world.admin, body).await;
    let made = made.ok();
    assert_eq!([&made["locale"], &made["tax_id"]], ["ar", "123-456-789"]);
    let id = made["id"].as_str().unwrap();
    let body = json!({
        "organization_id": id,
        "credit_product": "credits_100",
        "success_url": "https://example.com/a",
        "cancel_url": "https://example.com/b",
    });
    let opened = world.post("/api/billing/credit-products/checkout", &world.backend, body).await;
    let session = opened.ok()["session_id"].as_str().unwrap().to_owned();
    world.gateway.pay(&session);
    crate::webhooks::delivered(&world, About::Checkout(session)).await;
    let path = format!("/api/billing/invoices/{id}");
    let all = world.get(&path, &world.reader).await.ok();
    let path = format!("{path}/{}", all["data"][0]["id"].as_str().unwrap());
    let page = world.get(&format!("{path}.html"), &world.reader).await;
    assert_eq!(page.header("content-language"), Some("ar"));
    assert!(page.text().contains("123-456-789"));
    for (field, wrong) in [("locale", json!("fr")), ("tax_id", json!(" "))] {
        let body = json!({ "name": "Acme", field: wrong });
        let refused = world.post("/api/admin/organizations", &world.admin, body).await;
        assert_eq!(refused.refused(), (400, "VALIDATION_ERROR".to_owned()), "{field}");
    }
}
