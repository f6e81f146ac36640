//! An old month of use goes into a file, at an operator's word.

use std::fs;

use serde_json::{Value, json};

use crate::{folder::Folder, invariants, process::Setup, scratch::Scratch, sql::Sql};

/// What was used is said to be long ago, and not yet rolled up.
const LONG_AGO: &str = "SET ROLE billing_owner; CREATE TABLE usage_events_2025_01 PARTITION OF \
     usage_events FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2025-02-01 00:00+00'); \
     SELECT protect('usage_events_2025_01'); RESET ROLE; \
     UPDATE usage_events SET at = '2025-01-10 12:00+00'; \
     UPDATE usage_keys SET decided_at = '2025-01-10 12:00+00'; \
     DELETE FROM usage_days; UPDATE usage_rollups SET rolled_seq = 0";

#[tokio::test(flavor = "multi_thread")]
async fn an_old_month_of_use_goes_into_a_file() {
    let (scratch, folder) = (Scratch::new().await, Folder::new("archive"));
    let server = Setup::on(&scratch, folder.path()).start().await;
    let organization = server.api.organization("Archivist").await;
    for quantity in [2, 3] {
        let used = json!({ "organization_id": organization, "meter": "exports",
                           "quantity": quantity, "properties": { "to": "pdf" } });
        server.api.post("/api/billing/track-usage", &used).await.expect(200);
    }
    server.stop().await;
    let sql = Sql::at(&scratch.admin_url);
    sql.rows(LONG_AGO);
    let archive = folder.path().join("archive");
    let usage = |task: &[&str], with_folder: bool| {
        let mut setup = Setup::on(&scratch, folder.path());
        for argument in task {
            setup = setup.argument(argument);
        }
        if with_folder {
            setup = setup.with("BILLING_ARCHIVE_DIR", &archive.display().to_string());
        }
        async move {
            let ended = setup.run().await;
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
            String::from_utf8(ended.stdout).unwrap()
        }
    };
    let nowhere = usage(&["usage", "archive"], false).await;
    assert!(nowhere.contains("BILLING_ARCHIVE_DIR"), "{nowhere}");
    let dry = usage(&["usage", "archive", "--dry-run"], true).await;
    assert!(dry.contains("2025-01 is old enough"), "{dry}");
    assert!(!archive.exists());

    let archived = usage(&["usage", "archive"], true).await;
    assert!(archived.contains("archived 2 events in usage-events-2025-01-2.jsonl"), "{archived}");
    let file = fs::read_to_string(archive.join("usage-events-2025-01-2.jsonl")).unwrap();
    let lines: Vec<Value> = file.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let quantities: Vec<_> = lines.iter().map(|line| &line["quantity"]).collect();
    assert_eq!(quantities, [&json!(2), &json!(3)]);
    assert_eq!(lines[0]["properties"], json!({ "to": "pdf" }));
    let names = fs::read_dir(&archive).unwrap().map(|file| file.unwrap().file_name());
    let whole = |name: std::ffi::OsString| name.to_string_lossy().ends_with(".jsonl");
    assert!(names.into_iter().all(whole), "nothing half-written is left");
    let rebuilt = usage(&["rebuild-usage"], true).await;
    assert!(rebuilt.contains("0 counters were different"), "{rebuilt}");
    invariants::hold(&sql);
}
