//! Checkouts: what was offered to pay or is charged, and what became of it.

use time::{Duration, OffsetDateTime};

use crate::{
    gateway::{Gateway, GatewayRef},
    id::{CheckoutId, CreditProductId, InvoiceId, OrganizationId, PlanVersionId, PriceId},
    money::Money,
};

/// Something that an organization pays once: on a page at a gateway, or while nobody is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkout {
    /// Our id, from which the gateway's idempotency key is derived.
    pub id: CheckoutId,
    /// Who would pay.
    pub organization_id: OrganizationId,
    /// Where.
    pub gateway: Gateway,
    /// What for.
    pub purpose: Purpose,
    /// How it is paid.
    pub paid_by: PaidBy,
    /// What became of it.
    pub status: CheckoutStatus,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
}

/// What a checkout sells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// A plan.
    Subscription {
        /// In this version.
        plan_version_id: PlanVersionId,
        /// At this price.
        price_id: PriceId,
    },
    /// A pack of credits.
    Credits {
        /// This pack.
        credit_product_id: CreditProductId,
        /// So many credits, as promised when the page was opened.
        credits: i64,
        /// At this price.
        price: Money,
    },
    /// An invoice of ours.
    Invoice {
        /// Which one.
        invoice_id: InvoiceId,
        /// The how manieth attempt it is, from 1.
        attempt: u32,
        /// What was due when it was asked for.
        amount: Money,
    },
}

/// A charge whose end is not known yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Charging {
    /// Our record of it.
    pub checkout: CheckoutId,
    /// When it went to the gateway.
    pub since: OffsetDateTime,
}

impl Charging {
    /// When to ask next how it ended.
    pub fn ask_at(self, now: OffsetDateTime) -> OffsetDateTime {
        ask_again_at(self.since, now)
    }
}

/// When to ask next how a charge ended: the later, the longer nobody knows.
pub(crate) fn ask_again_at(since: OffsetDateTime, now: OffsetDateTime) -> OffsetDateTime {
    let pause = match now - since {
        age if age < Duration::minutes(5) => Duration::MINUTE,
        age if age < Duration::HOUR => Duration::minutes(5),
        age if age < Duration::DAY => Duration::HOUR,
        _ => Duration::DAY,
    };
    now + pause
}

/// How a checkout is paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PaidBy {
    /// By somebody who types in a method on a page of the gateway.
    Page {
        /// Whether the gateway keeps the method, to be charged again when nobody is there.
        saves_method: bool,
    },
    /// With a method that the gateway has kept, by the gateway's id of it. It has no page: it is
    /// pending until it is known whether the money came.
    SavedMethod(GatewayRef),
}

impl PaidBy {
    /// Whether it is paid while nobody is there.
    pub const fn is_saved_method(&self) -> bool {
        match self {
            Self::SavedMethod(_) => true,
            Self::Page { .. } => false,
        }
    }
}

/// What became of a checkout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CheckoutStatus {
    /// Asked for; the gateway may or may not know of it yet.
    Pending,
    /// The page can be paid on.
    Open(HostedPage),
    /// Paid, or begun without payment.
    Completed(GatewayRef),
    /// Nobody paid in time, or the charge failed.
    Expired,
}

impl CheckoutStatus {
    /// Its name in tables and answers.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Open(_) => "open",
            Self::Completed(_) => "completed",
            Self::Expired => "expired",
        }
    }
}

/// A page of the gateway on which one pays.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostedPage {
    /// What the gateway calls the session.
    pub session: GatewayRef,
    /// Where to send the payer.
    pub url: String,
    /// Until when it can be paid on.
    pub expires_at: OffsetDateTime,
}

impl Checkout {
    /// The page, while it can still be paid on.
    pub fn payable(&self, now: OffsetDateTime) -> Option<&HostedPage> {
        match &self.status {
            CheckoutStatus::Open(page) if now < page.expires_at => Some(page),
            CheckoutStatus::Open(_)
            | CheckoutStatus::Pending
            | CheckoutStatus::Completed(_)
            | CheckoutStatus::Expired => None,
        }
    }

