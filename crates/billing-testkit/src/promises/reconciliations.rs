//! What we have of what gateways have, and the book of where the two differ.

use billing_app::ports::{
    AskedBy, DifferenceFilter, DifferenceStatus, Extent, FoundDifference, Look, NewDifference,
    NewReconciliation, Page, ReconciliationEnd, ReconciliationTally, Wanted,
};
use billing_domain::{
    checkout::{Checkout, CheckoutStatus, PaidBy, Purpose},
    currency::Currency,
    gateway::Gateway,
    id::ReconciliationId,
    invoice::{Invoice, InvoiceStatus, Issuer},
    money::Money,
    payment::{Payment, PaymentStatus},
    reconciliation::{Difference, DifferenceKind, Standing, Terms, Thing},
    subscription::Subscription,
};
use time::Duration;

use super::{Promise, stage::everything};
use crate::{
    NOON, Subject,
    builders::{
        a_checkout, a_duplicate, a_fresh_id, a_payment, a_reference, an_active_subscription,
        an_alert, an_invoice, the_default_catalogue,
    },
};

const STRIPE: Gateway = Gateway::Stripe;

fn wanted(thing: Thing, id: &str) -> Wanted {
    Wanted { thing, id: id.to_owned(), checkout_id: None }
}

/// Each thing is known by what the gateway calls it; a duplicate is known as one.
pub async fn what_we_have_is_known_by_its_gateway(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let amount = Money::new(2_900, Currency::USD);
    let refunded = Money::new(400, Currency::USD);
    let status = PaymentStatus::PartiallyRefunded;
    let payment = Payment { organization_id, status, refunded, ..a_payment() };
    let subscription = Subscription { organization_id, quantity: 3, ..an_active_subscription() };
    let checkout = Checkout { organization_id, ..a_checkout() };
    let duplicate = a_duplicate(organization_id);
    subject.save_payment(&payment).await?;
    subject.save_subscription(&subscription).await?;
    subject.save_checkout(&checkout).await?;
    subject.save_duplicate(&duplicate).await?;
    let billed = subscription.billed_by.reference().map(|it| it.id.clone()).unwrap_or_default();
    let page = Wanted { checkout_id: Some(checkout.id), ..wanted(Thing::Checkout, "cs_other") };
    let all = [
        wanted(Thing::Payment, &payment.reference.id),
        wanted(Thing::Subscription, &billed),
        wanted(Thing::Subscription, &duplicate.reference.id),
        page,
        wanted(Thing::Payment, "pi_nobody"),
        wanted(Thing::Invoice, "in_nobody"),
    ];
    let mut known = subject.reconciling.known(STRIPE, &all).await?;
    known.sort_by(|one, other| one.id.cmp(&other.id));
    assert!(known.iter().all(|it| it.organization_id == organization_id));
    let terms = Terms {
        price_id: Some(subscription.price_id),
        quantity: 3,
        period: subscription.period,
        cancel_at_period_end: false,
    };
    let mut expected = vec![
        ("cs_other".to_owned(), Some(Standing::checkout("cs_other", "open"))),
        (
            billed.clone(),
            Some(Standing::subscription(billed.as_str(), &subscription.status, terms)),
        ),
        (duplicate.reference.id.clone(), None),
        (
            payment.reference.id.clone(),
            Some(Standing::payment(payment.reference.id.as_str(), status, (amount, refunded))),
        ),
    ];
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    let known: Vec<_> = known.into_iter().map(|it| (it.id, it.standing)).collect();
    assert_eq!(known, expected);
    assert_eq!(subject.reconciling.known(STRIPE, &[]).await?, []);
    Ok(())
}

