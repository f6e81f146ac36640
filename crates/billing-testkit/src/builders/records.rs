//! Organizations and what they buy.

use billing_app::ports::{ApiKey, Scopes, Secrets};
use billing_domain::{
    auto_top_up::AutoTopUp,
    checkout::{Checkout, CheckoutStatus, HostedPage, PaidBy, Purpose},
    currency::Currency,
    discount::{Conditions, Discount, Lasts, Off},
    event::{Event, What},
    gateway::{Gateway, GatewayRef},
    id::{DiscountId, OrganizationId},
    invoice::{Bill, Billed, Invoice, InvoiceStatus, Issuer, Line, LineKind, Parts, Party},
    locale::Locale,
    money::Money,
    organization::{Customer, Organization},
    payment::{Payment, PaymentStatus},
    period::{Anchor, Interval, Period},
    subscription::{
        Actor, BilledBy, Change, ChangeRequest, Duplicate, Fate, Snapshot, Status, Subscription,
        When, Wish,
    },
    trial::Trial,
};
use time::Duration;

use super::{a_fresh_id, a_price_of, the_default_catalogue};
use crate::{FixedSecrets, NOON};

/// Acme, of the United States, without an external id.
pub fn an_organization() -> Organization {
    Organization {
        id: a_fresh_id(),
        external_id: None,
        name: "Acme".to_owned(),
        billing_email: Some("billing@acme.test".to_owned()),
        country: Some("US".parse().expect("it is a country")),
        currency: Currency::USD,
        tax_id: None,
        locale: Locale::En,
        created_at: NOON,
    }
}

/// That an organization was created.
pub fn an_event(organization: OrganizationId) -> Event {
    Event {
        id: a_fresh_id(),
        organization_id: organization,
        at: NOON,
        what: What::OrganizationCreated { name: "Acme".to_owned() },
    }
}

/// A thing at the gateway that nobody else names.
pub fn a_reference(kind: &str) -> GatewayRef {
    let id: OrganizationId = a_fresh_id();
    GatewayRef::new(Gateway::Stripe, format!("{kind}_{}", id.0.simple()))
}

/// An organization as the gateway knows it.
pub fn a_customer(organization: OrganizationId) -> Customer {
    Customer { organization_id: organization, reference: a_reference("cus"), created_at: NOON }
}

/// A page that can be paid on for a day.
pub fn a_hosted_page() -> HostedPage {
    let session = a_reference("cs");
    let url = format!("https://pay.test/{}", session.id);
    HostedPage { session, url, expires_at: NOON + Duration::DAY }
}

/// An open checkout of the plan `growth`.
pub fn a_checkout() -> Checkout {
    let (version, price) = a_price_of("growth");
    Checkout {
        id: a_fresh_id(),
        organization_id: a_fresh_id(),
        gateway: Gateway::Stripe,
        purpose: Purpose::Subscription { plan_version_id: version.id, price_id: price.id },
        paid_by: PaidBy::Page { saves_method: false },
        status: CheckoutStatus::Open(a_hosted_page()),
        created_at: NOON,
    }
}

/// 20 % off the first period, for everybody, under a code of its own.
pub fn a_discount() -> Discount {
    let id: DiscountId = a_fresh_id();
    Discount {
        id,
        code: id.0.simple().to_string().parse().expect("it can be a code"),
        name: "Spring".to_owned(),
        off: Off::Percent(20),
        lasts: Lasts::Once,
        conditions: Conditions::default(),
        active: true,
        taken: 0,
        created_at: NOON,
    }
}

/// Of a new organization: the smallest pack when less than 50 credits are left, for 30 dollars a
/// month at most.
pub fn an_auto_top_up() -> AutoTopUp {
    let catalogue = the_default_catalogue();
    let pack = catalogue.credit_products.first().expect("packs are on sale");
    AutoTopUp {
        organization_id: a_fresh_id(),
        enabled: true,
        threshold: 50,
        credit_product_id: pack.id,
        monthly_cap: Money::new(3_000, Currency::USD),
        pending: None,
        failures: 0,
        look_at: NOON,
    }
}

/// An active subscription to the plan `growth`, in its first month.
pub fn an_active_subscription() -> Subscription {
    let (version, price) = a_price_of("growth");
    Subscription {
        id: a_fresh_id(),
        organization_id: a_fresh_id(),
        product_group: "main".to_owned(),
        plan_version_id: version.id,
        price_id: price.id,
        interval: Interval::Month,
        quantity: 1,
        status: Status::Active,
        period: Anchor(NOON).period(Interval::Month, 0),
        cancel_at_period_end: false,
        billed_by: BilledBy::Gateway(a_reference("sub")),
        created_at: NOON,
        observed_at: NOON,
    }
}

