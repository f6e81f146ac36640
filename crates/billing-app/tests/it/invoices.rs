//! Invoices of our own for packs, copies of the gateway's, and credit notes.

use billing_app::{
    Error, HistoryEntry, Settings,
    ports::{About, InvoiceFilter, Page},
};
use billing_domain::{
    currency::Currency,
    id::{InvoiceId, OrganizationId},
    invoice::{Billed, CreditNote, Invoice, InvoiceStatus, Issuer, LineKind, Party},
    money::Money,
    tax::NoTax,
};
use time::Duration;

use crate::scene::{Scene, acme, everything};

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

/// A seller in Germany, where nobody but we computes tax.
fn in_germany() -> Scene {
    let seller = Party {
        name: "Seller".to_owned(),
        country: Some("DE".parse().expect("it is a country")),
        ..Party::default()
    };
    Scene::set(Settings { automatic_tax: false, seller, ..Settings::default() })
}

impl Scene {
    async fn invoices(&self, of: OrganizationId) -> Vec<Invoice> {
        let found = self.billing.invoices(of, InvoiceFilter::default(), everything()).await;
        found.expect("it is known")
    }

    async fn notes(&self, of: OrganizationId, invoice: InvoiceId) -> Vec<CreditNote> {
        self.billing.invoice(of, invoice).await.expect("it is there").1
    }

    async fn from(&self, country: Option<&str>, tax_id: Option<&str>) -> OrganizationId {
        let new = billing_app::NewOrganization {
            country: country.map(|it| it.parse().expect("it is a country")),
            currency: Some(Currency::USD),
            tax_id: tax_id.map(str::to_owned),
            ..acme()
        };
        self.billing.register_organization(new).await.expect("it is registered").id
    }

    /// Somebody paid for a thousand credits; nobody was told yet. What will be told.
    async fn paid_pack(&self, of: OrganizationId) -> (String, String) {
        let session = self.buy_a_thousand(of).await.page.session.id;
        let seen = self.gateway.pay(&session);
        (session, seen.payment.expect("it was paid").reference.id)
    }
}

#[tokio::test]
async fn a_pack_that_is_paid_for_is_invoiced_once() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let (session, payment) = scene.paid_pack(acme).await;
    for about in [
        About::Payment(payment.clone()),
        About::Checkout(session.clone()),
        About::Checkout(session),
        About::Payment(payment),
    ] {
        assert_eq!(scene.hear(about).await.done, 1);
    }
    let invoices = scene.invoices(acme).await;
    let [invoice] = invoices.as_slice() else { panic!("{invoices:?}") };
    let payments = scene.payments(acme).await;
    assert_eq!(
        (invoice.number.as_deref(), invoice.status),
        (Some("2026-000001"), InvoiceStatus::Paid)
    );
    assert_eq!(invoice.issuer, Issuer::Us);
    assert_eq!((invoice.bill.total(), invoice.paid), (payments[0].amount, payments[0].amount));
    assert_eq!(invoice.payment_id, Some(payments[0].id));
    assert_eq!(invoice.checkout_id, payments[0].checkout_id);
    assert_eq!(invoice.buyer.name, "Acme");
    let [line] = invoice.bill.parts().lines.as_slice() else { panic!("{invoice:?}") };
    assert_eq!((line.kind, line.description.as_str()), (LineKind::OneOff, "1000 credits"));
    assert!(matches!(line.bills, Billed::Credits { credits: 1_000, .. }));
    // The gateway was asked for the tax, and found none.
    assert_eq!((invoice.bill.parts().taxes.len(), invoice.no_tax), (0, None));
    let told = scene.happened().into_iter().filter(|it| it == "invoice.updated");
    assert_eq!(told.count(), 1);
}

