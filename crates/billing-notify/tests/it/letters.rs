//! What emails say.

use billing_app::ports::{Addressee, Letters as _, Written};
use billing_domain::{
    currency::Currency,
    id::{InvoiceId, PaymentId, WebhookId},
    letter::Letter,
    locale::Locale,
    money::Money,
};
use billing_notify::email::Writer;
use billing_testkit::{NOON, builders::an_invoice};
use uuid::Uuid;

fn addressee(locale: Locale) -> Addressee {
    Addressee {
        organization: Some("Acme & Söhne <b>".to_owned()),
        locale,
        seller: "Your <i>product</i>".to_owned(),
        contact: Some("help@seller.test".to_owned()),
        billing_page: Some("https://seller.test/billing?a=1&b=2".to_owned()),
    }
}

fn every_letter() -> Vec<Letter> {
    let plan = || "Pro {amount} <script>".to_owned();
    let amount = Some(Money::new(123_450, Currency::EGP));
    let money = Money::new(4_900, Currency::USD);
    let organization = || "<Acme>".to_owned();
    let (meter, at) = ("exports", NOON);
    vec![
        Letter::TrialEnds { plan: plan(), days: 7, ends_at: at },
        Letter::TrialEnds { plan: plan(), days: 1, ends_at: at },
        Letter::TrialEnds { plan: plan(), days: 0, ends_at: at },
        Letter::PaymentFailed { plan: plan(), amount, again_at: Some(at) },
        Letter::PaymentFailed { plan: plan(), amount: None, again_at: None },
        Letter::PaymentRecovered { plan: plan() },
        Letter::PaymentGivenUp { plan: plan(), amount },
        Letter::SubscriptionChanged { plan: plan(), quantity: 3 },
        Letter::SubscriptionWillChange { plan: plan(), at },
        Letter::SubscriptionChangeFailed { plan: plan() },
        Letter::SubscriptionWillEnd { plan: plan(), at },
        Letter::SubscriptionContinues { plan: plan() },
        Letter::SubscriptionPaused { plan: plan() },
        Letter::SubscriptionResumed { plan: plan() },
        Letter::SubscriptionCancelled { plan: plan() },
        Letter::SubscriptionExpired { plan: plan() },
        Letter::DuplicateCancelled { refunded: amount },
        Letter::CreditsLow { balance: 1_234, threshold: 5_000 },
        Letter::CreditsExpiring { remaining: 1_234, expires_at: at },
        Letter::TopUpFailed { off: true },
        Letter::TopUpFailed { off: false },
        Letter::BonusExpiring { meter: meter.to_owned(), remaining: 5, expires_at: at },
        Letter::QuotaReached {
            meter: meter.to_owned(),
            percent: 80,
            used: 8,
            limit: 10,
            resets_at: at,
        },
        Letter::QuotaReached {
            meter: meter.to_owned(),
            percent: 100,
            used: 10,
            limit: 10,
            resets_at: at,
        },
        Letter::Disputed {
            organization: organization(),
            payment_id: PaymentId(Uuid::nil()),
            amount: money,
        },
        Letter::WebhookFailed {
            webhook_id: WebhookId(Uuid::nil()),
            source: "stripe".to_owned(),
            event_type: "invoice.paid".to_owned(),
            error: "<img alt=x>\r\nBcc: eve".to_owned(),
            dead: true,
        },
        Letter::WebhookFailed {
            webhook_id: WebhookId(Uuid::nil()),
            source: "clerk".to_owned(),
            event_type: "user.created".to_owned(),
            error: "no".to_owned(),
            dead: false,
        },
        Letter::CreditsUnusual { organization: organization(), in_hour: 9_000, hourly_mean: 10 },
    ]
}

async fn written(letter: &Letter, locale: Locale) -> Written {
    Writer.write(letter, &addressee(locale), None).await.unwrap()
}

