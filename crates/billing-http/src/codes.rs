//! The registry of error codes: what a program reads, and what it should do next.

/// What a code stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The code, as it stands in answers.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened, in a few words.
    pub title: &'static str,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// What to do about it.
    pub advice: &'static str,
}

macro_rules! codes {
    ($($variant:ident $code:ident $status:literal $retryable:ident $title:literal $advice:literal;)*) => {
        /// Every error that the API answers with.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// Every code there is, by status.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// What it stands for.
            pub const fn entry(self) -> Entry {
                match self {
                    $(Self::$variant => Entry {
                        code: stringify!($code),
                        status: $status,
                        title: $title,
                        retryable: codes!(@ $retryable),
                        advice: $advice,
                    },)*
                }
            }
        }
    };
    (@ retry) => { true };
    (@ final) => { false };
}

codes! {
    Validation VALIDATION_ERROR 400 final "A field is missing or wrong"
        "Change the field named in `details.field`.";
    MalformedJson MALFORMED_JSON 400 final "The body is not a JSON object"
        "Send a JSON object; the message names line and column.";
    InvalidSignature INVALID_SIGNATURE 400 final "The webhook does not prove where it comes from"
        "Check the signing secret of the endpoint, and the clock of the server.";
    Unauthenticated UNAUTHENTICATED 401 final "The API key is missing or not valid"
        "Send `Authorization: Bearer bk_…` with a key that is not revoked.";
    InsufficientCredits INSUFFICIENT_CREDITS 402 final "There are not enough credits"
        "Nothing was taken. Buy the pack in `details.top_up`, then ask with a new key.";
    PaymentDeclined PAYMENT_DECLINED 402 final "The payment was declined"
        "Nothing has changed. Let the payer add another method in the portal, then ask again.";
    InsufficientScope INSUFFICIENT_SCOPE 403 final "The API key may not do that"
        "Use a key with the scope in `details.scope`.";
    LimitReached LIMIT_REACHED 403 final "The plan does not allow so much"
        "Nothing was counted. Upgrade to the plan in `details.upgrade`, or wait for `resets_at`.";
    RouteNotFound ROUTE_NOT_FOUND 404 final "There is nothing at this path"
        "Check the path against the API reference.";
    OrganizationNotFound ORGANIZATION_NOT_FOUND 404 final "No such organization"
        "Check the id. What belongs to somebody else is not found either.";
    PlanNotFound PLAN_NOT_FOUND 404 final "No such plan is on sale"
        "Take a `key` from `GET /api/billing/plans`.";
    CreditProductNotFound CREDIT_PRODUCT_NOT_FOUND 404 final "No such pack is on sale"
        "Take an `id` or `key` from `GET /api/billing/credit-products`.";
    CreditEventNotFound CREDIT_EVENT_NOT_FOUND 404 final "No such credit event"
        "Check the name against the catalogue.";
    MeterNotFound METER_NOT_FOUND 404 final "No such meter"
        "Check the key against the catalogue.";
    SubscriptionNotFound SUBSCRIPTION_NOT_FOUND 404 final "No such subscription"
        "Check the id.";
    ApiKeyNotFound API_KEY_NOT_FOUND 404 final "No such API key"
        "Check the id.";
    GatewayNotFound GATEWAY_NOT_FOUND 404 final "The gateway is not switched on"
        "Configure the gateway, or use another one.";
    CustomerNotFound CUSTOMER_NOT_FOUND 404 final "The gateway does not know the organization yet"
        "Open a checkout first.";
    WebhookNotFound WEBHOOK_NOT_FOUND 404 final "No such webhook"
        "Check the id.";
    EmailNotFound EMAIL_NOT_FOUND 404 final "No such email"
        "Check the id.";
    IdentityProviderNotFound IDENTITY_PROVIDER_NOT_FOUND 404 final "The identity provider is not switched on"
        "Set its signing secret, such as `CLERK_WEBHOOK_SECRET`.";
    WebhookEndpointNotFound WEBHOOK_ENDPOINT_NOT_FOUND 404 final "No such webhook endpoint"
        "Take an `id` from `GET /api/admin/webhook-endpoints`.";
    DeliveryNotFound DELIVERY_NOT_FOUND 404 final "No such delivery to the endpoint"
        "Take an `id` from the deliveries of the endpoint. They are kept for a month.";
    HoldNotFound HOLD_NOT_FOUND 404 final "No such hold"
        "Check the id and the organization.";
    DrawNotFound DRAW_NOT_FOUND 404 final "No such use of credits"
        "Take `seq` or `decision_id` from the answer of a consume, or from the transactions.";
    DecisionNotFound DECISION_NOT_FOUND 404 final "No such decision"
        "Check the id. Denials are kept for a month; what a plain check answers is not kept.";
    AutoTopUpNotFound AUTO_TOP_UP_NOT_FOUND 404 final "No auto top-up was ever set"
        "Set it with `PUT`.";
    JobNotFound JOB_NOT_FOUND 404 final "No such job"
        "Take a `name` from `GET /api/admin/jobs`.";
    ReconciliationNotFound RECONCILIATION_NOT_FOUND 404 final "No such run of reconciliation"
        "Take an `id` from `GET /api/admin/reconciliations`.";
    TrialNotFound TRIAL_NOT_FOUND 404 final "The organization never had a trial"
        "Begin one with `POST /api/billing/trials`.";
    DiscountNotFound DISCOUNT_NOT_FOUND 404 final "No such discount code"
        "Check the code, or leave `discount_code` out.";
    InvoiceNotFound INVOICE_NOT_FOUND 404 final "No such invoice"
        "Take an `id` from `GET /api/billing/invoices/{org_id}`.";
    MethodNotAllowed METHOD_NOT_ALLOWED 405 final "The path has no such method"
        "Use a method of the header `Allow`.";
    NotAcceptable NOT_ACCEPTABLE 406 final "No encoding is acceptable to both"
        "Accept `identity` or `gzip`.";
    Conflict CONFLICT 409 retry "It has changed in the meantime"
        "Look again, then retry.";
    RequestInProgress REQUEST_IN_PROGRESS 409 retry "The same request is still running"
        "Retry with the same key after `Retry-After` seconds.";
    AlreadySubscribed ALREADY_SUBSCRIBED 409 final "There is a live subscription already"
        "Change it with `POST /api/billing/subscription/{org_id}/change`, or cancel it.";
    ChangePending CHANGE_PENDING 409 final "Another change of the subscription is under way or planned"
        "Ask for one of `details.allowed`: `resume` takes back what is planned. Where nothing is allowed, wait until it is known what became of the last change.";
    PaymentPending PAYMENT_PENDING 409 retry "A payment of the subscription is under way or overdue"
        "Nothing was done. Wait until it is known how it ended, or pay what is overdue; an end with the period can be asked for meanwhile.";
    PreviewStale PREVIEW_STALE 409 final "What the preview said holds no more"
        "Nothing was done. Ask for a new preview, and send its token.";
    ChargePending CHARGE_PENDING 409 retry "It is not known yet how the last charge ended"
        "Look at the invoice again in a minute: nothing else is charged for it until then.";
    TrialUsed TRIAL_USED 409 final "Organization, user or email has had a trial"
        "There is one for each, for ever; `details.by` says which. Subscribe with `POST /api/billing/subscription/checkout`.";
    DiscountCodeTaken DISCOUNT_CODE_TAKEN 409 final "There is such a discount code already"
        "Take another code. What a code takes off never changes.";
    ExternalIdTaken EXTERNAL_ID_TAKEN 409 final "Another organization has this external id"
        "Find it with `GET /api/admin/organizations?external_id=`.";
    HoldResolved HOLD_RESOLVED 409 final "The hold is settled, released or timed out"
        "A hold resolves once: `details` says how. Hold again for more.";
    JobRunning JOB_RUNNING 409 retry "The job is running already"
        "One runs at a time: look at its runs, and ask again when it has ended.";
    PayloadTooLarge PAYLOAD_TOO_LARGE 413 final "The body is too large"
        "Send less at once.";
    UnsupportedMediaType UNSUPPORTED_MEDIA_TYPE 415 final "The body is of a type that is not read"
        "Send `Content-Type: application/json`, not compressed.";
    PlanIsFree PLAN_IS_FREE 422 final "Nothing is to be paid for the plan"
        "There is nothing to do: without a subscription an organization is on the free plan.";
    NoSuchPrice NO_SUCH_PRICE 422 final "There is no price for that currency and interval"
        "Choose one of the `prices` in the catalogue.";
    DiscountInactive DISCOUNT_INACTIVE 422 final "The discount code is switched off"
        "Leave `discount_code` out, or take another.";
    DiscountNotStarted DISCOUNT_NOT_STARTED 422 final "The discount code is not valid yet"
        "Wait until `details.starts_at`.";
    DiscountExpired DISCOUNT_EXPIRED 422 final "The discount code is not valid any more"
        "Leave `discount_code` out, or take another.";
    DiscountNotForPlan DISCOUNT_NOT_FOR_PLAN 422 final "The discount code is for other plans"
        "Choose another plan, or leave `discount_code` out.";
    DiscountCurrency DISCOUNT_CURRENCY 422 final "The discount code is for prices in another currency"
        "Choose another `currency`, or leave `discount_code` out.";
    DiscountBelowMinimum DISCOUNT_BELOW_MINIMUM 422 final "The price is too low for the discount code"
        "Choose a price of at least `details.minimum`.";
    DiscountFirstTimeOnly DISCOUNT_FIRST_TIME_ONLY 422 final "The discount code is for those who have never paid"
        "Leave `discount_code` out, or take another.";
    DiscountAlreadyUsed DISCOUNT_ALREADY_USED 422 final "The organization has used the discount code"
        "Each customer may use it once. Leave `discount_code` out.";
    DiscountExhausted DISCOUNT_EXHAUSTED 422 final "The discount code was used as often as it may be"
        "Open checkouts count while they can be paid. Leave `discount_code` out, or take another.";
    CreditEventInactive CREDIT_EVENT_INACTIVE 422 final "The credit event is switched off"
        "Switch it on, or use another one.";
    IdempotencyKeyReused IDEMPOTENCY_KEY_REUSED 422 final "The key was used for another request"
        "Take a new key for a new request.";
    EventOutOfTime EVENT_OUT_OF_TIME 422 final "The event is too old or too new to be counted"
        "Send a `timestamp` of the last 35 days.";
    NotOnThisMeter NOT_ON_THIS_METER 422 final "The meter does not count in that way"
        "Read the message: only meters that count or sum up can be checked and counted in one step, or counted down.";
    NotAtThisGateway NOT_AT_THIS_GATEWAY 422 final "The gateway cannot do that"
        "Use another gateway.";
    GatewayRefused GATEWAY_REFUSED 422 final "The gateway refused the request"
        "Read the message: it is in the gateway's words.";
    InvalidTransition INVALID_TRANSITION 422 final "The subscription is not where that can be done"
        "Look at its status, and ask for one of `details.allowed`.";
    InvoiceNotPayable INVOICE_NOT_PAYABLE 422 final "We cannot charge that invoice"
        "Look at its `status` and `issuer`: only invoices of ours that are open or uncollectible can be charged; a gateway's are paid on its page, `hosted_url`.";
    MethodNotCharged METHOD_NOT_CHARGED 422 final "The payment method must not be charged again"
        "Let the payer add another method in the portal, then ask again.";
    NoSecretKey NO_SECRET_KEY 422 final "The installation has no key to make secrets with"
        "Set `BILLING_SECRET_KEY` to 32 random bytes in base64, and start the server again.";
    WebhookDone WEBHOOK_DONE 422 final "The webhook is processed or ignored: there is nothing to give up"
        "There is nothing to do.";
    NoMailbox NO_MAILBOX 422 final "Emails are not kept in a mailbox here"
        "Only a sandbox without `SMTP_URL` keeps them; look at `GET /api/admin/emails`.";
    EmailNotConfigured EMAIL_NOT_CONFIGURED 422 final "There is no way to send emails"
        "Set `SMTP_URL` and `EMAIL_FROM`, then ask again.";
    NothingToChange NOTHING_TO_CHANGE 422 final "The subscription is so already"
        "There is nothing to do.";
    NotAnUpgrade NOT_AN_UPGRADE 422 final "What is wanted is not dearer"
        "Use `POST /api/billing/subscription/{org_id}/change`.";
    SeatsInUse SEATS_IN_USE 422 final "More seats are in use than would be left"
        "Free seats first: `details.used` are in use.";
    TrialOver TRIAL_OVER 422 final "The trial has ended"
        "It cannot be extended any more. Subscribe with `POST /api/billing/subscription/checkout`.";
    TrialExtensionLimit TRIAL_EXTENSION_LIMIT 422 final "The trial cannot be extended so far"
        "`details` says how many extensions and days are left.";
    HoldExceeded HOLD_EXCEEDED 422 final "More than is held"
        "Settle at most `details.held`, and consume the rest.";
    RefundExceeded REFUND_EXCEEDED 422 final "More than was used"
        "Give back at most `details.left`.";
    UsageTooLarge USAGE_TOO_LARGE 422 final "The total would be too large to be counted"
        "Check the quantity.";
    ClockIsReal CLOCK_IS_REAL 422 final "The clock moves only in a sandbox"
        "Where money is real, time is too.";
    ClockGoesBack CLOCK_GOES_BACK 422 final "The clock cannot go back"
        "Name an instant after `details.now`.";
    Internal INTERNAL_ERROR 500 retry "A fault of ours"
        "Retry with the same idempotency key; report the `request_id` if it stays.";
    GatewayUnavailable GATEWAY_UNAVAILABLE 503 retry "The gateway does not answer, and is left alone for a while"
        "Nothing was done. Retry with the same idempotency key after `Retry-After` seconds, or name another gateway.";
    Unavailable SERVICE_UNAVAILABLE 503 retry "Something that we need does not answer"
        "Retry with the same idempotency key after `Retry-After` seconds.";
}

/// The registry as a table in Markdown, for the API reference.
pub fn table() -> String {
    let head = "| Code | Status | Retry | What happened | What to do |\n|---|---|---|---|---|\n";
    let rows = Code::ALL.iter().map(|code| {
        let Entry { code, status, title, retryable, advice } = code.entry();
        let retry = if retryable { "yes" } else { "no" };
        format!("| `{code}` | {status} | {retry} | {title} | {advice} |\n")
    });
    rows.fold(head.to_owned(), |table, row| table + &row)
}
