//! Invoices and credit notes.

use billing_app::ports::{InvoiceFilter, Page};
use billing_domain::{
    checkout::Checkout,
    id::OrganizationId,
    invoice::{
        Bill, Billed, CreditNote, Deduction, Invoice, InvoiceStatus, Issuer, Line, LineKind, Parts,
        Party, TaxLine,
    },
    money::Money,
    payment::Payment,
    period::{Anchor, Interval},
    subscription::Subscription,
    tax::NoTax,
};
use time::Duration;

use super::{Promise, stage::everything};
use crate::{
    NOON, Subject,
    builders::{
        a_bill, a_checkout, a_fresh_id, a_payment, a_reference, an_active_subscription, an_event,
        an_invoice,
    },
};

/// Every field comes back, in every status and of every kind.
pub async fn invoices_come_back_as_they_were(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let checkout = Checkout { organization_id, ..a_checkout() };
    let subscription = Subscription { organization_id, ..an_active_subscription() };
    subject.save_checkout(&checkout).await?;
    subject.save_subscription(&subscription).await?;
    for (nth, status) in (0..).zip(InvoiceStatus::ALL) {
        let payment = Payment { organization_id, ..a_payment() };
        subject.save_payment(&payment).await?;
        let plain = Invoice { organization_id, status, ..an_invoice() };
        let draft = status == InvoiceStatus::Draft;
        let ours = Invoice {
            issuer: Issuer::Us,
            number: (!draft).then(|| format!("2026-{}", status.name())),
            issued_at: (!draft).then_some(NOON),
            bill: a_rich_bill(&subscription),
            paid: Money::new(1, a_payment().amount.currency()),
            seller: a_party("Seller"),
            buyer: a_party("شركة"),
            no_tax: Some(NoTax::ReverseCharge),
            subscription_id: Some(subscription.id),
            payment_id: Some(payment.id),
            checkout_id: Some(checkout.id),
            // A period of a subscription has one.
            period: Some(Anchor(NOON).period(Interval::Year, nth)),
            due_at: Some(NOON + Duration::DAY),
            paid_at: Some(NOON + Duration::HOUR),
            ..Invoice { organization_id, status, ..an_invoice() }
        };
        let linked = Invoice {
            issuer: Issuer::Gateway {
                reference: a_reference("in"),
                hosted_url: Some("https://gateway.test/in".to_owned()),
                pdf_url: Some("https://gateway.test/in.pdf".to_owned()),
                observed_at: NOON + Duration::MICROSECOND,
            },
            ..Invoice { organization_id, status, ..an_invoice() }
        };
        for invoice in [plain, ours, linked] {
            subject.save_invoice(&invoice).await?;
            let found = subject.money.invoice(organization_id, invoice.id).await?;
            assert_eq!(found, Some(invoice.clone()));
            let mut work = subject.engine().await?;
            let held = match &invoice.issuer {
                Issuer::Us => work.invoices().paid_by(organization_id, payment.id).await?,
                Issuer::Gateway { reference, .. } => {
                    work.invoices().by_reference(reference).await?
                }
            };
            assert_eq!(held, Some(invoice));
        }
    }
    Ok(())
}

fn a_party(name: &str) -> Party {
    Party {
        name: name.to_owned(),
        email: Some("billing@party.test".to_owned()),
        address: Some("Street 1\nPlace".to_owned()),
        country: Some("DE".parse().expect("it is a country")),
        tax_id: Some("DE136695976".to_owned()),
    }
}

/// Lines that bill everything that can be billed, with all that changes their sum.
fn a_rich_bill(subscription: &Subscription) -> Bill {
    let usd = |minor| Money::new(minor, a_payment().amount.currency());
    let line = |kind, bills| Line {
        kind,
        description: "سطر — line".to_owned(),
        quantity: 3,
        unit_amount: Some(usd(100)),
        amount: usd(300),
        period: Some(subscription.period),
        bills,
    };
    let subscribed = Billed::Subscription {
        subscription_id: Some(subscription.id),
        price_id: Some(subscription.price_id),
        gateway_price: Some("price_1".to_owned()),
    };
    let metered = Billed::Use {
        subscription_id: Some(subscription.id),
        price_id: Some(subscription.price_id),
        meter: "calls".to_owned(),
        window: subscription.period,
        used: 1_234,
    };
    let pack = Billed::Credits { credit_product_id: a_fresh_id(), credits: 100 };
    let nothing = Line {
        unit_amount: None,
        period: None,
        amount: usd(-50),
        ..line(LineKind::Adjustment, Billed::Nothing)
    };
    let tax = |inclusive, percent: Option<i64>| TaxLine {
        name: "VAT".to_owned(),
        jurisdiction: percent.map(|_| "DE".to_owned()),
        percent: percent.map(Into::into),
        inclusive,
        taxable: percent.map(|_| usd(100)),
        amount: usd(19),
    };
    let less = |amount| Deduction { description: "Less".to_owned(), amount: usd(amount) };
    let parts = Parts {
        currency: usd(0).currency(),
        lines: vec![
            line(LineKind::Recurring, subscribed.clone()),
            line(LineKind::Metered, metered),
            line(LineKind::Proration, subscribed),
            line(LineKind::OneOff, pack),
            nothing,
        ],
        discounts: vec![less(10), less(20)],
        taxes: vec![tax(false, Some(19)), tax(true, None)],
        credits: vec![less(5), less(-7)],
    };
    Bill::new(parts).expect("the bill adds up")
}