#[tokio::test]
async fn all_that_comes_from_outside_is_escaped_and_nothing_is_loaded() {
    for locale in Locale::ALL {
        for letter in every_letter() {
            let Written { subject, html, text, .. } = written(&letter, locale).await;
            let name = letter.name();
            assert!(
                !subject.is_empty() && !subject.contains(['\r', '\n', '{'])
                    || subject.contains("{amount}"),
                "{name}: {subject}"
            );
            for tag in ["<script", "<img", "<i>", "<b>", "<Acme", "<link", "src=", "url("] {
                assert!(!html.replace("&#60;", "").contains(tag), "{name}: {tag} in {html}");
            }
            for text in [&html, &text] {
                assert!(!text.contains("{plan}") && !text.contains("{date}"), "{name}: {text}");
            }
            assert!(text.contains("help@seller.test") && html.contains("help@seller.test"));
            assert!(text.contains("Your <i>product</i>"), "text is not escaped: {text}");
        }
    }
}

#[tokio::test]
async fn arabic_runs_from_right_to_left() {
    for letter in every_letter() {
        let [english, arabic] = [Locale::En, Locale::Ar].map(|locale| {
            let letter = letter.clone();
            async move { written(&letter, locale).await }
        });
        let (english, arabic) = (english.await, arabic.await);
        assert!(english.html.contains("<html lang=\"en\" dir=\"ltr\">"));
        assert!(arabic.html.contains("<html lang=\"ar\" dir=\"rtl\">"));
        let is_arabic =
            |text: &str| text.chars().any(|sign| ('\u{600}'..'\u{700}').contains(&sign));
        assert!(is_arabic(&arabic.subject) && is_arabic(&arabic.text), "{}", letter.name());
        assert!(!is_arabic(&english.text) && !is_arabic(&english.html), "{}", letter.name());
    }
}

#[tokio::test]
async fn amounts_and_days_are_written_as_on_invoices() {
    let amount = Some(Money::new(123_450, Currency::EGP));
    let letter = Letter::PaymentFailed { plan: "Pro".to_owned(), amount, again_at: Some(NOON) };
    let english = written(&letter, Locale::En).await;
    assert_eq!(english.subject, "Your payment for Pro failed");
    assert!(english.text.contains("Amount: EGP 1,234.50"), "{}", english.text);
    assert!(english.text.contains("We will try again on 14 March 2026."), "{}", english.text);
    let arabic = written(&letter, Locale::Ar).await;
    assert!(arabic.text.contains("14 مارس 2026"), "{}", arabic.text);
    assert!(arabic.subject.contains("\u{2068}Pro\u{2069}"), "{}", arabic.subject);
}

#[tokio::test]
async fn buttons_lead_to_the_billing_page_and_alerts_nowhere() {
    let trial = Letter::TrialEnds { plan: "Pro".to_owned(), days: 3, ends_at: NOON };
    let page = written(&trial, Locale::En).await;
    assert!(page.text.contains("Update the payment method: https://seller.test/billing?a=1&b=2"));
    assert!(page.html.contains("https://seller.test/billing?a=1&#38;b=2"), "{}", page.html);
    let nowhere = Addressee { billing_page: None, ..addressee(Locale::En) };
    let page = Writer.write(&trial, &nowhere, None).await.unwrap();
    assert!(!page.html.contains("https://"), "{}", page.html);
    let alert = Letter::CreditsUnusual { organization: "A".to_owned(), in_hour: 1, hourly_mean: 0 };
    assert!(!written(&alert, Locale::En).await.text.contains("https://"));
}

#[tokio::test]
async fn an_invoice_comes_along() {
    let invoice = an_invoice();
    let letter = Letter::Invoice {
        invoice_id: InvoiceId(Uuid::nil()),
        number: "INV-2026-7".to_owned(),
        total: Money::new(4_900, Currency::USD),
        paid: true,
    };
    for locale in Locale::ALL {
        let (to, invoice) = (addressee(locale), (invoice.clone(), Vec::new()));
        let page = Writer.write(&letter, &to, Some(invoice)).await.unwrap();
        let [pdf] = page.attachments.as_slice() else { panic!("{:?}", page.subject) };
        assert!(pdf.bytes.starts_with(b"%PDF-") && pdf.name.ends_with(".pdf"), "{}", pdf.name);
        assert!(page.subject.contains("INV-2026-7") && page.text.contains("USD 49.00"));
    }
}
