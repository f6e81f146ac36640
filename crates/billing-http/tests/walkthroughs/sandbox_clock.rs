//! Months pass in a moment, at several servers, and everything happens that would have happened.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    api::{Answer, Api, until},
    folder::Folder,
    process::Setup,
    scratch::Scratch,
    sql::Sql,
    two_servers::{Pair, SECRET},
};

const CLOCK: &str = "/api/admin/sandbox/clock";

async fn advance(api: &Api, by: &str) -> Answer {
    api.post(CLOCK, &json!({ "advance": by })).await.expect(200)
}

/// By how many days; what moving took is not counted.
async fn days_ahead(api: &Api) -> i64 {
    let seconds = api.get(CLOCK).await.expect(200).number("/ahead_seconds");
    (Duration::seconds(seconds) + Duration::HOUR).whole_days()
}

fn instant(value: &Value) -> OffsetDateTime {
    OffsetDateTime::parse(value.as_str().unwrap(), &Rfc3339).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_renews_as_months_pass() {
    let pair = Pair::new("months").await;
    let (one, other) = (&pair.first.api, &pair.second.api);
    let (payer, _) = pair.paid().await;
    let path = format!("/api/billing/subscription/{payer}");
    until("the subscription is active", async || {
        Some(one.get(&path).await.expect(200)).filter(|it| it.text("/status") == "active")
    })
    .await;

    // Whichever server is asked, all go by it at once.
    advance(other, "32d").await;
    for api in [one, other] {
        assert_eq!(days_ahead(api).await, 32);
    }
    advance(one, "31d").await;
    assert_eq!(days_ahead(other).await, 63);

    let history = other.get(&format!("/api/billing/history/{payer}")).await.expect(200);
    let payments = history.list("/data").iter().filter(|it| it["type"] == "payment");
    let mut paid: Vec<_> = payments.map(|it| instant(&it["created_at"])).collect();
    paid.sort();
    assert_eq!(paid.len(), 3, "{}", history.body);
    for (earlier, later) in paid.iter().zip(&paid[1..]) {
        assert!((28..=31).contains(&(*later - *earlier).whole_days()), "{paid:?}");
    }
    let live = one.get(&path).await.expect(200);
    assert_eq!(live.text("/status"), "active");
    let credits = one.get(&format!("/api/billing/credits/{payer}/transactions?limit=100")).await;
    let earned =
        credits.expect(200).list("/data").iter().filter(|it| it["kind"] == "earned").count();
    assert_eq!(earned, 3, "credits of three months");
    assert_eq!(pair.sql.number("SELECT count(*) FROM webhooks WHERE status = 'dead'"), 0);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_daily_ends_is_booked_day_by_day() {
    let (scratch, folder) = (Scratch::new().await, Folder::new("year"));
    let setup = Setup::on(&scratch, folder.path()).with("CRON_SECRET", "a long enough secret");
    let server = setup.start().await;
    let api = &server.api;
    let organization = api.organization("Daily").await;
    let begin = instant(&api.get(CLOCK).await.expect(200).body["now"]);
    let path = format!("/api/admin/organizations/{organization}/grants");
    for day in 1..=120 {
        let starts_at = begin + Duration::days(3 * day);
        let body = json!({
            "kind": "promotional", "amount": 10, "starts_at": starts_at.format(&Rfc3339).unwrap(),
            "expires_at": (starts_at + Duration::DAY).format(&Rfc3339).unwrap(),
        });
        api.post(&path, &body).await.expect(201);
    }
    let sandbox = server.sandbox().to_owned();
    let command = |arguments: &[&str]| {
        let all = Setup::on(&scratch, folder.path()).paying_at(&sandbox, SECRET);
        arguments.iter().fold(all, |all, argument| all.argument(argument))
    };
    // Beside the server that runs, which follows.
    let moved = command(&["sandbox", "clock", "advance", "365d"]).run().await;
    let said = String::from_utf8(moved.stdout).unwrap();
    assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    assert!(said.contains("stops"), "{said}");
    assert_eq!(days_ahead(api).await, 365);

    let sql = Sql::at(&scratch.admin_url);
    let rows = "SELECT count(*) FROM credit_transactions WHERE kind IN ('earned', 'expired')";
    assert_eq!(sql.number(rows), 240);
    let out_of_order = "SELECT count(*) FROM (SELECT at - lag(at) OVER (ORDER BY seq) AS since, \
                        kind FROM credit_transactions) rows \
                        WHERE since <> CASE kind WHEN 'expired' THEN interval '1 day' \
                        ELSE interval '2 days' END";
    assert_eq!(sql.number(out_of_order), 0);
    let months = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'credit_keys'::regclass";
    assert!(sql.number(months) >= 16, "rooms were made on the way");

    let shown = command(&["sandbox", "clock", "show"]).run().await;
    assert!(String::from_utf8(shown.stdout).unwrap().contains("ahead  364d"));
    let ran = command(&["jobs", "run", "partitions"]).run().await;
    assert_eq!(String::from_utf8(ran.stdout).unwrap(), "partitions: done, 1 done, 0 failed\n");
    let listed = String::from_utf8(command(&["jobs", "list"]).run().await.stdout).unwrap();
    assert!(listed.contains("webhook-retry") && listed.contains("(operator) done"), "{listed}");
    let history = command(&["jobs", "history", "partitions"]).run().await.stdout;
    assert!(String::from_utf8(history).unwrap().contains("(operator) done"));
    let scheduler = Api::new(api.base(), "a long enough secret");
    let called = scheduler.get("/api/cron/webhook-retry").await.expect(200);
    assert_eq!(called.text("/outcome"), "done");

    server.stop().await;
    let server = setup.start().await;
    assert_eq!(days_ahead(&server.api).await, 365, "it is kept");
    server.stop().await;
}