/// What is saved again is changed, not doubled.
pub async fn an_invoice_goes_through_its_states(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let mut invoice = Invoice { organization_id, ..an_invoice() };
    for status in InvoiceStatus::ALL {
        invoice.status = status;
        let mut work = subject.engine().await?;
        work.invoices().save(&invoice, &[an_event(organization_id)]).await?;
        work.commit().await?;
    }
    assert_eq!(subject.all_invoices(organization_id).await?, [invoice]);
    Ok(())
}

/// The lines are those of the last save.
pub async fn lines_of_an_invoice_are_replaced(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let mut invoice = Invoice { organization_id, ..an_invoice() };
    let line = invoice.bill.parts().lines.first().expect("it has a line").clone();
    for count in [3, 1, 0, 2] {
        invoice.bill = a_bill(vec![line.clone(); count]);
        subject.save_invoice(&invoice).await?;
        assert_eq!(subject.all_invoices(organization_id).await?, [invoice.clone()]);
    }
    Ok(())
}

/// A reference names one invoice.
pub async fn an_invoice_is_known_by_one_reference(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let invoice = Invoice { organization_id, ..an_invoice() };
    subject.save_invoice(&invoice).await?;
    let twin = Invoice { issuer: invoice.issuer.clone(), organization_id, ..an_invoice() };
    assert!(subject.save_invoice(&twin).await.is_err());
    let mut work = subject.engine().await?;
    assert_eq!(work.invoices().by_reference(&a_reference("in")).await?, None);
    assert_eq!(work.invoices().paid_by(organization_id, a_fresh_id()).await?, None);
    Ok(())
}

/// An invoice of ours is for one payment, and it alone.
pub async fn a_payment_has_one_invoice_of_ours(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let first = subject.own_invoice(organization_id, "2026-000001").await?;
    let second =
        Invoice { id: a_fresh_id(), number: Some("2026-000002".to_owned()), ..first.clone() };
    assert!(subject.save_invoice(&second).await.is_err());
    // A gateway's own invoice of the same payment is in nobody's way.
    let copied = Invoice { payment_id: first.payment_id, organization_id, ..an_invoice() };
    subject.save_invoice(&copied).await?;
    assert_eq!(subject.all_invoices(organization_id).await?.len(), 2);
    Ok(())
}

/// A period of a subscription that we bill has one invoice; one that names no period, and copies,
/// are in nobody's way.
pub async fn a_period_has_one_invoice_of_ours(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let subscription = Subscription { organization_id, ..an_active_subscription() };
    subject.save_subscription(&subscription).await?;
    let of = |number: &str, nth: Option<i32>| Invoice {
        organization_id,
        issuer: Issuer::Us,
        number: Some(number.to_owned()),
        subscription_id: Some(subscription.id),
        period: nth.map(|nth| Anchor(NOON).period(Interval::Month, nth)),
        ..an_invoice()
    };
    subject.save_invoice(&of("2026-000001", Some(0))).await?;
    assert!(subject.save_invoice(&of("2026-000002", Some(0))).await.is_err());
    subject.save_invoice(&of("2026-000002", Some(1))).await?;
    for number in ["2026-000003", "2026-000004"] {
        subject.save_invoice(&of(number, None)).await?;
        let copy = Invoice { issuer: an_invoice().issuer, ..of(number, Some(0)) };
        subject.save_invoice(&copy).await?;
    }
    let mut work = subject.engine().await?;
    let first = of("2026-000009", None);
    assert_eq!(work.invoices().find(organization_id, first.id).await?, None);
    Ok(())
}

/// Of one organization, the newest first, page after page.
pub async fn invoices_are_listed_in_pages(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let mut all = Vec::new();
    for _ in 0..5 {
        let invoice = Invoice { organization_id: own, ..an_invoice() };
        subject.save_invoice(&invoice).await?;
        subject.save_invoice(&Invoice { organization_id: other, ..an_invoice() }).await?;
        all.insert(0, invoice);
    }
    let mut listed = Vec::new();
    let mut after = None;
    for _ in 0..10 {
        let page = Page { after, limit: 2 };
        let page = subject.money.invoices(own, InvoiceFilter::default(), page).await?;
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        listed.extend(page);
    }
    assert_eq!(listed, all);
    Ok(())
}