/// That the customer of a subscription wants two of it, from the end of the period.
pub fn a_change_request(of: &Subscription) -> ChangeRequest {
    ChangeRequest {
        id: a_fresh_id(),
        organization_id: of.organization_id,
        subscription_id: of.id,
        wish: Wish::Change { price_id: of.price_id, quantity: 2, when: When::PeriodEnd },
        fate: Fate::Pending,
        actor: Actor::Customer,
        reason: "two of us now".to_owned(),
        proration_at: NOON,
        invoice_id: None,
        created_at: NOON,
        look_at: NOON,
    }
}

/// A second subscription that was paid for.
pub fn a_duplicate(organization_id: OrganizationId) -> Duplicate {
    Duplicate {
        reference: a_reference("sub"),
        organization_id,
        refund_id: a_fresh_id(),
        refund: None,
        settled: false,
        created_at: NOON,
        look_at: NOON,
    }
}

/// That a subscription became what it is, from incomplete.
pub fn a_change(of: &Subscription) -> Change {
    let to = Snapshot {
        status: of.status,
        plan_version_id: of.plan_version_id,
        price_id: of.price_id,
        quantity: of.quantity,
        period: of.period,
        cancel_at_period_end: of.cancel_at_period_end,
    };
    Change {
        what: "status".to_owned(),
        from: Snapshot { status: Status::Incomplete, ..to.clone() },
        to,
        actor: Actor::Gateway,
        reason: "reported by the gateway".to_owned(),
        at: NOON,
    }
}

/// A completed payment of 29 dollars.
pub fn a_payment() -> Payment {
    Payment {
        id: a_fresh_id(),
        organization_id: a_fresh_id(),
        reference: a_reference("pi"),
        status: PaymentStatus::Completed,
        amount: Money::new(2_900, Currency::USD),
        tax: Money::zero(Currency::USD),
        refunded: Money::zero(Currency::USD),
        description: "Growth".to_owned(),
        checkout_id: None,
        subscription_id: None,
        document_url: None,
        failure: None,
        created_at: NOON,
    }
}

/// An open invoice of a gateway, of 29 dollars for a month of a subscription.
pub fn an_invoice() -> Invoice {
    let line = Line {
        kind: LineKind::Recurring,
        description: "Growth".to_owned(),
        quantity: 1,
        unit_amount: Some(Money::new(2_900, Currency::USD)),
        amount: Money::new(2_900, Currency::USD),
        period: Some(Anchor(NOON).period(Interval::Month, 0)),
        bills: Billed::Subscription {
            subscription_id: None,
            price_id: None,
            gateway_price: Some("price_1".to_owned()),
        },
    };
    Invoice {
        id: a_fresh_id(),
        organization_id: a_fresh_id(),
        issuer: Issuer::Gateway {
            reference: a_reference("in"),
            hosted_url: None,
            pdf_url: None,
            observed_at: NOON,
        },
        number: Some("A-1".to_owned()),
        status: InvoiceStatus::Open,
        bill: a_bill(vec![line]),
        paid: Money::zero(Currency::USD),
        seller: Party { name: "The seller".to_owned(), ..Party::default() },
        buyer: Party { name: "Acme".to_owned(), ..Party::default() },
        no_tax: None,
        subscription_id: None,
        payment_id: None,
        checkout_id: None,
        period: None,
        created_at: NOON,
        issued_at: Some(NOON),
        due_at: None,
        paid_at: None,
    }
}

/// A bill of dollars, without discounts, tax and credits.
pub fn a_bill(lines: Vec<Line>) -> Bill {
    let parts = Parts {
        currency: Currency::USD,
        lines,
        discounts: Vec::new(),
        taxes: Vec::new(),
        credits: Vec::new(),
    };
    Bill::new(parts).expect("the lines add up")
}

/// A key for all of the installation that may do everything.
pub fn an_api_key() -> ApiKey {
    let id: OrganizationId = a_fresh_id();
    let public = id.0.simple().to_string();
    ApiKey {
        id: id.0.into(),
        name: "Backend".to_owned(),
        digest: FixedSecrets::default().digest(public.as_bytes()),
        public,
        scopes: Scopes::ALL,
        organization_id: None,
        created_at: NOON,
        revoked_at: None,
    }
}

/// A trial of the plan `growth` that has begun at noon, of a subscription that is there.
pub fn a_trial(of: &Subscription) -> Trial {
    let begun = (of.id, of.plan_version_id);
    Trial::begun(of.organization_id, begun, 14, NOON)
}

/// A subscription that our engine bills, on trial for two weeks.
pub fn a_subscription_on_trial() -> Subscription {
    let ends_at = NOON + Duration::days(14);
    Subscription {
        status: Status::Trialing { ends_at },
        period: Period { start: NOON, end: ends_at },
        billed_by: BilledBy::Engine,
        ..an_active_subscription()
    }
}
