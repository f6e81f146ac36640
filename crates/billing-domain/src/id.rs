//! Identities: one type per thing, all of them UUIDs made outside the domain.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )*};
}

ids! {
    /// An organization: what is billed.
    OrganizationId,
    /// A plan, whatever its version.
    PlanId,
    /// One immutable version of a plan.
    PlanVersionId,
    /// A price of a plan version, or of a credit product.
    PriceId,
    /// A pack of credits on sale.
    CreditProductId,
    /// A hosted checkout that we opened.
    CheckoutId,
    /// A code that makes a plan cheaper.
    DiscountId,
    /// A subscription, whoever bills it.
    SubscriptionId,
    /// A payment, whatever the gateway.
    PaymentId,
    /// An invoice, whoever draws it up.
    InvoiceId,
    /// Something that waits for the next invoice.
    PendingItemId,
    /// A credit note of ours.
    CreditNoteId,
    /// A grant of credits.
    GrantId,
    /// Credits that are reserved; also the decision that reserved them.
    HoldId,
    /// A bonus on a meter.
    BonusId,
    /// An answer of consume or check-and-record, allowed or denied.
    DecisionId,
    /// A raw usage event.
    UsageEventId,
    /// A run of reconciliation.
    ReconciliationId,
    /// Where a gateway and we differ.
    DifferenceId,
    /// A key of the HTTP API.
    ApiKeyId,
    /// A webhook in the inbox.
    WebhookId,
    /// An email that we send.
    EmailId,
    /// Where a product wants to be told what happens.
    EndpointId,
    /// An event that an endpoint is to be told.
    DeliveryId,
    /// Something that happened, as the outbox tells it.
    EventId,
    /// One change of a subscription.
    ChangeId,
    /// Money that is given back.
    RefundId,
}
