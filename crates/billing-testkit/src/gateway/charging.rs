//! How the gateway sells, invoices and charges.

use billing_app::ports::{
    ChargeRequest, CheckoutItem, GatewayError, SeenCheckoutStatus, SeenPayment,
};
use billing_domain::{
    id::CheckoutId,
    money::Money,
    payment::{ChargeFailure, PaymentStatus},
    period::{Anchor, Period},
    subscription::Status,
};
use time::{Duration, OffsetDateTime};

use super::{
    Mood,
    books::{Billed, Books, Invoice},
    named, refused,
};

/// Money to take from a card.
pub(super) struct Charge {
    customer: String,
    amount: Money,
    description: String,
    checkout_id: Option<CheckoutId>,
    /// Whether the gateway was asked to compute tax; it finds none.
    taxed: bool,
}

impl Billed {
    /// What one period costs.
    pub(super) fn charge(&self) -> Charge {
        Charge {
            customer: self.customer.clone(),
            amount: self.whole(),
            description: self.name.clone(),
            checkout_id: None,
            taxed: true,
        }
    }
}

impl Books {
    pub(super) fn billed(&mut self, subscription: &str) -> &mut Billed {
        self.subscriptions.get_mut(subscription).expect("the subscription began here")
    }

    /// A pack of credits is paid, or a card is declined.
    pub(super) fn buy(&mut self, session: &str, amount: Money, now: OffsetDateTime) {
        let page = self.pages.get(session).expect("the caller has seen it");
        let charge = Charge {
            customer: page.request.customer.clone(),
            amount,
            description: page.name().clone(),
            checkout_id: Some(page.request.checkout_id),
            taxed: page.request.automatic_tax,
        };
        let payment = self.charge(charge, now);
        let paid = self.mood != Mood::Declining;
        let page = self.pages.get_mut(session).expect("pages are kept");
        page.payment = Some(payment);
        if paid {
            page.status = SeenCheckoutStatus::Complete;
            let request = page.request.clone();
            if request.saves_method {
                self.save_method(&request.customer);
            }
        }
    }

    /// A kept method is charged, once for a checkout of ours.
    pub(super) fn charge_saved(
        &mut self,
        request: &ChargeRequest,
        now: OffsetDateTime,
    ) -> Result<SeenPayment, GatewayError> {
        if let Some((before, payment)) = self.charges.get(&request.checkout_id) {
            return if before == request {
                Ok(self.payments.get(payment).expect("payments are kept").clone())
            } else {
                Err(refused("the idempotency key was used with other parameters"))
            };
        }
        let kept = (request.customer.clone(), request.method.clone());
        if !self.methods.contains(&kept) {
            return Err(refused("no such method of this customer"));
        }
        let charge = Charge {
            customer: request.customer.clone(),
            amount: request.amount,
            description: request.description.clone(),
            checkout_id: Some(request.checkout_id),
            taxed: false,
        };
        let payment = self.charge(charge, now);
        self.charges.insert(request.checkout_id, (request.clone(), payment.clone()));
        Ok(self.payments.get(&payment).expect("payments are kept").clone())
    }

    /// A subscription begins, with a trial or with a payment; or a card is declined.
    pub(super) fn subscribe(&mut self, session: &str, now: OffsetDateTime) {
        if self.mood == Mood::Declining {
            return;
        }
        let request = self.pages.get(session).expect("the caller has seen it").request.clone();
        let CheckoutItem::Subscription {
            price_id,
            gateway_price,
            name,
            amount,
            interval,
            trial_days,
        } = request.item
        else {
            return;
        };
        let ends_at = now + Duration::days(i64::from(trial_days));
        let trial = (trial_days > 0).then_some(Period { start: now, end: ends_at });
        let id = self.number("sub");
        let coupon = request.coupon.and_then(|it| self.coupons.get(&it)).cloned();
        let billed = Billed {
            customer: request.customer,
            price_id,
            gateway_price: gateway_price.unwrap_or_else(|| format!("price_fake_{price_id}")),
            name,
            amount,
            quantity: 1,
            interval,
            coupon,
            planned: None,
            anchor: now,
            status: Status::Incomplete,
            period: trial.unwrap_or_else(|| Anchor(now).period(interval, 0)),
            cancel_at_period_end: false,
            created_at: now,
            latest_invoice: None,
        };
        self.subscriptions.insert(id.clone(), billed);
        if trial.is_some() {
            self.invoice(&id, Money::zero(amount.currency()), now);
            self.billed(&id).status = Status::Trialing { ends_at };
        } else {
            self.invoice(&id, amount, now);
        }
        let customer = self.billed(&id).customer.clone();
        self.save_method(&customer);
        let page = self.pages.get_mut(session).expect("pages are kept");
        (page.subscription, page.status) = (Some(id), SeenCheckoutStatus::Complete);
    }

    /// The running period is invoiced and charged; nothing is charged for nothing.
    pub(super) fn invoice(&mut self, subscription: &str, amount: Money, now: OffsetDateTime) {
        let billed = self.billed(subscription);
        let (period, charge) = (billed.period, billed.charge());
        let (name, gateway_price) = (billed.name.clone(), billed.gateway_price.clone());
        let discount = self.take_off(subscription, amount);
        let amount = amount.minus(discount).expect("one currency");
        let amount = self.after_credit(&charge.customer, amount);
        let charge = Charge { amount, ..charge };
        let payment = (!amount.is_zero()).then(|| self.charge(charge, now));
        let paid = amount.is_zero() || self.mood != Mood::Declining;
        let invoice = Invoice {
            subscription: subscription.to_owned(),
            paid,
            period,
            payment,
            amount,
            discount,
            name,
            gateway_price,
            created_at: now,
            paid_at: paid.then_some(now),
        };
        let id = self.number("in");
        self.invoices.insert(id.clone(), invoice);
        let billed = self.billed(subscription);
        billed.latest_invoice = Some(id);
        billed.status = if paid { Status::Active } else { Status::PastDue { since: now } };
    }

    /// A card is charged, with success unless cards are declined.
    pub(super) fn charge(&mut self, charge: Charge, now: OffsetDateTime) -> String {
        let refused = self.refused.get(&charge.customer).copied();
        let refused = refused.or((self.mood == Mood::Declining).then_some(ChargeFailure::Declined));
        let declined = refused.is_some();
        let id = self.number("pi");
        let nothing = Money::zero(charge.amount.currency());
        let payment = SeenPayment {
            reference: named(&id),
            customer: Some(named(&charge.customer)),
            checkout_id: charge.checkout_id,
            status: if declined { PaymentStatus::Failed } else { PaymentStatus::Completed },
            amount: charge.amount,
            tax: nothing,
            taxed: charge.taxed,
            discount: nothing,
            refunded: nothing,
            description: charge.description,
            document_url: (!declined).then(|| format!("https://receipt.fake.test/{id}")),
            failure: declined.then(|| "card_declined".to_owned()),
            failed_as: refused,
            created_at: now,
        };
        self.payments.insert(id.clone(), payment);
        id
    }
}
