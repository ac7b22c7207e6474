//! How the tables are read and what expires in them, seen in the calls that a whole round of requests makes.

use bundle_tests::TestApp;
use serde_json::Value;
use shared::routes::{self, Table};

use crate::guard_requests::{granted, unlimited};

/// Every call of a round of granted requests, mails and sweeps included.
async fn round(app: &TestApp) -> Vec<(&'static str, String, Value)> {
    let mut seen = Vec::new();
    app.proxy.watch();
    for route in routes::ALL {
        let request = granted(app, route, "a").await;
        let _made_ready = app.proxy.take_watched();
        let answer = request.send().await;
        assert!(
            answer.status.is_success(),
            "{}: {}",
            route.function,
            answer.text()
        );
        app.drain().await;
        seen.extend(
            app.proxy
                .take_watched()
                .into_iter()
                .map(|(operation, body)| (route.function, operation, body)),
        );
    }
    seen
}

#[tokio::test]
async fn what_decides_is_read_consistently_from_the_table_itself() {
    // FT-09: only what is shown of the trail comes from indexes, which are never consistent.
    let mut reads = 0;
    for (function, operation, body) in round(&unlimited().await).await {
        let strongly = |request: &Value| request["ConsistentRead"] == true;
        match operation.as_str() {
            "BatchGetItem" => {
                let tables = body["RequestItems"].as_object().expect("tables");
                assert!(
                    !tables.is_empty() && tables.values().all(strongly),
                    "{function}: {body}"
                );
            }
            "Query" if body.get("IndexName").is_some() => {
                let trail = ["auth-activity", "auth-export-me", "admin-audit-events"];
                let lists = ["admin-find-users", "admin-list-invitations"];
                let shows = [&trail[..], &lists].concat();
                assert!(shows.contains(&function), "{function}: {body}");
                continue;
            }
            "GetItem" | "Query" => assert!(strongly(&body), "{function}: {body}"),
            "PutItem" | "UpdateItem" | "DeleteItem" | "TransactWriteItems" => continue,
            // A TransactGet is cancelled by writers, a Scan reads everybody's items.
            other => panic!("{function} reads by {other}: {body}"),
        }
        reads += 1;
    }
    assert!(reads > 30, "the guard sees {reads} reads");
}

#[tokio::test]
async fn every_expiry_is_a_number_of_seconds_that_lies_ahead() {
    // FT-11: milliseconds, or a text, would never be cleaned up.
    let app = unlimited().await;
    round(&app).await;
    let now = app.environment.store().now().as_millis() / 1_000;
    let latest = now + 401 * 86_400;
    let mut found = Vec::new();
    for table in Table::ALL {
        for item in app.db_scan(table.name()).await {
            let Some(ttl) = item.get("ttl") else { continue };
            let seconds = ttl
                .as_n()
                .ok()
                .and_then(|number| number.parse::<i64>().ok());
            let seconds =
                seconds.unwrap_or_else(|| panic!("{}: {ttl:?} is no number", table.name()));
            assert!(
                (now - 60..=latest).contains(&seconds),
                "{}: {seconds}",
                table.name()
            );
            found.push(table.name());
        }
    }
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, ["audit", "limits", "outbox", "tokens", "users"]);
}
