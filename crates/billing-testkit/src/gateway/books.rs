//! What the gateway keeps, and how it looks from outside.

use std::collections::BTreeMap;

use billing_app::ports::{
    ChargeRequest, CheckoutItem, CheckoutRequest, NewCoupon, NewPrice, NewRefund, Outcome,
    SeenCheckout, SeenCheckoutStatus, SeenDocument, SeenInvoice, SeenPayment, SeenPrice,
    SeenSubscription,
};
use billing_domain::{
    checkout::HostedPage,
    id::{ChangeId, CheckoutId, OrganizationId, PriceId, RefundId},
    invoice::{Bill, Billed as BilledLine, Deduction, InvoiceStatus, Line, LineKind, Parts, Party},
    money::Money,
    payment::ChargeFailure,
    period::{Interval, Period},
    subscription::Status,
};
use time::OffsetDateTime;

use super::{Call, Mood, named};

/// Everything that the gateway keeps. Its ids are numbered, so that their order is their age.
#[derive(Default)]
pub(super) struct Books {
    pub(super) mood: Mood,
    pub(super) calls: BTreeMap<Call, usize>,
    pub(super) customers: BTreeMap<OrganizationId, String>,
    pub(super) coupons: BTreeMap<String, NewCoupon>,
    pub(super) pages: BTreeMap<String, Page>,
    pub(super) subscriptions: BTreeMap<String, Billed>,
    pub(super) invoices: BTreeMap<String, Invoice>,
    pub(super) payments: BTreeMap<String, SeenPayment>,
    /// Whose methods are kept, the oldest first.
    pub(super) methods: Vec<(String, String)>,
    /// Charges while nobody was there, with their payments.
    pub(super) charges: BTreeMap<CheckoutId, (ChargeRequest, String)>,
    /// Customers whose bank says no.
    pub(super) refused: BTreeMap<String, ChargeFailure>,
    /// What was asked to become of subscriptions, and what came of it.
    pub(super) told: BTreeMap<ChangeId, (String, Outcome)>,
    pub(super) given_back: BTreeMap<RefundId, NewRefund>,
    /// What customers have in credit, in minor units.
    pub(super) credit: BTreeMap<String, i64>,
    numbers: u32,
}

/// A page, and what came of it.
pub(super) struct Page {
    pub(super) request: CheckoutRequest,
    pub(super) page: HostedPage,
    pub(super) status: SeenCheckoutStatus,
    pub(super) subscription: Option<String>,
    pub(super) payment: Option<String>,
}

/// A subscription.
pub(super) struct Billed {
    pub(super) customer: String,
    pub(super) price_id: PriceId,
    pub(super) gateway_price: String,
    pub(super) name: String,
    /// For one.
    pub(super) amount: Money,
    pub(super) quantity: u32,
    pub(super) interval: Interval,
    /// What is taken off its periods, while that lasts.
    pub(super) coupon: Option<NewCoupon>,
    /// What it will be from the next period on.
    pub(super) planned: Option<(ChangeId, NewPrice)>,
    /// From where periods are counted.
    pub(super) anchor: OffsetDateTime,
    pub(super) status: Status,
    pub(super) period: Period,
    pub(super) cancel_at_period_end: bool,
    pub(super) created_at: OffsetDateTime,
    pub(super) latest_invoice: Option<String>,
}

/// An invoice for a period of a subscription.
pub(super) struct Invoice {
    pub(super) subscription: String,
    pub(super) paid: bool,
    pub(super) period: Period,
    pub(super) payment: Option<String>,
    pub(super) amount: Money,
    pub(super) discount: Money,
    pub(super) name: String,
    pub(super) gateway_price: String,
    pub(super) created_at: OffsetDateTime,
    /// When it was paid, if it was.
    pub(super) paid_at: Option<OffsetDateTime>,
}

impl Books {
    /// A new id, greater than all before.
    pub(super) fn number(&mut self, kind: &str) -> String {
        self.numbers += 1;
        format!("{kind}_fake_{:06}", self.numbers)
    }

    pub(super) fn save_method(&mut self, customer: &str) {
        let id = self.number("pm");
        self.methods.push((customer.to_owned(), id));
    }

    pub(super) fn count(&mut self, call: Call) {
        *self.calls.entry(call).or_default() += 1;
    }