#[tokio::test]
async fn numbers_follow_each_other_whatever_fails() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    for expected in ["2026-000001", "2026-000002", "2026-000003"] {
        let (session, _) = scene.paid_pack(acme).await;
        scene.tell(About::Checkout(session)).await;
        scene.store.fail_next_commit();
        let round = scene.billing.process_webhooks().await.expect("the inbox answers");
        assert_eq!((round.done, round.failed), (0, 1));
        scene.clock.advance_wall(Duration::MINUTE * 2);
        assert_eq!(scene.process().await.done, 1);
        assert_eq!(scene.invoices(acme).await[0].number.as_deref(), Some(expected));
        scene.clock.advance(Duration::HOUR);
    }
    scene.clock.advance(Duration::days(365));
    let (session, _) = scene.paid_pack(acme).await;
    scene.hear(About::Checkout(session)).await;
    assert_eq!(scene.invoices(acme).await[0].number.as_deref(), Some("2027-000001"));
}

#[tokio::test]
async fn where_nobody_computed_tax_it_is_the_share_inside() {
    let scene = in_germany();
    let german = scene.from(Some("DE"), Some("DE136695976")).await;
    let (session, _) = scene.paid_pack(german).await;
    scene.hear(About::Checkout(session)).await;
    let invoice = scene.invoices(german).await.remove(0);
    let paid = scene.payments(german).await[0].amount;
    let [tax] = invoice.bill.parts().taxes.as_slice() else { panic!("{invoice:?}") };
    assert!(tax.inclusive);
    assert_eq!((invoice.bill.total(), invoice.no_tax), (paid, None));
    assert_eq!(tax.taxable.and_then(|net| net.plus(tax.amount).ok()), Some(paid));
    assert_eq!(tax.amount.minor(), (paid.minor() * 19 + 59) / 119);
    assert_eq!(invoice.seller.name, "Seller");
}

#[tokio::test]
async fn without_tax_the_invoice_says_why() {
    let scene = in_germany();
    for (country, tax_id, why) in [
        (Some("FR"), Some("FR40303265045"), NoTax::ReverseCharge),
        (Some("US"), None, NoTax::NoRate),
        (None, None, NoTax::NoBuyerCountry),
    ] {
        let buyer = scene.from(country, tax_id).await;
        let (session, _) = scene.paid_pack(buyer).await;
        scene.hear(About::Checkout(session)).await;
        let invoice = scene.invoices(buyer).await.remove(0);
        assert_eq!((invoice.no_tax, invoice.bill.parts().taxes.len()), (Some(why), 0));
    }
}

#[tokio::test]
async fn what_is_given_back_stands_on_credit_notes() {
    let scene = in_germany();
    let buyer = scene.from(Some("DE"), None).await;
    let (session, payment) = scene.paid_pack(buyer).await;
    scene.hear(About::Checkout(session)).await;
    let invoice = scene.invoices(buyer).await.remove(0);
    let total = invoice.bill.total();
    for part in [usd(1), usd(333)] {
        scene.gateway.refund(&payment, part);
        for _ in 0..2 {
            scene.hear(About::Payment(payment.clone())).await;
        }
    }
    scene.gateway.refund(&payment, usd(total.minor() - 334));
    scene.hear(About::Payment(payment.clone())).await;
    let notes = scene.notes(buyer, invoice.id).await;
    let shown: Vec<_> =
        notes.iter().map(|note| (note.number.as_str(), note.amount.minor())).collect();
    let expected =
        [("CN-2026-000003", total.minor() - 334), ("CN-2026-000002", 333), ("CN-2026-000001", 1)];
    assert_eq!(shown, expected);
    let tax: i64 = notes.iter().flat_map(|note| &note.taxes).map(|tax| tax.amount.minor()).sum();
    assert_eq!(tax, invoice.bill.tax_in_total().minor());
    assert_eq!(scene.invoices(buyer).await, [invoice], "the invoice stays as it was");
}

#[tokio::test]
async fn a_refund_that_is_heard_of_first_is_noted_all_the_same() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let (session, payment) = scene.paid_pack(acme).await;
    scene.gateway.refund(&payment, usd(100));
    scene.hear(About::Payment(payment)).await;
    scene.hear(About::Checkout(session)).await;
    let invoice = scene.invoices(acme).await.remove(0);
    assert_eq!(invoice.status, InvoiceStatus::Paid);
    assert_eq!(scene.notes(acme, invoice.id).await[0].amount, usd(100));
}