/// What is not final comes in pages, in one order; what is final does not come.
pub async fn what_is_not_final_comes_in_pages(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let mut expected = Vec::new();
    for status in PaymentStatus::ALL {
        let payment = Payment { organization_id, status, ..a_payment() };
        subject.save_payment(&payment).await?;
        if matches!(status, PaymentStatus::Pending | PaymentStatus::Unknown) {
            expected.push((Thing::Payment, payment.reference.id));
        }
    }
    let subscription = Subscription { organization_id, ..an_active_subscription() };
    subject.save_subscription(&subscription).await?;
    let billed = subscription.billed_by.reference().map(|it| it.id.clone()).unwrap_or_default();
    expected.push((Thing::Subscription, billed));
    let checkout = Checkout { organization_id, ..a_checkout() };
    subject.save_checkout(&checkout).await?;
    if let CheckoutStatus::Open(page) = checkout.status {
        expected.push((Thing::Checkout, page.session.id));
    }
    for status in [InvoiceStatus::Open, InvoiceStatus::Void] {
        let invoice = Invoice { organization_id, status, ..an_invoice() };
        let reference = match &invoice.issuer {
            Issuer::Gateway { reference, .. } => Some(reference.clone()),
            Issuer::Us => None,
        };
        let mut work = subject.engine().await?;
        work.invoices().save(&invoice, &[]).await?;
        work.commit().await?;
        let open = reference.filter(|_| status == InvoiceStatus::Open);
        expected.extend(open.map(|it| (Thing::Invoice, it.id)));
    }
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = subject.reconciling.unfinished(STRIPE, after, 2).await?;
        assert!(page.len() <= 2);
        let Some(last) = page.last().cloned() else { break };
        found.extend(page);
        after = Some(last);
    }
    expected.sort_by(|one, other| (one.0.name(), &one.1).cmp(&(other.0.name(), &other.1)));
    assert_eq!(found, expected);
    Ok(())
}

/// A pack that is paid for has its credits, and no payment is under way for ever.
pub async fn our_own_records_are_compared(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let pack = the_default_catalogue().credit_products.remove(0);
    let price = Money::new(1_500, Currency::USD);
    let purpose = Purpose::Credits { credit_product_id: pack.id, credits: pack.credits, price };
    let status = CheckoutStatus::Completed(a_reference("cs"));
    let paid_by = PaidBy::Page { saves_method: false };
    let checkout = Checkout { organization_id, purpose, status, paid_by, ..a_checkout() };
    subject.save_checkout(&checkout).await?;
    let checkout_id = Some(checkout.id);
    let payment = Payment { organization_id, checkout_id, amount: price, ..a_payment() };
    subject.save_payment(&payment).await?;
    let pending = PaymentStatus::Pending;
    let slow = Payment { organization_id, status: pending, ..a_payment() };
    subject.save_payment(&slow).await?;
    let differing = async |since| {
        let found = subject.reconciling.ledger_differences(STRIPE, since, 9).await?;
        assert!(found.iter().all(|(owner, _)| *owner == organization_id));
        let found: Vec<_> = found.into_iter().map(|(_, it)| (it.id, it.kind)).collect();
        anyhow::Ok(found)
    };
    let no_grant = (payment.reference.id.clone(), DifferenceKind::NoGrant);
    assert_eq!(differing(NOON).await?, std::slice::from_ref(&no_grant));
    let mut both = vec![no_grant, (slow.reference.id.clone(), DifferenceKind::Overdue)];
    both.sort();
    assert_eq!(differing(NOON + Duration::SECOND).await?, both);
    Ok(())
}

fn a_run() -> NewReconciliation {
    NewReconciliation {
        id: a_fresh_id(),
        gateway: STRIPE,
        extent: Extent::Whole,
        asked_by: AskedBy::Admin,
        dry_run: false,
        since: NOON - Duration::DAY,
        started_at: NOON,
    }
}

fn a_difference(id: &str, kind: DifferenceKind) -> NewDifference {
    let (thing, id) = (Thing::Payment, id.to_owned());
    NewDifference {
        id: a_fresh_id(),
        organization_id: None,
        difference: Difference { thing, id, kind, ours: None, theirs: Some("paid".to_owned()) },
        why: Some("nobody knows".to_owned()),
        alert: Some(an_alert(a_fresh_id())),
    }
}

fn a_look(run: ReconciliationId) -> Look {
    Look {
        run,
        gateway: STRIPE,
        at: vec![(Thing::Payment, "pi_1".to_owned())],
        looked_at: NOON,
        healed: Vec::new(),
        left: Vec::new(),
        sees: vec![DifferenceKind::MissingHere, DifferenceKind::Status],
        dry_run: false,
    }
}