    /// Records that it was paid, or begun. Whether that is news.
    pub fn complete(&mut self, session: GatewayRef) -> bool {
        let done = matches!(self.status, CheckoutStatus::Completed(_));
        if !done {
            self.status = CheckoutStatus::Completed(session);
        }
        !done
    }

    /// Records that nobody paid in time; a completed one stays completed. Whether that is news.
    pub fn expire(&mut self) -> bool {
        let ended = matches!(self.status, CheckoutStatus::Completed(_) | CheckoutStatus::Expired);
        if !ended {
            self.status = CheckoutStatus::Expired;
        }
        !ended
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    const NOON: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn reference(id: &str) -> GatewayRef {
        GatewayRef::new(Gateway::Stripe, id)
    }

    fn a_page() -> HostedPage {
        HostedPage {
            session: reference("cs_1"),
            url: "https://pay.example/cs_1".to_owned(),
            expires_at: NOON + Duration::HOUR,
        }
    }

    fn a_checkout(status: CheckoutStatus) -> Checkout {
        Checkout {
            id: CheckoutId(Uuid::from_u128(1)),
            organization_id: OrganizationId(Uuid::nil()),
            gateway: Gateway::Stripe,
            purpose: Purpose::Subscription {
                plan_version_id: PlanVersionId(Uuid::from_u128(2)),
                price_id: PriceId(Uuid::from_u128(3)),
            },
            paid_by: PaidBy::Page { saves_method: false },
            status,
            created_at: NOON,
        }
    }

    fn statuses() -> [CheckoutStatus; 4] {
        [
            CheckoutStatus::Pending,
            CheckoutStatus::Open(a_page()),
            CheckoutStatus::Completed(reference("cs_1")),
            CheckoutStatus::Expired,
        ]
    }

    /// From each state: its name, whether completing is news, whether expiring is and where to.
    #[test]
    fn every_end_from_every_state() {
        const TABLE: [(&str, bool, (bool, &str)); 4] = [
            ("pending", true, (true, "expired")),
            ("open", true, (true, "expired")),
            ("completed", false, (false, "completed")),
            ("expired", true, (false, "expired")),
        ];
        for (status, (name, completes, expires)) in statuses().into_iter().zip(TABLE) {
            assert_eq!(status.name(), name);
            let mut completed = a_checkout(status.clone());
            assert_eq!(completed.complete(reference("cs_1")), completes, "{name}");
            assert_eq!(completed.status, CheckoutStatus::Completed(reference("cs_1")));
            assert!(!completed.complete(reference("cs_1")), "it is news once");

            let mut expired = a_checkout(status);
            assert_eq!((expired.expire(), expired.status.name()), expires);
            assert!(!expired.expire(), "it is news once");
        }
    }

    #[test]
    fn a_payment_is_adopted_after_expiry_and_is_not_undone_by_it() {
        let mut late = a_checkout(CheckoutStatus::Open(a_page()));
        assert!(late.expire());
        assert!(late.complete(reference("cs_1")));
        assert!(!late.expire());
        assert!(!late.complete(reference("cs_2")));
        assert_eq!(late.status, CheckoutStatus::Completed(reference("cs_1")), "the first stands");
    }

    #[test]
    fn only_an_open_page_can_be_paid_on_and_strictly_before_it_expires() {
        let payable = |status, seconds| {
            let at = NOON + Duration::seconds(seconds);
            a_checkout(status).payable(at).is_some()
        };
        for status in statuses() {
            let open = status.name() == "open";
            assert_eq!(payable(status, 0), open);
        }
        assert!(payable(CheckoutStatus::Open(a_page()), 3599));
        assert!(!payable(CheckoutStatus::Open(a_page()), 3600));
    }
}
