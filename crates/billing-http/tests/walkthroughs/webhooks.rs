//! Webhooks: forged, stale, repeated, concurrent, of strangers.

use std::process::Output;

use futures_util::future::join_all;
use ring::hmac;
use serde_json::json;
use time::OffsetDateTime;

use crate::{
    api::{Answer, Api, client, stripe, until},
    two_servers::{Pair, SECRET},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_proven_leaves_no_trace() {
    let pair = Pair::new("forged").await;
    let api = &pair.second.api;
    let (now, body) = (now(), event("evt_forged", "cs_test_forged"));
    let mut changed = signed(SECRET, now, &body);
    changed.replace_range(changed.len() - 1.., if changed.ends_with('0') { "1" } else { "0" });
    for forged in [
        None,
        Some(String::new()),
        Some("t=1,v1=".to_owned()),
        Some(changed),
        Some(signed("whsec_other", now, &body)),
        Some(signed(SECRET, now - 301, &body)),
        Some(signed(SECRET, now + 310, &body)),
        Some(signed(SECRET, now, &body.replace("evt_", "evt-"))),
        Some(signed(SECRET, now, &body).replace("t=", "t=0")),
    ] {
        let refused = api.webhook(forged.as_deref(), &body).await.expect(400);
        assert_eq!(refused.text("/error/code"), "INVALID_SIGNATURE", "{forged:?}");
    }
    let large = "x".repeat(10 << 20);
    let refused = api.webhook(Some(&signed(SECRET, now, &large)), &large).await.expect(413);
    assert_eq!(refused.text("/error/code"), "PAYLOAD_TOO_LARGE");
    let live = body.replace("\"livemode\":false", "\"livemode\":true");
    api.webhook(Some(&signed(SECRET, now, &live)), &live).await.expect(400);
    let connected = body.replace("\"livemode\":", "\"account\":\"acct_other\",\"livemode\":");
    let cut = body.get(..body.len() / 2).unwrap();
    for signed_but in ["[]", "", "\"{}\"", cut, &connected] {
        let refused = api.webhook(Some(&signed(SECRET, now, signed_but)), signed_but).await;
        assert_eq!(refused.expect(400).text("/error/code"), "VALIDATION_ERROR", "{signed_but}");
    }
    let metrics = api.get("/api/admin/metrics/webhooks").await.expect(200);
    let counted = ["/refused/bad_signatures", "/refused/unreadable"].map(|it| metrics.number(it));
    assert_eq!(counted, [10, 5]);
    assert_eq!(pair.sql.number("SELECT count(*) FROM webhooks"), 0);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_webhook_has_one_effect() {
    let pair = Pair::new("repeated").await;
    let (organization, session) = pair.paid().await;
    until("it is subscribed", async || {
        let credits = pair.first.api.get(&format!("/api/billing/credits/{organization}")).await;
        (credits.number("/balance") == 1000).then_some(())
    })
    .await;
    settled(&pair).await;
    let before = traces(&pair);

    // The gateway sends everything once more.
    let kept = pair.sql.rows("SELECT event_id FROM webhooks");
    assert!(kept.len() > 1, "{kept:?}");
    for event in kept.iter().map(|row| &row[0]) {
        let url = format!("{}/sandbox/events/{event}/resend", pair.first.sandbox());
        assert!(client().post(url).send().await.unwrap().status().is_success());
    }
    until("everything has come in once more", async || {
        let log = pair.first.log();
        (log.matches("/api/billing/webhook/stripe").count() == 2 * kept.len()).then_some(())
    })
    .await;
    // Ten times the same event at once, and ten different ones about the same.
    let body = event("evt_again", &session);
    let answers = join_all((0..10).map(|_| send(&pair.second.api, &body))).await;
    let new = answers.iter().filter(|answer| answer.body["duplicate"] == false).count();
    assert_eq!(new, 1, "it is kept once");
    let bodies: Vec<_> = (0..10).map(|n| event(&format!("evt_more_{n}"), &session)).collect();
    join_all(bodies.iter().map(|body| send(&pair.second.api, body))).await;
    settled(&pair).await;

    assert_eq!(traces(&pair), before, "nothing has more than one effect");
    let all = pair.sql.number("SELECT count(*) FROM webhooks");
    assert_eq!(all, i64::try_from(kept.len()).unwrap() + 11, "what came in is what is there");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_of_a_stranger_waits_and_is_seen() {
    let pair = Pair::new("stranger").await;
    let (api, sandbox) = (&pair.second.api, pair.first.sandbox());
    let customer = stripe(sandbox, "/v1/customers", &[("email", "who@else.example")]).await;
    let form = [
        ("mode", "payment"),
        ("customer", &*customer.expect(200).text("/id")),
        ("success_url", "https://else.example"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", "700"),
        ("line_items[0][price_data][product_data][name]", "Nothing of ours"),
    ];
    let session = stripe(sandbox, "/v1/checkout/sessions", &form).await.expect(200).text("/id");
    send(api, &event("evt_stranger", &session)).await;
    let waiting = until("it is retrying", async || {
        let list = api.get("/api/admin/webhooks?status=retrying").await.expect(200);
        list.list("/data").first().cloned()
    })
    .await;
    assert_eq!((&waiting["event_id"], &waiting["attempts"]), (&json!("evt_stranger"), &json!(1)));
    assert!(waiting["next_attempt_at"].is_string());
    let error = waiting["error"].as_str().unwrap();
    assert!(error.contains("no organization is known"), "{error}");

    // It holds up nobody, and tried by hand it is tried at once.
    let (organization, _) = pair.paid().await;
    until("another is subscribed", async || {
        let live = api.get(&format!("/api/billing/subscription/{organization}")).await;
        (live.text("/status") == "active").then_some(())
    })
    .await;
    let id = waiting["id"].as_str().unwrap();
    let why = json!({ "reason": "Tried by hand" });
    api.post(&format!("/api/admin/webhooks/{id}/retry"), &why).await.expect(202);
    until("it is retrying again", async || {
        let list = api.get("/api/admin/webhooks?status=retrying").await.expect(200);
        list.list("/data").iter().any(|it| it["id"] == id).then_some(())
    })
    .await;
    the_operator_gives_it_up(&pair, id).await;
    pair.stop().await;
}

/// `billing events`, beside the running servers.
async fn the_operator_gives_it_up(pair: &Pair, id: &str) {
    let events = async |arguments: &[&str]| {
        let setup = pair.command().argument("events");
        let setup = arguments.iter().fold(setup, |setup, argument| setup.argument(argument));
        let Output { status, stdout, stderr } = setup.run().await;
        assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    };
    let listed = events(&["list", "--status", "retrying", "--gateway", "stripe"]).await;
    assert!(listed.contains(id) && listed.contains("evt_stranger"), "{listed}");
    let matching = events(&["retry", "--status", "retrying", "--dry-run"]).await;
    assert!(matching.contains("that match would be tried") && matching.contains(id), "{matching}");
    events(&["discard", id, "--reason", "Nobody of ours"]).await;
    let told = events(&["inspect", id]).await;
    for part in ["status   discarded", "discard by operator", "Nobody of ours", "no organization"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

/// All that a webhook may have an effect on.
fn traces(pair: &Pair) -> Vec<Vec<String>> {
    pair.sql.rows(
        "SELECT (SELECT count(*) FROM subscriptions), (SELECT count(*) FROM payments), \
         (SELECT count(*) FROM credit_grants), (SELECT count(*) FROM credit_transactions), \
         (SELECT sum(balance) FROM credit_accounts), (SELECT count(*) FROM subscription_changes), \
         (SELECT count(*) FROM outbox)",
    )
}

async fn settled(pair: &Pair) {
    until("all webhooks are processed", async || {
        let sql = "SELECT count(*) FROM webhooks WHERE status NOT IN ('processed', 'ignored')";
        (pair.sql.number(sql) == 0).then_some(())
    })
    .await;
}

async fn send(api: &Api, body: &str) -> Answer {
    api.webhook(Some(&signed(SECRET, now(), body)), body).await.expect(200)
}

/// An event of Stripe that tells where to look.
fn event(id: &str, session: &str) -> String {
    let object = json!({ "id": session, "object": "checkout.session" });
    json!({ "id": id, "object": "event", "type": "checkout.session.completed", "livemode": false,
            "data": { "object": object } })
    .to_string()
}

/// The header that proves a body.
fn signed(secret: &str, at: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{at}.{body}").as_bytes());
    let hex = tag.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    format!("t={at},v1={hex}")
}

#[expect(clippy::disallowed_methods, reason = "signatures are dated by the real time")]
fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}
