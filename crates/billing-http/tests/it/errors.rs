//! Every error has its code and status, and one form.

use actix_web::{ResponseError as _, body::to_bytes};
use billing_app::{Error, Missing, Refusal};
use billing_domain::{
    collection::NotAgain,
    payment::ChargeFailure,
    subscription::{Action, InvalidTransition, NotNow},
    trial::CannotExtend,
};
use billing_http::{Problem, codes::Code};
use billing_testkit::NOON;
use serde_json::{Value, json};

use crate::world::{World, request};

async fn seen(error: Error) -> (u16, String, Value) {
    let problem = Problem::from(error);
    let answer = problem.error_response();
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body()).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    (status, body["error"]["code"].as_str().unwrap().to_owned(), body["error"].clone())
}

#[actix_web::test]
async fn every_error_has_its_status_and_code() {
    let cause = || anyhow::anyhow!("the password is hunter2");
    let retry_after = core::time::Duration::from_secs(5);
    let errors = [
        (Error::Unauthenticated("no"), 401, "UNAUTHENTICATED"),
        (Error::Forbidden("write"), 403, "INSUFFICIENT_SCOPE"),
        (Error::invalid("name", "must be"), 400, "VALIDATION_ERROR"),
        (Error::Conflict("it"), 409, "CONFLICT"),
        (
            Error::Unavailable { what: "stripe", retry_after, cause: cause() },
            503,
            "SERVICE_UNAVAILABLE",
        ),
        (Error::GatewayUnavailable { gateway: "stripe", retry_after }, 503, "GATEWAY_UNAVAILABLE"),
        (Error::Internal(cause()), 500, "INTERNAL_ERROR"),
    ];
    for (error, status, code) in errors {
        let (seen_status, seen_code, body) = seen(error).await;
        assert_eq!((seen_status, seen_code.as_str()), (status, code));
        assert!(!body.to_string().contains("hunter2"), "the cause is for the log only");
    }
}

