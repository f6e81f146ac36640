//! What a request can name in vain.

/// What a request can name in vain.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Missing {
    /// An organization.
    Organization,
    /// A plan, or one that is on sale.
    Plan,
    /// A pack of credits, or one that is on sale.
    CreditProduct,
    /// A credit event.
    CreditEvent,
    /// A meter.
    Meter,
    /// A subscription.
    Subscription,
    /// A key of the API.
    ApiKey,
    /// A gateway, or one that is switched on.
    Gateway,
    /// A customer at the gateway: nothing was ever bought.
    Customer,
    /// A webhook in the inbox.
    Webhook,
    /// An email.
    Email,
    /// An identity provider that is switched on.
    IdentityProvider,
    /// An endpoint that webhooks are sent to.
    WebhookEndpoint,
    /// A delivery to it.
    Delivery,
    /// Credits that are reserved.
    Hold,
    /// A use of credits.
    Draw,
    /// A decision.
    Decision,
    /// An auto top-up of credits: nobody ever said what is wanted.
    AutoTopUp,
    /// A job.
    Job,
    /// A run of reconciliation.
    Reconciliation,
    /// A trial: the organization never had one.
    Trial,
    /// A discount code.
    Discount,
    /// An invoice.
    Invoice,
}

impl Missing {
    /// Every one of them, for the registry of error codes.
    pub const ALL: [Self; 23] = [
        Self::Organization,
        Self::Plan,
        Self::CreditProduct,
        Self::CreditEvent,
        Self::Meter,
        Self::Subscription,
        Self::ApiKey,
        Self::Gateway,
        Self::Customer,
        Self::Webhook,
        Self::Email,
        Self::IdentityProvider,
        Self::WebhookEndpoint,
        Self::Delivery,
        Self::Hold,
        Self::Draw,
        Self::Decision,
        Self::AutoTopUp,
        Self::Job,
        Self::Reconciliation,
        Self::Trial,
        Self::Discount,
        Self::Invoice,
    ];

    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Plan => "plan",
            Self::CreditProduct => "credit product",
            Self::CreditEvent => "credit event",
            Self::Meter => "meter",
            Self::Subscription => "subscription",
            Self::ApiKey => "API key",
            Self::Gateway => "gateway",
            Self::Customer => "customer",
            Self::Webhook => "webhook",
            Self::Email => "email",
            Self::IdentityProvider => "identity provider",
            Self::WebhookEndpoint => "webhook endpoint",
            Self::Delivery => "delivery",
            Self::Hold => "hold",
            Self::Draw => "use of credits",
            Self::Decision => "decision",
            Self::AutoTopUp => "auto top-up",
            Self::Job => "job",
            Self::Reconciliation => "reconciliation",
            Self::Trial => "trial",
            Self::Discount => "discount code",
            Self::Invoice => "invoice",
        }
    }
}