#[tokio::test]
async fn the_gateways_invoices_are_copied() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "growth").await;
    let first = scene.invoices(acme).await;
    let [copy] = first.as_slice() else { panic!("{first:?}") };
    let kept = scene.subscription(acme).await;
    assert!(matches!(&copy.issuer, Issuer::Gateway { hosted_url: Some(_), pdf_url: Some(_), .. }));
    assert_eq!((copy.status, copy.bill.total()), (InvoiceStatus::Paid, usd(2_900)));
    assert_eq!(copy.subscription_id, Some(kept.id));
    assert_eq!(copy.payment_id, Some(scene.payments(acme).await[0].id));
    assert_eq!(copy.period, Some(kept.period));
    let traced = Billed::Subscription {
        subscription_id: Some(kept.id),
        price_id: Some(kept.price_id),
        gateway_price: Some(format!("price_fake_{}", kept.price_id)),
    };
    assert_eq!(copy.bill.parts().lines[0].bills, traced);
    scene.hear(About::Subscription(subscription)).await;
    assert_eq!(scene.invoices(acme).await, first, "the same, however often it is heard of");
    let told = scene.happened().into_iter().filter(|it| it == "invoice.updated");
    assert_eq!(told.count(), 1);
}

#[tokio::test]
async fn a_copy_follows_the_gateway() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "growth").await;
    scene.clock.advance(Duration::days(31));
    scene.gateway.declining();
    scene.gateway.renew(&subscription);
    scene.hear(About::Subscription(subscription.clone())).await;
    let open = scene.invoices(acme).await.remove(0);
    assert_eq!((open.status, open.due()), (InvoiceStatus::Open, usd(2_900)));
    scene.gateway.working();
    scene.gateway.settle(&subscription);
    scene.hear(About::Subscription(subscription)).await;
    let paid = scene.invoices(acme).await.remove(0);
    assert_eq!((paid.id, paid.status, paid.due()), (open.id, InvoiceStatus::Paid, usd(0)));
    assert_eq!(scene.invoices(acme).await.len(), 2);
}

#[tokio::test]
async fn the_history_has_everything_in_order() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let (session, payment) = scene.paid_pack(acme).await;
    scene.hear(About::Checkout(session)).await;
    scene.clock.advance(Duration::HOUR);
    scene.subscribe(acme, "growth").await;
    scene.clock.advance(Duration::HOUR);
    scene.gateway.refund(&payment, usd(100));
    scene.hear(About::Payment(payment)).await;
    let names = |entries: &[HistoryEntry]| {
        let name = |entry: &HistoryEntry| match entry {
            HistoryEntry::Payment(_) => "payment",
            HistoryEntry::Invoice(invoice) => invoice.issuer.name(),
            HistoryEntry::CreditNote(_) => "credit note",
        };
        entries.iter().map(name).collect::<Vec<_>>()
    };
    let all = scene.billing.history(acme, everything()).await.expect("it is known");
    assert_eq!(names(&all), ["credit note", "stripe", "payment", "us", "payment"]);
    let mut paged = Vec::new();
    let mut after = None;
    for _ in 0..3 {
        let page = scene.billing.history(acme, Page { after, limit: 2 }).await;
        paged.extend(page.expect("it is known"));
        after = paged.last().map(HistoryEntry::id);
    }
    assert_eq!(paged, all);
}

#[tokio::test]
async fn what_is_somebody_elses_is_not_found() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "growth").await;
    let invoice = scene.invoices(acme).await.remove(0);
    let other = scene.acme().await;
    let foreign = scene.billing.invoice(other, invoice.id).await;
    fails!(foreign, Error::NotFound(billing_app::Missing::Invoice));
    let nobody = OrganizationId(uuid::Uuid::nil());
    fails!(
        scene.billing.history(nobody, everything()).await,
        Error::NotFound(billing_app::Missing::Organization)
    );
}