#[actix_web::test]
async fn everything_that_can_be_missing_has_its_code() {
    let mut table = Vec::new();
    for missing in Missing::ALL {
        let (status, code, body) = seen(Error::NotFound(missing)).await;
        assert_eq!(status, 404);
        table.push(format!("{code}: {}", body["message"].as_str().unwrap()));
    }
    insta::assert_snapshot!(table.join("\n"), @"
    ORGANIZATION_NOT_FOUND: Organization not found
    PLAN_NOT_FOUND: Plan not found
    CREDIT_PRODUCT_NOT_FOUND: Credit product not found
    CREDIT_EVENT_NOT_FOUND: Credit event not found
    METER_NOT_FOUND: Meter not found
    SUBSCRIPTION_NOT_FOUND: Subscription not found
    API_KEY_NOT_FOUND: API key not found
    GATEWAY_NOT_FOUND: Gateway not found
    CUSTOMER_NOT_FOUND: Customer not found
    WEBHOOK_NOT_FOUND: Webhook not found
    EMAIL_NOT_FOUND: Email not found
    IDENTITY_PROVIDER_NOT_FOUND: Identity provider not found
    WEBHOOK_ENDPOINT_NOT_FOUND: Webhook endpoint not found
    DELIVERY_NOT_FOUND: Delivery not found
    HOLD_NOT_FOUND: Hold not found
    DRAW_NOT_FOUND: Use of credits not found
    DECISION_NOT_FOUND: Decision not found
    AUTO_TOP_UP_NOT_FOUND: Auto top-up not found
    JOB_NOT_FOUND: Job not found
    RECONCILIATION_NOT_FOUND: Reconciliation not found
    TRIAL_NOT_FOUND: Trial not found
    DISCOUNT_NOT_FOUND: Discount code not found
    INVOICE_NOT_FOUND: Invoice not found
    ");
}

#[actix_web::test]
async fn every_refusal_has_its_status_and_code() {
    let refusals = [
        Refusal::AlreadySubscribed { plan: "starter".to_owned(), status: "active" },
        Refusal::TrialUsed { by: "email" },
        Refusal::CannotExtend(CannotExtend::Over { at: NOON }),
        Refusal::CannotExtend(CannotExtend::Limit { asked: 3, extensions_left: 1, days_left: 2 }),
        Refusal::PlanIsFree("free".to_owned()),
        Refusal::NoSuchPrice,
        Refusal::CreditEventInactive("old".to_owned()),
        Refusal::KeyReused,
        Refusal::ExternalIdTaken("ext".to_owned()),
        Refusal::OutOfTime("the event is more than 35 days old"),
        Refusal::NotAtThisGateway { gateway: "stripe", what: "it has no page" },
        Refusal::GatewayRefused { message: "the account is restricted".to_owned() },
        Refusal::InvalidTransition(InvalidTransition { from: "active", verb: "resume" }),
        Refusal::NotNow(NotNow::ChangePending { allowed: vec![Action::Cancel, Action::Resume] }),
        Refusal::NotNow(NotNow::NotFromHere {
            from: "cancelled",
            verb: "pause",
            allowed: Vec::new(),
        }),
        Refusal::NothingToChange,
        Refusal::NotAnUpgrade,
        Refusal::SeatsInUse { used: 7 },
        Refusal::PaymentPending,
        Refusal::PreviewStale,
        Refusal::PaymentDeclined(ChargeFailure::ExpiredCard),
        Refusal::NotAgain(NotAgain::Hard),
        Refusal::NotAgain(NotAgain::TooOften),
        Refusal::ChargePending,
        Refusal::NotPayable { status: "void" },
        Refusal::HoldSettled(30),
        Refusal::HoldReleased,
        Refusal::HoldTimedOut(NOON),
        Refusal::MoreThanHeld(100),
        Refusal::MoreThanUsed(0),
        Refusal::NoMailbox,
        Refusal::NoMailer,
        Refusal::WebhookDone("processed"),
        Refusal::NoSecretKey,
        Refusal::TooMuch,
        Refusal::JobRunning("webhook-retry".to_owned()),
        Refusal::ClockIsReal,
        Refusal::ClockGoesBack(NOON),
    ];
    let mut table = Vec::new();
    for refusal in refusals {
        let (status, code, body) = seen(refusal.into()).await;
        let (message, details) = (body["message"].as_str().unwrap(), &body["details"]);
        table.push(format!("{status} {code}: {message} {details}"));
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    409 ALREADY_SUBSCRIBED: The organization already has a live subscription; change it, or cancel it first {"plan":"starter","status":"active"}
    409 TRIAL_USED: There is one trial for each organization, user and email: this email has had it; subscribe instead {"by":"email"}
    422 TRIAL_OVER: The trial ended at 2026-03-14 12:00:00.535897 +00:00:00 {"ended_at":"2026-03-14T12:00:00.535897Z"}
    422 TRIAL_EXTENSION_LIMIT: The trial cannot be extended by 3 days: 1 extensions and 2 days are left {"days":3,"days_left":2,"extensions_left":1}
    422 PLAN_IS_FREE: The plan `free` is free: there is nothing to check out {"plan":"free"}
    422 NO_SUCH_PRICE: There is no price for that currency and interval {}
    422 CREDIT_EVENT_INACTIVE: The credit event `old` is not active {"event":"old"}
    422 IDEMPOTENCY_KEY_REUSED: The idempotency key was used before with another request; take a new key {}
    409 EXTERNAL_ID_TAKEN: Another organization has the external id `ext` {"external_id":"ext"}
    422 EVENT_OUT_OF_TIME: The event is more than 35 days old {"field":"timestamp"}
    422 NOT_AT_THIS_GATEWAY: Stripe cannot do that: it has no page {"gateway":"stripe"}
    422 GATEWAY_REFUSED: The gateway refused: the account is restricted {}
    422 INVALID_TRANSITION: A subscription that is active cannot resume {"status":"active"}
    409 CHANGE_PENDING: Another change of the subscription is under way or planned {"allowed":["cancel","resume"]}
    422 INVALID_TRANSITION: A subscription that is cancelled cannot pause {"allowed":[],"status":"cancelled"}
    422 NOTHING_TO_CHANGE: The subscription is so already: there is nothing to change {}
    422 NOT_AN_UPGRADE: That is no upgrade: it does not cost more {}
    422 SEATS_IN_USE: 7 seats are in use {"used":7}
    409 PAYMENT_PENDING: A payment of the subscription is under way or overdue: that comes first {}
    409 PREVIEW_STALE: What the preview said holds no more; look at a new one {}
    402 PAYMENT_DECLINED: The payment was declined, and nothing has changed {"why":"expired_card"}
    422 METHOD_NOT_CHARGED: The payment method is not charged again: its bank has refused it for good {}
    422 METHOD_NOT_CHARGED: The payment method is not charged again: it was charged too often in the last days {}
    409 CHARGE_PENDING: It is not known yet how the last charge ended; look again soon {}
    422 INVOICE_NOT_PAYABLE: There is nothing of ours to charge for an invoice that is void {"status":"void"}
    409 HOLD_RESOLVED: The hold was settled before, for 30 credits {"how":"settled","settled":30}
    409 HOLD_RESOLVED: The hold was released before {"how":"released"}
    409 HOLD_RESOLVED: The hold timed out at 2026-03-14 12:00:00.535897 +00:00:00; what it held has returned {"at":"2026-03-14T12:00:00.535897Z","how":"timed_out"}
    422 HOLD_EXCEEDED: Only 100 credits are held {"held":100}
    422 REFUND_EXCEEDED: Only 0 credits of it can be given back {"left":0}
    422 NO_MAILBOX: There is no mailbox: emails are sent, or kept as `unsent` {}
    422 EMAIL_NOT_CONFIGURED: There is no way to send emails: set SMTP_URL {}
    422 WEBHOOK_DONE: The webhook is processed: there is nothing to give up {"status":"processed"}
    422 NO_SECRET_KEY: The installation has no key to make secrets with: set BILLING_SECRET_KEY {}
    422 USAGE_TOO_LARGE: The total on this meter would be too large to be counted {"field":"quantity"}
    409 JOB_RUNNING: The job `webhook-retry` is running already {"job":"webhook-retry"}
    422 CLOCK_IS_REAL: The clock moves only in a sandbox: where money is real, time is too {}
    422 CLOCK_GOES_BACK: The clock stands at 2026-03-14 12:00:00.535897 +00:00:00, and cannot go back {"now":"2026-03-14T12:00:00.535897Z"}
    "#);
}

#[test]
fn codes_are_unique_and_sorted_by_status() {
    let entries: Vec<_> = Code::ALL.iter().map(|code| code.entry()).collect();
    assert!(entries.is_sorted_by_key(|entry| entry.status));
    for (n, entry) in entries.iter().enumerate() {
        assert!(entries.iter().skip(n + 1).all(|other| other.code != entry.code), "{}", entry.code);
        let shouted = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
        assert!(entry.code.bytes().all(shouted), "{}", entry.code);
    }
}

#[actix_web::test]
async fn an_error_has_the_envelope() {
    let world = World::new().await;
    let asked = request("GET", "/api/billing/credits/none", &world.backend)
        .insert_header(("X-Request-Id", "test-1"));
    let answer = world.send(asked).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("vary"), Some("Accept"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let expected = json!({ "success": false, "error": {
        "code": "ORGANIZATION_NOT_FOUND",
        "message": "Organization not found",
        "details": {},
        "request_id": "test-1",
    }});
    assert_eq!(answer.json(), expected);
}

#[actix_web::test]
async fn whoever_prefers_it_gets_a_problem_by_rfc_9457() {
    let world = World::new().await;
    let asked = request("GET", "/api/billing/check-quota?meter=none", &world.bound)
        .insert_header(("X-Request-Id", "test-1"))
        .insert_header(("Accept", "application/problem+json, application/json;q=0.5"));
    let answer = world.send(asked).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.header("vary"), Some("Accept"));
    let expected = json!({
        "type": "urn:billing:problem:meter_not_found",
        "title": "No such meter",
        "status": 404,
        "detail": "Meter not found",
        "instance": "/api/billing/check-quota",
        "code": "METER_NOT_FOUND",
        "details": {},
        "retryable": false,
        "request_id": "test-1",
    });
    assert_eq!(answer.json(), expected);
}

#[actix_web::test]
async fn what_is_down_is_said_with_when_to_retry() {
    let world = World::new().await;
    assert_eq!(world.get("/api/hello", &world.bound).await.status, 200);
    world.store.go_down();
    let path = format!("/api/billing/credits/{}", world.acme);
    let answer = world.get(&path, &world.bound).await;
    assert_eq!(answer.refused(), (503, "SERVICE_UNAVAILABLE".to_owned()));
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds >= 1);
}

#[actix_web::test]
async fn unknown_paths_and_methods_are_said_in_the_same_form() {
    let world = World::new().await;
    for path in ["/api", "/api/billing", "/api/billing/plans/", "/nothing", "/api/billing//plans"] {
        let answer = world.get(path, &world.backend).await;
        assert_eq!(answer.refused(), (404, "ROUTE_NOT_FOUND".to_owned()), "{path}");
    }
    for (method, path, allow) in [
        ("PUT", "/api/billing/check-quota", "GET, POST"),
        ("DELETE", "/api/billing/plans", "GET"),
        ("GET", "/api/billing/credits/consume/x", ""),
        ("PATCH", "/api/admin/organizations/0192d3a4-0000-7000-8000-000000000001", "GET"),
        ("OPTIONS", "/health/live", "GET"),
    ] {
        let answer = world.send(request(method, path, &world.backend)).await;
        if allow.is_empty() {
            assert_eq!(answer.status, 404, "{path}");
            continue;
        }
        assert_eq!(answer.refused(), (405, "METHOD_NOT_ALLOWED".to_owned()), "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allow));
    }
    let page = world.get("/docs/nothing.js", "").await;
    assert_eq!(page.refused(), (404, "ROUTE_NOT_FOUND".to_owned()));
}