/// Runs come back as they were, the newest first, and end once.
pub async fn runs_come_back_as_they_were(subject: &Subject) -> Promise {
    let book = &subject.reconciliations;
    let (first, second) = (a_run(), NewReconciliation { dry_run: true, ..a_run() });
    for run in [&first, &second] {
        book.begin(run).await?;
    }
    let tally = ReconciliationTally { compared: 9, found: 3, healed: 2, left: 1, unanswered: 4 };
    let ended = ReconciliationEnd { ended_at: NOON, tally, error: Some("it stopped".to_owned()) };
    book.end(first.id, &ended).await?;
    let other = ReconciliationEnd { error: None, ..ended.clone() };
    book.end(first.id, &other).await?;
    let runs = book.runs(everything()).await?;
    let runs: Vec<_> = runs.into_iter().map(|it| (it.began, it.ended)).collect();
    assert_eq!(runs, [(second.clone(), None), (first.clone(), Some(ended))]);
    assert_eq!(book.runs(Page { after: Some(second.id), limit: 9 }).await?.len(), 1);
    assert_eq!(book.run(second.id).await?.map(|it| it.began), Some(second));
    assert_eq!(book.run(a_fresh_id()).await?, None);
    Ok(())
}

/// What is left is open once, with one alert, until a look that could see it does not; what is only
/// noted is never open.
pub async fn a_difference_is_open_once_until_it_heals(subject: &Subject) -> Promise {
    let book = &subject.reconciliations;
    let run = a_run();
    book.begin(&run).await?;
    let all = async || book.differences(DifferenceFilter::default(), everything()).await;
    let dry = Look {
        left: vec![a_difference("pi_1", DifferenceKind::Status)],
        dry_run: true,
        ..a_look(run.id)
    };
    assert_eq!((book.record(&dry).await?, book.open_count().await?), (0, 0));
    let missing = a_difference("pi_1", DifferenceKind::MissingHere);
    let look = Look {
        healed: vec![a_difference("pi_1", DifferenceKind::Status)],
        left: vec![missing.clone()],
        ..a_look(run.id)
    };
    assert_eq!(book.record(&look).await?, 1);
    let again =
        Look { left: vec![a_difference("pi_1", DifferenceKind::MissingHere)], ..a_look(run.id) };
    assert_eq!(book.record(&again).await?, 0, "it is open already");
    assert_eq!(book.open_count().await?, 1);
    let blind = Look { sees: vec![DifferenceKind::NoGrant], ..a_look(run.id) };
    assert_eq!((book.record(&blind).await?, book.open_count().await?), (0, 1));
    let over = Look { looked_at: NOON + Duration::HOUR, ..a_look(run.id) };
    assert_eq!((book.record(&over).await?, book.open_count().await?), (0, 0));
    let found = all().await?;
    let stands: Vec<_> = found.iter().map(|it| (it.difference.kind, it.status)).collect();
    let mut sorted = stands.clone();
    sorted.sort_by_key(|(kind, status)| (*kind, status.name()));
    assert_eq!(
        sorted,
        [
            (DifferenceKind::MissingHere, DifferenceStatus::Healed),
            (DifferenceKind::Status, DifferenceStatus::Healed),
            (DifferenceKind::Status, DifferenceStatus::Seen),
        ]
    );
    let kept = found.into_iter().find(|it| it.id == missing.id);
    let expected = FoundDifference {
        id: missing.id,
        found_in: run.id,
        gateway: STRIPE,
        organization_id: None,
        difference: missing.difference,
        status: DifferenceStatus::Healed,
        why: missing.why,
        found_at: NOON,
        healed_at: Some(NOON + Duration::HOUR),
    };
    assert_eq!(kept, Some(expected));
    let filter = DifferenceFilter { found_in: Some(run.id), status: Some(DifferenceStatus::Seen) };
    assert_eq!(book.differences(filter, everything()).await?.len(), 1);
    let filter = DifferenceFilter { found_in: Some(a_fresh_id()), status: None };
    assert_eq!(book.differences(filter, everything()).await?, []);
    Ok(())
}
