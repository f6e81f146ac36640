//! A second subscription that was paid for where one is enough.

use time::OffsetDateTime;

use crate::{
    gateway::GatewayRef,
    id::{OrganizationId, RefundId},
    money::Money,
};

/// A subscription at a gateway that is to be ended, and its payment given back. It is never one of
/// our subscriptions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Duplicate {
    /// What the gateway calls it.
    pub reference: GatewayRef,
    /// Who paid.
    pub organization_id: OrganizationId,
    /// Our id of what is given back, from which the gateway's idempotency key is derived.
    pub refund_id: RefundId,
    /// The payment that is given back, once it is known, and how much of it.
    pub refund: Option<(GatewayRef, Money)>,
    /// Whether it is ended and all is given back.
    pub settled: bool,
    /// When it was found.
    pub created_at: OffsetDateTime,
    /// When somebody must look after it, while it is not settled.
    pub look_at: OffsetDateTime,
}
