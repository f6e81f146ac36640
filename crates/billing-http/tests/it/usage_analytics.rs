//! Use by day, and where it leads.

use serde_json::{Value, json};
use time::Duration;

use crate::world::World;

const TRACK: &str = "/api/billing/track-usage";
const METRICS: &str = "/api/admin/metrics/usage";

/// Tracks use of some days ago: the world stands on the 14th of March at noon.
async fn track(world: &World, (meter, quantity): (&str, u64), days_ago: u8) {
    let at = format!("2026-03-{:02}T10:00:00Z", 14 - days_ago);
    let body = json!({ "meter": meter, "quantity": quantity, "timestamp": at });
    world.post(TRACK, &world.bound, body).await.ok();
}

async fn analytics(world: &World, query: &str) -> Value {
    let path = format!("/api/billing/usage/{}/analytics?{query}", world.acme);
    world.get(&path, &world.bound).await.ok()
}

#[actix_web::test]
async fn use_is_shown_by_day_with_where_it_leads() {
    let world = World::new().await;
    for (quantity, days_ago) in [(20, 0), (10, 1), (30, 2), (30, 3), (7, 9)] {
        track(&world, ("api_calls", quantity), days_ago).await;
    }
    let before = analytics(&world, "meter=api_calls").await;
    assert_eq!(before["meters"][0]["used"], 97, "what stands now is counted at once");
    assert_eq!(before["meters"][0]["peak"], Value::Null, "days come by and by");
    assert_eq!(before["as_of"], "2026-03-14T12:00:00.535897Z");
    assert_eq!(world.http.billing.roll_up_usage().await.unwrap(), 1);
    assert_eq!(world.http.billing.roll_up_usage().await.unwrap(), 0);

    world.clock.advance(Duration::hours(6));
    let span = "meter=api_calls&from=2026-03-10&to=2026-03-14";
    insta::assert_json_snapshot!(analytics(&world, span).await, { ".organization_id" => "[acme]" }, @r#"
    {
      "as_of": "2026-03-14T18:00:00.535897Z",
      "from": "2026-03-10",
      "meters": [
        {
          "aggregation": "sum",
          "daily": {
            "p50": 10,
            "p90": 30,
            "p99": 30
          },
          "daily_limit_share": {
            "p50": 100,
            "p90": 300,
            "p99": 300
          },
          "days": [
            {
              "day": "2026-03-10",
              "events": 0,
              "used": 0
            },
            {
              "day": "2026-03-11",
              "events": 1,
              "used": 30
            },
            {
              "day": "2026-03-12",
              "events": 1,
              "used": 30
            },
            {
              "day": "2026-03-13",
              "events": 1,
              "used": 10
            },
            {
              "day": "2026-03-14",
              "events": 1,
              "used": 20
            }
          ],
          "forecast": {
            "ends_at": "2026-04-01T00:00:00Z",
            "limit_share": 2690,
            "pace_days": 7,
            "pace_used": 70,
            "reaches_limit_at": null,
            "used": 269
          },
          "limit": 1000,
          "limit_share": 970,
          "meter": "api_calls",
          "name": "API calls",
          "peak": {
            "day": "2026-03-11",
            "events": 1,
            "used": 30
          },
          "used": 97,
          "window": "billing_period"
        }
      ],
      "organization_id": "[acme]",
      "to": "2026-03-14"
    }
    "#);
}

#[actix_web::test]
async fn a_forecast_is_the_same_whatever_days_are_shown() {
    let world = World::new().await;
    for (quantity, days_ago) in [(400, 1), (400, 13)] {
        track(&world, ("api_calls", quantity), days_ago).await;
    }
    world.http.billing.roll_up_usage().await.unwrap();
    let month = &analytics(&world, "").await["meters"];
    let month = month.as_array().unwrap().iter().find(|it| it["meter"] == "api_calls").unwrap();
    let today = &analytics(&world, "meter=api_calls&from=2026-03-14").await["meters"][0];
    assert_eq!(month["forecast"], today["forecast"]);
    // 200 are left, at 400 a week.
    assert_eq!(today["forecast"]["reaches_limit_at"], "2026-03-18T00:00:00.535897Z");
    assert_eq!(today["daily"], Value::Null, "no day is whole");
    assert_eq!(today["peak"], Value::Null);
}

#[actix_web::test]
async fn only_what_adds_up_has_a_forecast_and_a_lifetime_has_no_end() {
    let world = World::new().await;
    for (quantity, days_ago) in [(1, 1), (1, 3)] {
        track(&world, ("projects", quantity), days_ago).await;
    }
    world.http.billing.roll_up_usage().await.unwrap();
    let projects = &analytics(&world, "meter=projects").await["meters"][0];
    assert_eq!((&projects["used"], &projects["limit"]), (&json!(2), &json!(3)));
    assert_eq!(projects["limit_share"], 6_667);
    assert_eq!(projects["forecast"]["ends_at"], Value::Null);
    assert_eq!(projects["forecast"]["used"], Value::Null);
    // One more at a pace of two in the three whole days since the first use.
    assert_eq!(projects["forecast"]["pace_days"], 3);
    assert_eq!(projects["forecast"]["reaches_limit_at"], "2026-03-16T00:00:00.535897Z");
}

#[actix_web::test]
async fn days_must_make_sense() {
    let world = World::new().await;
    let all = analytics(&world, "").await;
    assert_eq!((&all["from"], &all["to"]), (&json!("2026-02-13"), &json!("2026-03-14")));
    assert_eq!(all["meters"].as_array().unwrap().len(), 6);
    let long = analytics(&world, "from=2025-02-08").await;
    assert_eq!(long["meters"][0]["days"].as_array().unwrap().len(), 1, "no older than Acme");
    let of = format!("/api/billing/usage/{}/analytics", world.acme);
    for path in [of.as_str(), METRICS] {
        for (query, status, field) in [
            ("from=2025-02-07", 400, "from"),
            ("from=2026-03-03&to=2026-03-02", 400, "from"),
            ("to=2026-03-15", 400, "to"),
            ("to=yesterday", 400, "to"),
            ("until=2026-03-01", 400, "until"),
            ("meter=steps", 404, ""),
        ] {
            let answer = world.get(&format!("{path}?{query}"), &world.admin).await;
            assert_eq!(answer.status, status, "{path} {query}: {}", answer.text());
            if status == 400 {
                assert_eq!(answer.json()["error"]["details"]["field"], field, "{query}");
            } else {
                assert_eq!(answer.code(), "METER_NOT_FOUND");
            }
        }
    }
}

#[actix_web::test]
async fn operators_see_all_and_who_is_near_a_limit() {
    let world = World::new().await;
    track(&world, ("projects", 3), 1).await;
    track(&world, ("projects", 1), 2).await;
    let other = |quantity| {
        let body =
            json!({ "meter": "projects", "quantity": quantity, "organization_id": world.other });
        world.post(TRACK, &world.backend, body)
    };
    other(2).await.ok();
    world.http.billing.roll_up_usage().await.unwrap();
    let metrics =
        world.get(&format!("{METRICS}?meter=projects&from=2026-03-13"), &world.admin).await;
    insta::assert_json_snapshot!(metrics.ok(), { ".meters[].nearest[].organization_id" => "[acme]" }, @r#"
    {
      "as_of": "2026-03-14T12:00:00.535897Z",
      "from": "2026-03-13",
      "meters": [
        {
          "above_80_percent": 1,
          "aggregation": "sum",
          "days": [
            {
              "day": "2026-03-13",
              "events": 1,
              "organizations": 1,
              "used": 3
            },
            {
              "day": "2026-03-14",
              "events": 1,
              "organizations": 1,
              "used": 2
            }
          ],
          "limit_share": {
            "p50": 6667,
            "p90": 13333,
            "p99": 13333
          },
          "limited": 2,
          "meter": "projects",
          "name": "Projects",
          "nearest": [
            {
              "limit": 3,
              "limit_share": 13333,
              "organization_id": "[acme]",
              "used": 4
            }
          ]
        }
      ],
      "organizations": 2,
      "to": "2026-03-14"
    }
    "#);
    let shown = metrics.json();
    assert_eq!(shown["meters"][0]["nearest"][0]["organization_id"], world.acme.to_string());
    let all = world.get(METRICS, &world.admin).await.ok();
    assert_eq!(all["meters"].as_array().unwrap().len(), 6);
}