    /// A page that was asked for under a checkout id of ours.
    pub(super) fn page_of(&self, request: &CheckoutRequest) -> Option<&Page> {
        self.pages.values().find(|page| page.request.checkout_id == request.checkout_id)
    }

    pub(super) fn seen_checkout(&self, session: &str, now: OffsetDateTime) -> Option<SeenCheckout> {
        let page = self.pages.get(session)?;
        let status = page.status_at(now);
        Some(SeenCheckout {
            session: page.page.session.clone(),
            checkout_id: Some(page.request.checkout_id),
            status,
            paid: status == SeenCheckoutStatus::Complete,
            subscription: page.subscription.clone(),
            payment: page.payment.as_ref().and_then(|id| self.payments.get(id)).cloned(),
        })
    }

    pub(super) fn seen_invoice(&self, id: &str) -> Option<SeenInvoice> {
        let invoice = self.invoices.get(id)?;
        Some(SeenInvoice {
            reference: named(id),
            subscription: Some(invoice.subscription.clone()),
            paid: invoice.paid,
            period: Some(invoice.period),
            payment: invoice.payment.as_ref().and_then(|id| self.payments.get(id)).cloned(),
            customer: self.subscriptions.get(&invoice.subscription).map(|it| named(&it.customer)),
            document: Some(invoice.document(id)),
        })
    }

    pub(super) fn seen_subscription(&self, id: &str) -> Option<SeenSubscription> {
        let billed = self.subscriptions.get(id)?;
        Some(SeenSubscription {
            reference: named(id),
            customer: named(&billed.customer),
            price: SeenPrice {
                gateway_price: billed.gateway_price.clone(),
                price_id: Some(billed.price_id),
            },
            status: billed.status,
            period: billed.period,
            cancel_at_period_end: billed.cancel_at_period_end,
            quantity: billed.quantity,
            planned_change: billed.planned.as_ref().map(|(id, _)| *id),
            created_at: billed.created_at,
            latest_invoice: billed.latest_invoice.as_ref().and_then(|id| self.seen_invoice(id)),
        })
    }
}

impl Invoice {
    fn document(&self, id: &str) -> SeenDocument {
        let full = self.amount.plus(self.discount).expect("one currency");
        let off = Deduction { description: "Discount".to_owned(), amount: self.discount };
        let line = Line {
            kind: LineKind::Recurring,
            description: self.name.clone(),
            quantity: 1,
            unit_amount: Some(full),
            amount: full,
            period: Some(self.period),
            bills: BilledLine::Subscription {
                subscription_id: None,
                price_id: None,
                gateway_price: Some(self.gateway_price.clone()),
            },
        };
        let parts = Parts {
            currency: self.amount.currency(),
            lines: vec![line],
            discounts: if off.amount.is_zero() { Vec::new() } else { vec![off] },
            taxes: Vec::new(),
            credits: Vec::new(),
        };
        let nothing = Money::zero(self.amount.currency());
        SeenDocument {
            number: Some(format!("FAKE-{id}")),
            status: if self.paid { InvoiceStatus::Paid } else { InvoiceStatus::Open },
            bill: Bill::new(parts).expect("one line adds up"),
            amount_paid: if self.paid { self.amount } else { nothing },
            seller: Party { name: "The seller".to_owned(), ..Party::default() },
            buyer: Party { name: "The buyer".to_owned(), ..Party::default() },
            hosted_url: Some(format!("https://invoice.fake.test/{id}")),
            pdf_url: Some(format!("https://invoice.fake.test/{id}.pdf")),
            created_at: self.created_at,
            issued_at: Some(self.created_at),
            due_at: None,
            paid_at: self.paid_at,
        }
    }
}

impl Page {
    /// An open page closes by itself in time.
    pub(super) fn status_at(&self, now: OffsetDateTime) -> SeenCheckoutStatus {
        match self.status {
            SeenCheckoutStatus::Open if self.page.expires_at <= now => SeenCheckoutStatus::Expired,
            status @ (SeenCheckoutStatus::Open
            | SeenCheckoutStatus::Complete
            | SeenCheckoutStatus::Expired) => status,
        }
    }

    pub(super) const fn name(&self) -> &String {
        match &self.request.item {
            CheckoutItem::Subscription { name, .. } | CheckoutItem::Credits { name, .. } => name,
        }
    }
}