/// By status, and by the year in which they were issued, or drawn up where they were not.
pub async fn invoices_are_filtered(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let new_year = time::macros::datetime!(2027-01-01 0:00 UTC);
    let issued =
        |at, status| Invoice { organization_id, status, issued_at: Some(at), ..an_invoice() };
    let old = issued(new_year - Duration::MICROSECOND, InvoiceStatus::Open);
    let new = issued(new_year, InvoiceStatus::Paid);
    let draft = Invoice {
        organization_id,
        status: InvoiceStatus::Draft,
        issued_at: None,
        created_at: new_year,
        ..an_invoice()
    };
    for invoice in [&old, &new, &draft] {
        subject.save_invoice(invoice).await?;
    }
    let table = [
        (None, None, vec![draft.clone(), new.clone(), old.clone()]),
        (Some(InvoiceStatus::Open), None, vec![old.clone()]),
        (None, Some(2026), vec![old.clone()]),
        (None, Some(2027), vec![draft.clone(), new.clone()]),
        (Some(InvoiceStatus::Paid), Some(2027), vec![new]),
        (Some(InvoiceStatus::Void), None, Vec::new()),
        (None, Some(i32::MAX), Vec::new()),
    ];
    for (status, year, expected) in table {
        let filter = InvoiceFilter { status, year };
        let found = subject.money.invoices(organization_id, filter, everything()).await?;
        assert_eq!(found, expected, "{filter:?}");
    }
    Ok(())
}

/// Every field comes back, and each is of one invoice.
pub async fn credit_notes_come_back_as_they_were(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let mut all = Vec::new();
    let mut invoices = Vec::new();
    for nth in 1..=2 {
        let invoice = subject.own_invoice(own, &format!("2026-00000{nth}")).await?;
        for part in 1..=2 {
            let note = CreditNote {
                id: a_fresh_id(),
                organization_id: own,
                number: format!("CN-2026-00000{}", nth * 2 + part - 2),
                invoice_id: invoice.id,
                payment_id: invoice.payment_id.unwrap_or_else(a_fresh_id),
                amount: Money::new(part, invoice.paid.currency()),
                taxes: a_rich_bill(&an_active_subscription()).parts().taxes.clone(),
                issued_at: NOON,
            };
            let mut work = subject.engine().await?;
            work.invoices().issue(&note, &[an_event(own)]).await?;
            work.commit().await?;
            all.insert(0, note);
        }
        invoices.push(invoice);
    }
    assert_eq!(subject.money.credit_notes(own, None, everything()).await?, all);
    assert_eq!(subject.money.credit_notes(other, None, everything()).await?, []);
    let [newest, rest @ ..] = all.as_slice() else { panic!("there are some") };
    let page = Page { after: Some(newest.id), limit: 10 };
    assert_eq!(subject.money.credit_notes(own, None, page).await?, rest);
    for invoice in invoices {
        let mut of_it: Vec<_> =
            all.iter().filter(|note| note.invoice_id == invoice.id).cloned().collect();
        let listed = subject.money.credit_notes(own, Some(invoice.id), everything()).await?;
        assert_eq!(listed, of_it);
        of_it.reverse();
        let mut work = subject.engine().await?;
        assert_eq!(work.invoices().credit_notes(own, invoice.id).await?, of_it);
    }
    Ok(())
}

/// Nobody sees or writes another's.
pub async fn an_invoice_stays_in_its_scope(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    let invoice = Invoice { organization_id: own, ..an_invoice() };
    subject.save_invoice(&invoice).await?;
    let Issuer::Gateway { reference, .. } = &invoice.issuer else { panic!("it is a copy") };
    assert_eq!(subject.money.invoice(other, invoice.id).await?, None);
    let mut work = subject.on_behalf_of(other).await?;
    assert_eq!(work.invoices().by_reference(reference).await?, None);
    drop(work);
    let mut work = subject.on_behalf_of(other).await?;
    let foreign = Invoice { organization_id: own, ..an_invoice() };
    assert!(work.invoices().save(&foreign, &[]).await.is_err());
    Ok(())
}

impl Subject {
    pub(super) async fn save_invoice(&self, invoice: &Invoice) -> Result<(), billing_app::Error> {
        let mut work = self.engine().await?;
        work.invoices().save(invoice, &[]).await?;
        work.commit().await
    }

    async fn all_invoices(&self, of: OrganizationId) -> Result<Vec<Invoice>, billing_app::Error> {
        self.money.invoices(of, InvoiceFilter::default(), everything()).await
    }

    /// A paid invoice of ours, with its payment.
    async fn own_invoice(&self, of: OrganizationId, number: &str) -> anyhow::Result<Invoice> {
        let payment = Payment { organization_id: of, ..a_payment() };
        self.save_payment(&payment).await?;
        let invoice = Invoice {
            organization_id: of,
            issuer: Issuer::Us,
            number: Some(number.to_owned()),
            status: InvoiceStatus::Paid,
            payment_id: Some(payment.id),
            paid: payment.amount,
            ..an_invoice()
        };
        self.save_invoice(&invoice).await?;
        Ok(invoice)
    }
}
