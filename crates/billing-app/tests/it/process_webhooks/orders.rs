//! Any order and any duplicates end in the same records.

use billing_app::ports::{About, GatewaySubscriptions, InvoiceFilter, Page, PaymentGateway};
use billing_domain::{
    id::{CheckoutId, OrganizationId, PaymentId, SubscriptionId},
    invoice::Billed,
};

use crate::scene::Scene;

/// Somebody paid for a plan, and for its renewal where there was one; nobody was told yet.
struct Paid {
    scene: Scene,
    acme: OrganizationId,
    checkout: CheckoutId,
    notices: Vec<About>,
}

async fn paid(renewed: bool) -> Paid {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let opened = scene.start(acme, "growth").await.expect("a page opens");
    let session = opened.page.session.id;
    let subscription = scene.gateway.pay(&session).subscription.expect("it began");
    let mut notices = vec![About::Checkout(session), About::Subscription(subscription.clone())];
    notices.extend(invoiced(&scene, &subscription).await);
    if renewed {
        scene.clock.advance(time::Duration::days(31));
        scene.gateway.renew(&subscription);
        notices.extend(invoiced(&scene, &subscription).await);
        scene.gateway.cancel_at_period_end(&subscription, true);
        notices.push(About::Subscription(subscription));
    }
    Paid { scene, acme, checkout: opened.checkout.id, notices }
}

/// Notices of the last invoice and its payment.
async fn invoiced(scene: &Scene, subscription: &str) -> Vec<About> {
    let subscriptions: &dyn GatewaySubscriptions =
        scene.gateway.subscriptions().expect("it bills subscriptions");
    let seen = subscriptions.find(subscription).await.expect("it answers").expect("it is there");
    let invoice = seen.latest_invoice.expect("it was invoiced");
    let payment = invoice.payment.expect("it was paid");
    vec![About::Invoice(invoice.reference.id), About::Payment(payment.reference.id)]
}

/// All that counts in the end, without our ids, which follow the order of things.
async fn outcome(paid: &Paid) -> String {
    let Paid { scene, acme, checkout, .. } = paid;
    let nobody = SubscriptionId(uuid::Uuid::nil());
    let mut subscription = scene.subscription(*acme).await;
    let known = core::mem::replace(&mut subscription.id, nobody);
    let mut payments = scene.payments(*acme).await;
    for payment in &mut payments {
        payment.id = PaymentId(uuid::Uuid::nil());
        payment.subscription_id = payment.subscription_id.map(|id| {
            assert_eq!(id, known);
            nobody
        });
    }
    payments.sort_by(|one, other| one.reference.cmp(&other.reference));
    let credits = scene.billing.credits(*acme).await.expect("it is known");
    let grants: Vec<_> = credits
        .grants
        .iter()
        .map(|it| (it.kind, it.amount, it.remaining, it.starts_at, it.expires_at))
        .collect();
    let checkout = scene.checkout(*acme, *checkout).await.status;
    let balance = credits.balance;
    let invoices = invoices(paid).await;
    format!("{subscription:?} {payments:?} {balance} {grants:?} {checkout:?} {invoices:?}")
}

/// What stands on the copies of invoices, and whether they lead to our records.
async fn invoices(Paid { scene, acme, .. }: &Paid) -> Vec<String> {
    let all = Page { after: None, limit: 100 };
    let all = scene.billing.invoices(*acme, InvoiceFilter::default(), all).await;
    let all = all.expect("it is known").into_iter();
    let all = all.map(|it| {
        let priced = it.bill.parts().lines.iter().all(|line| match line.bills {
            Billed::Subscription { subscription_id, price_id, .. } => {
                subscription_id.is_some() && price_id.is_some()
            }
            Billed::Nothing | Billed::Credits { .. } | Billed::Use { .. } => false,
        });
        let linked = (it.payment_id.is_some(), it.subscription_id.is_some(), priced);
        let total = it.bill.total();
        format!("{:?} {:?} {total} {} {:?} {linked:?}", it.number, it.status, it.paid, it.period)
    });
    let mut all: Vec<_> = all.collect();
    all.sort();
    all
}

/// Every order of so many things.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for next in 0..count {
        let insert = |order: &Vec<usize>, at| {
            let mut longer = order.clone();
            longer.insert(at, next);
            longer
        };
        all = all
            .iter()
            .flat_map(|order| (0..=order.len()).map(move |at| insert(order, at)))
            .collect();
    }
    all
}

#[tokio::test]
async fn the_notices_of_a_purchase_may_come_in_any_order() {
    let whole = paid(false).await;
    for notice in whole.notices.clone() {
        whole.scene.hear(notice).await;
    }
    let expected = outcome(&whole).await;
    assert!(expected.contains("Active") && expected.contains("5000"), "{expected}");

    for order in permutations(4) {
        let one_by_one = paid(false).await;
        for n in &order {
            one_by_one.scene.hear(one_by_one.notices[*n].clone()).await;
        }
        assert_eq!(outcome(&one_by_one).await, expected, "one by one: {order:?}");

        let at_once = paid(false).await;
        for n in &order {
            at_once.scene.tell(at_once.notices[*n].clone()).await;
        }
        at_once.scene.process().await;
        assert_eq!(outcome(&at_once).await, expected, "at once: {order:?}");
    }
}

#[tokio::test]
async fn any_notice_may_come_again_at_any_time_and_any_but_one_may_be_lost() {
    let whole = paid(false).await;
    whole.scene.hear(whole.notices[0].clone()).await;
    let expected = outcome(&whole).await;
    for order in permutations(4) {
        let twice = paid(false).await;
        for n in order.iter().chain(order.iter().rev()) {
            twice.scene.hear(twice.notices[*n].clone()).await;
        }
        assert_eq!(outcome(&twice).await, expected, "{order:?}");
    }
}

#[tokio::test]
async fn the_notices_of_a_purchase_its_renewal_and_its_end_may_come_in_any_order() {
    let whole = paid(true).await;
    assert_eq!(whole.notices.len(), 7);
    for notice in whole.notices.clone() {
        whole.scene.hear(notice).await;
    }
    let expected = outcome(&whole).await;
    for order in permutations(7) {
        let shuffled = paid(true).await;
        for n in &order {
            shuffled.scene.tell(shuffled.notices[*n].clone()).await;
        }
        shuffled.scene.process().await;
        assert_eq!(outcome(&shuffled).await, expected, "{order:?}");
    }
}
