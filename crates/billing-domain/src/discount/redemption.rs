//! Uses of a code: reserved when a checkout is opened, redeemed when it is paid.

use time::OffsetDateTime;

use crate::id::{CheckoutId, DiscountId, OrganizationId};

/// The use of a code in one checkout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Redemption {
    /// Who uses it.
    pub organization_id: OrganizationId,
    /// In which checkout.
    pub checkout_id: CheckoutId,
    /// Which discount.
    pub discount_id: DiscountId,
    /// Where it stands.
    pub state: RedemptionState,
    /// When it was reserved first.
    pub created_at: OffsetDateTime,
}

/// Where a use of a code stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RedemptionState {
    /// It counts, until the checkout ends or this instant has come.
    Reserved {
        /// Longer than any page can be paid on.
        until: OffsetDateTime,
    },
    /// It was paid, and counts for ever.
    Redeemed {
        /// When that was heard of.
        at: OffsetDateTime,
    },
    /// Nobody paid, and it does not count.
    Released {
        /// When that was heard of.
        at: OffsetDateTime,
    },
}

impl RedemptionState {
    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserved { .. } => "reserved",
            Self::Redeemed { .. } => "redeemed",
            Self::Released { .. } => "released",
        }
    }

    /// The instant that goes with it.
    pub const fn instant(self) -> OffsetDateTime {
        match self {
            Self::Reserved { until: at } | Self::Redeemed { at } | Self::Released { at } => at,
        }
    }

    /// Whether it counts among those that are taken.
    pub const fn counts(self) -> bool {
        match self {
            Self::Reserved { .. } | Self::Redeemed { .. } => true,
            Self::Released { .. } => false,
        }
    }
}

impl Redemption {
    /// The checkout was paid. Whether that is news.
    pub fn redeem(&mut self, now: OffsetDateTime) -> bool {
        let news = !matches!(self.state, RedemptionState::Redeemed { .. });
        if news {
            self.state = RedemptionState::Redeemed { at: now };
        }
        news
    }

    /// The checkout will not be paid; what was paid stays redeemed. Whether that is news.
    pub fn release(&mut self, now: OffsetDateTime) -> bool {
        let news = matches!(self.state, RedemptionState::Reserved { .. });
        if news {
            self.state = RedemptionState::Released { at: now };
        }
        news
    }
}
