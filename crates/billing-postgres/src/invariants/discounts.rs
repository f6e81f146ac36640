//! What must hold of discounts.

type Invariant = (&'static str, &'static str);

pub(super) const COUNTED: Invariant = (
    "K1 a discount is taken as often as it is reserved and redeemed",
    "SELECT d.discount_id, d.code, d.taken, count(r.checkout_id) FROM discounts d \
     LEFT JOIN discount_redemptions r ON r.discount_id = d.discount_id \
     AND r.status IN ('reserved', 'redeemed') \
     GROUP BY d.discount_id HAVING d.taken <> count(r.checkout_id)",
);

pub(super) const PAID: Invariant = (
    "K2 a discount is redeemed by checkouts that were paid",
    "SELECT r.organization_id, r.checkout_id, c.status FROM discount_redemptions r \
     JOIN checkouts c ON c.organization_id = r.organization_id AND c.checkout_id = r.checkout_id \
     WHERE r.status = 'redeemed' AND c.status <> 'completed'",
);
