//! The Rust client, against the real routes over a real connection: both read the wire the same.

use actix_web::{HttpServer, dev::ServerHandle, rt};
use billing_client::{
    Client, Consume, Decision, Error, Guard, Hold, Passed, QuotaReason, Refusal, SubscribeTo,
    SubscriptionStatus, Usage,
};
use billing_http::{app, codes::Code};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{subscriptions::subscribed, world::World};

/// A server of a world; it stops with the test.
struct Served {
    world: World,
    url: String,
    server: ServerHandle,
}

impl Served {
    async fn new() -> Self {
        let world = World::new().await;
        let http = world.http.clone();
        let server = HttpServer::new(move || app(http.clone())).workers(1).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let running = server.run();
        let server = running.handle();
        rt::spawn(running);
        Self { world, url, server }
    }

    fn client(&self, key: &str) -> Client {
        Client::new(&*self.url, key).unwrap()
    }

    /// With a key for all organizations.
    fn backend(&self) -> Client {
        self.client(&self.world.backend)
    }

    fn acme(&self) -> Uuid {
        self.world.acme.0
    }

    async fn pass(&self, guard: Guard) -> Result<Passed, (u16, Value)> {
        let passed = guard.pass(&self.backend(), Some(self.acme())).await;
        passed
            .map_err(|Refusal { status, body, .. }| (status, serde_json::from_str(&body).unwrap()))
    }

    async fn stop(self) {
        self.server.stop(false).await;
    }
}

#[actix_web::test]
async fn quotas_are_checked_and_use_is_counted() {
    let served = Served::new().await;
    let (client, acme) = (served.backend(), served.acme());
    let check = client.check_quota(acme, "projects", 4).await.unwrap();
    assert_eq!((check.quota.allowed, check.quota.reason), (false, QuotaReason::LimitReached));
    assert_eq!(check.quota.upgrade.unwrap().plan, "starter");

    let usage = || Usage::new("projects").organization(acme).quantity(2).idempotency_key("k");
    let first = client.check_and_record(usage()).await.unwrap();
    assert_eq!((first.quota.used, first.quota.remaining), (2, Some(1)));
    assert_eq!(client.check_and_record(usage()).await.unwrap(), first, "decided once");
    let reused = client.check_and_record(usage().quantity(3)).await.unwrap_err();
    assert!(matches!(reused, Error::Invalid(_)), "{reused}");

    let denied = client.check_and_record(usage().idempotency_key("l")).await.unwrap_err();
    let upgrade = denied.denied().unwrap().upgrade().unwrap();
    assert_eq!((upgrade.current_plan.as_str(), upgrade.price.amount), ("free", 900));

    let bound = served.client(&served.world.bound);
    let at = time::macros::datetime!(2026-03-14 13:00 +1);
    let properties = json!({ "name": "site" }).as_object().unwrap().clone();
    let usage = Usage::new("projects").quantity(9).at(at).properties(properties);
    assert_eq!(bound.track_usage(usage).await.unwrap().quota.used, 11);
    served.stop().await;
}

#[actix_web::test]
async fn credits_are_used() {
    let served = Served::new().await;
    let (client, acme) = (served.backend(), served.acme());
    let consume = || Consume::new("ai_inference").organization(acme).quantity(2);
    let denied = client.consume(consume()).await.unwrap_err();
    let shortfall = denied.denied().unwrap().shortfall().unwrap();
    assert_eq!((shortfall.required, shortfall.missing), (50, 50));
    assert!(shortfall.top_up.as_ref().unwrap().price.is_some());

    served.world.credit(served.world.acme, 100).await;
    let used = client.consume(consume().idempotency_key("a b \"c\"")).await.unwrap();
    assert_eq!((used.cost, used.balance), (50, 50));
    assert_eq!(client.consume(consume().idempotency_key("a b \"c\"")).await.unwrap(), used);
    let credits = client.credits(acme).await.unwrap();
    assert_eq!((credits.balance, credits.by_kind["promotional"]), (50, 50));
    assert_eq!((credits.grants[0].remaining, credits.grants[0].expires_at), (50, None));
    served.stop().await;
}

#[actix_web::test]
async fn subscriptions_begin_at_the_checkout() {
    let served = Served::new().await;
    let (client, acme) = (served.backend(), served.acme());
    let none = client.subscription(acme).await.unwrap();
    assert_eq!((none.status, none.gives_access()), (SubscriptionStatus::None, false));
    let (status, body) = served.pass(Guard::active_subscription()).await.unwrap_err();
    assert_eq!((status, &body["error"]["code"]), (402, &json!("SUBSCRIPTION_REQUIRED")));

    let to = |plan: &str| {
        SubscribeTo::new(plan, "https://example.com/paid", "https://example.com/no")
            .organization(acme)
            .idempotency_key("order \"1\"")
    };
    let opened = client.open_checkout(to("starter")).await.unwrap();
    assert_eq!(client.open_checkout(to("starter")).await.unwrap(), opened, "one page");
    let other = client.open_checkout(to("pro")).await.unwrap_err();
    assert!(other.to_string().starts_with("IDEMPOTENCY_KEY_REUSED"), "{other}");

    subscribed(&served.world).await;
    let subscription = client.subscription(acme).await.unwrap();
    assert_eq!(
        (subscription.status, subscription.gives_access()),
        (SubscriptionStatus::Active, true)
    );
    served.pass(Guard::active_subscription()).await.unwrap();
    assert!(!client.open_portal(acme, "https://example.com").await.unwrap().url.is_empty());
    let again = client.open_checkout(to("starter").idempotency_key("order 2")).await.unwrap_err();
    assert!(matches!(again, Error::Conflict(_)), "{again}");
    served.stop().await;
}

