//! What payers, operators of the gateway and the course of time do there.

use billing_app::ports::{CheckoutItem, SeenCheckout, SeenCheckoutStatus};
use billing_domain::{
    id::PriceId, money::Money, payment::PaymentStatus, period::Anchor, subscription::Status,
};

use super::FakeGateway;

impl FakeGateway {
    /// Somebody pays on the page of a session. While [`declining`](Self::declining) the page
    /// stays open.
    pub fn pay(&self, session: &str) -> SeenCheckout {
        let now = self.clock.now();
        self.change(|books| {
            let page = books.pages.get(session).expect("the session was opened here");
            let open = page.status_at(now) == SeenCheckoutStatus::Open;
            assert!(open, "{session} cannot be paid on any more");
            match page.request.item.clone() {
                CheckoutItem::Subscription { .. } => books.subscribe(session, now),
                CheckoutItem::Credits { amount, .. } => books.buy(session, amount, now),
            }
            books.seen_checkout(session, now).expect("it has just been paid on")
        })
    }

    /// The next period of a subscription begins, and is paid; while
    /// [`declining`](Self::declining) it becomes past due. One that ends with its period is
    /// cancelled. The clock is not moved.
    pub fn renew(&self, subscription: &str) {
        let now = self.clock.now();
        self.change(|books| {
            let billed = books.billed(subscription);
            if billed.cancel_at_period_end {
                billed.status = Status::Cancelled { at: now };
                return;
            }
            if let Status::Trialing { ends_at } = billed.status {
                billed.anchor = ends_at;
            }
            if let Some((_, to)) = billed.planned.take() {
                if to.interval != billed.interval {
                    billed.anchor = billed.period.end;
                }
                billed.set(&to);
            }
            billed.period = Anchor(billed.anchor).period_at(billed.interval, billed.period.end);
            let amount = billed.whole();
            books.invoice(subscription, amount, now);
        });
    }

    /// The last invoice of a subscription that is past due is paid after all.
    pub fn settle(&self, subscription: &str) {
        let now = self.clock.now();
        self.change(|books| {
            let billed = books.billed(subscription);
            billed.status = Status::Active;
            let invoice = billed.latest_invoice.clone().expect("it has an invoice");
            let charge = billed.charge();
            let payment = books.charge(charge, now);
            let invoice = books.invoices.get_mut(&invoice).expect("invoices are kept");
            (invoice.paid, invoice.payment) = (true, Some(payment));
            invoice.paid_at = Some(now);
        });
    }

    /// A subscription ends now.
    pub fn cancel(&self, subscription: &str) {
        let at = self.clock.now();
        self.change(|books| books.billed(subscription).status = Status::Cancelled { at });
    }

    /// A subscription ends with its period; or does not any more.
    pub fn cancel_at_period_end(&self, subscription: &str, ends: bool) {
        self.change(|books| books.billed(subscription).cancel_at_period_end = ends);
    }

    /// A subscription is changed to another price of ours, in the portal.
    pub fn change_price(&self, subscription: &str, price_id: PriceId, amount: Money) {
        self.change(|books| {
            let billed = books.billed(subscription);
            (billed.price_id, billed.amount) = (price_id, amount);
            billed.gateway_price = format!("price_fake_{price_id}");
        });
    }

    /// So much of a payment is given back, in addition to what was before.
    pub fn refund(&self, payment: &str, amount: Money) {
        self.change(|books| {
            let payment = books.payments.get_mut(payment).expect("the payment was made here");
            payment.refunded = payment.refunded.plus(amount).expect("one currency");
            assert!(payment.refunded.minor() <= payment.amount.minor(), "more than was paid");
            payment.status = if payment.refunded == payment.amount {
                PaymentStatus::Refunded
            } else {
                PaymentStatus::PartiallyRefunded
            };
        });
    }

    /// The payer disputes a payment.
    pub fn dispute(&self, payment: &str) {
        self.change(|books| {
            let payment = books.payments.get_mut(payment).expect("the payment was made here");
            payment.status = PaymentStatus::Disputed;
        });
    }
}