#[actix_web::test]
async fn a_guard_refuses_in_the_words_of_the_api() {
    let served = Served::new().await;
    let refused = |guard| async { served.pass(guard).await.unwrap_err() };
    let (status, checked) = refused(Guard::limit("exports", 2)).await;
    assert_eq!(status, 403);
    let (status, recorded) = refused(Guard::record("exports", 2)).await;
    assert_eq!(status, 403);
    for field in ["code", "message"] {
        assert_eq!(checked["error"][field], recorded["error"][field]);
    }
    for field in ["meter", "quantity", "allowed", "used", "limit", "reason", "resets_at", "upgrade"]
    {
        assert_eq!(checked["error"]["details"][field], recorded["error"]["details"][field]);
    }
    let (status, missing) = refused(Guard::consume("ai_inference", 1)).await;
    assert_eq!((status, &missing["error"]["details"]["missing"]), (402, &json!(25)));
    // A meter that is not there is a fault of the product: its users do not learn of it.
    let (status, fault) = refused(Guard::limit("steps", 1)).await;
    assert_eq!((status, &fault["error"]["details"]), (500, &json!({})));
    for (status, said) in [(403, checked), (402, missing), (500, fault)] {
        let known = Code::ALL.iter().find(|it| said["error"]["code"] == it.entry().code).unwrap();
        assert_eq!(known.entry().status, status);
    }
    served.stop().await;
}

#[actix_web::test]
async fn errors_are_sorted() {
    let served = Served::new().await;
    let acme = served.acme();
    let consume = || Consume::new("ai_inference").organization(acme);
    let unknown = served.backend().check_quota(acme, "steps", 1).await.unwrap_err();
    assert!(matches!(&unknown, Error::NotFound(it) if it.code == "METER_NOT_FOUND"), "{unknown}");
    let nameless = served.backend().check_quota(None, "projects", 1).await.unwrap_err();
    assert!(matches!(&nameless, Error::Invalid(_)), "{nameless}");
    let reader = served.client(&served.world.reader).consume(consume()).await.unwrap_err();
    assert!(matches!(&reader, Error::Unauthenticated(_)), "{reader}");
    let stranger = served.client("bk_of_nobody").consume(consume()).await.unwrap_err();
    assert!(matches!(&stranger, Error::Unauthenticated(_)), "{stranger}");
    let elsewhere = Client::new(format!("{}/elsewhere", served.url), &*served.world.backend);
    let lost = elsewhere.unwrap().credits(acme).await.unwrap_err();
    assert!(matches!(&lost, Error::Unexpected(_)), "{lost}");
    served.stop().await;
}

#[actix_web::test]
async fn credits_are_held_and_settled() {
    let served = Served::new().await;
    let (client, acme) = (served.backend(), served.acme());
    let short = client.hold(Hold::of("ai_inference", 1).organization(acme)).await.unwrap_err();
    assert_eq!(short.denied().unwrap().shortfall().unwrap().missing, 25);
    served.world.credit(served.world.acme, 100).await;
    let hold = || Hold::of("ai_inference", 2).organization(acme).idempotency_key("answer-1");
    let held = client.hold(hold()).await.unwrap();
    assert_eq!((held.amount, client.hold(hold()).await.unwrap()), (50, held.clone()));
    let settled = client.settle(acme, held.hold_id, 12).await.unwrap();
    assert_eq!((settled.settled, settled.returned, settled.balance), (12, 38, 88));
    assert_eq!(client.settle(acme, held.hold_id, 12).await.unwrap(), settled, "settled once");
    let over = client.release(acme, held.hold_id).await.unwrap_err();
    assert!(matches!(over, Error::Conflict(_)), "{over}");
    let other = client.hold(Hold::of_credits("ai_inference", 7).organization(acme)).await.unwrap();
    assert_eq!(client.release(acme, other.hold_id).await.unwrap().returned, 7);

    let passed = served.pass(Guard::hold("ai_inference", 1)).await.unwrap();
    let Decision::Held(held) = passed.decision() else { panic!("{passed:?}") };
    held.charge(3);
    passed.finish(true).await;
    assert_eq!(client.credits(acme).await.unwrap().balance, 85);
    served.pass(Guard::hold("ai_inference", 1)).await.unwrap().finish(false).await;
    assert_eq!(client.credits(acme).await.unwrap().balance, 85);
    served.stop().await;
}
